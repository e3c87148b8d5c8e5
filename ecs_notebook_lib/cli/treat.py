"""`ecs-notebook treat`: show what to do, carry one thing out under guard, take it back, follow it to its end."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ecs_notebook_lib.cli.opening import incident_of
from ecs_notebook_lib.collect import Access, open_clients
from ecs_notebook_lib.treatment import Call
from ecs_notebook_lib.treatment.apply import (
    Hands,
    NotAppliedError,
    apply_action,
    check,
    refuse_source,
    refuse_unsettled,
    settled,
    undo,
)
from ecs_notebook_lib.treatment.apply.undoing import inverse
from ecs_notebook_lib.treatment.journals import rows_of
from ecs_notebook_lib.untrusted import visible

if TYPE_CHECKING:
    from ecs_notebook_lib.incident import Incident
    from ecs_notebook_lib.treatment import Action


def run(options: argparse.Namespace) -> int:
    """Show the treatment, or do what was asked for; 0 when that is done."""
    if options.undo:
        return _undo(options)
    incident = incident_of(options)
    live = options.source.startswith("live:")
    hands = _hands(options) if live and (options.apply or Path(options.journal).is_dir()) else None
    if hands is not None:
        _settle(incident, hands, options)
    if options.apply:
        return _apply(incident, hands, options)
    if options.format == "json":
        from ecs_notebook_lib.cli.documents import print_json

        document = {"treatment": incident.treatment.to_json(), "prognosis": incident.prognosis.to_json()}
        print_json(document)
    else:
        from ecs_notebook_lib.cli.treatment_text import print_treatment

        print_treatment(incident, color=not options.no_color)
    return _watch(incident, options) if options.watch else 0


def _settle(incident: "Incident", hands: Hands, options: argparse.Namespace) -> None:
    """Tell what came of a treatment that was cut off; before another one is carried out, somebody must know."""
    name = incident.snapshot.incident
    if options.apply:
        refuse_unsettled(hands.folder, hands.reader, hands.clients, name)
    elif told := settled(hands.folder, hands.reader, hands.clients, name):
        _say(told)


def _apply(incident: "Incident", hands: Hands | None, options: argparse.Namespace) -> int:
    action = _action_of(incident, options.apply)
    if options.dry_run:
        return _dry_run(incident, action, hands, options)
    refuse_source(incident.snapshot, reported=incident.frames.reported)
    hands = hands or _hands(options)
    typed = _Typed(incident.snapshot.incident.service, options, action)
    applied = apply_action(action, incident.snapshot, hands, typed=typed, tell=_say, allowed=options.allow)
    done = sum(result == "done" for result in applied.results)
    sys.stdout.write(f"{done} of {len(applied.results)} calls made and read back. To take it back:\n")
    sys.stdout.write(f"  ecs-notebook treat --undo {applied.journal}\n")
    return _watch(incident, options, journal=applied.journal) if options.watch else 0


def _action_of(incident: "Incident", name: str) -> "Action":
    action = incident.treatment.action(name)
    if action is None:
        rows = (*incident.treatment.immediate, *incident.treatment.long_term)
        names = ", ".join(dict.fromkeys(row.name for row in rows)) or "nothing"
        raise NotAppliedError(f"{name!r} is not proposed for this incident; proposed is {names}")
    return action


def _dry_run(incident: "Incident", action: "Action", hands: Hands | None, options: argparse.Namespace) -> int:
    """Print the calls; of a live source every guard is asked first, and nothing is written."""
    if hands is not None:
        check(action, incident.snapshot, hands, allowed=options.allow)
    else:
        sys.stderr.write("ecs-notebook: no account is asked: this source is not live\n")
    _print_calls(action.calls)
    return 0


def _print_calls(calls: Iterable[Call]) -> None:
    for call in calls:
        sys.stdout.write(visible(f"{call.operation} needs {', '.join(call.iam)}") + "\n")
        sys.stdout.write(f"  {visible(call.command, limit=20_000)}\n")


def _undo(options: argparse.Namespace) -> int:
    path = Path(options.undo)
    rows = rows_of(path)
    if options.dry_run:
        _print_calls(inverse(rows))
        return 0
    service = str(rows[0]["service"])
    undone = undo(path, _hands(options), typed=_Typed(service, options), tell=_say, allowed=options.allow)
    sys.stdout.write(f"Taken back; what was done is in {undone.journal}\n")
    return 0


def _hands(options: argparse.Namespace) -> Hands:
    access = Access(options.profile, options.region, options.role_arn, options.endpoint_url)
    return Hands(open_clients(access), Path(options.journal))


class _Typed:
    """Shows what is to be done, and asks for the service's name on the terminal, unless it was given."""

    def __init__(self, service: str, options: argparse.Namespace, action: "Action | None" = None) -> None:
        self._service, self._given = service, options.confirm
        self._action, self._color = action, not options.no_color

    def __call__(self) -> str:
        """Return what was typed."""
        if self._action is not None:
            from ecs_notebook_lib.cli.treatment_text import print_action

            print_action(self._action, color=self._color)
        if self._given:
            return str(self._given)
        sys.stderr.write(f"Type the service's name ({visible(self._service)}) to do this: ")
        sys.stderr.flush()
        return sys.stdin.readline()


def _say(text: str) -> None:
    sys.stderr.write(f"... {visible(text)}\n")
    sys.stderr.flush()


def _watch(incident: "Incident", options: argparse.Namespace, *, journal: Path | None = None) -> int:
    from ecs_notebook_lib.cli.watching import follow

    return follow(incident, options, journal=journal)
