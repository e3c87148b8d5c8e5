"""How the tasks of each revision started and ended."""

from collections.abc import Iterator

import pandas as pd

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
from ecs_notebook_lib.knowledge.messages import recognise

_START_FAILURES = {
    "start_access_denied": "start_access_denied",
    "pull_access_denied": "start_access_denied",
    "pull_permission": "start_access_denied",
    "env_file_denied": "start_access_denied",
    "start_network": "start_network",
    "pull_network": "start_network",
    "interface_timeout": "start_network",
    "efs_timeout": "start_network",
    "image_missing": "image_not_pulled",
    "image_denied": "image_not_pulled",
    "pull_failed": "image_not_pulled",
    "pull_rate_limit": "image_not_pulled",
    "image_platform": "image_wrong_platform",
    "architecture": "image_wrong_platform",
    "secret_missing": "configured_thing_missing",
    "secret_key_missing": "configured_thing_missing",
    "secret_not_json": "configured_thing_missing",
    "parameter_missing": "configured_thing_missing",
    "log_group_missing": "configured_thing_missing",
    "access_denied": "start_access_denied",
    "efs_denied": "start_access_denied",
    "tag_policy": "start_access_denied",
    "interface_failed": "start_network",
    "efs_unresolved": "start_network",
    "container_network_failed": "start_network",
    "efs_path_missing": "configured_thing_missing",
    "env_file_missing": "configured_thing_missing",
    "resource_not_found": "configured_thing_missing",
    "logging_failed": "configured_thing_missing",
}
"""What a message about a failed start comes to; a failed start of any other kind is `start_failed_otherwise`."""

_WORDS = {
    "start_access_denied": "could not start because AWS refused something to the execution role",
    "start_network": "could not start because AWS could not be reached",
    "image_not_pulled": "could not start because the image could not be pulled",
    "image_wrong_platform": "could not start because the image is for another processor",
    "configured_thing_missing": "could not start because something that the task definition names does not exist",
    "start_failed_otherwise": "could not start",
    "killed_without_reason": "were killed without a reason, as the kernel does when memory runs out,",
    "exited_by_itself": "ended because an essential container exited by itself",
    "out_of_memory": "were killed for using more memory than they have",
    "failed_elb_health_checks": "were stopped by ECS because the load balancer found them unhealthy",
    "failed_container_health_checks": "were stopped by ECS because their own health check failed",
}


_SIGKILL = 137


def stopped_tasks(frames: Frames) -> Iterator[Finding]:
    """Why the tasks of each revision stopped, and whether they ran at all.

    Tasks that ECS replaced or scaled in, and those that somebody stopped, say nothing and are left out. ECS lists
    stopped tasks for about an hour.
    """
    if not len(frames.tasks):
        raise NothingToExamineError("ECS lists no task of this service")
    tasks = frames.tasks.assign(ended=_ends(frames))
    for (revision, kind), rows in tasks.dropna(subset=["ended"]).groupby(["revision", "ended"], sort=True):
        yield _finding(str(revision), str(kind), rows, tasks, frames)
    for name, rows in tasks[tasks["started_at"].notna()].groupby("revision", sort=True):
        revision = str(name)
        statement = f"{counted(len(rows), 'task')} of {revision} reached RUNNING: image, registry and secrets work."
        keys = keys_of(rows, "task_arn")
        yield Finding("tasks_reach_running", "stopped_tasks", statement, "tasks", keys, revision)


def _ends(frames: Frames) -> pd.Series:
    """Return for each task how it ended, missing where that says nothing."""
    containers = frames.containers
    memory = set(containers.loc[containers["reason_kind"] == "out_of_memory", "task_arn"])
    killed = set(containers.loc[(containers["exit_code"] == _SIGKILL) & containers["reason"].isna(), "task_arn"])
    return pd.Series(
        [_end(code, kind, task in memory, killed=task in killed) for code, kind, task in _columns(frames.tasks)],
        index=frames.tasks.index,
        dtype="string",
    )


def _columns(tasks: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    texts = (tasks[name].fillna("") for name in ("stop_code", "reason_kind", "task_arn"))
    return zip(*texts, strict=True)


def _end(stop_code: str, reason_kind: str, killed_for_memory: bool, *, killed: bool) -> str | None:
    if killed_for_memory or reason_kind == "out_of_memory":
        return "out_of_memory"
    if stop_code == "TaskFailedToStart":
        return _START_FAILURES.get(reason_kind, "start_failed_otherwise")
    if stop_code == "EssentialContainerExited":
        return "killed_without_reason" if killed else "exited_by_itself"
    return reason_kind if reason_kind in ("failed_elb_health_checks", "failed_container_health_checks") else None


def _finding(revision: str, kind: str, rows: pd.DataFrame, tasks: pd.DataFrame, frames: Frames) -> Finding:
    of_revision = tasks[(tasks["revision"] == revision) & tasks["stop_code"].notna()]
    parts = _parts(kind, rows, frames)
    statement = (
        f"{len(rows)} of {counted(len(of_revision), 'stopped task')} of {revision} {_WORDS[kind]}{_detail(parts)}."
    )
    return Finding(kind, "stopped_tasks", statement, "tasks", keys_of(rows, "task_arn"), revision, parts)


def _parts(kind: str, rows: pd.DataFrame, frames: Frames) -> dict[str, str]:
    if kind in ("exited_by_itself", "killed_without_reason"):
        of_tasks = frames.containers[frames.containers["task_arn"].isin(rows["task_arn"])]
        codes = of_tasks.loc[of_tasks["exit_code"].notna(), "exit_code"].astype("string")
        median = rows["running_seconds"].median()
        seconds = {} if pd.isna(median) else {"median_running_seconds": f"{float(median):.1f}"}
        return {"exit_codes": listing(codes), **seconds}
    message = recognise(most_common(rows["stopped_reason"]), where="stopped_reason")
    parts = message.innermost.parts if message else {}
    told = {name: parts[name] for name in ("principal", "action", "resource", "image", "secret") if name in parts}
    return {**told, "stopped_reason": most_common(rows["stopped_reason"])}


def _detail(parts: dict[str, str]) -> str:
    if "exit_codes" in parts:
        median = parts.get("median_running_seconds")
        lived = f", {median} s after they began to run (median)" if median else ""
        return f" with exit code {parts['exit_codes'] or 'unknown'}{lived}"
    if "action" in parts:
        return f": {parts['action']} on {parts.get('resource', 'an unnamed resource')}"
    return f": {parts['stopped_reason'][:200]}" if parts.get("stopped_reason") else ""


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
