"""How the tasks of each revision started and ended."""

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
    most_common,
)
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.comparing import beginning
from ecs_notebook_lib.knowledge.ends import FAILED_CHECKS, SIGKILL
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.knowledge.weights import finding_kinds

_BY_EXIT_CODE = (
    "exited_by_itself",
    "killed_without_reason",
    "killed_beside_sidecar",
    "ended_without_error",
    "command_failed",
    "crashed_by_signal",
    "died_at_once",
    "sidecar_ended",
)
_PARTS = ("principal", "action", "resource", "image", "secret", "platform", "role")


def stopped_tasks(frames: Frames) -> Iterator[Finding]:
    """Why the tasks of each revision stopped, and whether they ran at all.

    Tasks that ECS replaced or scaled in, and those that somebody stopped, say nothing and are left out. ECS lists
    stopped tasks for about an hour.
    """
    if not len(frames.tasks):
        raise NothingToExamineError("ECS lists no task of this service")
    tasks = frames.tasks.assign(ended=ends_of(frames))
    for (revision, kind), rows in tasks.dropna(subset=["ended"]).groupby(["revision", "ended"], sort=True):
        yield _finding(str(revision), str(kind), rows, tasks, frames)
    yield from _stop_time_outs(frames)
    yield from _outlived_by_checks(tasks)
    for name, rows in tasks[tasks["started_at"].notna()].groupby("revision", sort=True):
        revision = str(name)
        statement = f"{counted(len(rows), 'task')} of {revision} reached RUNNING: image, registry and secrets work."
        keys = keys_of(rows, "task_arn")
        yield Finding("tasks_reach_running", "stopped_tasks", statement, "tasks", keys, revision)
    examined = frames.history.examined
    if examined is not None and not (tasks["revision"] == examined.revision).any():
        raise NothingToExamineError("ECS lists no task of the examined revision")


def _finding(revision: str, kind: str, rows: pd.DataFrame, tasks: pd.DataFrame, frames: Frames) -> Finding:
    stopped = tasks[(tasks["revision"] == revision) & (tasks["stop_code"].notna() | tasks["ended"].notna())]
    parts = _parts(kind, rows, frames)
    says = finding_kinds()[kind].says
    of_all = f"{len(rows)} of {counted(len(stopped), 'stopped task')} of {revision}"
    statement = f"{of_all} {says}{_detail(parts)}."
    return Finding(kind, "stopped_tasks", statement, "tasks", keys_of(rows, "task_arn"), revision, parts)


def _parts(kind: str, rows: pd.DataFrame, frames: Frames) -> dict[str, str]:
    of_tasks = frames.containers[frames.containers["task_arn"].isin(rows["task_arn"])]
    if kind in _BY_EXIT_CODE:
        ended = of_tasks[of_tasks["exit_code"].notna()]
        told = ended["exit_code"].astype("string")
        codes = listing(ended["container"] + " " + told if kind == "sidecar_ended" else told)
        median = rows["running_seconds"].median()
        seconds = {} if pd.isna(median) else {"median_running_seconds": f"{float(median):.1f}"}
        return {"exit_codes": codes, **seconds}
    reason = most_common(rows["stopped_reason"])
    of_container = most_common(of_tasks["reason"])
    message = recognise(reason, where="stopped_reason") or recognise(of_container, where="stopped_reason")
    parts = message.innermost.parts if message else {}
    return {**{name: parts[name] for name in _PARTS if name in parts}, "stopped_reason": reason or of_container}


def _detail(parts: dict[str, str]) -> str:
    if "exit_codes" in parts:
        median = parts.get("median_running_seconds")
        lived = f", {median} s after they began to run (median)" if median else ""
        return f" with exit code {parts['exit_codes'] or 'unknown'}{lived}"
    if "action" in parts:
        return f": {parts['action']} on {parts.get('resource', 'an unnamed resource')}"
    return f": {beginning(parts['stopped_reason'], 200)}" if parts.get("stopped_reason") else ""


def _stop_time_outs(frames: Frames) -> Iterator[Finding]:
    """Yield the tasks whose exit code 137 is the end of a stop that ECS or somebody asked for."""
    killed = set(frames.containers.loc[frames.containers["exit_code"] == SIGKILL, "task_arn"])
    asked = frames.tasks["stop_code"].isin(["ServiceSchedulerInitiated", "UserInitiated"])
    for name, rows in frames.tasks[asked & frames.tasks["task_arn"].isin(killed)].groupby("revision", sort=True):
        statement = (
            f"{counted(len(rows), 'task')} of {name} ended with exit code 137 after ECS had asked them to stop: they "
            "did not obey SIGTERM in time, which says nothing about memory."
        )
        keys = keys_of(rows, "task_arn")
        yield Finding("stop_time_out", "stopped_tasks", statement, "tasks", keys, str(name))


def _outlived_by_checks(tasks: pd.DataFrame) -> Iterator[Finding]:
    """Yield the revisions whose running tasks all went on until ECS stopped them for a failed health check."""
    ran = tasks[tasks["started_at"].notna() & tasks["ended"].notna()]
    for name, rows in ran.groupby("revision", sort=True):
        if len(rows) < _FEWEST or not rows["ended"].isin(FAILED_CHECKS).all():
            continue
        statement = (
            f"All {len(rows)} tasks of {name} that ran and ended were stopped by ECS for a failed health check: none "
            "ended by itself."
        )
        keys = keys_of(rows, "task_arn")
        yield Finding("stopped_by_checks_only", "stopped_tasks", statement, "tasks", keys, str(name))


_FEWEST = 2


def created_tasks(frames: Frames) -> Iterator[Finding]:
    """Whether ECS has created any task of the examined deployment, as long as it would still list it."""
    examined = examined_of(frames)
    own = frames.tasks["task_definition"] == examined.task_definition
    age = (frames.snapshot.as_of - examined.created_at).total_seconds()
    if own.any():
        return
    if "tasks" in frames.gaps:
        raise NothingToExamineError("the list of tasks is not complete")
    if not _YOUNG < age < _LISTED:
        raise NothingToExamineError("the deployment is too young, or so old that ECS may have forgotten its tasks")
    minutes = f"{age / 60:.0f} min"
    statement = f"ECS has not created a single task of {examined.revision} in the {minutes} since its deployment began."
    rows = (examined.task_definition,)
    yield Finding("no_task_created", "created_tasks", statement, "deployments", rows, examined.revision)


_YOUNG, _LISTED = 60, 3600
"""Seconds: before the first a rollout may not have begun; ECS lists a stopped task for at least the second."""


def fresh_evidence(frames: Frames) -> Iterator[Finding]:
    """Whether ECS still lists a task of the examined revision: without one, fresh evidence must be made.

    The command in the plan is the only one that changes something: it starts a task outside the service.
    """
    examined = examined_of(frames)
    own = frames.tasks["task_definition"] == examined.task_definition
    if not examined.succeeded and not own.any():
        raise NothingToExamineError(
            "no task of the examined revision is listed any more. This starts one outside the service and so WRITES: "
            "the application runs for real, without the load balancer's requests; stop the task afterwards"
        )
    yield from ()
