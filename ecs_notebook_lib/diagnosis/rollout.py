"""The examined rollout in numbers: how long it takes, and how far it is.

Whether a draining task occupies the maximum is documented nowhere that was read, so both answers are given.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis.once import once
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.rolling_update import (
    USUAL_START_SECONDS,
    USUAL_STOP_SECONDS,
    WAITER_SECONDS,
    Bounds,
    bounds_of,
    health_seconds,
)

_BATCH_SECONDS = 45
"""Tasks of one deployment that were created closer together than this were started together."""

FAILED_STOPS = ("failed_elb_health_checks", "failed_container_health_checks")


@dataclass(frozen=True, slots=True)
class Rollout:
    """The examined rollout in numbers. Times in seconds; `cycle_seconds` is what was observed between two steps."""

    bounds: Bounds
    start_seconds: float
    health_seconds: float
    deregistration_seconds: float
    stop_seconds: float
    measured: bool
    """Whether `start_seconds` was seen in tasks of the examined revision."""
    started: int
    healthy: int
    failed: int
    last_batch_at: pd.Timestamp | None
    cycle_seconds: float | None

    @property
    def new_seconds(self) -> float:
        """Return how long one task takes from its creation to counting as healthy."""
        return self.start_seconds + self.health_seconds

    @property
    def old_seconds(self) -> float:
        """Return how long one old task takes from its deregistration to being gone."""
        return self.deregistration_seconds + self.stop_seconds

    @property
    def shortest_seconds(self) -> float | None:
        """Return how long the rollout takes if draining tasks do not occupy the maximum; None if it cannot end."""
        return self.bounds.shortest_seconds(self.new_seconds, self.old_seconds)

    @property
    def longest_seconds(self) -> float | None:
        """Return how long it takes if they do: each step waits until the one before is gone."""
        cycles = self.bounds.cycles
        return None if cycles is None else cycles * (self.new_seconds + self.old_seconds)

    @property
    def least_seconds_left(self) -> float:
        """Return how long it takes at least from now on: the steps to come, each without a wait for draining tasks."""
        steps = math.ceil(max(0, self.bounds.desired - self.healthy) / max(self.bounds.batch, 1))
        return steps * self.new_seconds + self.old_seconds

    def ends_at(self) -> pd.Timestamp | None:
        """Return when it will be stable if it goes on as it did; None if it cannot, or nothing was started yet."""
        if self.bounds.cycles is None or self.last_batch_at is None:
            return None
        left = math.ceil(max(0, self.bounds.desired - self.started) / max(self.bounds.batch, 1))
        cycle = self.cycle_seconds or self.new_seconds + self.deregistration_seconds
        return self.last_batch_at + timedelta(seconds=left * cycle + self.new_seconds + self.old_seconds)

    def proceeds(self, as_of: pd.Timestamp) -> bool:
        """Say whether it goes well so far: tasks become healthy, none failed, and the next step is not overdue."""
        end = self.ends_at()
        if end is None or self.failed or not self.healthy:
            return False
        return as_of <= end + timedelta(seconds=0.5 * self.old_seconds)


@once
def rollout_of(frames: Frames) -> Rollout | None:
    """Return the examined rollout in numbers; None if the service, or its percentages, are not known."""
    examined = frames.history.examined
    if examined is None or not len(frames.services):
        return None
    service = frames.services.iloc[0]
    wanted = service[["desired_count", "minimum_healthy_percent", "maximum_percent"]]
    if wanted.isna().any():
        return None
    tasks = frames.tasks[frames.tasks["task_definition"] == examined.task_definition]
    living = tasks[tasks["stop_code"].isna()]
    starts = _start_seconds(tasks)
    batches = _batches(living)
    return Rollout(
        bounds=bounds_of(*(int(value) for value in wanted)),
        start_seconds=float(starts.median()) if len(starts) else _usual(_start_seconds(frames.tasks)),
        health_seconds=_health_seconds(frames),
        deregistration_seconds=_deregistration_seconds(frames),
        stop_seconds=_stop_seconds(frames.tasks),
        measured=len(starts) > 0,
        started=len(living),
        healthy=_healthy(frames, living),
        failed=_failed(frames, tasks),
        last_batch_at=batches[-1] if batches else None,
        cycle_seconds=_cycle_seconds(batches),
    )


def _start_seconds(tasks: pd.DataFrame) -> pd.Series:
    return (tasks["started_at"] - tasks["created_at"]).dropna().dt.total_seconds()


def _usual(starts: pd.Series) -> float:
    return float(starts.median()) if len(starts) else USUAL_START_SECONDS


def _health_seconds(frames: Frames) -> float:
    """Return how long a running task waits for its first passing check: one is enough for a new target."""
    return health_seconds(frames.target_groups["interval_seconds"].fillna(0.0))


def _deregistration_seconds(frames: Frames) -> float:
    if not len(frames.target_groups):
        return 0.0
    delay = deregistration_delay(frames)
    return 300.0 if delay is None else delay


def deregistration_delay(frames: Frames) -> float | None:
    """Return the longest deregistration delay of the service's target groups in seconds; None if not known."""
    rows = frames.target_group_attributes
    told = rows.loc[rows["attribute"] == "deregistration_delay.timeout_seconds", "value"]
    delays = pd.to_numeric(told, errors="coerce").dropna()
    return float(delays.max()) if len(delays) else None


def _stop_seconds(tasks: pd.DataFrame) -> float:
    stopped = tasks[tasks["reason_kind"] == "scaling_activity"]
    seconds = (stopped["stopped_at"] - stopped["stopping_at"]).dropna().dt.total_seconds()
    return float(seconds.median()) if len(seconds) else USUAL_STOP_SECONDS


def _batches(living: pd.DataFrame) -> list[pd.Timestamp]:
    """Return when each group of tasks that were started together was created."""
    batches: list[pd.Timestamp] = []
    for created in living["created_at"].dropna().sort_values():
        if not batches or (created - batches[-1]).total_seconds() > _BATCH_SECONDS:
            batches.append(created)
    return batches


def _cycle_seconds(batches: list[pd.Timestamp]) -> float | None:
    if len(batches) < 2:
        return None
    return float(pd.Series(batches).diff().dropna().dt.total_seconds().median())


def _healthy(frames: Frames, living: pd.DataFrame) -> int:
    if not len(frames.target_groups):
        return int(living["started_at"].notna().sum())
    revisions = living["revision"].unique()
    known = frames.targets[frames.targets["revision"].isin(revisions) & (frames.targets["state"] == "healthy")]
    return len(known)


def failed_tasks(tasks: pd.DataFrame) -> pd.Series:
    """Say of each task, by `stop_code` and `reason_kind`, whether it ended in a way that no rollout brings about."""
    codes = tasks["stop_code"].isin(["TaskFailedToStart", "EssentialContainerExited"])
    return codes | tasks["reason_kind"].isin(FAILED_STOPS)


def _failed(frames: Frames, tasks: pd.DataFrame) -> int:
    """Return how many tasks failed; ECS's own count is only of the latest."""
    ended = int(failed_tasks(tasks).sum())
    told = frames.deployments.loc[frames.deployments["status"] == "PRIMARY", "failed_tasks"].fillna(0)
    return max(ended, int(told.sum()))


def progress_of(frames: Frames) -> dict[str, Any]:
    """Return what `plot_rollout_progress` draws: the examined deployment's tasks, its begin, and what limits it."""
    examined, rollout = frames.history.examined, rollout_of(frames)
    return {
        "tasks": frames.tasks[frames.tasks["task_definition"] == frames.history.examined_definition],
        "began": pd.Timestamp(examined.created_at if examined else frames.snapshot.as_of),
        "desired": rollout.bounds.desired if rollout else 0,
        "waiter_seconds": WAITER_SECONDS,
        "shortest_seconds": rollout.shortest_seconds if rollout else None,
    }
