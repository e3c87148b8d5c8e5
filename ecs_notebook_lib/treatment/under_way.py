"""Where a rollout stands at `as_of`: which tasks it has, at which step each is, which ones have still to go."""

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.rolling_update import Bounds, bounds_of


class Under(StrEnum):
    """What is done; the words are those of the actions of treatment."""

    WAIT = "wait"
    """Nothing: the rollout goes on."""
    STOP_DEPLOYMENT = "stop_deployment"
    """ECS goes back to the last completed deployment, whose running tasks stay."""
    ROLL_BACK = "roll_back"
    """The last good revision is deployed anew."""
    DEPLOY_AGAIN = "deploy_again"
    """The cause is mended, and the examined revision, or a mended one, is deployed anew."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A task of the rollout that does not count as healthy yet: the step that it is at, for how many seconds."""

    step: str
    """placing, pull, launch or running."""
    seconds: float


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A rollout at `as_of`. Of the tasks that have to go `serving` are healthy, and `pending` do not run yet.

    `sick` has the seconds since each of those that run and are not healthy began to, `draining` since the
    deregistration of each that is being drained; `ending` and `leaving` since those that stop were told to, or their
    containers ended.
    """

    bounds: Bounds
    began_seconds: float
    """Since the deployment began; 0 if it begins now."""
    task_definition: str
    healthy: int
    coming: tuple[Coming, ...] = ()
    serving: int = 0
    sick: tuple[float, ...] = ()
    pending: tuple[Coming, ...] = ()
    draining: tuple[float, ...] = ()
    ending: tuple[float, ...] = ()
    leaving: tuple[float, ...] = ()
    let_go: bool = False
    """The older deployments were given up: ECS stops all their tasks."""
    overlapping: bool = False
    """There are several older deployments: what the maximum leaves is the newer one's first."""


def under_way(frames: Frames, under: Under) -> UnderWay | None:
    """Return where the rollout stands, or the one that an action begins.

    None if service, percentages or tasks are not known, or if it is no rolling update of ECS.
    """
    goal = _goal(frames, under)
    if goal is None or not len(frames.services) or "tasks" in frames.gaps:
        return None
    deployment, task_definition, began = goal
    service = frames.services.iloc[0]
    others = {"deployment_controller": "ECS", "strategy": "ROLLING"}
    if any(pd.notna(service[name]) and service[name] != own for name, own in others.items()):
        return None
    wanted = service[["desired_count", "minimum_healthy_percent", "maximum_percent"]]
    if wanted.isna().any():
        return None
    as_of = pd.Timestamp(frames.snapshot.as_of)
    tasks = _living(frames, as_of)
    staying = (tasks["deployment_id"] == deployment) & tasks["stage"].isin([*_STEPS, "healthy"])
    going = tasks[~staying]
    return UnderWay(
        bounds=bounds_of(*(int(value) for value in wanted)),
        began_seconds=max(0.0, (as_of - began).total_seconds()),
        task_definition=task_definition,
        healthy=int((tasks["stage"] == "healthy")[staying].sum()),
        coming=_coming(tasks[staying & tasks["stage"].isin(_STEPS)]),
        serving=int((going["stage"] == "healthy").sum()),
        sick=_since(going, "running"),
        pending=_coming(going[going["stage"].isin(_STEPS[:-1])]),
        draining=_since(going, "draining"),
        ending=_since(going, "ending"),
        leaving=_since(going, "leaving"),
        let_go=under is Under.STOP_DEPLOYMENT or _given_up(frames, deployment),
        overlapping=len(going["deployment_id"].unique()) > 1,
    )


_STEPS = ("placing", "pull", "launch", "running")


def _goal(frames: Frames, under: Under) -> tuple[str, str, pd.Timestamp] | None:
    """Return deployment, task definition and begin of what becomes of it; a deployment that begins now has no id."""
    examined, good, now = frames.history.examined, frames.history.last_good, pd.Timestamp(frames.snapshot.as_of)
    listed = frames.deployments
    if under is Under.WAIT:
        primary = listed[listed["status"] == "PRIMARY"]
        if not len(primary):
            return None
        row = primary.iloc[0]
        return str(row["deployment_id"]), str(row["task_definition"]), row["created_at"]
    if under is Under.DEPLOY_AGAIN:
        return ("", examined.task_definition, now) if examined else None
    if good is None:
        return None
    kept = listed[(listed["rollout_state"] == "COMPLETED") | (listed["task_definition"] == good.task_definition)]
    if under is Under.STOP_DEPLOYMENT and len(kept):
        return str(kept["deployment_id"].iloc[0]), str(kept["task_definition"].iloc[0]), now
    return "", good.task_definition, now


def can_stop(frames: Frames) -> bool:
    """Say whether the newest rollout goes on and ECS still lists a completed deployment to which it can go back."""
    states = frames.deployments.set_index("status")["rollout_state"]
    return states.get("PRIMARY") == "IN_PROGRESS" and bool((frames.deployments["rollout_state"] == "COMPLETED").any())


def _given_up(frames: Frames, deployment: str) -> bool:
    others = frames.deployments[frames.deployments["deployment_id"] != deployment]
    return bool((others["rollout_state"] == "FAILED").any())


def _coming(tasks: pd.DataFrame) -> tuple[Coming, ...]:
    return tuple(Coming(str(stage), float(since)) for stage, since in zip(tasks["stage"], tasks["since"], strict=True))


def _since(tasks: pd.DataFrame, stage: str) -> tuple[float, ...]:
    return tuple(tasks.loc[tasks["stage"] == stage, "since"].astype(float))


def _living(frames: Frames, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the tasks that have not reached STOPPED, with `stage` and `since`: for how many seconds they are at it."""
    tasks = frames.tasks[frames.tasks["stopped_at"].isna() & (frames.tasks["last_status"] != "STOPPED")]
    tasks = tasks[tasks["origin"].fillna("live") != "store"] if "origin" in tasks else tasks
    times = {
        "placing": tasks["created_at"],
        "pull": tasks["pull_started_at"],
        "launch": tasks["pull_stopped_at"],
        "running": tasks["started_at"],
        "ending": tasks["stopping_at"],
        "leaving": tasks["execution_stopped_at"],
    }
    stage, begun = pd.Series("placing", index=tasks.index), tasks["created_at"].fillna(as_of)
    for name, moments in times.items():
        stage, begun = stage.mask(moments.notna(), name), begun.mask(moments.notna(), moments)
    found = tasks.assign(stage=stage, since=(as_of - begun).dt.total_seconds().clip(lower=0.0))
    return _with_health(frames, found, as_of)


def _with_health(frames: Frames, tasks: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Tell which running tasks count as healthy, and which are being drained."""
    known = tasks["task_arn"].map(_target_states(frames))
    running, long = tasks["stage"] == "running", tasks["since"] >= _LONG_RUNNING_SECONDS
    balanced = bool(len(frames.service_load_balancers) or len(frames.target_groups))
    told = tasks["task_arn"].isin(frames.addresses["task_arn"]) & (balanced and "targets" not in frames.gaps)
    passed = (told & (known == "healthy").fillna(value=False)) | (~told & long)
    checked = frames.health_check_commands["task_definition"].dropna().unique()
    own = (tasks["health_status"] == "HEALTHY") | ~tasks["task_definition"].isin(checked)
    tasks["stage"] = tasks["stage"].mask(running & passed & own.fillna(value=False), "healthy")
    draining = running & (known == "draining").fillna(value=False)
    tasks["stage"] = tasks["stage"].mask(draining, "draining")
    tasks.loc[draining, "since"] = _drained_for(frames, int(draining.sum()), as_of)
    return tasks


_LONG_RUNNING_SECONDS = 55.0
"""After this long in RUNNING a task surely counts that nothing checks; so it is taken of one whose target is not known:

because targets were refused, or because it is registered by its instance and not by an address of its own."""

_WORST_FIRST = {"draining": 0, "unhealthy": 1, "unused": 1, "initial": 2, "unavailable": 2, "healthy": 3}


def _target_states(frames: Frames) -> dict[str, str]:
    """Return the state of each task's target by the task's ARN; of several target groups the worst."""
    newest = frames.addresses.sort_values("created_at", kind="stable").drop_duplicates("address", keep="last")
    tasks = newest.set_index("address")["task_arn"]
    rows = frames.targets.assign(task_arn=frames.targets["address"].map(tasks)).dropna(subset=["task_arn", "state"])
    rows = rows.assign(order=rows["state"].map(_WORST_FIRST).fillna(1)).sort_values("order", kind="stable")
    return dict(rows.drop_duplicates("task_arn").set_index("task_arn")["state"])


def _drained_for(frames: Frames, number: int, as_of: pd.Timestamp) -> list[float]:
    """Return for how many seconds so many tasks have been drained, by the newest events of a beginning."""
    seconds: list[float] = []
    told = frames.events[frames.events["kind"] == "draining_begun"]
    told = told.sort_values("created_at", ascending=False, kind="stable")
    passed = (as_of - told["created_at"]).dt.total_seconds().clip(lower=0.0)
    for text, since in zip(told["message"], passed, strict=True):
        message = recognise(str(text), where="service_event")
        seconds += [float(since)] * (int(message.parts.get("n", 1)) if message else 1)
        if len(seconds) >= number:
            break
    return (seconds + [0.0] * number)[:number]
