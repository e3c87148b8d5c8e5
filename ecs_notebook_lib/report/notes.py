"""The human half of a postmortem: `notes.md`, made once beside the report, never overwritten, shown in later runs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report.jupyter import mistune
from ecs_notebook_lib.report.words import span_in_words
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.untrusted import visible

NAME = "notes.md"
MAX_BYTES = 1 << 20
_CLOCK = "Incident clock"
_BEGAN, _MOMENTS = "began", ("noticed", "mitigated", "resolved")
_SECTIONS = ("Impact", "Decisions", "What went well", "What went badly", "Action items")
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_ROW = re.compile(r"^\| *([a-z]+) *\| *([^|]*?) *\|", re.MULTILINE)
_EMPTY_ROW = re.compile(r"^[|\s:-]*$")
_ACTIONS = "| what | owner | by |\n| --- | --- | --- |\n|  |  |  |"

_ASKS = {
    "Impact": "Who could not do what, for how long? What did it cost?",
    "Decisions": "What was decided when, by whom, and on what grounds?",
    "What went well": "What helped, and should stay as it is?",
    "What went badly": "What was missing, late or misleading?",
    "Action items": "One line each: what is done, who owns it, by which date.",
}


@dataclass(frozen=True, slots=True)
class Notes:
    """What people wrote: the sections that hold something, and the moments of the incident clock that are times."""

    sections: tuple[tuple[str, str], ...] = ()
    clock: tuple[tuple[str, datetime], ...] = ()
    problems: tuple[str, ...] = ()
    """Moments that are no times, each told in one line."""

    @property
    def spans(self) -> tuple[tuple[str, timedelta], ...]:
        """Return how long after the begin each moment was, e.g. `("resolved", 41 minutes)`."""
        times = dict(self.clock)
        if _BEGAN not in times:
            return ()
        return tuple((name, when - times[_BEGAN]) for name, when in self.clock if name != _BEGAN)


def begin_notes(path: Path, incident: Incident) -> bool:
    """Write the questions of a postmortem to `path`; leave a file that is there as it is, and return False.

    The clock begins when the trouble did, as far as that is known.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_template(incident))
    except FileExistsError:
        return False
    return True


def _template(incident: Incident) -> str:
    state = incident.diagnosis.state
    began = state.since or (utc_text(incident.examined.created_at) if incident.examined else "")
    moments = "\n".join(f"| {name} | {began if name == _BEGAN else ''} |" for name in (_BEGAN, *_MOMENTS))
    clock = f"## {_CLOCK}\n\n| moment | time (UTC, as 2025-07-12T09:15Z) |\n| --- | --- |\n{moments}"
    asked = "\n\n".join(
        f"## {name}\n\n<!-- {_ASKS[name]} -->" + (f"\n\n{_ACTIONS}" if name == "Action items" else "")
        for name in _SECTIONS
    )
    about = (
        "<!-- Yours to fill in: ecs-notebook makes this file once and never overwrites it. Every later run of `report` "
        "into\nthis folder shows what stands here. A section that is left empty is left out. -->"
    )
    return f"# Notes on this incident\n\n{about}\n\n{clock}\n\n{asked}\n"


def read_notes(path: Path) -> Notes:
    """Return what stands in a file of notes; nothing if there is none.

    Bytes that are no UTF-8 are shown as such, and what is longer than `MAX_BYTES` is cut off there.
    """
    if not path.is_file():
        return Notes()
    with path.open("rb") as file:
        return notes_of(file.read(MAX_BYTES).decode("utf-8", errors="backslashreplace"))


def notes_of(text: str) -> Notes:
    """Return the notes in a text of Markdown: comments are left out, and sections that hold nothing else."""
    pieces = _HEADING.split(_COMMENT.sub("", text))
    sections = list(zip(pieces[1::2], (piece.strip() for piece in pieces[2::2]), strict=True))
    clock: list[tuple[str, datetime]] = []
    problems = []
    for name, given in _ROW.findall("\n".join(body for title, body in sections if title == _CLOCK)):
        if name in (_BEGAN, *_MOMENTS) and given:
            try:
                clock.append((name, parse_instant(given)))
            except ValueError:
                problems.append(f"{NAME}: {name!r} is no ISO 8601 time: {visible(given, limit=60)!r}")
    written = tuple((title, body) for title, body in sections if title != _CLOCK and _says_something(body))
    return Notes(written, tuple(clock), tuple(problems))


def _says_something(body: str) -> bool:
    """Say whether a section holds more than the empty table that it was made with."""
    lines = [line for line in body.splitlines() if line not in _ACTIONS.splitlines()]
    return any(not _EMPTY_ROW.match(line) for line in lines)


class _Renderer(mistune.HTMLRenderer):
    """Markdown in which HTML is text, nothing is fetched, and headings stand below those of the page."""

    def __init__(self) -> None:
        super().__init__(escape=True)

    def image(self, text: str, url: str, _title: str | None = None) -> str:
        return escape(f"[{text}: {url}]")

    def heading(self, text: str, level: int, **_attributes: object) -> str:
        below = max(level, 4)
        return f"<h{below}>{text}</h{below}>\n"


def html_sections(notes: Notes) -> Iterator[tuple[str, str]]:
    """Yield the title and the HTML of each section; what is HTML in the notes is shown as text."""
    render = mistune.create_markdown(renderer=_Renderer(), plugins=["table", "strikethrough", "url"])
    for title, body in notes.sections:
        lines = (visible(line, limit=MAX_BYTES) for line in body.splitlines())
        yield visible(title), str(render("\n".join(lines)))


def spans_in_words(notes: Notes) -> str:
    """Return the incident clock in one line: `noticed after 4 min, resolved after 41 min`; `""` if it tells nothing."""
    return ", ".join(f"{name} after {span_in_words(span)}" for name, span in notes.spans)
