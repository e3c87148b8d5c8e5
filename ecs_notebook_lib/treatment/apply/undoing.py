"""Taking a treatment back: what the journal says was so before is written again, if nobody else has been there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecs_notebook_lib.treatment.action import Call, flags_of
from ecs_notebook_lib.treatment.apply import guards
from ecs_notebook_lib.treatment.apply.carrying_out import Applied, Hands, Tell, Typed, make_calls
from ecs_notebook_lib.treatment.apply.errors import NotAppliedError
from ecs_notebook_lib.treatment.apply.journal import Heading, Journal, begin
from ecs_notebook_lib.treatment.apply.settling import settle
from ecs_notebook_lib.treatment.apply.things import THINGS, State, comparable
from ecs_notebook_lib.treatment.journals import Row, rows_of, steps_of

_ENOUGH = ("done", "unclear", "not_seen")
"""Outcomes after which there may be something to take back."""


def undo(journal: Path, hands: Hands, *, typed: Typed, tell: Tell, allowed: Sequence[str] = ()) -> Applied:
    """Take back what a journal tells of, and return what was done.

    Raises
    ------
    NotAppliedError
        If the journal is none, is of another account, leaves nothing to be taken back, or something has changed since.
    HalfDoneError
        If AWS refused one of the calls, or it is not known what came of it.
    """
    begun = rows_of(journal)[0]
    caller = guards.caller_of(hands.reader, hands.clients)
    guards.refuse_elsewhere(caller, account=begun["account"], region=begun["region"])
    if cut_off := settle(journal, hands.reader, caller):
        tell(cut_off)
    rows = rows_of(journal)
    if any(row["kind"] == "undone" for row in rows):
        raise NotAppliedError(f"{journal} has been taken back already")
    calls = inverse(rows)
    guards.refuse_without_flags(flags_of(calls), allowed)
    _refuse_third_hand(rows, hands)
    if typed().strip() != begun["service"]:
        raise NotAppliedError("what was typed is not the service's name")
    heading = Heading(
        f"undo-{begun['action']}",
        begun["treats"],
        begun["cluster"],
        begun["service"],
        caller.account,
        caller.region,
        caller.arn,
        undoes=journal.name,
    )
    with begin(hands.folder, heading, caller.now) as written:
        results = tuple(make_calls(calls, hands, written, tell, place=heading))
    _mark(journal, caller.now)
    return Applied(written.path, results)


def inverse(rows: list[Row]) -> list[Call]:
    """Return the calls that take back what was done, last first.

    Raises
    ------
    NotAppliedError
        If there is nothing to be taken back.
    """
    known = steps_of(rows)
    done = [intent for intent, outcome in known.values() if outcome and outcome["result"] in _ENOUGH]
    calls = [Call(call["operation"], call["params"]) for intent in reversed(done) for call in intent["undo"]]
    if not calls:
        raise NotAppliedError("nothing was changed that could be taken back")
    return calls


def _refuse_third_hand(rows: list[Row], hands: Hands) -> None:
    last: dict[str, tuple[Mapping[str, Any], State]] = {}
    for intent, outcome in steps_of(rows).values():
        if outcome and outcome["result"] in _ENOUGH and intent["undo"]:
            last[_key(intent)] = (intent, outcome["after"])
    for intent, after in last.values():
        now = THINGS[intent["operation"]].observe(hands.reader, intent["params"])
        if not now:
            raise NotAppliedError(f"what {intent['operation']} changed is not there any more")
        if comparable(_settled(now)) != comparable(_settled(after)):
            raise NotAppliedError(
                f"somebody, or ECS itself, has changed it since {intent['operation']}: it was {_settled(after)}, and "
                f"is {_settled(now)}. Diagnose again"
            )


def _key(intent: Mapping[str, Any]) -> str:
    """Return what tells the thing that a call changes: a service deployment's stop changes its service."""
    params = intent["params"]
    if "serviceDeploymentArn" in params:
        return f"service {params['serviceDeploymentArn'].split('/')[2]}"
    names = ("service", "TargetGroupArn", "GroupId", "RoleName", "logGroupName")
    return next((f"{name} {params[name]}" for name in names if name in params), str(intent["operation"]))


def _settled(state: State) -> State:
    """Return the configuration of a state, without what moves by itself when a rollout goes on."""
    configuration: State = state.get("configuration", state)
    return configuration


def _mark(journal: Path, now: Any) -> None:
    with Journal(journal) as written:
        written.write("undone", now)
