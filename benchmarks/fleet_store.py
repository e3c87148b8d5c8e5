"""A store of a made-up organisation: eight clusters of fifty services, a hundred thousand changes a day each.

Simulated throughout. States hold the members that the frames read and some text as long as the rest; they are put
together column by column, so that fifty million are written in minutes. A twentieth of each day is there twice, and of
each service some tasks stop before midnight and are told after it.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecs_notebook_lib.history.store import SCHEMA, Partition

FIRST = date(2026, 1, 1)
CLUSTERS = [
    Partition(f"{account:012d}", "us-east-1", cluster)
    for account in (111122223333, 222233334444, 333344445555, 444455556666)
    for cluster in ("prod", "batch")
]
SERVICES, TASKS, LATE = 50, 160, 2
"""Services of a cluster; tasks that each starts a day; how many of these are seen to be stopped after midnight only."""

_STATUSES = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "DEPROVISIONING", "STOPPED")
_SECONDS = (0, 10, 25, 40, 400, 420, 440)
"""When a task gets there, after its creation."""
_DEPLOYMENT_ROWS, _EVENTS, _TARGETS, _STATES = 380, 160, 320, 20
_DAY_SECONDS = 86_400
_REST = "a member that no frame reads, " * 12
_STOPS = (
    ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"),
    ("EssentialContainerExited", "Essential container in task exited"),
    (
        "TaskFailedToStart",
        "ResourceInitializationError: failed to validate logger args: create stream has been retried",
    ),
)

Column = Sequence[Any] | np.ndarray


@dataclass(frozen=True, slots=True)
class Written:
    """What a store was filled with: different changes of state, files' rows, and stopped tasks."""

    changes: int
    rows: int
    tasks_stopped: int
    days: int


def rows_a_day() -> int:
    """Return the changes of a cluster's day."""
    return len(_model())


def fill(folder: Path, rows: int) -> Written:
    """Write about so many different changes of state, of three days or more, as `store.Store` would keep them."""
    clusters = CLUSTERS[: max(1, rows // (3 * rows_a_day()))]
    days = max(3, round(rows / (rows_a_day() * len(clusters))))
    jobs = [(place, number) for place in clusters for number in range(days)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        counts = list(pool.map(partial(_write, folder), *zip(*jobs, strict=True), chunksize=8))
    changes, told = map(sum, zip(*counts, strict=True))
    stopped = len(clusters) * SERVICES * (TASKS * days - LATE)  # the last day's late ones are not told any more
    return Written(changes, told, stopped, days)


def _write(folder: Path, place: Partition, number: int) -> tuple[int, int]:
    day = FIRST + timedelta(days=number)
    table = _day(place, day, is_first=number == 0)
    files = {"day": table, "second-recorder": table.slice(len(table) // 3, len(table) // 20)}
    here = folder / place.day(day)
    here.mkdir(parents=True)
    for name, part in files.items():
        pq.write_table(part, here / f"{name}.parquet", compression="zstd", row_group_size=20_000)
    return len(table), sum(map(len, files.values()))


@cache
def _model() -> pa.Table:
    """Return what is the same on every day: kinds, services, numbers, and seconds after midnight; sorted by service."""
    parts = [_tasks(service) for service in range(SERVICES)] + [_others(service) for service in range(SERVICES)]
    table = pa.concat_tables(parts).sort_by([("service", "ascending"), ("kind", "ascending"), ("number", "ascending")])
    created = table["created"].to_numpy()
    clocks = {
        "clock": _clock(table["second"].to_numpy()),
        "created": _clock(created),
        "started": _clock(created + _SECONDS[3]),
        "stopped": _clock(created + _SECONDS[-1]),
    }
    return pa.table({**dict(zip(table.column_names, table.columns, strict=True)), **clocks})


def _tasks(service: int) -> pa.Table:
    tasks = np.repeat(np.arange(TASKS), len(_STATUSES))
    states = np.tile(np.arange(len(_STATUSES)), TASKS)
    late = (tasks < LATE) & (states == len(_STATUSES) - 1)
    created = np.where(tasks < LATE, _DAY_SECONDS - _SECONDS[-1] - 1, tasks * 530)
    second = np.where(late, 10, created + np.asarray(_SECONDS)[states])
    return _table(service, "task", service * TASKS + tasks, second, version=states + 1, late=late, created=created)


def _others(service: int) -> pa.Table:
    kinds = {"deployment": _DEPLOYMENT_ROWS, "service_event": _EVENTS, "target": _TARGETS, "service": _STATES}
    tables = []
    for kind, count in kinds.items():
        numbers = np.arange(count)
        second = numbers * (_DAY_SECONDS // count)
        tables.append(_table(service, kind, service * 1000 + numbers, second, version=numbers, created=second))
    return pa.concat_tables(tables)


def _table(service: int, kind: str, number: Column, second: Column, **columns: Column) -> pa.Table:
    count = len(number)
    late = columns.pop("late", np.zeros(count, dtype=bool))
    every: Mapping[str, Any] = {"service": [f"service-{service:03d}"] * count, "kind": [kind] * count}
    return pa.table({**every, "number": number, "second": second, "late": late, **columns})


def _day(place: Partition, day: date, *, is_first: bool) -> pa.Table:
    """Return a cluster's day under `store.SCHEMA`; those late in it are of the day before."""
    model = _model().filter(pc.invert(_model()["late"])) if is_first else _model()
    own = pc.if_else(model["late"], (day - timedelta(days=1)).isoformat(), day.isoformat())
    midnight = int(np.datetime64(day, "us").astype("int64"))
    at = pa.array(model["second"].to_numpy() * 1_000_000 + midnight).cast(SCHEMA.field("changed_at").type)
    arn = f"arn:aws:ecs:{place.region}:{place.account}:"
    keys, states = _keys(model, own, arn, place.cluster), _states_of(model, own, arn, place.cluster)
    count = len(model)
    scope = pa.array([f"{arn}cluster/{place.cluster}"]).take(pa.array(np.zeros(count, dtype="int8")))
    version = pc.if_else(pc.equal(model["kind"], "task"), model["version"], pa.scalar(None, pa.int64()))
    origin = pa.array(["live"]).take(pa.array(np.zeros(count, dtype="int8")))
    columns = [at, model["kind"], model["service"], scope, keys, version, origin, states]
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True)), SCHEMA)


def _keys(model: pa.Table, own: Any, arn: str, cluster: str) -> Any:
    number = pc.utf8_lpad(model["number"].cast(pa.string()), 8, "0")
    once = pc.is_in(model["kind"], pa.array(["task", "service_event"]))
    name = pc.if_else(once, _joined(own, "-", number), model["service"])
    return _joined(arn, model["kind"], f"/{cluster}/", name)


def _states_of(model: pa.Table, own: Any, arn: str, cluster: str) -> Any:
    """Return each state as JSON; a deployment is short of one task in a tenth of its rows."""
    keys, time = _keys(model, own, arn, cluster), _joined(own, model["clock"])
    number = model["number"].to_numpy()
    version = model["version"].to_numpy()
    running = pa.array(np.where(number % 10 == 9, 2, 3)).cast(pa.string())
    other = _joined('{"id":"', keys, '","serviceArn":"', keys, '","desiredCount":3,"runningCount":', running)
    other = _joined(other, ',"rolloutState":"COMPLETED","updatedAt":"', time, '","rest":"', _REST[:200], '"}')
    status = pa.array(_STATUSES).take(pa.array(np.minimum(version - 1, len(_STATUSES) - 1).clip(0)))
    started = pc.if_else(pc.greater_equal(model["version"], 4), _joined('","startedAt":"', own, model["started"]), "")
    task = _joined('{"taskArn":"', keys, '","lastStatus":"', status, '","createdAt":"', own, model["created"], started)
    ended = _joined('","stoppedAt":"', own, model["stopped"], '","stopCode":"', _stop(number, 0))
    ended = _joined(ended, '","stoppedReason":"', _stop(number, 1))
    task = _joined(task, pc.if_else(pc.equal(model["version"], 7), ended, ""), '","rest":"', _REST, '"}')
    return pc.if_else(pc.equal(model["kind"], "task"), task, other)


def _stop(number: np.ndarray, member: int) -> Any:
    """Return why tasks stop: those of one service in twenty fail, all others are stopped by a rollout."""
    service = number // TASKS
    why = np.where(service % 20 == 7, 1 + number % 2, 0)
    return pa.array([stop[member] for stop in _STOPS]).take(pa.array(why))


def _clock(seconds: np.ndarray) -> pa.Array:
    """Return seconds after midnight as the second half of an ISO 8601 text."""
    return pa.array([f"{text[10:]}Z" for text in np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s")])


def _joined(*parts: Any) -> Any:
    return pc.binary_join_element_wise(*parts, "")
