"""Writing a report: snapshot, diagnosis, executed notebooks and the page, in a folder of their own."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.notebook_files import notebooks_directory
from ecs_notebook_lib.report.composing import compose, failures, split
from ecs_notebook_lib.report.executing import execute
from ecs_notebook_lib.report.html import html_of
from ecs_notebook_lib.report.jupyter import NotebookNode, nbformat
from ecs_notebook_lib.report.markdown import markdown_of
from ecs_notebook_lib.report.naming import incident_name
from ecs_notebook_lib.snapshot import save_snapshot

SNAPSHOT, JOURNAL = "snapshot.zip", "treatment.jsonl"


@dataclass(frozen=True, slots=True)
class Report:
    """Where the report is, and what failed in it."""

    folder: Path
    html: Path
    errors: tuple[str, ...]


def write_report(
    incident: Incident,
    *,
    folder: str = "",
    journal: Path | None = None,
    progress: Callable[[str], None] = lambda _step: None,
) -> Report:
    """Write the report of an incident, collected once and executed once.

    The folder (default `reports/<cluster>--<service>--<time>`) holds `report.html`, `report.md`, `diagnosis.json`,
    the snapshot and the notebooks. A cell that fails leaves its error in the report; the others still run. With the
    `journal` of a treatment it tells, too, what was done and what came of it.
    """
    target = Path(folder) if folder else Path("reports") / incident_name(incident.snapshot)
    target.mkdir(parents=True, exist_ok=True)
    save_snapshot(incident.snapshot, target / SNAPSHOT)
    _write(target / "diagnosis.json", orjson.dumps(incident.diagnosis.to_json(), option=orjson.OPT_INDENT_2) + b"\n")
    _write(target / "report.md", markdown_of(incident).encode())
    progress("notebooks")
    if journal is not None:
        _write(target / JOURNAL, journal.read_bytes())
    executed = _execute_all(target, JOURNAL if journal is not None else "")
    for name, part in split(executed).items():
        _write(target / f"{name}.ipynb", nbformat.writes(part).encode() + b"\n")
    progress("page")
    page = target / "report.html"
    _write(page, html_of(executed, incident).encode())
    return Report(target, page, tuple(failures(executed)))


def _execute_all(target: Path, journal: str) -> NotebookNode:
    work = Path(tempfile.mkdtemp(prefix="ecs-notebook-"))
    try:
        nbformat.write(compose(notebooks_directory()), work / "whole.ipynb")
        parameters = {"source": SNAPSHOT} | ({"journal": journal} if journal else {})
        return execute(work / "whole.ipynb", work / "executed.ipynb", parameters, folder=target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename: a file is whole or absent."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_bytes(content)
    temporary.replace(path)
