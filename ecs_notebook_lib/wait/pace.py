"""How long this rollout takes at least, and whether the time that one is ready to wait is enough (ECS_FACTS 5.5)."""

from collections.abc import Sequence

from ecs_notebook_lib.rolling_update import USUAL_START_SECONDS, USUAL_STOP_SECONDS, health_seconds
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.wait.judging import Followed
from ecs_notebook_lib.wait.seen import Seen, Shape

_DELAY = "deregistration_delay.timeout_seconds"
_USUAL_DELAY = 300.0


def shortest_seconds(seen: Seen, followed: Followed, groups: Sequence[Shape], attributes: Sequence[Shape]) -> float:
    """Return the shortest time from the beginning of this rollout to its end; 0 if the percentages allow none.

    How long a task takes to start is measured on the tasks that are known, the new ones first; 45 s if none has.
    """
    intervals = [float(group.get("HealthCheckIntervalSeconds") or 0) for group in groups]
    replaces = any(row.get("id") != followed.deployment for row in seen.deployments)
    delays = [float(row["Value"]) for row in attributes if row.get("Key") == _DELAY] or [_USUAL_DELAY]
    old = (max(delays) if groups else 0.0) + USUAL_STOP_SECONDS if replaces else 0.0
    new = _start_seconds(seen, followed) + health_seconds(intervals)
    return seen.bounds.shortest_seconds(new, old) or 0.0


def _start_seconds(seen: Seen, followed: Followed) -> float:
    every = list(seen.tasks.values())
    for tasks in (seen.tasks_of(followed.deployment), every):
        known = [task for task in tasks if task.get("startedAt") and task.get("createdAt")]
        if known:
            spans = [parse_instant(str(t["startedAt"])) - parse_instant(str(t["createdAt"])) for t in known]
            return min(spans).total_seconds()
    return USUAL_START_SECONDS
