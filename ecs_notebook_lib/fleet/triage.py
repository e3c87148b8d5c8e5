"""Does anything look wrong with a service? From DescribeServices and the stopped tasks of its cluster alone. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from ecs_notebook_lib.fleet.model import DEPLOYING, SUSPECTED, WELL
from ecs_notebook_lib.knowledge.ends import reading_of_message
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.rolling_update import WAITER_SECONDS
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.wait.attempts import Failure, failures_of
from ecs_notebook_lib.wait.seen import Seen

Shape = Mapping[str, Any]

_GIVEN_UP = frozenset({"deployment_failed", "deployment_alarm", "rolling_back"})
"""Service events that tell of a deployment that ECS gave up (ECS_FACTS 2.3)."""

_TROUBLE = frozenset({"task_launch_failed", "task_not_placed"})
"""Service events of which no finding is made by themselves, and that no well service has."""


def triage(service: Shape, stopped: Sequence[Shape], *, at: datetime, since: datetime) -> tuple[str, tuple[str, ...]]:
    """Return `well`, `deploying` or `suspected`, and the reasons, worst first.

    What is over counts no more: what ECS said before the service was last steady, and a deployment that failed before
    one that has completed since. A deployment that was rolled back counts from `since` on, for nothing was mended.

    Parameters
    ----------
    service
        As DescribeServices tells it, with its last 100 events, newest first.
    stopped
        Its stopped tasks, as DescribeTasks tells them.
    at
        When it was read.
    """
    if service.get("status", "ACTIVE") != "ACTIVE":
        return WELL, ()
    primary = next((row for row in service.get("deployments") or () if row.get("status") == "PRIMARY"), None)
    reasons = [
        *_given_up(service, primary, since),
        *_of_deployment(primary, at),
        *_of_counts(service, primary),
        *_of_events(service, since),
        *_of_tasks(service, stopped, at, since),
    ]
    if reasons:
        return SUSPECTED, tuple(dict.fromkeys(reasons))
    return (DEPLOYING if _moves(service, primary) else WELL), ()


def _events(service: Shape) -> Iterator[tuple[datetime, str, str]]:
    """Yield time, kind and text of the events that are known, newest first."""
    for row in service.get("events") or ():
        message = recognise(str(row.get("message", "")), where="service_event")
        if message is not None and row.get("createdAt"):
            kind = message.kind if message.kind in _GIVEN_UP | _TROUBLE else reading_of_message(message)
            told = message.kind if message.kind == "steady_state" else kind
            yield parse_instant(str(row["createdAt"])), told, str(row["message"])


def _given_up(service: Shape, primary: Shape | None, since: datetime) -> Iterator[str]:
    """Yield that ECS gave a deployment up, unless a later one was begun and has completed."""
    begun = parse_instant(str(primary["createdAt"])) if primary and primary.get("createdAt") else None
    mended = begun if primary and primary.get("rolloutState") == "COMPLETED" else None
    for at, kind, text in _events(service):
        if at < since or (mended is not None and at < mended):
            return
        if kind in _GIVEN_UP:
            yield f"ECS gave a deployment up: {text}"
            return


def _of_deployment(primary: Shape | None, at: datetime) -> Iterator[str]:
    if primary is None:
        return
    state, created = primary.get("rolloutState"), primary.get("createdAt")
    if state == "FAILED":
        yield f"its deployment is FAILED: {primary.get('rolloutStateReason') or 'ECS gives no reason'}"
    if state != "IN_PROGRESS":
        return
    failed = int(primary.get("failedTasks") or 0)
    if failed:
        yield f"{failed} tasks of its deployment failed"
    age = (at - parse_instant(str(created))).total_seconds() if created else 0.0
    if age > WAITER_SECONDS:
        yield f"its deployment has been in progress for {age / 60:.0f} min"


def _of_counts(service: Shape, primary: Shape | None) -> Iterator[str]:
    """Yield that tasks are missing that nothing is about to start."""
    desired, running, pending = (int(service.get(f"{name}Count") or 0) for name in ("desired", "running", "pending"))
    under_way = primary is not None and primary.get("rolloutState") == "IN_PROGRESS"
    if running + pending < desired and not under_way:
        yield f"{running} of {desired} tasks run"


def _of_events(service: Shape, since: datetime) -> Iterator[str]:
    """Yield the newest event that tells of a fault, if the service was not steady after it."""
    newer = takewhile(lambda row: row[0] >= since and row[1] != "steady_state", _events(service))
    fault = next(((kind, text) for _, kind, text in newer if kind and kind not in _GIVEN_UP), None)
    if fault is not None:
        yield f"ECS says: {fault[1]}"


def _of_tasks(service: Shape, stopped: Sequence[Shape], at: datetime, since: datetime) -> Iterator[str]:
    """Yield how tasks of the service's deployments ended by a fault since it was last steady."""
    steady = next((when for when, kind, _ in _events(service) if kind == "steady_state"), since)
    seen = Seen(at, service, tasks={str(task["taskArn"]): task for task in stopped})
    failures = [row for name in _deployments(service) for row in failures_of(seen, name)]
    recent = [row for row in failures if row.ended_at > max(steady, since)]
    if recent:
        yield f"{len(recent)} of its tasks failed, the last with {_told(recent)}"


def _told(failures: Iterable[Failure]) -> str:
    return max(failures, key=lambda row: row.ended_at).told


def _deployments(service: Shape) -> list[str]:
    return [str(row.get("id")) for row in (*(service.get("deployments") or ()), *(service.get("taskSets") or ()))]


def _moves(service: Shape, primary: Shape | None) -> bool:
    under_way = primary is not None and primary.get("rolloutState") == "IN_PROGRESS"
    return under_way or service.get("runningCount") != service.get("desiredCount")
