"""Carrying one treatment out: guarded, written down before and after each call, and looked at afterwards."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.snapshot import Snapshot
from ecs_notebook_lib.treatment.action import REGISTERED, Action, Call
from ecs_notebook_lib.treatment.apply import guards
from ecs_notebook_lib.treatment.apply.errors import HalfDoneError, NotAppliedError
from ecs_notebook_lib.treatment.apply.journal import Heading, Journal, begin
from ecs_notebook_lib.treatment.apply.registering import edited
from ecs_notebook_lib.treatment.apply.settling import refuse_unsettled
from ecs_notebook_lib.treatment.apply.things import THINGS, State, service_of
from ecs_notebook_lib.treatment.apply.whole import Reader
from ecs_notebook_lib.treatment.apply.writer import Writer

_POLL_SECONDS = 5.0
_LOOKS = 360
"""How often is looked before it is given up that what a call waits for comes: half an hour."""

Typed = Callable[[], str]
"""Returns what the person types when asked for the service's name."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done: the journal, and what each call came to (`done`, or `already` if it was so before)."""

    journal: Path
    results: tuple[str, ...]


class Hands:
    """What writes: clients, the folder of journals, and how to let time pass."""

    def __init__(self, clients: Clients, folder: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.clients = clients
        self.folder = folder
        self.reader = Reader(clients)
        self.writer = Writer(clients)
        self._sleep = sleep

    def wait_for(self, condition: str, cluster: str, name: str) -> None:
        """Wait until a service has no task, or is stable.

        Raises
        ------
        HalfDoneError
            If it does not come to that.
        """
        for _ in range(_LOOKS):
            if _is_so(condition, service_of(self.reader, cluster, name)):
                return
            self._sleep(_POLL_SECONDS)
        raise HalfDoneError(
            f"{name} did not come to {condition.replace('_', ' ')}; look at it, then --undo the journal"
        )

    def pause(self) -> None:
        """Let a moment pass before looking again."""
        self._sleep(_POLL_SECONDS)


def _is_so(condition: str, service: Mapping[str, Any]) -> bool:
    running, pending = service.get("runningCount", 0), service.get("pendingCount", 0)
    if condition == "no_tasks":
        return bool(running == 0 and pending == 0)
    return bool(len(service.get("deployments") or ()) == 1 and running == service.get("desiredCount"))


def check(
    action: Action, snapshot: Snapshot, hands: Hands, *, allowed: Sequence[str], reported: bool = False
) -> tuple[guards.Caller, str]:
    """Return who would act, and who owns the service in words, after every guard has passed.

    Raises
    ------
    NotAppliedError
        If one does not let it pass; the message says why.
    """
    incident = snapshot.incident
    guards.refuse_source(snapshot, reported=reported)
    guards.refuse_text(action)
    guards.refuse_without_flags(action.flags, allowed)
    caller = guards.caller_of(hands.reader, hands.clients)
    guards.refuse_elsewhere(caller, account=incident.account, region=incident.region)
    guards.refuse_old(snapshot, caller.now)
    refuse_unsettled(hands.folder, hands.reader, hands.clients, incident)
    service = service_of(hands.reader, incident.cluster, incident.service)
    owner = guards.refuse_while_stack_is_busy(service, hands.clients)
    guards.refuse_moved(snapshot, hands.reader, action.calls)
    return caller, owner


def apply_action(
    action: Action, snapshot: Snapshot, hands: Hands, *, typed: Typed, tell: Tell, allowed: Sequence[str] = ()
) -> Applied:
    """Carry an action out, once the service's name was typed, and return what was done.

    Raises
    ------
    NotAppliedError
        If it was refused before anything was written.
    HalfDoneError
        If AWS refused one of its calls, or it is not known what came of it.
    """
    caller, owner = check(action, snapshot, hands, allowed=allowed)
    incident = snapshot.incident
    if owner:
        tell(owner)
    if typed().strip() != incident.service:
        raise NotAppliedError("what was typed is not the service's name")
    guards.refuse_moved(snapshot, hands.reader, action.calls)
    heading = Heading(
        action.name, action.treats, incident.cluster, incident.service, caller.account, caller.region, caller.arn
    )
    with begin(hands.folder, heading, caller.now) as journal:
        results = tuple(make_calls(action.calls, hands, journal, tell, place=heading))
    return Applied(journal.path, results)


def make_calls(calls: Sequence[Call], hands: Hands, journal: Journal, tell: Tell, *, place: Heading) -> Iterator[str]:
    """Make the calls one after another; yield what each came to.

    Raises
    ------
    HalfDoneError
        If AWS refuses one, or it is not known what came of it.
    """
    registered = ""
    for number, call in enumerate(calls):
        params = {name: registered if value == REGISTERED else value for name, value in call.params.items()}
        params |= {"edits": dict(call.edits)} if call.edits else {}
        before = THINGS[call.operation].observe(hands.reader, params)
        if _is_already(call.operation, before, params):
            yield "already"
            after: State = before
        else:
            after = _make(number, Call(call.operation, params), before, hands, journal)
            tell(f"{call.operation}: done")
            yield "done"
        registered = str(after.get("newest", registered))
        if call.wait_for:
            tell(f"waiting until {place.service} has {call.wait_for.replace('_', ' ')}")
            hands.wait_for(call.wait_for, place.cluster, place.service)


def _is_already(operation: str, before: State, params: Mapping[str, Any]) -> bool:
    """Say whether a call would change nothing, so that it is not made."""
    return not params.get("forceNewDeployment") and THINGS[operation].done(before, before, params)


def _make(number: int, call: Call, before: State, hands: Hands, journal: Journal) -> State:
    thing = THINGS[call.operation]
    undo = [{"operation": operation, "params": params} for operation, params in thing.undo(before, call.params)]
    given = {"operation": call.operation, "params": call.params}
    journal.write("intent", _now(hands), step=number, before=before, undo=undo, **given)
    try:
        hands.writer.call(call.operation, _sent(call, hands))
    except ClientError as error:
        journal.write("outcome", _now(hands), step=number, result="refused", error=str(error), after=before)
        raise HalfDoneError(
            f"AWS refused {call.operation}: {error}. What was done before it is in {journal.path}"
        ) from error
    except BotoCoreError as error:
        told = f"the answer to {call.operation} did not come ({error})"
        after = _look(call, before, hands)
        if not thing.done(before, after, call.params):
            journal.write("outcome", _now(hands), step=number, result="not_done", error=told, after=after)
            raise HalfDoneError(f"{told}, and it has not been done. The journal is {journal.path}") from error
    after = _look(call, before, hands)
    done = thing.done(before, after, call.params)
    journal.write("outcome", _now(hands), step=number, result="done" if done else "not_seen", after=after)
    if not done:
        raise HalfDoneError(f"AWS took {call.operation}, and reading back does not show it. See {journal.path}")
    return after


def _sent(call: Call, hands: Hands) -> Mapping[str, Any]:
    """Return what is sent: of a registration the whole definition, which no journal holds."""
    if call.operation == "ecs:RegisterTaskDefinition":
        return edited(hands.reader, call.params["taskDefinition"], call.params["edits"])
    return call.params


def _look(call: Call, before: State, hands: Hands) -> State:
    """Return how it is after a call; what AWS shows only after a moment is looked at again."""
    thing = THINGS[call.operation]
    for _ in range(3):
        after = thing.observe(hands.reader, call.params)
        if thing.done(before, after, call.params):
            return after
        hands.pause()
    return thing.observe(hands.reader, call.params)


def _now(hands: Hands) -> Any:
    assert hands.reader.now is not None  # noqa: S101  something was read before
    return hands.reader.now
