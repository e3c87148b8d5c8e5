"""The treatment on a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ecs_notebook_lib.cli.text import open_console, say
from ecs_notebook_lib.diagnosis.words import verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.action_words import because, how, short
from ecs_notebook_lib.treatment import Action
from ecs_notebook_lib.treatment.documents import command_of
from ecs_notebook_lib.untrusted import visible

_LONG = 20_000


def print_treatment(incident: Incident, *, color: bool) -> None:
    """Print what to do at once and in the long term, and the prognosis, on stdout."""
    console = open_console(color=color)
    if incident.simulated:
        console.print(Text(words.SIMULATED, style="yellow"))
    say(console, words.heading(incident))
    say(console, verdict(incident.diagnosis), style="bold")
    say(console, f"{words.impact(incident)} {words.rollback(incident)}")
    now, later = incident.treatment.immediate, incident.treatment.long_term
    _print_all(console, "Now", now, "Nothing has to be done now.", fragments=True)
    for row in incident.treatment.alternatives:
        _prose(console, f"Or: {row.kind.title.lower()} [{how(row)}]. {because(row)}")
    _print_all(console, "So that it does not come again", later, "Nothing is left to be done.", fragments=False)
    console.print()
    console.print(Text("Prognosis", style="bold"))
    say(console, words.prognosis(incident))


def _print_all(console: Console, title: str, actions: Iterable[Action], nothing: str, *, fragments: bool) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    made = list(actions)
    if not made:
        console.print(Text(nothing))
    for number, row in enumerate(made, start=1):
        _print(console, row, f"{number}. ", fragments=fragments)


def print_action(made: Action, *, color: bool) -> None:
    """Print one action on stdout."""
    _print(open_console(color=color), made, "")


def _print(console: Console, made: Action, number: str, *, fragments: bool = True) -> None:
    console.print()
    console.print(Text(f"{number}{made.kind.title}", style="bold").append(f"  [{how(made)}]", style="not bold dim"))
    _prose(console, made.kind.what)
    _prose(console, because(made))
    for first in made.needs_first:
        _prose(console, f"Needs first: {first}")
    for row in made.changes:
        _prose(console, f"{row.resource}: {row.member}: {short(row.before)} → {short(row.after)}")
    for line in command_of(made).splitlines():
        _code(console, line)
    iam = sorted({name for call in made.calls for name in call.iam})
    _prose(console, f"Needs {', '.join(iam)}." if iam else "")
    _prose(console, f"Risk: {made.kind.risk}. Touches {made.kind.radius}.", style="yellow" if made.kind.outage else "")
    _prose(console, f"Undo: {made.undo or made.kind.undo}. It worked when: {made.kind.verify}.")
    for fragment in made.fragments:
        _prose(console, f"{fragment.title} (also as Terraform and CloudFormation in the report):")
        for line in (fragment.json if fragments else "").splitlines():
            _code(console, f"  {line}")


def _prose(console: Console, text: str, *, style: str = "") -> None:
    if text:
        console.print(
            Padding(Text(visible(text, limit=_LONG), style=style, overflow="fold"), (0, 0, 0, 3), expand=False)
        )


def _code(console: Console, line: str) -> None:
    """Print what is to be copied: the terminal may wrap it, and puts no line end into it."""
    console.print(Text(f"   {visible(line, limit=_LONG)}", style="cyan"), soft_wrap=True)
