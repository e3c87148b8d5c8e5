"""A cluster's day from what its parts, and those of the day before and after, tell: a row for each service. Pure.

A thing counts on the day in its own time, if that day or the next one tells it and the day before does not: the first
look after midnight tells what came about before it, and each day repeats what is still there. What nobody recorded
until a day later is left out, for nobody knows what else was missed.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from ecs_notebook_lib.fleet.told import DEPLOYMENT_FAILED, STARTED, STOPPED, Told
from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, UTC_TIME, Column, FrameSchema, declared
from ecs_notebook_lib.history.store import Partition

_WHERE = (
    Column("account", TEXT, "", "Account."),
    Column("region", TEXT, "", "Region."),
    Column("cluster", TEXT, "", "Name of the cluster."),
    Column("service", TEXT, "", "Name of the service."),
    Column("day", UTC_TIME, "", "Begin of the day in UTC."),
)
KEYS = ("account", "region", "cluster", "service", "day")

SERVICE_DAYS = FrameSchema(
    "service_days",
    "",
    rows="One row a service and day of which anything was kept.",
    key=KEYS,
    columns=(
        *_WHERE,
        Column("changes", COUNT, "", "Changes of state kept on that day, each once; it begins with all states anew."),
        Column("tasks_started", COUNT, "", "Tasks that reached RUNNING on that day."),
        Column("tasks_stopped", COUNT, "", "Tasks that reached STOPPED on that day."),
        Column("tasks_failed", COUNT, "", "Of these, that failed to start, exited, or failed a health check."),
        Column("deployments_failed", COUNT, "", "Deployments that became FAILED on that day."),
        Column(
            "below_desired_minutes",
            NUMBER,
            "",
            "How long fewer tasks ran than desired, as far as it was seen; missing if no desired count is known. [min]",
        ),
    ),
)

STOPPED_TASKS = FrameSchema(
    "stopped_tasks",
    "",
    rows="One row a service, day, stop code and kind of reason.",
    columns=(
        *_WHERE,
        Column("stop_code", TEXT, "", "ECS's enum, e.g. TaskFailedToStart; missing if ECS told none."),
        Column("reason_kind", TEXT, "", "What ECS's sentence means, by `knowledge/messages`; missing if not known."),
        Column("tasks", COUNT, "", "Tasks that stopped so."),
        Column("tasks_failed", COUNT, "", "Of these, that failed: `service_days` says what that is."),
    ),
)

_A_LOOK = timedelta(minutes=5)
"""A day that begins so soon after midnight shows that the recorder ran through it."""

Day = tuple[Partition, date]
Parts = Sequence[Told | None]


def service_days_of(day: Day, before: Parts, told: Parts, after: Parts) -> pd.DataFrame:
    """Return `SERVICE_DAYS` of a cluster's day from the parts of it and of its neighbours; none are there: empty."""
    here = [part for part in told if part is not None]
    if not here:
        return declared(pd.DataFrame(), SERVICE_DAYS)
    services = pd.concat([part.services for part in here], ignore_index=True).set_index("service")
    things = _things_of(day, before, told, after)
    below = services["below_minutes"] + _until_end(services["below_since"], day[1], here, after)
    counted = {
        "changes": services["changes"].fillna(0),
        "tasks_started": _count(things[things["what"] == STARTED]),
        "tasks_stopped": _count(things[things["what"] == STOPPED]),
        "tasks_failed": _count(things[things["failed"]]),
        "deployments_failed": _count(things[things["what"] == DEPLOYMENT_FAILED]),
    }
    frame = pd.DataFrame(counted).fillna(0).assign(below_desired_minutes=below)
    return _named(frame.sort_index().rename_axis("service").reset_index(), day, SERVICE_DAYS)


def stopped_tasks_of(day: Day, before: Parts, told: Parts, after: Parts) -> pd.DataFrame:
    """Return `STOPPED_TASKS` of a cluster's day, as `service_days_of`."""
    things = _things_of(day, before, told, after)
    stopped = things[things["what"] == STOPPED]
    groups = stopped.groupby(["service", "stop_code", "reason_kind"], dropna=False)["failed"]
    return _named(groups.agg(tasks="count", tasks_failed="sum").reset_index(), day, STOPPED_TASKS)


def _things_of(day: Day, before: Parts, told: Parts, after: Parts) -> pd.DataFrame:
    """Return what came about on the day in its own time."""
    known = _things(before)
    here = _things(told)
    later = _things(after)
    now = here[_of_day(here, day[1]) & ~_are_in(here, known)]
    late = later[_of_day(later, day[1]) & ~_are_in(later, here)]
    return pd.concat([now, late], ignore_index=True)


def _things(parts: Parts) -> pd.DataFrame:
    here = [part.things for part in parts if part is not None]
    return pd.concat(here, ignore_index=True) if here else _NOTHING


_NOTHING = pd.DataFrame({"service": [], "what": [], "thing": [], "at": [], "failed": []}).astype(
    {"thing": "uint64", "at": UTC_TIME, "failed": "bool"}
)


def _of_day(things: pd.DataFrame, day: date) -> pd.Series:
    begin = _midnight(day)
    return (things["at"] >= begin) & (things["at"] < begin + timedelta(days=1))


def _are_in(things: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    pairs = pd.MultiIndex.from_frame(things[["what", "thing"]])
    return pd.Series(pairs.isin(pd.MultiIndex.from_frame(others[["what", "thing"]])), index=things.index)


def _count(things: pd.DataFrame) -> pd.Series:
    return things["service"].value_counts()


def _until_end(since: pd.Series, day: date, here: Sequence[Told], after: Parts) -> pd.Series:
    """Return the minutes from each service's last row to the end of what was seen: midnight, or the last row of all."""
    midnight = _midnight(day) + timedelta(days=1)
    next_at = min((part.first_at for part in after if part is not None), default=midnight + 2 * _A_LOOK)
    end = midnight if next_at - midnight <= _A_LOOK else max(part.last_at for part in here)
    minutes: pd.Series = (end - since).dt.total_seconds() / 60
    return minutes.fillna(0.0).clip(lower=0.0)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _named(frame: pd.DataFrame, day: Day, schema: FrameSchema) -> pd.DataFrame:
    partition, date_ = day
    where = {"account": partition.account, "region": partition.region, "cluster": partition.cluster}
    return declared(frame.assign(**where, day=pd.Timestamp(_midnight(date_))), schema)
