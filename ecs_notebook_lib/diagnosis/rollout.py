"""The arithmetic of a rolling update: what the percentages allow, how long it takes, and how far it is.

Sources: ECS_FACTS 2.6 (task-count bounds) and 5.5 (minimum stabilization time); ECS developer guide, "Rolling update".
Whether a draining task occupies the maximum is documented nowhere that was read, so both answers are given.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd

from ecs_notebook_lib.frames import Frames

WAITER_SECONDS = 585
"""How long `aws ecs wait services-stable` looks: 40 times, 15 s apart (botocore, waiters-2.json of ECS)."""

REGISTRATION_SECONDS = 10.0
"""From RUNNING to the first health check of a load balancer (ECS_FACTS 5.4, a measured case)."""

WITHOUT_CHECK_SECONDS = 40.0
"""After this long in RUNNING a task counts as healthy that nothing checks (ECS_FACTS 2.6)."""

_USUAL_START_SECONDS, _USUAL_STOP_SECONDS = 45.0, 25.0
"""Taken where no task shows how long it takes."""

_BATCH_SECONDS = 45
"""Tasks of one deployment that were created closer together than this were started together."""

FAILED_STOPS = ("failed_elb_health_checks", "failed_container_health_checks")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the percentages allow (ECS_FACTS 2.6); `start_room` tasks may start first, `stop_room` may stop first."""

    desired: int
    lower: int
    upper: int

    @property
    def start_room(self) -> int:
        """Return how many tasks may run above the desired count."""
        return self.upper - self.desired

    @property
    def stop_room(self) -> int:
        """Return how many tasks may be missing."""
        return self.desired - self.lower

    @property
    def cycles(self) -> int | None:
        """Return in how many steps all tasks are replaced; None if arithmetic forbids every step."""
        batch = self.batch
        return None if batch < 1 and self.desired else math.ceil(self.desired / max(batch, 1))

    @property
    def batch(self) -> int:
        """Return how many tasks one step replaces."""
        return max(self.start_room, self.stop_room)


def bounds_of(desired: int, minimum: int, maximum: int) -> Bounds:
    """Return what a minimum and maximum healthy percent come to for a desired count, in whole numbers."""
    return Bounds(desired, -(-desired * minimum // 100), desired * maximum // 100)


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
        cycles = self.bounds.cycles
        return None if cycles is None else cycles * self.new_seconds + self.old_seconds

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


def rollout_of(frames: Frames) -> Rollout | None:
    """Return the examined rollout in numbers; None if the service, or its percentages, are not known.

    Checks, state and prognosis all ask for it: it is measured once for the same frames.
    """
    if frames not in _MEASURED:
        _MEASURED[frames] = _measure(frames)
    return _MEASURED[frames]


_MEASURED: WeakKeyDictionary[Frames, Rollout | None] = WeakKeyDictionary()


def _measure(frames: Frames) -> Rollout | None:
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
    return float(starts.median()) if len(starts) else _USUAL_START_SECONDS


def _health_seconds(frames: Frames) -> float:
    """Return how long a running task waits for its first passing check: one is enough for a new target."""
    if not len(frames.target_groups):
        return WITHOUT_CHECK_SECONDS
    interval = frames.target_groups["interval_seconds"].max()
    return REGISTRATION_SECONDS + (float(interval) / 4 if pd.notna(interval) else 0.0)


def _deregistration_seconds(frames: Frames) -> float:
    if not len(frames.target_groups):
        return 0.0
    delay = deregistration_delay(frames)
    return 300.0 if delay is None else delay


def deregistration_delay(frames: Frames) -> float | None:
    """Return the longest deregistration delay of the service's target groups in seconds; None if not known."""
    rows = frames.target_group_attributes
    delays = rows.loc[rows["attribute"] == "deregistration_delay.timeout_seconds", "value"].dropna()
    return float(delays.astype(float).max()) if len(delays) else None


def _stop_seconds(tasks: pd.DataFrame) -> float:
    stopped = tasks[tasks["reason_kind"] == "scaling_activity"]
    seconds = (stopped["stopped_at"] - stopped["stopping_at"]).dropna().dt.total_seconds()
    return float(seconds.median()) if len(seconds) else _USUAL_STOP_SECONDS


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


def _failed(frames: Frames, tasks: pd.DataFrame) -> int:
    """Return how many tasks ended in a way that no rollout brings about; ECS's own count is only of the latest."""
    codes = tasks["stop_code"].isin(["TaskFailedToStart", "EssentialContainerExited"])
    ended = int((codes | tasks["reason_kind"].isin(FAILED_STOPS)).sum())
    told = frames.deployments.loc[frames.deployments["status"] == "PRIMARY", "failed_tasks"].fillna(0)
    return max(ended, int(told.sum()))


def progress_of(frames: Frames) -> dict[str, Any]:
    """Return what `plot_rollout_progress` draws: the examined deployment's tasks, its begin, and what limits it."""
    examined, rollout = frames.history.examined, rollout_of(frames)
    name = examined.task_definition if examined else ""
    return {
        "tasks": frames.tasks[frames.tasks["task_definition"] == name],
        "began": pd.Timestamp(examined.created_at if examined else frames.snapshot.as_of),
        "desired": rollout.bounds.desired if rollout else 0,
        "waiter_seconds": WAITER_SECONDS,
        "shortest_seconds": rollout.shortest_seconds if rollout else None,
    }
