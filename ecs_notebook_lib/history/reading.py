"""From the store to the rows of one service in one window, each change once.

Files stream through DuckDB, which holds the rows of that service only: memory does not grow with the store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ecs_notebook_lib.history.changes import ONCE
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import SCHEMA, Partition, Store, rows_of

_DAY = timedelta(days=1)
ROWS_A_BATCH = 20_000
_AHEAD = 2
"""Batches and files that pyarrow reads ahead: its defaults are made for speed and hold hundreds of megabytes."""

_EACH_CHANGE_ONCE = f"""
    SELECT {{columns}} FROM (
        SELECT *,
            row_number() OVER (PARTITION BY kind, scope, key, version ORDER BY changed_at, {{tie}}) AS same_version,
            row_number() OVER thing AS number,
            lag(state) OVER thing AS state_before
        FROM told
        WINDOW thing AS (PARTITION BY kind, scope, key ORDER BY changed_at, version, {{tie}})
    )
    WHERE CASE
        WHEN version IS NOT NULL AND state IS NOT NULL THEN same_version = 1
        WHEN kind IN ({", ".join(f"'{kind}'" for kind in sorted(ONCE))}) THEN number = 1
        ELSE number = 1 OR state IS DISTINCT FROM state_before
    END
    ORDER BY {{order}}
"""  # noqa: S608  made of this module's own names
"""What was told twice is dropped: of a version the first row, of a state without one the first of equal neighbours."""

_DIGESTS = """
    WITH told AS (
        SELECT position, kind, scope, key, changed_at, version, tie,
            CASE WHEN state IS NOT NULL THEN hash(state) END AS state
        FROM rows
    )
"""
"""A state's 64 bits in place of its text, which is compared with its neighbours' only.

`tie` is the text where a thing has several rows of one time and version: the text says which is first.
"""


def each_change_once(told: Any, *order: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a dataset or reader under `store.SCHEMA`, duplicates dropped, in the order of columns."""
    with _connection() as connection:
        connection.register("told", told)
        query = _EACH_CHANGE_ONCE.format(columns=", ".join(SCHEMA.names), tie="state", order=", ".join(order))
        yield from connection.sql(query).to_arrow_reader(ROWS_A_BATCH)


def changes_in(table: pa.Table) -> pa.Array:
    """Return the positions of a table's rows that are left when duplicates are dropped, in order of time.

    The table is under `store.SCHEMA`. The rule is that of `each_change_once`, for rows that memory holds: their states,
    which are most of their bytes, are not moved. One thread is used.
    """
    codes = {name: _codes(table[name]) for name in ("scope", "key")}
    columns = {name: table[name] for name in ("kind", "changed_at", "version")}
    at_once = pa.table({**columns, **codes}).to_pandas().duplicated(keep=False).to_numpy()
    tie = pc.if_else(pa.array(at_once), table["state"], None)
    rows = pa.table({**columns, **codes, "state": table["state"], "tie": tie, "position": np.arange(len(table))})
    with _connection() as connection:
        connection.execute("SET threads = 1")
        connection.register("rows", rows)
        query = _DIGESTS + _EACH_CHANGE_ONCE.format(
            columns="position", tie="tie", order="changed_at, version, tie, position"
        )
        return connection.sql(query).to_arrow_table()["position"].combine_chunks()


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")  # else times come back in the zone of this machine
        connection.execute("SET enable_progress_bar = false")  # else a notebook or a worker prints one
        yield connection


def _codes(texts: pa.ChunkedArray) -> pa.Array:
    """Return equal numbers for equal texts: they are compared much faster."""
    return texts.combine_chunks().dictionary_encode().indices


def rows_of_service(store: Store, partition: Partition, service: str, window: tuple[datetime, datetime]) -> list[Row]:
    """Return what was kept of a service (its name) in a window, each change once, oldest first.

    The day before the window is read as well: what did not change since stands there.
    """
    first, last = window[0].date() - _DAY, window[1].date()
    dataset = store.dataset(partition, [day for day in store.days(partition) if first <= day <= last])
    wanted = (ds.field("service") == service) & (ds.field("changed_at") <= window[1])
    return _rows(dataset, partition, wanted)


def rows_of_partition(store: Store, partition: Partition) -> list[Row]:
    """Return all that was kept of a cluster, each change once, oldest first: as much as memory holds."""
    return _rows(store.dataset(partition, store.days(partition)), partition)


def _rows(dataset: ds.Dataset, partition: Partition, wanted: ds.Expression | None = None) -> list[Row]:
    batches = each_change_once(streamed(dataset, wanted), "changed_at", "kind", "scope", "key", "version")
    return list(rows_of(chain.from_iterable(batch.to_pylist() for batch in batches), partition))


def streamed(dataset: ds.Dataset, wanted: ds.Expression | None = None, *, threads: bool = True) -> Any:
    """Return a reader of a dataset's rows that holds a few batches at a time."""
    scanner = dataset.scanner(
        filter=wanted,
        batch_size=ROWS_A_BATCH,
        batch_readahead=_AHEAD,
        fragment_readahead=_AHEAD,
        use_threads=threads,
    )
    return scanner.to_reader()
