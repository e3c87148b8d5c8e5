"""`ecs-notebook diagnose --task-definition NEW`: whether it would come up, told before it is deployed."""

import argparse
import sys

from rich.text import Text

from ecs_notebook_lib.cli.text import open_console, print_table, say
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import preflight_words, words

EXIT_CODES = {"ok": 0, "would_fail": 3, "unknown": 4}
"""Warnings do not count: the revision would come up."""


def answer(incident: Incident, options: argparse.Namespace) -> int:
    """Print the answer in the format that is asked for, and return the exit code that tells it."""
    preflight = incident.preflight
    if options.format == "json":
        from ecs_notebook_lib.cli.documents import print_json

        print_json(preflight.to_json())
    elif options.format == "markdown":
        sys.stdout.write(preflight_words.markdown_of(incident))
    else:
        _print(incident, color=not options.no_color)
    return EXIT_CODES[preflight.outcome]


def _print(incident: Incident, *, color: bool) -> None:
    console = open_console(color=color)
    if incident.simulated:
        console.print(Text(words.SIMULATED, style="yellow"))
    say(console, preflight_words.heading(incident))
    console.print()
    say(console, preflight_words.verdict(incident.preflight), style="bold")
    print_table(console, "Before deploying", preflight_words.preflight_table(incident.preflight))
