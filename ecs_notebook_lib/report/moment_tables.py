"""The deployment at one moment: what was known then, and nothing that came later."""

import pandas as pd

from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.time_steps import ROUND_MINUTES

_MOST = 300
_FRESH = pd.Timedelta(minutes=5)
_NEWEST = 5
_TASK_TIMES = ("created_at", "started_at", "stopping_at", "stopped_at")


def moments_of(frames: Frames, since: pd.Timestamp) -> list[pd.Timestamp]:
    """Return the minutes since `since` at whose end something had happened, in order; of a long time, longer pieces.

    Something is: a task came, started or ended, ECS wrote an event, a deployment began or ended.
    """
    columns = [frames.tasks[name] for name in _TASK_TIMES]
    columns += [frames.events["created_at"]]
    columns += [frames.service_deployments[name] for name in ("created_at", "finished_at")]
    times = pd.concat(columns, ignore_index=True).dropna()
    times = times[times >= since]
    for minutes in ROUND_MINUTES:
        moments = times.dt.ceil(f"{minutes}min").drop_duplicates().sort_values()
        if len(moments) <= _MOST:
            break
    return list(moments.tail(_MOST))


def tasks_at(tasks: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Return how many tasks of each revision were in which state at `at`, of those that ECS still lists."""
    there = tasks[tasks["created_at"] <= at]
    state = pd.Series("pending", index=there.index, dtype="string")
    for column, name in (("started_at", "running"), ("stopping_at", "stopping"), ("stopped_at", "stopped")):
        state = state.where(~(there[column] <= at).fillna(False), name)
    counts = pd.crosstab(there["revision"].fillna("unknown revision"), state)
    counts = counts.reindex(columns=["pending", "running", "stopping", "stopped"], fill_value=0)
    return counts.rename_axis(columns=None).reset_index().sort_values("revision", ascending=False)


def targets_at(metrics: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Return CloudWatch's last counts of healthy and unhealthy targets, if they were not older than five minutes."""
    counted = metrics[metrics["metric"].isin(["HealthyHostCount", "UnHealthyHostCount"])]
    counted = counted[(counted["began_at"] <= at) & (counted["began_at"] > at - _FRESH)]
    last = counted.drop_duplicates(["metric", "resource"], keep="last")
    return last[["metric", "value", "began_at"]].rename(columns={"metric": "targets", "began_at": "counted_at"})


def deployments_at(service_deployments: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Return the newest deployments that had begun by `at`: how each had ended by then, or that it had not."""
    begun = service_deployments[service_deployments["created_at"] <= at]
    ended = (begun["finished_at"] <= at).fillna(False)
    status = begun["status"].where(ended, "not over yet")
    return begun.assign(status=status)[["created_at", "revision", "status"]].head(_NEWEST)


def events_at(events: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Return the newest service events that ECS had written by `at`."""
    return events.loc[events["created_at"] <= at, ["created_at", "message"]].head(_NEWEST)
