"""Treatments that were cut off: what came of their last call is looked up, told, and written into their journal."""

from pathlib import Path

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.snapshot import IncidentName
from ecs_notebook_lib.treatment.apply.errors import NotAppliedError
from ecs_notebook_lib.treatment.apply.guards import Caller, caller_of, refuse_elsewhere
from ecs_notebook_lib.treatment.apply.journal import Journal, half_done
from ecs_notebook_lib.treatment.apply.things import THINGS, comparable
from ecs_notebook_lib.treatment.apply.whole import Reader
from ecs_notebook_lib.treatment.journals import rows_of, steps_of


def settled(folder: Path, reader: Reader, clients: Clients, incident: IncidentName) -> str:
    """Return in words what came of treatments of this service that were cut off; empty if none was.

    It is looked up, and written into their journals. AWS is asked only if there is one.
    """
    place = {"cluster": incident.cluster, "service": incident.service}
    left = list(half_done(folder, account=incident.account, region=incident.region, **place))
    if not left:
        return ""
    caller = caller_of(reader, clients)
    refuse_elsewhere(caller, account=incident.account, region=incident.region)
    return " ".join(settle(path, reader, caller) for path in left)


def refuse_unsettled(folder: Path, reader: Reader, clients: Clients, incident: IncidentName) -> None:
    """Look up what came of treatments that were cut off, and let nothing else be done before somebody knows.

    Raises
    ------
    NotAppliedError
        If there was one; the message tells its state.
    """
    told = settled(folder, reader, clients, incident)
    if told:
        raise NotAppliedError(f"{told} Look at it, then run this again")


def settle(path: Path, reader: Reader, caller: Caller) -> str:
    """Look up what came of each call without an outcome, write it into the journal, and return it in words."""
    told = []
    with Journal(path) as journal:
        for number, (intent, outcome) in steps_of(rows_of(path)).items():
            if outcome is not None:
                continue
            operation, params, before = intent["operation"], intent["params"], intent["before"]
            now = THINGS[operation].observe(reader, params)
            result, words = _state(operation, params, before, now)
            journal.write("outcome", caller.now, step=number, result=result, after=now, found_later=True)
            told.append(f"A treatment was cut off: {operation} of {path} {words}.")
    return " ".join(told)


def _state(operation: str, params: dict[str, object], before: object, now: object) -> tuple[str, str]:
    thing = THINGS[operation]
    if thing.done(before, now, params):  # type: ignore[arg-type]  # as the journal kept it
        return "done", "has been done"
    if comparable(before) == comparable(now):
        return "not_done", "has not been done"
    return "unclear", "may have been done: it is neither as before nor as it was to be"
