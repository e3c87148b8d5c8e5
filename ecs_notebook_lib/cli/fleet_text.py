"""A fleet on a terminal: the groups of what fails, worst harm first, then what could not be seen."""

import pandas as pd

from ecs_notebook_lib.cli.text import open_console, print_table, say
from ecs_notebook_lib.fleet.grouping import Group
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


def print_fleet(fleet: Fleet, *, color: bool) -> None:
    """Print summary, groups, services and gaps on stdout."""
    console = open_console(color=color)
    say(console, summary_of(fleet), style="bold")
    for number, group in enumerate(fleet.groups, start=1):
        console.print()
        say(console, f"{number}. {title_of(group)}", style="bold")
        if group.thing is not None:
            say(console, f"   {shared_of(group)}")
        print_table(console, "", _table(group))
    for row in fleet.undecided:
        say(console, line_of(row))
    gaps = pd.DataFrame([(row.where, row.reason) for row in fleet.unread], columns=["not seen", "reason"])
    print_table(console, "What was not seen", gaps)


def _table(group: Group) -> pd.DataFrame:
    rows = [
        {
            "service": f"{row.name.cluster}/{row.name.service}",
            "where": f"{row.name.region} {row.name.account}",
            "harm": HARM_WORDS[row.harm] + counts_of(row),
            "since": since_of(row),
            "likely": certainty_of(row),
        }
        for row in group.services
    ]
    return pd.DataFrame(rows)
