"""`reports/index.html`: which reports are there, newest first, each with its verdict."""

from pathlib import Path
from typing import Any

import jinja2
import orjson

from ecs_notebook_lib.report.html import TEMPLATES
from ecs_notebook_lib.snapshot.disk import write_whole
from ecs_notebook_lib.untrusted import visible

INDEX, RUN = "index.html", "run.json"
SCHEMA = "ecs-notebook/report/1"
_MAX_BYTES = 1 << 20
_TOLD = ("title", "status", "verdict", "as_of", "duration")


def write_index(folder: Path) -> Path:
    """Write the list of the reports in the folders below `folder`; what is no report of ours is left out."""
    found = [row for row in map(_row, sorted(folder.glob(f"*/{RUN}"))) if row]
    rows = sorted(found, key=lambda row: (row["as_of"], row["folder"]), reverse=True)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    page = environment.get_template("reports.html.j2").render(rows=rows, style=style)
    write_whole(folder / INDEX, page.encode())
    return folder / INDEX


def _row(path: Path) -> dict[str, Any] | None:
    """Return what the list tells of one report; None if the file is not one of ours, or cannot be read."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    flags = {name: document.get(name) is True for name in ("simulated", "redacted")}
    return {name: visible(document.get(name, "")) for name in _TOLD} | flags | {"folder": path.parent.name}
