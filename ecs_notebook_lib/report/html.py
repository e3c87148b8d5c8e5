"""Executed notebook → one HTML page: verdict first, contents, code folded away, no request to any other host."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

from ecs_notebook_lib.diagnosis.words import because, verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.jupyter import Config, HTMLExporter, NotebookNode
from ecs_notebook_lib.report.notes import Notes, html_sections, spans_in_words
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.version import __version__

_HIDDEN = ("parameters", "injected-parameters", "imports", "interactive")
TEMPLATES = Path(str(files(__package__))) / "templates"
_HEADING = re.compile(r"<h([12])>")
_NO_WORD = re.compile(r"\W+")

_BECAUSE = "Because"

Heading = tuple[int, str, str]
"""Level, anchor and text."""


def html_of(executed: NotebookNode, incident: Incident, *, notes: Notes, checksum: str) -> str:
    """Return the page. Its own policy forbids scripts and every request.

    Parameters
    ----------
    notes
        What people wrote about this incident.
    checksum
        SHA-256 of the snapshot beside the page.
    """
    headings = list(_headings(executed))
    exporter = HTMLExporter(template_name="incident", config=Config(_config()))
    facts = _facts(incident) | {"checksum": checksum, "contents": headings, "notes": _notes(notes)}
    body, _ = exporter.from_notebook_node(executed, resources={"incident": facts})
    return _with_anchors(str(body), headings)


def _config() -> dict[str, Any]:
    return {
        "TemplateExporter": {"extra_template_basedirs": [str(TEMPLATES)]},
        "TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": list(_HIDDEN)},
        "HTMLExporter": {
            "exclude_input_prompt": True,
            "exclude_output_prompt": True,
            "exclude_anchor_links": True,
            "require_js_url": "",
            "mathjax_url": "",
            "jquery_url": "",
            "widget_renderer_url": "",
            "preprocessors": ["nbconvert.preprocessors.TagRemovePreprocessor"],
        },
    }


def _facts(incident: Incident) -> dict[str, Any]:
    """Return what the page's head tells: first what a manager asks, then what led to the verdict."""
    state = incident.diagnosis.state
    asked = [
        ("Are customers hurt?", words.impact(incident)),
        ("For how long?", words.duration(incident)),
        ("What is to be done now?", words.what_to_do(incident) or "Nothing has to be done."),
        ("When will it be stable?", words.prognosis(incident)),
        ("Can we go back?", words.rollback(incident)),
    ]
    led = [
        ("What failed", state.chief_complaint),
        *((_BECAUSE, reason) for reason in because(incident.diagnosis)),
        *(("What changed?", told) for told in (words.what_changed(incident),) if told),
        ("Service", words.service(incident)),
        *([] if incident.frames.reported else [("As of", utc_text(incident.snapshot.as_of))]),
    ]
    return {
        "title": visible(incident.title),
        "status": state.status,
        "verdict": visible(verdict(incident.diagnosis)),
        "banners": list(words.banners(incident)),
        "asked": [(fact, visible(value)) for fact, value in asked if value],
        "led": [(fact, visible(value), _rows_of(value) if fact == _BECAUSE else "") for fact, value in led],
        "style": (TEMPLATES / "report.css").read_text(encoding="utf-8"),
        "version": __version__,
    }


def _rows_of(reason: str) -> str:
    """Return the anchor of the rows that a reason rests on: it begins with the number of its finding."""
    return f"rows-{reason.partition(':')[0]}"


def _notes(notes: Notes) -> dict[str, Any]:
    return {"sections": list(html_sections(notes)), "clock": notes.clock, "spans": spans_in_words(notes)}


def _headings(executed: NotebookNode) -> Iterator[Heading]:
    """Yield the headings that the notebooks themselves have, each with an anchor of its own."""
    used: Counter[str] = Counter()
    lines = chain.from_iterable(cell.source.splitlines() for cell in executed.cells if cell.cell_type == "markdown")
    for line in lines:
        marks, _, text = line.partition(" ")
        if marks in ("#", "##") and text:
            anchor = _NO_WORD.sub("-", text.lower()).strip("-")
            used[anchor] += 1
            yield len(marks), anchor if used[anchor] == 1 else f"{anchor}-{used[anchor]}", text


def _with_anchors(body: str, headings: list[Heading]) -> str:
    """Return the page with the anchors of the contents on its headings: nbconvert would give equal ones the same."""
    anchors = iter(headings)
    head, main, report = body.partition("<main")
    named = _HEADING.sub(lambda found: f'<h{found.group(1)} id="{next(anchors)[1]}">', report, count=len(headings))
    return head + main + named
