"""What the service, its deployments and its events say."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.ends import ends_of
from ecs_notebook_lib.diagnosis.findings import (
    Finding,
    NothingToExamineError,
    counted,
    examined_of,
    keys_of,
    listing,
)
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.comparing import beginning
from ecs_notebook_lib.knowledge.ends import reading_of_message
from ecs_notebook_lib.knowledge.messages import Message, recognise_all
from ecs_notebook_lib.knowledge.weights import finding_kinds
from ecs_notebook_lib.rolling_update import bounds_of


def deployment_state(frames: Frames) -> Iterator[Finding]:
    """How the service is configured to deploy, and how many deployments it lists."""
    if not len(frames.services):
        raise NothingToExamineError("the service was not described")
    service = frames.services.iloc[0]
    rows = (str(service["service_arn"]),)
    enabled = service["circuit_breaker_enabled"]
    if not (frames.reported if pd.isna(enabled) else enabled):
        statement = "The deployment circuit breaker is off: a rollout that fails goes on until somebody stops it."
        yield Finding("no_circuit_breaker", "deployment_state", statement, "services", rows)
    going_on = frames.deployments[frames.deployments["rollout_state"] == "IN_PROGRESS"]
    if len(going_on) > 1:
        statement = f"{len(going_on)} deployments are IN_PROGRESS side by side: {listing(going_on['revision'])}."
        keys = keys_of(going_on, "deployment_id")
        yield Finding("overlapping_deployments", "deployment_state", statement, "deployments", keys)
    yield from _percentages(service, rows)
    if pd.notna(service["desired_count"]) and service["desired_count"] == 0:
        statement = "The service wants 0 tasks: nothing is started, and AWS's waiter calls that stable."
        yield Finding("desired_count_zero", "deployment_state", statement, "services", rows)
    examined = frames.history.examined
    counted_tasks = service[["desired_count", "running_count"]]
    counts = counted_tasks.notna().all() and bool(service["running_count"] == service["desired_count"])
    newest = examined is not None and examined.succeeded and examined.status == "PRIMARY"
    settled = newest and counts and len(frames.deployments) == 1
    if examined is not None and settled and not _still_failing(frames, examined.revision):
        statement = f"The rollout of {examined.revision} is completed, and all {service['desired_count']} tasks run."
        yield Finding("rollout_completed", "deployment_state", statement, "services", rows)


def _still_failing(frames: Frames, revision: str) -> bool:
    """Say whether tasks of a revision that was rolled out end for a reason all the same."""
    return bool((ends_of(frames).notna() & (frames.tasks["revision"] == revision)).any())


def _percentages(service: pd.Series, rows: tuple[str, ...]) -> Iterator[Finding]:
    wanted = service[["desired_count", "minimum_healthy_percent", "maximum_percent"]]
    if wanted.isna().any():
        return
    desired, minimum, maximum = (int(value) for value in wanted)
    bounds = bounds_of(desired, minimum, maximum)
    if bounds.cycles is None:
        statement = (
            f"With {minimum} % minimum, {maximum} % maximum and {counted(desired, 'desired task')}, "
            f"ECS may neither start a task nor stop one: at least {bounds.lower}, at most {bounds.upper}."
        )
        yield Finding("percentages_leave_no_room", "deployment_state", statement, "services", rows)


def past_deployments(frames: Frames) -> Iterator[Finding]:
    """With which minimum each service deployment was made: at 0, old tasks go before new ones are healthy."""
    past, history = frames.service_deployments, frames.history
    if not len(past):
        raise NothingToExamineError("no service deployment is recorded")
    began = history.troubled_since
    recent = past if began is None else past[past["created_at"] >= pd.Timestamp(began)]
    zero = recent[recent["minimum_healthy_percent"] == 0]
    if len(zero):
        revision, when = zero.sort_values("created_at").iloc[0][["revision", "created_at"]]
        of = "" if pd.isna(revision) else f" of {revision}"
        at = "" if pd.isna(when) else f" at {when:%Y-%m-%d %H:%M} UTC"
        more = f" and {len(zero) - 1} after it" if len(zero) > 1 else ""
        statement = (
            f"The deployment{of}{at}{more} began with "
            "minimumHealthyPercent 0: ECS was free to stop every old task before a new one was healthy."
        )
        keys = keys_of(zero, "service_deployment_arn")
        yield Finding("minimum_healthy_percent_zero", "past_deployments", statement, "service_deployments", keys)


def service_events(frames: Frames) -> Iterator[Finding]:
    """Which trouble the scheduler tells of since the examined deployment began, each kind once.

    Health verdicts with a reason are left to `target_health`. A text that wraps a failure to start
    (`was unable to place a task. Reason: …`) counts as what it wraps.
    """
    examined = examined_of(frames)
    since = frames.events[frames.events["created_at"] >= pd.Timestamp(examined.created_at)]
    messages = recognise_all(since["message"], where="service_event")
    found = [reading_of_message(message) if message else "" for message in messages]
    about = [_revision(message, frames) for message in messages]
    told = since.assign(found=found, about=about, place=range(len(since)))
    told = told[~told["found"].isin(["", *_OF_TARGETS])]
    for (kind, revision), rows in told.groupby(["found", "about"], sort=True):
        says = finding_kinds()[str(kind)].says
        statement = f"Service events: {says} ({counted(len(rows), 'event')}): {beginning(rows['message'].iloc[0], 400)}"
        keys = keys_of(rows, "event_id")
        parts = _parts_of(messages[int(rows["place"].iloc[0])])
        yield Finding(str(kind), "service_events", statement, "events", keys, str(revision) or examined.revision, parts)


_OF_TARGETS = ("target_unhealthy",)
_SHOWN_PARTS = ("action", "resource", "principal", "role", "image", "secret", "instance")


def _parts_of(message: Message | None) -> dict[str, str]:
    parts = message.innermost.parts if message else {}
    return {name: parts[name] for name in _SHOWN_PARTS if name in parts}


def _revision(message: Message | None, frames: Frames) -> str:
    """Return the revision of the task that an event names; `""` if it names none that is known."""
    task = message.parts.get("task", "") if message else ""
    known = frames.tasks.loc[frames.tasks["task_id"] == task, "revision"] if task else frames.tasks["revision"].head(0)
    return str(known.iloc[0]) if len(known) and pd.notna(known.iloc[0]) else ""
