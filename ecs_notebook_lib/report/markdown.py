"""The diagnosis as Markdown, for a ticket or a pull request."""

from collections.abc import Sequence

import pandas as pd

from ecs_notebook_lib.diagnosis.words import because, verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.change_tables import changes_table
from ecs_notebook_lib.report.differential_tables import mimics_table
from ecs_notebook_lib.report.log_tables import telling_lines_table
from ecs_notebook_lib.report.treatment_tables import actions_table
from ecs_notebook_lib.untrusted import plain, visible
from ecs_notebook_lib.version import __version__

_SHORT = 400


def summary_of(incident: Incident, *, checksum: str = "") -> str:
    """Return what a chat message or a pull request has room for: at most some 3000 characters of Markdown."""
    diagnosis = incident.diagnosis
    reasons = because(diagnosis)
    points = [
        ("Impact", f"{words.impact(incident)} {words.duration(incident)}"),
        *([("Because", reasons[0])] if reasons else []),
        ("What changed", words.what_changed(incident)),
        ("What to do now", words.what_to_do(incident)),
        ("Going back", words.rollback(incident)),
        ("Prognosis", words.prognosis(incident)),
    ]
    made = f"{_capital(words.as_of(incident))}, by ecs-notebook {__version__}"
    parts = [
        f"### {_short(incident.title)}: {diagnosis.state.status}",
        *(f"> {banner}" for banner in words.banners(incident)),
        f"**{_short(verdict(diagnosis))}**",
        "\n".join(f"- {name}: {_short(told)}" for name, told in points if told.strip()),
        f"{made}{f', from the snapshot with SHA-256 `{checksum[:12]}…`' if checksum else ''}. The report has the rest.",
    ]
    return "\n\n".join(parts) + "\n"


def _short(text: str) -> str:
    return plain(visible(text, limit=_SHORT))


def markdown_of(incident: Incident, *, notes: Sequence[tuple[str, str]] = ()) -> str:
    """Return verdict, impact, tables, gaps, and the titles and texts of what people wrote, as Markdown."""
    diagnosis = incident.diagnosis
    parts = [
        f"# {plain(incident.title)}",
        plain(words.service(incident)) if incident.frames.reported else "",
        *(f"> {banner}" for banner in words.banners(incident)),
        plain(f"{_capital(words.as_of(incident))}. {diagnosis.state.chief_complaint}"),
        f"**{plain(verdict(incident.diagnosis))}**",
        plain(f"{words.impact(incident)} {words.rollback(incident)} {words.prognosis(incident)}"),
        plain(words.what_changed(incident)),
        *(f"## {plain(title)}\n\n{body}" for title, body in notes),
        _section("Differential diagnosis", words.differential_table(diagnosis)),
        _section("Look-alikes of the leading cause, and why each is rejected", mimics_table(diagnosis)),
        _section("The five usual hypotheses", words.hypotheses_table(diagnosis)),
        _section("The log lines that tell most", telling_lines_table(incident.frames)),
        _section("What changed since the last good deployment", changes_table(incident)),
        _section("What to do now", actions_table(incident.treatment.immediate)),
        _section("So that it does not come again", actions_table(incident.treatment.long_term)),
        _section("Findings", words.findings_table(diagnosis)),
        _section("What to check next", words.plan_table(diagnosis)),
        _section("The diagnostic plan of the story, as commands", words.commands_table(diagnosis)),
        _section("What was not seen", words.gaps_table(incident)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _section(title: str, frame: pd.DataFrame) -> str:
    return f"## {title}\n\n{markdown_table(frame)}" if len(frame) else ""


def markdown_table(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    head = f"| {' | '.join(map(str, frame.columns))} |\n|{' --- |' * len(frame.columns)}"
    rows = (f"| {' | '.join(plain(value) for value in row)} |" for row in frame.itertuples(index=False))
    return "\n".join([head, *rows])
