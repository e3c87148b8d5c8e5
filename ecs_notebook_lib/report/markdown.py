"""The diagnosis as Markdown, for a ticket or a pull request."""

import pandas as pd

from ecs_notebook_lib.diagnosis.words import verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.change_tables import changes_table
from ecs_notebook_lib.report.differential_tables import mimics_table
from ecs_notebook_lib.report.log_tables import telling_lines_table
from ecs_notebook_lib.report.treatment_tables import actions_table
from ecs_notebook_lib.untrusted import plain


def markdown_of(incident: Incident) -> str:
    """Return verdict, impact, tables and gaps as Markdown."""
    diagnosis = incident.diagnosis
    parts = [
        f"# {plain(incident.title)}",
        plain(words.service(incident)) if incident.frames.reported else "",
        f"> {words.SIMULATED}" if incident.simulated else "",
        plain(f"{_capital(words.as_of(incident))}. {diagnosis.state.chief_complaint}"),
        f"**{plain(verdict(incident.diagnosis))}**",
        plain(f"{words.impact(incident)} {words.rollback(incident)} {words.prognosis(incident)}"),
        plain(words.what_changed(incident)),
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
