"""What must be true before anything is written: the right account, a fresh look, nothing moved, nobody else at work."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.snapshot import Snapshot
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.treatment.action import Action, Call
from ecs_notebook_lib.treatment.apply.errors import NotAppliedError
from ecs_notebook_lib.treatment.apply.kept import Kept, NotKeptError
from ecs_notebook_lib.treatment.apply.things import THINGS, State, comparable, configuration_of, primary_of, service_of
from ecs_notebook_lib.treatment.apply.whole import Reader

OLDEST = timedelta(minutes=15)
"""A snapshot older than this is not acted on: too much may have happened since."""

_STACK = "aws:cloudformation:stack-id"
_BUSY = "_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and where."""

    arn: str
    account: str
    region: str
    now: datetime


def caller_of(reader: Reader, clients: Clients) -> Caller:
    """Return who calls, by AWS's own answer and clock."""
    answer = reader.read("sts:GetCallerIdentity")
    assert reader.now is not None  # noqa: S101  an answer was read
    return Caller(answer["Arn"], answer["Account"], clients.region, reader.now)


def refuse_source(snapshot: Snapshot, *, reported: bool) -> None:
    """Refuse what does not tell of a live account: simulated, shared or reported incidents.

    Raises
    ------
    NotAppliedError
        If it is one of these.
    """
    kind = (
        "a case file"
        if reported
        else "a simulated incident"
        if snapshot.simulated
        else "a shared snapshot"
        if snapshot.redacted
        else ""
    )
    if kind:
        raise NotAppliedError(f"this is {kind}, which tells of no account. Use live:CLUSTER/SERVICE")


def refuse_elsewhere(caller: Caller, *, account: str, region: str) -> None:
    """Refuse another account or region than the one that was read.

    Raises
    ------
    NotAppliedError
        If it is another one.
    """
    if (caller.account, caller.region) != (account, region):
        raise NotAppliedError(
            f"what was read is of account {account or 'unknown'} in {region}, and you are {caller.arn} in "
            f"{caller.region}. Give the --profile and --region of the incident"
        )


def refuse_old(snapshot: Snapshot, now: datetime) -> None:
    """Refuse a snapshot from which too much time has passed.

    Raises
    ------
    NotAppliedError
        If it is older than `OLDEST`.
    """
    age = now - snapshot.as_of
    if age > OLDEST:
        minutes = OLDEST.total_seconds() / 60
        raise NotAppliedError(
            f"the snapshot is of {utc_text(snapshot.as_of)}, {age.total_seconds() / 60:.0f} minutes ago, and more than "
            f"{minutes:.0f} is too old to act on. Use live:CLUSTER/SERVICE"
        )


def refuse_without_flags(flags: Iterable[str], allowed: Iterable[str]) -> None:
    """Refuse calls that need a flag of their own and do not have it.

    Raises
    ------
    NotAppliedError
        If one is missing.
    """
    missing = [flag for flag in flags if flag not in allowed]
    if missing:
        options = " ".join(f"--allow {flag}" for flag in missing)
        raise NotAppliedError(f"this needs {options}; without it, it is text for whoever owns that")


def refuse_while_stack_is_busy(service: Mapping[str, Any], clients: Clients) -> str:
    """Refuse while CloudFormation updates the service; else return who owns it, in words, or nothing.

    Raises
    ------
    NotAppliedError
        If the stack's status ends in `_IN_PROGRESS`.
    """
    tags = {str(row.get("key", "")): str(row.get("value", "")) for row in service.get("tags") or ()}
    if _STACK not in tags:
        return _terraform(tags)
    stack = tags[_STACK]
    try:
        answer = clients.get("cloudformation").describe_stacks(StackName=stack)
    except (ClientError, BotoCoreError) as error:
        return f"CloudFormation owns it ({stack}); whether it is updating it now could not be read: {error}"
    status = str(answer["Stacks"][0]["StackStatus"]) if answer.get("Stacks") else ""
    if status.endswith(_BUSY):
        raise NotAppliedError(f"CloudFormation is updating the service: {stack} is {status}. Wait until it has ended")
    return f"CloudFormation owns it: {stack} would set it back with its next update. Change the template, too."


def _terraform(tags: Mapping[str, str]) -> str:
    signs = [key for key, value in tags.items() if "terraform" in f"{key} {value}".lower()]
    if not signs:
        return ""
    return f"Terraform seems to own it (tag {signs[0]}): its next apply would set it back. Change the code, too."


def moved_since(snapshot: Snapshot, reader: Reader, calls: Iterable[Call]) -> list[str]:
    """Return what is otherwise now than in the snapshot: of the service, and of whatever the calls change."""
    kept = Kept(snapshot)
    incident = snapshot.incident
    now, then = (_service(one, incident.cluster, incident.service) for one in (reader, kept))
    told = list(_differences(f"service {incident.service}", then, now))
    for call in calls:
        if call.operation.startswith("ecs:"):
            continue
        try:
            before = THINGS[call.operation].observe(kept, call.params)
        except NotKeptError:
            continue
        told += _differences(call.operation, before, THINGS[call.operation].observe(reader, call.params))
    return told


def _service(source: Any, cluster: str, name: str) -> State:
    service = service_of(source, cluster, name)
    rows = service.get("deployments") or ()
    primary: Mapping[str, Any] = next((row for row in rows if row["id"] == primary_of(service)), {})
    state = {"deployment": primary_of(service), "rolloutState": primary.get("rolloutState", "")}
    return configuration_of(service) | state


def _differences(what: str, then: Any, now: Any, path: str = "") -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*then, *now]):
            yield from _differences(what, then.get(name), now.get(name), f"{path}.{name}".lstrip("."))
    elif comparable(then) != comparable(now):
        yield f"{what}: {path} was {then}, and is {now}"


def refuse_moved(snapshot: Snapshot, reader: Reader, calls: Iterable[Call]) -> None:
    """Refuse if something has changed since the snapshot, and say what.

    Raises
    ------
    NotAppliedError
        If so.
    """
    told = moved_since(snapshot, reader, calls)
    if told:
        raise NotAppliedError(f"it has moved since the snapshot: {'; '.join(told[:4])}. Diagnose again")


def refuse_text(action: Action) -> None:
    """Refuse an action that has no call.

    Raises
    ------
    NotAppliedError
        If so.
    """
    if not action.calls:
        raise NotAppliedError(f"{action.name} is text for people: AWS has no call for it")
