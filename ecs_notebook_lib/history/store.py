"""The store: Parquet by account, region, cluster and day; each file is whole, is never edited, and may hold duplicates.

A file is one batch that was kept at once. Who reads drops what is told twice: after a crash, by a second recorder, or
from a file and the one that it was compacted into.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from itertools import chain
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.history.changes import Last, digest_of_text, text_of
from ecs_notebook_lib.history.files import Files, files_at
from ecs_notebook_lib.history.rows import Row

SCHEMA = pa.schema(
    [
        ("changed_at", pa.timestamp("us", "UTC")),
        ("kind", pa.string()),
        ("service", pa.string()),
        ("scope", pa.string()),
        ("key", pa.string()),
        ("version", pa.int64()),
        ("origin", pa.string()),
        ("state", pa.string()),
    ]
)
"""Columns of a file; account, region, cluster and day are in its path (hive partitions)."""

_ROWS_A_GROUP = 20_000
"""Rows that are read or skipped together: a day is sorted by service, so that most groups of it can be skipped."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The cluster whose rows are meant."""

    account: str
    region: str
    cluster: str

    @property
    def path(self) -> str:
        """Return the folder of its days."""
        return f"account={self.account}/region={self.region}/cluster={self.cluster}"

    def day(self, day: date) -> str:
        """Return the folder of a day."""
        return f"{self.path}/day={day.isoformat()}"


class Store:
    """Keeps rows, and reads them back."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def keep(self, rows: Sequence[Row]) -> None:
        """Write rows; when this returns, they are kept.

        Raises
        ------
        StoreError, OSError
            If they could not be written, or not all of them; to keep them once more does no harm.
        """
        parts: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            parts[Partition(row.account, row.region, row.cluster).day(row.at.date())].append(row)
        for folder, batch in sorted(parts.items()):
            name = f"{max(row.at for row in batch):%Y%m%dT%H%M%S}-{secrets.token_hex(6)}.parquet"
            self.files.put(f"{folder}/{name}", parquet_of(table_of(batch)))

    def partitions(self) -> list[Partition]:
        """Return the clusters of which anything is kept."""
        folders = [""]
        for _ in range(3):
            folders = [f"{above}/{name}".strip("/") for above in folders for name in self.files.folders(above)]
        values = [[part.partition("=")[2] for part in folder.split("/")] for folder in folders]
        return [Partition(*row) for row in values if len(row) == 3]

    def days(self, partition: Partition) -> list[date]:
        """Return the days of which anything is kept, oldest first."""
        names = (name.partition("=")[2] for name in self.files.folders(partition.path))
        return sorted(day for day in map(_date, names) if day is not None)

    def paths(self, partition: Partition, days: Iterable[date]) -> list[str]:
        """Return the files of these days."""
        return [path for day in days for path in self.files.listed(partition.day(day)) if path.endswith(".parquet")]

    def dataset(self, partition: Partition, days: Iterable[date]) -> ds.Dataset:
        """Return the rows of these days as a dataset under `SCHEMA`, without having read them."""
        return self.dataset_of(self.paths(partition, days))

    def dataset_of(self, paths: Iterable[str]) -> ds.Dataset:
        """Return the rows of these files as a dataset under `SCHEMA`, without having read them."""
        filesystem, begin = self.files.filesystem()
        return ds.dataset([begin + path for path in paths], schema=SCHEMA, format="parquet", filesystem=filesystem)

    def last_states(self, partition: Partition, days: Iterable[date], *, kind: str = "") -> Iterator[Last]:
        """Yield the states that were kept on these days, the last of each thing last: what a recorder goes on from."""
        rows = self.dataset(partition, days)
        rows = rows.filter(ds.field("kind") == kind) if kind else rows
        rows = rows.sort_by([("changed_at", "ascending"), ("version", "ascending")])
        for record in chain.from_iterable(batch.to_pylist() for batch in rows.to_batches()):
            text = record["state"]
            yield Last(_row(record, partition, None), digest_of_text(text.encode()) if text else "")


def open_store(location: str, clients: Clients | None = None) -> Store:
    """Return the store at a location: a folder, or `s3://BUCKET[/PREFIX]`, which `clients` reach.

    Raises
    ------
    StoreError
        If the location cannot be one.
    """
    return Store(files_at(location, clients))


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Return rows as a table under `SCHEMA`."""
    records = [
        {
            "changed_at": row.at.astimezone(UTC),
            "kind": row.kind,
            "service": row.service,
            "scope": row.scope,
            "key": row.key,
            "version": row.version,
            "origin": row.origin,
            "state": None if row.state is None else text_of(row).decode(),
        }
        for row in rows
    ]
    return pa.Table.from_pylist(records, SCHEMA)


def parquet_of(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    stream = pa.BufferOutputStream()
    pq.write_table(table, stream, compression="zstd", row_group_size=_ROWS_A_GROUP)
    return bytes(stream.getvalue())


def rows_of(records: Iterable[Mapping[str, Any]], partition: Partition) -> Iterator[Row]:
    """Yield the rows that were kept as these records."""
    for record in records:
        yield _row(record, partition, record["state"])


def _row(record: Mapping[str, Any], partition: Partition, state: str | None) -> Row:
    return Row(
        record["changed_at"],
        record["kind"],
        partition.account,
        partition.region,
        partition.cluster,
        record["service"],
        record["scope"],
        record["key"],
        record["version"],
        record["origin"],
        None if state is None else orjson.loads(state),
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
