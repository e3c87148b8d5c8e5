"""The pace of a rollout's tasks: how long each step takes, from the times that were seen.

Times belong to a revision: the pull time of a new image is not the old one's. Where none was seen of it, that of the
revision before is the best guess, with more doubt; else what is usual.
"""

from dataclasses import dataclass
from random import Random

import pandas as pd

from ecs_notebook_lib.diagnosis.health_budget import ready_seconds
from ecs_notebook_lib.diagnosis.rollout import deregistration_delay
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.treatment.laws import Law, Seen, Times, Usual

# What is usual. Medians are for Fargate (ECS_FACTS 5.4, 5.5, and INF); the spreads, and medians where no source tells
# one, were set so that bands of rollouts with training seeds 3,000 to 3,399 of `benchmarks.forecast` hold four in five.
# They are of simulated accounts: in real ones they are a beginning, and times that were seen outweigh them.
PLACING = Usual(15.0, apart=0.20, within=0.18)
"""From the creation of a task to the begin of its image pull: network interface, credentials, secrets."""

PULL = Usual(20.0, apart=0.80, within=0.25)
LAUNCH = Usual(1.0, apart=0.30, within=0.30)
"""From the end of the pull to RUNNING."""

READY = Usual(4.0, apart=0.70, within=0.20)
"""From RUNNING until the process listens."""

REGISTRATION = Usual(11.0, apart=0.10, within=0.10)
"""From RUNNING to the first check of a load balancer: ECS registers the target, and the load balancer takes it up."""

ENDING = Usual(0.9, apart=0.10, within=0.45)
"""From the signal to stop until the containers have ended, if they heed it."""

LEAVING = Usual(20.5, apart=0.10, within=0.28)
"""From there to STOPPED: the network interface is given back (USUAL_STOP_SECONDS of the rolling update is of both)."""

LOOKING = Usual(5.7, apart=0.10, within=0.30)
"""From something that happens to a service until its scheduler acts on it (INF)."""

FAILING = Usual(100.0, apart=0.50, within=0.30)
"""From RUNNING until ECS stops a task that does not become healthy, or it ends by itself (ECS_FACTS 5.4)."""

_SAME_IMAGE = 0.5
"""Probability that a new revision's image is pulled as fast as the one before it: most layers are the same."""

_OTHER_IMAGE = 1.0
"""How far apart pull times are if it is not."""

_HEEDLESS = 0.2
"""Share of programs that do not heed the signal to stop, and are killed when the time-out is over."""

_STOP_TIMEOUT_SECONDS = 30.0
"""How long ECS waits for that unless a definition says otherwise (ECS_FACTS 5.5)."""

_USUAL_DELAY_SECONDS, _USUAL_INTERVAL_SECONDS = 300.0, 30.0
"""Defaults of a target group (ECS_FACTS 5.4)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each step of one revision's tasks takes, and each step of those that go. Seconds.

    `check_interval` is the load balancer's, None without one; `own_check_interval` that of the containers' own check.
    `counted` tells how many pull times were seen, and of which revision.
    """

    placing: Times
    pull: Times
    launch: Times
    ready: Times
    registration: Times
    ending: Times
    leaving: Times
    looking: Times
    failing: Times
    check_interval: float | None
    own_check_interval: float | None
    deregistration_seconds: float
    counted: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How long containers take to end once they are told to: soon if they heed it, else when the time-out is over."""

    heed: Times
    heedless: float

    def laws(self, random: Random, number: int) -> list[Law]:
        """Return a law for each of so many runs: all tasks of a program are alike in it."""
        killed = Usual(_STOP_TIMEOUT_SECONDS, 0.01, 0.01)
        rest = zip(self.heed.laws(random, number), Seen(killed).laws(random, number), strict=True)
        return [late if random.random() < self.heedless else soon for soon, late in rest]


def pace_of(frames: Frames, task_definition: str) -> Pace:
    """Return the pace of a revision's tasks, by what was seen of it, of others of the service, or else usual."""
    tasks = frames.tasks
    own = tasks["task_definition"] == task_definition
    as_of = pd.Timestamp(frames.snapshot.as_of)
    pulls, former = _seconds(tasks[own], "pull_started_at", "pull_stopped_at"), _former_pulls(frames, task_definition)
    return Pace(
        placing=Seen(PLACING, former=_seconds(tasks, "created_at", "pull_started_at")),
        pull=Seen(PULL, pulls, former, _pulling(tasks[own], as_of), same=_SAME_IMAGE, apart=_OTHER_IMAGE),
        launch=Seen(LAUNCH, former=_seconds(tasks, "pull_stopped_at", "started_at")),
        ready=_ready(frames, task_definition),
        registration=Seen(REGISTRATION),
        ending=_ending(tasks[~own] if (~own).any() else tasks),
        leaving=Seen(LEAVING, former=_seconds(tasks, "execution_stopped_at", "stopped_at")),
        looking=Seen(LOOKING),
        failing=Seen(FAILING, _lives(tasks[~own])),
        check_interval=_check_interval(frames),
        own_check_interval=_own_check_interval(frames, task_definition),
        deregistration_seconds=_deregistration_seconds(frames),
        counted=_counted(len(pulls), len(former)),
    )


def _seconds(tasks: pd.DataFrame, begin: str, end: str) -> tuple[float, ...]:
    return tuple((tasks[end] - tasks[begin]).dropna().dt.total_seconds().astype(float))


def _former_pulls(frames: Frames, task_definition: str) -> tuple[float, ...]:
    """Return the pull times of the newest other revision of which some were seen."""
    others = frames.tasks[frames.tasks["task_definition"] != task_definition].dropna(subset=["pull_stopped_at"])
    if not len(others):
        return ()
    newest = others.sort_values("created_at", kind="stable")["task_definition"].iloc[-1]
    return _seconds(others[others["task_definition"] == newest], "pull_started_at", "pull_stopped_at")


def _pulling(tasks: pd.DataFrame, as_of: pd.Timestamp) -> tuple[float, ...]:
    """Return how long the pulls have taken that go on."""
    pulling = tasks[tasks["pull_stopped_at"].isna() & tasks["stopping_at"].isna()]
    return tuple((as_of - pulling["pull_started_at"]).dropna().dt.total_seconds().astype(float))


def _lives(tasks: pd.DataFrame) -> tuple[float, ...]:
    """Return how long tasks ran that no rollout stopped."""
    failed = tasks[tasks["stop_code"].notna() & (tasks["reason_kind"].fillna("") != "scaling_activity")]
    return _seconds(failed, "started_at", "stopping_at")


def _ready(frames: Frames, task_definition: str) -> Seen:
    own, _ = ready_seconds(frames, task_definition.rpartition("/")[2])
    known: list[float] = []
    for revision in frames.tasks["revision"].dropna().unique():
        if revision != task_definition.rpartition("/")[2]:
            known += ready_seconds(frames, str(revision))[0].tolist()
    return Seen(READY, tuple(own.astype(float)), tuple(known), same=0.8, apart=0.5)


def _ending(tasks: pd.DataFrame) -> Ending:
    seen = _seconds(tasks.dropna(subset=["started_at"]), "stopping_at", "execution_stopped_at")
    heeding = tuple(seconds for seconds in seen if seconds < 0.8 * _STOP_TIMEOUT_SECONDS)
    heedless = 1 - len(heeding) / len(seen) if seen else _HEEDLESS
    return Ending(Seen(ENDING, former=heeding), heedless)


def _check_interval(frames: Frames) -> float | None:
    if not len(frames.service_load_balancers) and not len(frames.target_groups):
        return None
    return _longest(frames.target_groups["interval_seconds"])


def _own_check_interval(frames: Frames, task_definition: str) -> float | None:
    """Return how far apart the containers' own checks are; None if none has one."""
    checked = frames.health_check_commands
    names = checked.loc[checked["task_definition"] == task_definition, "container"].unique()
    rows = frames.container_definitions
    rows = rows[(rows["task_definition"] == task_definition) & rows["container"].isin(names)]
    rows = rows[rows["essential"].fillna(value=True)]
    return _longest(rows["check_interval"]) if len(rows) else None


def _longest(intervals: "pd.Series[int]") -> float:
    """Return the longest time between two checks; of one that AWS does not tell, the usual one."""
    told = intervals[intervals > 0]
    return float(told.max()) if len(told) else _USUAL_INTERVAL_SECONDS


def _deregistration_seconds(frames: Frames) -> float:
    if _check_interval(frames) is None:
        return 0.0
    delay = deregistration_delay(frames)
    return _USUAL_DELAY_SECONDS if delay is None else delay


def _counted(own: int, former: int) -> str:
    if own:
        return f"as {own} of its tasks pulled it"
    return f"guessed from {former} tasks of the revision before it" if former else "as usual, for none was seen"
