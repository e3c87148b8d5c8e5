"""Whether memory or CPU run out, and what limits the examined revision has."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, examined_of, keys_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.metrics import MINUTE

NEAR_LIMIT_PERCENT = 90.0
AT_LIMIT_PERCENT = 98.0
_AT_LIMIT_MINUTES = 2
"""A start alone may take all of the CPU for a minute."""


def utilization_since(frames: Frames, metric: str, since: pd.Timestamp) -> pd.DataFrame:
    """Return the maxima of a utilisation of the service by the minute since a time: rows of `metrics`."""
    rows = frames.metrics
    chosen = (rows["namespace"] == "AWS/ECS") & (rows["metric"] == metric) & (rows["statistic"] == "Maximum")
    return rows[chosen & (rows["period_seconds"] == MINUTE) & (rows["began_at"] >= since)]


def _while_it_went_on(frames: Frames, metric: str) -> pd.DataFrame:
    """Return the maxima since the examined deployment began, and until its last task ended: later ones are of another.

    A deployment that was given up leaves tasks behind that ECS stops within minutes.
    """
    examined = examined_of(frames)
    points = utilization_since(frames, metric, pd.Timestamp(examined.created_at).floor("min"))
    if examined.finished_at is None or examined.succeeded:
        return points
    finished = pd.Timestamp(examined.finished_at)
    own = (frames.tasks["revision"] == examined.revision) & (frames.tasks["created_at"] <= finished)
    last_stop = frames.tasks.loc[own, "stopped_at"].max()
    until = finished if pd.isna(last_stop) else max(finished, last_stop)
    return points[points["began_at"] <= until]


def memory(frames: Frames) -> Iterator[Finding]:
    """Whether the service's tasks came near their memory limit since the examined deployment began.

    CloudWatch keeps one value a minute for the whole service: a fast spike of one task may not show, and while no task
    runs there is no value at all.
    """
    examined = examined_of(frames)
    points = _while_it_went_on(frames, "MemoryUtilization")
    if not len(points):
        raise NothingToExamineError("CloudWatch has no data point of memory while the deployment went on")
    highest = float(points["value"].max())
    if highest >= NEAR_LIMIT_PERCENT:
        near = points[points["value"] >= NEAR_LIMIT_PERCENT]
        statement = (
            f"Memory reached {highest:.0f} % of what the task definition reserves, in {counted(len(near), 'minute')} "
            f"since the deployment of {examined.revision} began."
        )
        keys = keys_of(near, "began_at")
        yield Finding("memory_near_limit", "memory", statement, "metrics", keys, parts={"percent": f"{highest:.1f}"})


def cpu(frames: Frames) -> Iterator[Finding]:
    """Whether the service's tasks used all their CPU for minutes since the examined deployment began."""
    points = _while_it_went_on(frames, "CPUUtilization")
    if not len(points):
        raise NothingToExamineError("CloudWatch has no data point of CPU while the deployment went on")
    full = points[points["value"] >= AT_LIMIT_PERCENT]
    if len(full) >= _AT_LIMIT_MINUTES:
        statement = f"The tasks used all of their CPU in {len(full)} of {counted(len(points), 'minute')}."
        yield Finding("cpu_at_limit", "cpu", statement, "metrics", keys_of(full, "began_at"))
    elif len(full) and len(points) <= _AT_LIMIT_MINUTES:
        raise NothingToExamineError("the rollout went on too briefly to tell a start from a limit")


def task_size(frames: Frames) -> Iterator[Finding]:
    """Which limits the examined revision has.

    Without limits of their own the containers share what the task has: that alone is no fault.
    """
    examined = examined_of(frames)
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == examined.task_definition]
    if not len(definition) or definition[["cpu", "memory"]].iloc[0].isna().any():
        raise NothingToExamineError("the task definition of the examined revision names no CPU and memory")
    task = definition.iloc[0]
    containers = frames.container_definitions
    containers = containers[containers["task_definition"] == examined.task_definition]
    if len(containers) and containers["memory"].isna().all():
        statement = (
            f"The task has {task['cpu']} CPU units and {task['memory']} MiB, and "
            f"{'its container has' if len(containers) == 1 else 'no container has'} "
            f"{'no limit' if len(containers) == 1 else 'a limit'} of its own: on Fargate the task's memory is the "
            "limit, which is no fault by itself."
        )
        rows = (examined.task_definition,)
        yield Finding("no_container_limits", "task_size", statement, "task_definitions", rows, examined.revision)
