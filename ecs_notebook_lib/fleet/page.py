"""One page of what fails in a fleet: worst harm first, services of one cause together. It asks no other host."""

from importlib.resources import files
from typing import Any

import jinja2

from ecs_notebook_lib.fleet.grouping import Group
from ecs_notebook_lib.fleet.model import Examined
from ecs_notebook_lib.fleet.result import Fleet
from ecs_notebook_lib.fleet.telling import (
    HARM_WORDS,
    certainty_of,
    counts_of,
    line_of,
    shared_of,
    since_of,
    summary_of,
    title_of,
)
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.version import __version__

_CLASSES = {"down": "bad", "degraded": "warning", "unknown": "unknown", "not_deployed": "good"}


def page_of(fleet: Fleet) -> str:
    """Return the page; all that came from AWS or a container is text in it."""
    environment = jinja2.Environment(loader=jinja2.PackageLoader("ecs_notebook_lib.fleet"), autoescape=True)
    template = environment.get_template("fleet.html.j2")
    return template.render(
        style=files("ecs_notebook_lib.report").joinpath("templates", "report.css").read_text(encoding="utf-8"),
        summary=visible(summary_of(fleet)),
        status="failing" if fleet.failing else "unknown" if fleet.unread or fleet.undecided else "stable",
        as_of=utc_text(fleet.began),
        groups=[_group(number, group) for number, group in enumerate(fleet.groups, start=1)],
        undecided=[visible(line_of(row)) for row in fleet.undecided],
        unread=[(visible(row.where), visible(row.reason)) for row in fleet.unread],
        version=__version__,
    )


def _group(number: int, group: Group) -> dict[str, Any]:
    return {
        "anchor": f"group-{number}",
        "title": visible(title_of(group)),
        "shared": visible(shared_of(group)),
        "harm": HARM_WORDS[group.services[0].harm],
        "count": len(group.services),
        "rows": [_row(row) for row in group.services],
    }


def _row(row: Examined) -> dict[str, Any]:
    return {
        "account": row.name.account,
        "region": row.name.region,
        "cluster": visible(row.name.cluster),
        "service": visible(row.name.service),
        "harm": HARM_WORDS[row.harm],
        "class": _CLASSES[row.harm],
        "counts": visible(counts_of(row).removeprefix(", ")),
        "since": since_of(row),
        "revision": visible(row.revision),
        "likely": certainty_of(row),
        "verdict": visible(row.verdict),
        "because": [visible(reason) for reason in row.because],
        "snapshot": visible(row.snapshot),
    }
