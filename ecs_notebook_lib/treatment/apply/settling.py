"""Treatments that were cut off: what came of their last call is looked up, told, and written into their journal."""

from pathlib import Path

from ecs_notebook_lib.treatment.apply.errors import NotAppliedError
from ecs_notebook_lib.treatment.apply.guards import Caller
from ecs_notebook_lib.treatment.apply.journal import Journal, half_done
from ecs_notebook_lib.treatment.apply.things import THINGS, comparable
from ecs_notebook_lib.treatment.apply.whole import Reader
from ecs_notebook_lib.treatment.journals import rows_of, steps_of


def settle_all(folder: Path, reader: Reader, caller: Caller, *, cluster: str, service: str) -> None:
    """Look up what came of treatments of this service that were cut off, and let nothing else be done before.

    Raises
    ------
    NotAppliedError
        If there was one; the message tells its state.
    """
    place = {"account": caller.account, "region": caller.region, "cluster": cluster, "service": service}
    told = [settle(path, reader, caller) for path in half_done(folder, **place)]
    if told:
        raise NotAppliedError(f"{' '.join(told)} Look at it, then run this again")


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
