"""Writing a report: snapshot, diagnosis, executed notebooks and the page, in a folder of their own."""

import hashlib
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from ecs_notebook_lib.diagnosis.words import verdict
from ecs_notebook_lib.errors import ShareError
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.notebook_files import notebooks_directory
from ecs_notebook_lib.report import listing, words
from ecs_notebook_lib.report.composing import compose, errors_of, failures, split
from ecs_notebook_lib.report.executing import execute
from ecs_notebook_lib.report.html import html_of
from ecs_notebook_lib.report.jupyter import NotebookNode, nbformat
from ecs_notebook_lib.report.markdown import markdown_of, summary_of
from ecs_notebook_lib.report.naming import SNAPSHOT, incident_name
from ecs_notebook_lib.report.notes import NAME as NOTES
from ecs_notebook_lib.report.notes import Notes, begin_notes, notes_of, read_notes
from ecs_notebook_lib.snapshot import load_snapshot, save_snapshot
from ecs_notebook_lib.snapshot.disk import write_whole
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible_json
from ecs_notebook_lib.version import __version__

if TYPE_CHECKING:
    from ecs_notebook_lib.redact import Redactor
    from ecs_notebook_lib.report.kernel import Kernel

REPORTS = Path("reports")
JOURNAL = "treatment.jsonl"
_SHARED = "--shared"


@dataclass(frozen=True, slots=True)
class Report:
    """Where the report is, what failed in it, and what in the notes could not be read.

    `masked` counts what was taken out of a report that is shared, by kind.
    """

    folder: Path
    html: Path
    errors: tuple[str, ...]
    problems: tuple[str, ...] = ()
    masked: Mapping[str, int] = field(default_factory=dict)


def write_report(
    incident: Incident,
    *,
    folder: str = "",
    journal: Path | None = None,
    share: bool = False,
    kernel: "Kernel | None" = None,
    progress: Callable[[str], None] = lambda _step: None,
) -> Report:
    """Write the report of an incident, collected once and executed once.

    The folder (default `reports/<cluster>--<service>--<time>`, with `--shared` behind it if it is shared) holds
    `report.html`, `summary.md`, `report.md`, `diagnosis.json`, the snapshot, the notebooks, `notes.md` for people to
    write in, and `run.json`: the one file that differs when the same snapshot is reported again. A cell that fails
    leaves its error in the report; the others still run. With the `journal` of a treatment it tells, too, what was
    done and what came of it. `reports/index.html` is brought up to date.

    With `share` everything is made again from the redacted snapshot (DESIGN, rule 7): notes and journal are redacted,
    too, the folder gets no `notes.md`, and an error that a cell leaves has no traceback. A `kernel` that was started
    before the incident was collected saves the time that it takes to start.

    Raises
    ------
    ShareError
        If it is to be shared, and the folder holds a report that is not redacted.
    """
    began = time.monotonic()
    own = REPORTS / incident_name(incident.snapshot)
    redactor = None
    if share:
        progress("redacting")
        redactor = _redactor(incident)
        incident = Incident(redactor.snapshot())
        target = Path(folder or REPORTS / f"{incident_name(incident.snapshot)}{_SHARED}")
        _refuse_mixture(target)
    else:
        target = own = Path(folder or own)
    target.mkdir(parents=True, exist_ok=True)
    if journal is not None:
        write_whole(target / JOURNAL, _journal(journal, redactor))
    checksum = hashlib.sha256(save_snapshot(incident.snapshot, target / SNAPSHOT).read_bytes()).hexdigest()
    progress("notebooks")
    with ThreadPoolExecutor(1) as beside:  # while the kernel works, there is nothing to do here but to wait for it
        texts = beside.submit(_write_texts, target, own, incident, redactor, checksum)
        executed = _execute_all(target, JOURNAL if journal is not None else "", kernel)
        notes = texts.result()
    if redactor is not None:
        _without_tracebacks(executed, redactor)
    for name, part in split(executed).items():
        write_whole(target / f"{name}.ipynb", nbformat.writes(part).encode() + b"\n")
    progress("page")
    page = target / "report.html"
    write_whole(page, html_of(executed, incident, notes=notes, checksum=checksum).encode())
    masked = dict(redactor.masked) if redactor is not None else {}
    report = Report(target, page, tuple(failures(executed)), notes.problems, masked)
    _write_run(report, incident, checksum, time.monotonic() - began)
    if target.absolute().parent.name == REPORTS.name:
        listing.write_index(target.parent)
    return report


def _redactor(incident: Incident) -> "Redactor":
    from ecs_notebook_lib.redact import Redactor

    return Redactor(incident.snapshot)


def _refuse_mixture(target: Path) -> None:
    """Refuse to share into a folder where something lies that is not redacted: it would be handed out, too."""
    foreign = [path.name for path in target.glob("*") if path.name != SNAPSHOT] if target.is_dir() else []
    snapshot = target / SNAPSHOT
    redacted = snapshot.is_file() and load_snapshot(snapshot).redacted
    if (foreign or snapshot.exists()) and not redacted:
        raise ShareError(target)


def _notes(path: Path, redactor: "Redactor | None") -> Notes:
    if redactor is None or not path.is_file():
        return read_notes(path)
    return notes_of(redactor.text(path.read_text(encoding="utf-8", errors="backslashreplace")))


def _journal(path: Path, redactor: "Redactor | None") -> bytes:
    """Return the lines of a treatment's journal, redacted if the report is shared."""
    if redactor is None:
        return path.read_bytes()
    rows = (orjson.loads(line) for line in path.read_bytes().splitlines())
    return b"".join(orjson.dumps(redactor.value(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _write_texts(target: Path, own: Path, incident: Incident, redactor: "Redactor | None", checksum: str) -> Notes:
    """Write all that needs no notebook, and return the notes, which stand in the folder that is our `own`."""
    if redactor is None:
        begin_notes(target / NOTES, incident)
    notes = _notes(own / NOTES, redactor)
    document = orjson.dumps(incident.diagnosis.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_whole(target / "diagnosis.json", visible_json(document.decode()).encode())
    write_whole(target / "report.md", markdown_of(incident, notes=notes.sections).encode())
    write_whole(target / "summary.md", summary_of(incident, checksum=checksum).encode())
    return notes


def _execute_all(target: Path, journal: str, kernel: "Kernel | None") -> NotebookNode:
    work = Path(tempfile.mkdtemp(prefix="ecs-notebook-"))
    try:
        nbformat.write(compose(notebooks_directory()), work / "whole.ipynb")
        parameters = {"source": SNAPSHOT} | ({"journal": journal} if journal else {})
        return execute(work / "whole.ipynb", work / "executed.ipynb", parameters, folder=target, kernel=kernel)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _without_tracebacks(executed: NotebookNode, redactor: "Redactor") -> None:
    """Leave of each error what it says: a traceback tells whose machine this was made on."""
    for output in errors_of(executed):
        output.evalue = redactor.text(output.evalue)
        output.traceback = [f"{output.ename}: {output.evalue}"]


def _write_run(report: Report, incident: Incident, checksum: str, seconds: float) -> None:
    """Write what the list of reports tells, and all that is not the same when the report is made again."""
    document = {
        "schema": listing.SCHEMA,
        "title": incident.title,
        "status": incident.diagnosis.state.status,
        "verdict": verdict(incident.diagnosis),
        "as_of": utc_text(incident.snapshot.as_of),
        "duration": words.duration(incident).partition(" so far")[0],
        "simulated": incident.simulated,
        "redacted": incident.snapshot.redacted,
        "snapshot_sha256": checksum,
        "tool_version": __version__,
        "python": platform.python_version(),
        "made_at": utc_text(datetime.now(UTC).replace(microsecond=0)),
        "seconds": round(seconds, 1),
        "errors": list(report.errors),
        "masked": dict(report.masked),
    }
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_whole(report.folder / listing.RUN, content)
