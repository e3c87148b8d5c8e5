"""Writing what a look at a fleet came to: `fleet.json`, and `fleet.html` where jinja2 is installed."""

from importlib.util import find_spec
from pathlib import Path

import orjson

from ecs_notebook_lib.fleet.result import Fleet
from ecs_notebook_lib.snapshot.disk import write_whole
from ecs_notebook_lib.untrusted import visible_json

PAGE, DOCUMENT = "fleet.html", "fleet.json"


def write_fleet(fleet: Fleet, folder: Path) -> list[Path]:
    """Write the document and the page into a folder that exists, and return their paths; without jinja2 no page."""
    text = visible_json(orjson.dumps(fleet.to_json(), option=orjson.OPT_INDENT_2).decode())
    write_whole(folder / DOCUMENT, text.encode() + b"\n")
    if find_spec("jinja2") is None:
        return [folder / DOCUMENT]
    from ecs_notebook_lib.fleet.page import page_of

    write_whole(folder / PAGE, page_of(fleet).encode())
    return [folder / DOCUMENT, folder / PAGE]
