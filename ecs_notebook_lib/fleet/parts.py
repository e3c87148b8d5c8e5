"""A store of history in parts that memory holds: a cluster's day, or some services of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from ecs_notebook_lib.collect import Access, open_clients
from ecs_notebook_lib.history.reading import streamed
from ecs_notebook_lib.history.sources import needs_aws
from ecs_notebook_lib.history.store import Partition, Store, open_store

ROWS_A_PART = 200_000
"""Rows of one part, at most: some 300 MB of states. One service's rows of a day are never parted."""

_LEAST_BYTES = 4
"""A row takes more, compressed: a day of so few bytes a row is one part, and its rows are not counted."""


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where a store is, in a form that goes to a worker: no credentials are in it, each worker has its own."""

    location: str
    access: Access = field(default_factory=Access)

    def open(self) -> Store:
        """Return the store.

        Raises
        ------
        StoreError
            If the location cannot be one.
        AccessError
            If it is in S3, and AWS cannot be called.
        """
        return open_store(self.location, open_clients(self.access) if needs_aws(self.location) else None)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which part of an organisation is meant; what is empty means all. Days are in UTC, the last one included."""

    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()
    first: date = date.min
    last: date = date.max

    def has(self, partition: Partition) -> bool:
        """Say whether a cluster is meant."""
        pairs = (
            (self.accounts, partition.account),
            (self.regions, partition.region),
            (self.clusters, partition.cluster),
        )
        return all(not wanted or value in wanted for wanted, value in pairs)


@dataclass(frozen=True, slots=True)
class Part:
    """Some services of one cluster on one day: from one name up to, and without, another; None: to the last."""

    partition: Partition
    day: date
    begin: str = ""
    end: str | None = None


def parts_of(store: Store, partition: Partition, day: date, *, rows: int = ROWS_A_PART) -> Iterator[Part]:
    """Yield the parts of a cluster's day; of few bytes it is one, and is not looked into."""
    filesystem, begin = store.files.filesystem()
    listed = filesystem.get_file_info(fs.FileSelector(begin + partition.day(day), recursive=True))
    size = sum(info.size or 0 for info in listed)
    names = _begins(store.dataset(partition, [day]), rows) if size > rows * _LEAST_BYTES else [""]
    for name, following in zip(names, [*names[1:], None], strict=True):
        yield Part(partition, day, name, following)


def _begins(dataset: ds.Dataset, rows: int) -> list[str]:
    """Return the names at which parts begin, each part of so many rows at most, if no service has more."""
    if dataset.count_rows() <= rows:
        return [""]
    counts = dataset.to_table(columns=["service"])["service"].value_counts()
    begins, held = [""], 0
    for name, count in sorted((str(row["values"]), int(row["counts"])) for row in counts.to_pylist()):
        if held and held + count > rows:
            begins.append(name)
            held = 0
        held += count
    return begins


def read_part(place: StorePlace, part: Part) -> pa.Table:
    """Return the rows of a part under `store.SCHEMA`, as they were told: duplicates are among them."""
    store = place.open()
    name = ds.field("service")
    wanted = (name >= part.begin) & (name < part.end) if part.end is not None else name >= part.begin
    return streamed(store.dataset(part.partition, [part.day]), wanted, threads=False).read_all()
