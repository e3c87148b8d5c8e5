"""The diagnosis on a terminal."""

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecs_notebook_lib.diagnosis.words import because, verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.log_tables import telling_lines_table
from ecs_notebook_lib.untrusted import visible

_WIDTH_WITHOUT_TERMINAL = 120


def open_console(*, color: bool) -> Console:
    """Return the console of stdout: of a fixed width, and without colour, where that is no terminal."""
    console = Console(no_color=not color, highlight=False, soft_wrap=False)
    if console.is_terminal:
        return console
    return Console(no_color=True, highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


def say(console: Console, text: str, *, style: str = "") -> None:
    """Print one line, wrapped, in which nothing is markup or a control."""
    console.print(Text(visible(text), style=style))


def print_diagnosis(incident: Incident, *, color: bool) -> None:
    """Print verdict, impact, differential, hypotheses, findings, plan and gaps on stdout."""
    console = open_console(color=color)
    diagnosis = incident.diagnosis
    for banner in words.banners(incident):
        console.print(Text(banner, style="yellow"))
    say(console, words.heading(incident))
    say(console, diagnosis.state.chief_complaint)
    console.print()
    say(console, verdict(diagnosis), style="bold")
    for reason in because(diagnosis):
        say(console, f"  {reason}")
    say(console, f"{words.impact(incident)} {words.rollback(incident)}")
    say(console, words.prognosis(incident))
    if todo := words.what_to_do(incident):
        say(console, f"What to do now: {todo} ecs-notebook treat shows how.")
    if changed := words.what_changed(incident):
        say(console, changed)
    if not diagnosis.state.settled and diagnosis.state.status != "unknown":
        columns = ["cause", "probability", "for", "against"]
        print_table(console, "Differential diagnosis", words.differential_table(diagnosis)[columns])
        print_table(console, "The five usual hypotheses", words.hypotheses_table(diagnosis))
        _print_lines(console, incident)
    counted = words.findings_table(diagnosis)
    others = counted["counts"].str.startswith("another revision")
    print_table(console, "Findings", counted.loc[~others, ["id", "finding", "counts"]])
    if others.any():
        console.print(Text(f"{others.sum()} more findings about other revisions weigh nothing; the report shows them."))
    if not diagnosis.state.settled:
        _print_plan(console, incident)
    print_table(console, "What was not seen", words.gaps_table(incident))


def _print_lines(console: Console, incident: Incident) -> None:
    lines = telling_lines_table(incident.frames)
    if "logged_at" in lines:
        lines = lines.assign(logged_at=lines["logged_at"].dt.strftime("%H:%M:%S"))
    print_table(console, "The log lines that tell most", lines.drop(columns=["revision", "level"], errors="ignore"))


def _print_plan(console: Console, incident: Incident) -> None:
    columns = ["check", "expected bits", "not made because"]
    print_table(console, "What to check next", words.plan_table(incident.diagnosis)[columns])
    for row in incident.diagnosis.plan[:3]:
        console.print(Text(visible(f"  {row.command}"), overflow="fold"))


def print_table(console: Console, title: str, frame: pd.DataFrame) -> None:
    """Print a frame as a table under its title, if it has one; nothing if it has no rows."""
    if not len(frame):
        return
    table = Table(
        title=Text(visible(title)) if title else None,
        title_justify="left",
        title_style="bold",
        show_lines=False,
        pad_edge=False,
    )
    for name in frame.columns:
        table.add_column(str(name), overflow="fold", no_wrap=name == "id")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(visible(value)) for value in row))
    if title:
        console.print()
    console.print(table)
