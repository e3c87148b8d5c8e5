"""The arithmetic of health checks: how long a task has, and how long it needs (ECS_FACTS 5.3, 5.4)."""

from dataclasses import dataclass

import pandas as pd

from ecs_notebook_lib.diagnosis.once import once
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.reading import TAIL_LINES
from ecs_notebook_lib.rolling_update import REGISTRATION_SECONDS

_MARGIN_SECONDS = 40.0
"""ECS stops a task 10 to 40 s after it may (ECS_FACTS 5.4)."""

_SOON_SECONDS = 60
_FEWEST = 3
_CONSTANT = 0.25


@dataclass(frozen=True, slots=True)
class HealthBudget:
    """What the load balancer's check allows, in seconds; `ready_seconds` is the measured start-up, None if unseen."""

    interval: float
    unhealthy_threshold: float
    healthy_threshold: float
    grace: float
    ready_seconds: float | None
    ready_from: str

    @property
    def to_healthy(self) -> float:
        """Return the longest time until a new target that answers is healthy: registration and one check."""
        return REGISTRATION_SECONDS + self.interval

    @property
    def to_unhealthy(self) -> float:
        """Return the time until a target that does not answer is unhealthy."""
        return self.unhealthy_threshold * self.interval

    @property
    def back_to_healthy(self) -> float:
        """Return the time until a target that was found unhealthy is healthy again."""
        return self.healthy_threshold * self.interval

    @property
    def earliest_stop(self) -> float:
        """Return when ECS may stop a task, at the earliest, after it started: the first check comes at once."""
        return max(self.grace, REGISTRATION_SECONDS + self.to_unhealthy - self.interval)

    @property
    def latest_stop(self) -> float:
        """Return until when a task that never answers is found unhealthy."""
        return max(self.grace, REGISTRATION_SECONDS + self.to_unhealthy)

    @property
    def too_short(self) -> bool:
        """Say whether the application is ready only after it is bound to be found unhealthy."""
        return self.ready_seconds is not None and self.ready_seconds > self.latest_stop


def health_budget_of(frames: Frames) -> HealthBudget | None:
    """Return the budget of the service's first target group and the examined revision; None if it has none."""
    examined = frames.history.examined
    if not len(frames.target_groups) or not len(frames.services) or examined is None:
        return None
    group = frames.target_groups.iloc[0]
    wanted = group[["interval_seconds", "unhealthy_threshold", "healthy_threshold"]]
    if wanted.isna().any():
        return None
    grace = frames.services["health_check_grace_period_seconds"].iloc[0]
    ready, source = _median_ready(frames, examined.revision)
    return HealthBudget(
        interval=float(wanted["interval_seconds"]),
        unhealthy_threshold=float(wanted["unhealthy_threshold"]),
        healthy_threshold=float(wanted["healthy_threshold"]),
        grace=0.0 if pd.isna(grace) else float(grace),
        ready_seconds=ready,
        ready_from=source,
    )


def _median_ready(frames: Frames, revision: str) -> tuple[float | None, str]:
    """Return the median time from RUNNING to the first sign of life in the log, and which sign it was."""
    seconds, source = ready_seconds(frames, revision)
    return (max(0.0, float(seconds.median())), source) if len(seconds) else (None, "")


@once
def ready_seconds(frames: Frames, revision: str) -> tuple[pd.Series, str]:
    """Return the time from RUNNING to the first sign of life in the log by task of a revision, and which sign it was.

    Empty: none of its logs, or no such sign, was read. [s]
    """
    none = pd.Series(dtype="float64")
    if not len(frames.tasks):
        return none, ""
    started = frames.tasks.drop_duplicates("task_id").set_index("task_id")["started_at"]
    said = frames.log_events[["revision", "log_stream", "task_id", "logged_at", "status", "kind"]]
    lines = _from_the_beginning(said[said["revision"] == revision], started)
    answered = lines["status"].between(200, 299).fillna(value=False).astype(bool)
    for rows, source in ((lines[lines["kind"] == "listening"], "it says that it listens"), (lines[answered], "a 2xx")):
        first = rows.groupby("task_id")["logged_at"].min()
        seconds = (first - started.reindex(first.index)).dropna().dt.total_seconds()
        if len(seconds):
            return seconds, source
    return none, ""


def _from_the_beginning(lines: pd.DataFrame, started: pd.Series) -> pd.DataFrame:
    """Return the lines of streams that were read from their beginning: of a long one only the end may be there."""
    streams = lines.groupby("log_stream")["logged_at"]
    late = streams.transform("min") - pd.Series(started.reindex(lines["task_id"]).array, index=lines.index)
    return lines[(late <= pd.Timedelta(seconds=_SOON_SECONDS)) | (streams.transform("size") < TAIL_LINES)]


def constant_life(frames: Frames, revision: str) -> pd.DataFrame:
    """Return the stopped tasks of a revision if all lived equally long, as in a kill loop; else no rows."""
    tasks = frames.tasks[(frames.tasks["revision"] == revision) & frames.tasks["stop_code"].notna()]
    lives = tasks["running_seconds"].dropna()
    if len(lives) < _FEWEST or float(lives.median()) <= 0:
        return tasks.head(0)
    spread = float(lives.quantile(0.75) - lives.quantile(0.25))
    return tasks.loc[lives.index] if spread <= _CONSTANT * float(lives.median()) else tasks.head(0)


def stopped_on_schedule(budget: HealthBudget, life_seconds: float) -> bool:
    """Say whether a life ends about when the health check allows ECS to end it."""
    return budget.earliest_stop - REGISTRATION_SECONDS <= life_seconds <= budget.latest_stop + _MARGIN_SECONDS
