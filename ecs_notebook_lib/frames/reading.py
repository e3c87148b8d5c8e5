"""Pages at rest → columns, by one mechanism for all frames.

The paths of all frames of an operation make one nested Arrow schema; pyarrow reads the JSON lines once under it, and
what no frame declares is never built. Rows of nested lists are unfolded by index arrays, not in Python.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ecs_notebook_lib.errors import SnapshotError
from ecs_notebook_lib.frames.columns import ARROW_TYPES, UTC_TIME, Column, FrameSchema, declared, dtype_of, missing
from ecs_notebook_lib.snapshot import each_line

_BLOCK_BYTES = 1 << 20
_SEEN = Column("@at", UTC_TIME, "@at", "")
_FIRST_SEEN = Column("first_seen_at", UTC_TIME, "", "")


def read_pages(lines: bytes, schemas: Sequence[FrameSchema]) -> pa.Table:
    """Return the pages of one operation as an Arrow table with every path that `schemas` declare.

    Raises
    ------
    SnapshotError
        If a line is no JSON, or a member is not of the type that AWS gives it.
    """
    columns = [_SEEN, *(column for schema in schemas for column in schema.columns if column.path)]
    schema = _arrow_schema(columns)
    if not lines:
        return schema.empty_table()
    longest = max(map(len, each_line(lines)))
    try:
        pages = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(block_size=max(_BLOCK_BYTES, longest + 1)),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        return pages.combine_chunks()
    except pa.ArrowInvalid as error:
        raise SnapshotError("The snapshot", f"a page of it cannot be read ({str(error)[:120]})") from error


def frame_of(pages: pa.Table, schema: FrameSchema) -> pd.DataFrame:
    """Return the frame that `schema` declares, a row for each element of its innermost list.

    Of rows with the same key the last observation is kept; `first_seen_at` tells of the first. Derived columns are
    there, and missing.
    """
    columns = [column for column in schema.columns if column.path]
    table = _unfold(pages.combine_chunks(), [*columns, _SEEN])
    if schema.key:
        table = _keyed(table, schema.key)
        if _number_of_keys(table, schema.key) < len(table):  # not after one collection, however many rows
            return declared(_last_observations(_to_pandas(table, [*columns, _SEEN, _FIRST_SEEN]), schema), schema)
    return _to_pandas(table, schema.columns)


def _keyed(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return the rows that have a key, with when they were observed first; a refused page has no such row."""
    for name in key:
        if table[name].null_count:
            table = table.filter(pc.is_valid(table[name]))
    return table.append_column(_FIRST_SEEN.name, table[_SEEN.name])


def _number_of_keys(table: pa.Table, key: Sequence[str]) -> int:
    """Return how many keys there are; fewer only if there are more than 2**64 combinations of their members.

    `Table.group_by` counts them as well, and loads a third of pyarrow for it.
    """
    numbers = np.zeros(len(table), dtype=np.uint64)
    for name in key:
        encoded = table[name].combine_chunks().dictionary_encode()
        numbers = numbers * np.uint64(max(1, len(encoded.dictionary))) + encoded.indices.to_numpy().astype(np.uint64)
    return int(pc.count_distinct(pa.array(numbers)).as_py())


def _last_observations(frame: pd.DataFrame, schema: FrameSchema) -> pd.DataFrame:
    """Return the last observation of each key, with when it was first observed."""
    key = list(schema.key)
    frame[_FIRST_SEEN.name] = frame.groupby(key, sort=False)[_SEEN.name].transform("min")
    return frame.sort_values(_SEEN.name, kind="stable").drop_duplicates(key, keep="last").sort_index()


def _to_pandas(table: pa.Table, columns: Sequence[Column]) -> pd.DataFrame:
    """Return a frame with these columns in their dtypes; those that the table does not have are missing throughout."""
    arrays = {column.name: _array_of(table, column) for column in columns}
    return pd.DataFrame(arrays, index=pd.RangeIndex(len(table)), copy=False)


def _array_of(table: pa.Table, column: Column) -> Any:
    if column.name not in table.column_names:
        return missing(len(table), column)
    return dtype_of(column).__from_arrow__(table[column.name])


Steps = tuple[str, ...]


def steps_of(path: str) -> Steps:
    """Return the members that a path leads through, from the page down; `[]` stays with a repeated member."""
    steps = tuple(path.removeprefix("@").split("."))
    return steps if path.startswith("@") else ("response", *steps)


def _arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    tree: dict[str, Any] = {}
    for column in columns:
        *parents, leaf = steps_of(column.path)
        node = tree
        for step in parents:
            node = node.setdefault(step, {})
        node.setdefault(leaf, ARROW_TYPES[column.dtype])
    return pa.schema(_fields(tree))


def _fields(tree: dict[str, Any]) -> list[pa.Field]:
    fields = []
    for step, below in tree.items():
        kind = pa.struct(_fields(below)) if isinstance(below, dict) else below
        fields.append(pa.field(step.removesuffix("[]"), pa.list_(kind) if step.endswith("[]") else kind))
    return fields


def _unfold(pages: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """Return one row for each element of the innermost list that a path leads through."""
    lists = max((_list_path(column) for column in columns), key=len)
    arrays: dict[Steps, pa.Array] = {}
    parents: dict[Steps, pa.Array] = {}
    for depth in range(1, len(lists) + 1):
        here = _at(pages, arrays, lists[:depth])
        arrays[lists[:depth]] = here.flatten()
        parents[lists[:depth]] = pc.list_parent_indices(here)
    return pa.table(
        {column.name: _spread(_at(pages, arrays, steps_of(column.path)), column, lists, parents) for column in columns}
    )


def _list_path(column: Column) -> Steps:
    """Return the path down to the innermost list of a column, a step for each list: `(response.tasks[], …)`."""
    groups: list[str] = []
    pending: list[str] = []
    for step in steps_of(column.path):
        pending.append(step)
        if step.endswith("[]"):
            groups.append(".".join(pending))
            pending = []
    return tuple(groups)


def _at(pages: pa.Table, arrays: dict[Steps, pa.Array], path: Steps) -> pa.Array:
    """Return the array at a path, one element for each element of the list that holds it."""
    text = ".".join(path)
    whole = next((prefix for prefix in arrays if text == ".".join(prefix)), ())
    if whole:  # the elements of an innermost list of plain values
        return arrays[whole]
    inner = max((prefix for prefix in arrays if text.startswith(".".join(prefix) + ".")), key=len, default=())
    rest = text[len(".".join(inner)) + 1 :] if inner else text
    names = [step.removesuffix("[]") for step in rest.split(".")]
    if inner:
        return pc.struct_field(arrays[inner], names)
    column = pages[names[0]]
    chunk = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return pc.struct_field(chunk, names[1:]) if names[1:] else chunk


def _spread(values: pa.Array, column: Column, lists: Steps, parents: dict[Steps, pa.Array]) -> pa.Array:
    """Repeat the values of an outer level for each row of the innermost list."""
    for depth in range(len(_list_path(column)) + 1, len(lists) + 1):
        values = values.take(parents[lists[:depth]])
    return values
