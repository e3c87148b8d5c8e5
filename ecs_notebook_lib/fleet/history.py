"""An organisation's recorded history as Dask dataframes: which services failed when, how often, and of what kind.

A partition is a cluster's day, or some services of it: a change may be told twice in two files of a day, so the files,
or row groups, that Dask's own `read_parquet` goes by cannot be partitions. Each is read by the code that reads one
incident's history, and by the same frames. Nothing is read before a result is computed, and then by whichever scheduler
is set: threads of this process, or the workers of `schedulers.connected`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ecs_notebook_lib.errors import MissingExtraError, StoreError
from ecs_notebook_lib.fleet.days import KEYS, SERVICE_DAYS, STOPPED_TASKS, Day, service_days_of, stopped_tasks_of
from ecs_notebook_lib.fleet.parts import ROWS_A_PART, Choice, Part, StorePlace, parts_of, read_part
from ecs_notebook_lib.fleet.told import Told, told_of
from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, UTC_TIME, Column, FrameSchema, declared
from ecs_notebook_lib.history.reading import changes_in
from ecs_notebook_lib.history.store import SCHEMA, Partition

if TYPE_CHECKING:
    import dask.dataframe as dd

SERVICE = KEYS[:4]
_A_DAY = timedelta(days=1)

SUMMARY = FrameSchema(
    "summary",
    "",
    rows="One row a service, those with most failed tasks first.",
    key=SERVICE,
    columns=(
        *SERVICE_DAYS.columns[:4],
        Column("days", COUNT, "", "Days of which anything was kept."),
        Column("days_failing", COUNT, "", "Of these, on which a task or a deployment failed."),
        Column("first_failing_day", UTC_TIME, "", "The first of them."),
        Column("last_failing_day", UTC_TIME, "", "The last of them."),
        *SERVICE_DAYS.columns[5:],
        Column("stop_code", TEXT, "", "Of the failed tasks, the most frequent stop code and kind of reason."),
        Column("reason_kind", TEXT, "", "That kind of reason; missing if it is not known."),
        Column("share_percent", NUMBER, "", "How many of the failed tasks stopped so. [%]"),
    ),
)


class OrganisationHistory:
    """A store, or what is chosen of it, as Dask dataframes.

    Parameters
    ----------
    place
        Where it is; workers open it themselves.
    choice
        Which accounts, regions, clusters and days; others are not read.
    rows
        Rows of one partition, at most, unless a service has more on one day: this bounds the memory of a worker.

    Raises
    ------
    MissingExtraError
        If Dask or DuckDB is not installed.
    StoreError
        If the store cannot be read, or holds nothing of what is chosen.
    """

    def __init__(self, place: StorePlace, choice: Choice | None = None, *, rows: int = ROWS_A_PART) -> None:
        if find_spec("dask") is None or find_spec("duckdb") is None:
            raise MissingExtraError("An organisation's history", extra="fleet")
        self._place = place
        self._choice = choice or Choice()
        self._parts = dict(_parts(place, self._choice, rows))
        self._told: dict[Part, Any] = {}
        if not self.days:
            raise StoreError(place.location, "it holds nothing of what is asked for", advice="Check names and days.")

    @property
    def days(self) -> list[Day]:
        """Return the days of each cluster that are chosen and of which anything is kept."""
        return [day for day in self._parts if self._choice.first <= day[1] <= self._choice.last]

    def changes(self) -> "dd.DataFrame":
        """Return the rows of the store, each change once: `store.SCHEMA` with account, region, cluster and day."""
        import dask.dataframe as dd

        parts = [part for day in self.days for part in self._parts[day]]
        meta = _with_place(SCHEMA.empty_table(), Part(Partition("", "", ""), date.min))
        return dd.from_map(partial(_changes, self._place), parts, meta=meta)

    def service_days(self) -> "dd.DataFrame":
        """Return `days.SERVICE_DAYS`: each service's day, in the day's partition."""
        return self._by_day(service_days_of, SERVICE_DAYS)

    def stopped_tasks(self) -> "dd.DataFrame":
        """Return `days.STOPPED_TASKS`: how many tasks of each service stopped on each day for which kind of reason."""
        return self._by_day(stopped_tasks_of, STOPPED_TASKS)

    def _by_day(self, function: Callable[..., pd.DataFrame], schema: FrameSchema) -> "dd.DataFrame":
        import dask
        import dask.dataframe as dd

        make = dask.delayed(function, pure=True)
        frames = [make(day, *map(self._told_of, _neighbours(day))) for day in self.days]
        return dd.from_delayed(frames, meta=declared(pd.DataFrame(), schema), verify_meta=False)

    def _told_of(self, day: Day) -> list[Any]:
        """Return what the parts of a day tell, made once for the three days that need it."""
        import dask

        told = dask.delayed(_told, pure=True)
        for part in self._parts.get(day, ()):
            if part not in self._told:
                self._told[part] = told(self._place, part)
        return [self._told[part] for part in self._parts.get(day, ())]


def summary(history: OrganisationHistory) -> pd.DataFrame:
    """Return `SUMMARY`, computed now: as many rows as there are services, over however many months."""
    import dask

    services, reasons = dask.compute(_by_service(history.service_days()), _by_reason(history.stopped_tasks()))
    reasons = reasons.reset_index().sort_values(
        ["tasks_failed", "stop_code", "reason_kind"], ascending=[False, True, True]
    )
    most = reasons[reasons["tasks_failed"] > 0].drop_duplicates(list(SERVICE)).set_index(list(SERVICE))
    frame = services.join(most.drop(columns="tasks_failed").assign(most=most["tasks_failed"]))
    frame["share_percent"] = 100 * frame["most"] / frame["tasks_failed"]
    order = ["tasks_failed", "deployments_failed", *SERVICE]
    ascending = [False, False, *(True for _ in SERVICE)]
    return declared(frame.reset_index().sort_values(order, ascending=ascending), SUMMARY)


def _by_service(days: "dd.DataFrame") -> "dd.DataFrame":
    """Return the sums of each service; partitions are summed first, and these sums in pairs of eight."""
    failing = (days["tasks_failed"] > 0) | (days["deployments_failed"] > 0)
    failing_day = days["day"].where(failing)
    days = days.assign(days=1, days_failing=failing.astype("int64"), first=failing_day, last=failing_day)
    sums = [name for name in SERVICE_DAYS.names if name not in KEYS]
    how: Mapping[str, str] = {**dict.fromkeys([*sums, "days", "days_failing"], "sum"), "first": "min", "last": "max"}
    summed = days.groupby(list(SERVICE)).agg(how, split_every=8)
    return summed.rename(columns={"first": "first_failing_day", "last": "last_failing_day"})


def _by_reason(stopped: "dd.DataFrame") -> "dd.DataFrame":
    keys = [*SERVICE, "stop_code", "reason_kind"]
    return stopped.groupby(keys, dropna=False)[["tasks_failed"]].sum(split_every=8)


def _parts(place: StorePlace, choice: Choice, rows: int) -> Iterator[tuple[Day, list[Part]]]:
    """Yield the parts of each day that is chosen, and of the day before and after it."""
    store = place.open()
    for partition in filter(choice.has, store.partitions()):
        for day in store.days(partition):
            if (day - choice.first).days >= -1 and (day - choice.last).days <= 1:
                yield (partition, day), list(parts_of(store, partition, day, rows=rows))


def _neighbours(day: Day) -> Iterator[Day]:
    partition, here = day
    for number in (-1, 0, 1):
        yield partition, here + number * _A_DAY


def _told(place: StorePlace, part: Part) -> Told | None:
    told = told_of(read_part(place, part), part.partition)
    pa.default_memory_pool().release_unused()  # Dask pauses a worker by what the system says that it holds
    return told


def _changes(place: StorePlace, part: Part) -> pd.DataFrame:
    table = read_part(place, part)
    return _with_place(table.take(changes_in(table)), part)


def _with_place(table: pa.Table, part: Part) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.string(): pd.StringDtype(), pa.int64(): pd.Int64Dtype()}.get)
    where = {"account": part.partition.account, "region": part.partition.region, "cluster": part.partition.cluster}
    columns = {name: pd.array([value] * len(frame), dtype="string") for name, value in where.items()}
    return frame.assign(**columns, day=part.day.isoformat()).astype({"day": "string"})
