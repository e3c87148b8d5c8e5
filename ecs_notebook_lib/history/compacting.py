"""Making one file of each day that is over: sorted by service, each change once."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from ecs_notebook_lib.history.reading import each_change_once, streamed
from ecs_notebook_lib.history.store import SCHEMA, Partition, Store, parquet_of

_ORDER = ("service", "kind", "scope", "key", "changed_at", "version", "state")


@dataclass(frozen=True, slots=True)
class Compacted:
    """A day that was made one file: how many files and rows it had, and how many rows it has."""

    partition: Partition
    day: date
    files: int
    rows_before: int
    rows: int


def compact(store: Store, *, before: date) -> Iterator[Compacted]:
    """Make one file of each day before a date, and yield those that were more.

    The new file is there before the old ones go, and only files that went into it do: stopped at any instant, or done
    twice at once, it loses nothing.
    """
    for partition in store.partitions():
        for day in store.days(partition):
            if day < before:
                yield from _day(store, partition, day)


def _day(store: Store, partition: Partition, day: date) -> Iterator[Compacted]:
    paths = store.paths(partition, [day])
    if len(paths) < 2:
        return
    dataset = store.dataset_of(paths)
    rows_before = dataset.count_rows()
    table = pa.Table.from_batches(each_change_once(streamed(dataset), *_ORDER), SCHEMA)
    content = parquet_of(table)
    whole = f"{partition.day(day)}/day-{hashlib.sha256(content).hexdigest()[:24]}.parquet"
    if whole not in paths:
        store.files.put(whole, content)
    for path in paths:
        if path != whole:
            store.files.remove(path)
    yield Compacted(partition, day, len(paths), rows_before, len(table))
