"""One task looked at: its times and reasons, its containers, its last words."""

import pandas as pd

_NEWEST = 20
_LAST_LINES = 30
_SHOWN = ["created_at", "task_id", "last_status", "stop_code", "stopped_reason", "running_seconds"]
_FACTS = [
    "revision",
    "deployment_id",
    "last_status",
    "health_status",
    "created_at",
    "pull_started_at",
    "pull_stopped_at",
    "started_at",
    "stopping_at",
    "stopped_at",
    "running_seconds",
    "stop_code",
    "stopped_reason",
]


def tasks_of(tasks: pd.DataFrame, revision: str, *, shown: bool = False) -> pd.DataFrame:
    """Return the tasks of a revision (empty: of every one), newest first; `shown` cuts them to what a reader sees."""
    rows = tasks[tasks["revision"] == revision] if revision else tasks
    rows = rows.sort_values("created_at", ascending=False, kind="stable")
    return rows[_SHOWN].head(_NEWEST).round({"running_seconds": 1}) if shown else rows


def task_facts(task: pd.Series) -> pd.DataFrame:
    """Return what is known of one task, a row a fact; what is not known is left out."""
    known = [(name.replace("_", " "), task[name]) for name in _FACTS if not pd.isna(task[name])]
    return pd.DataFrame([("task", task["task_id"]), *known], columns=["what", "value"], dtype=object)


def container_table(containers: pd.DataFrame, task_arn: str) -> pd.DataFrame:
    """Return how the containers of one task are, or how they ended."""
    columns = ["container", "essential", "last_status", "exit_code", "reason", "health_status"]
    return containers.loc[containers["task_arn"] == task_arn, columns]


def last_lines(log_events: pd.DataFrame, task_id: str) -> pd.DataFrame:
    """Return the last lines that one task's containers printed, oldest first; empty if none was read."""
    return log_events.loc[log_events["task_id"] == task_id, ["logged_at", "container", "level", "message"]].tail(
        _LAST_LINES
    )
