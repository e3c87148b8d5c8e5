"""`ecs-notebook fleet`: every service of clusters, accounts and regions, looked at once."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from ecs_notebook_lib.diagnosis.findings import counted
from ecs_notebook_lib.fleet.journal import Journal, mend, read
from ecs_notebook_lib.fleet.model import Examined
from ecs_notebook_lib.fleet.places import Place, accesses, open_places
from ecs_notebook_lib.fleet.result import Fleet
from ecs_notebook_lib.fleet.running import Run
from ecs_notebook_lib.fleet.schedulers import open_executor
from ecs_notebook_lib.fleet.sweep import clusters_of
from ecs_notebook_lib.fleet.telling import line_of
from ecs_notebook_lib.fleet.writing import write_fleet
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.source import parse_instant, parse_window
from ecs_notebook_lib.untrusted import visible

_ASKED = ("clusters", "profiles", "regions", "role_arns", "endpoint_url")
_DIAGNOSING = 2
"""Threads that diagnose: Python runs one at a time, so that more would only hold more in memory."""


def run(options: argparse.Namespace) -> int:
    """Look at every service, write page, JSON and snapshots, print what fails; the exit code tells the worst."""
    folder, question, fleet, done = _begun(options)
    places, refused = open_places(
        accesses(
            question["profiles"], question["regions"], question["role_arns"], endpoint_url=question["endpoint_url"]
        )
    )
    clusters, unlisted = clusters_of(places, question["clusters"])
    fleet = fleet or _new(places)
    since = _since(question, options, fleet.began)
    folder = folder or Path(options.out or f"reports/fleet--{fleet.began:%Y%m%dT%H%M%SZ}")
    before = f"; looked at before: {len(done)}" if done else ""
    _say(options, f"{counted(len(clusters), 'cluster')}, accounts and regions: {len(places)}{before}")
    with Journal(folder) as journal, open_executor(options.scheduler, _DIAGNOSING) as executor:
        if not options.resume:
            journal.begin(fleet.began, {**question, "since": utc_text(since)})
        run_ = Run(
            fleet, folder=folder, journal=journal, executor=executor, since=since, tell=lambda row: _tell(options, row)
        )
        try:
            run_.go(clusters, done=done)
        except BaseException:
            sys.stderr.write(f"ecs-notebook: not finished; go on with: ecs-notebook fleet --resume {visible(folder)}\n")
            raise
    fleet.unread = list(dict.fromkeys([*refused, *unlisted, *fleet.unread]))
    written = write_fleet(fleet, folder)
    _print(fleet, options)
    for path in written:
        sys.stderr.write(f"ecs-notebook: {visible(path)}\n")
    return _exit_code(fleet)


def _begun(options: argparse.Namespace) -> tuple[Path | None, dict[str, Any], Fleet | None, set[str]]:
    """Return folder, question, and what is known already: of a new run, or of the one that is gone on with."""
    if not options.resume:
        return None, {name: getattr(options, name) for name in _ASKED}, None, set()
    folder = Path(options.resume)
    question, fleet, done = read(folder)
    mend(folder)
    return folder, question, fleet, done


def _new(places: list[Place]) -> Fleet:
    return Fleet(min(place.asked_at for place in places))


def _since(question: dict[str, Any], options: argparse.Namespace, began: datetime) -> datetime:
    if "since" in question:
        return parse_instant(question["since"])
    return parse_window(options.window, as_of=began)[0]


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        sys.stderr.write(f"... {visible(text)}\n")
        sys.stderr.flush()


def _tell(options: argparse.Namespace, row: Examined) -> None:
    """Tell of a service as soon as it is known that it fails, or that nobody could tell."""
    if row.fails or row.error:
        _say(options, line_of(row))


def _print(fleet: Fleet, options: argparse.Namespace) -> None:
    if options.format == "json":
        from ecs_notebook_lib.cli.documents import print_json

        print_json(fleet.to_json())
        return
    from ecs_notebook_lib.cli.fleet_text import print_fleet

    print_fleet(fleet, color=not options.no_color)


def _exit_code(fleet: Fleet) -> int:
    """Return 3 if a service fails, 4 if none does but not all could be seen, else 0 (DESIGN 5.2)."""
    if fleet.failing:
        return 3
    return 4 if fleet.unread or fleet.undecided else 0
