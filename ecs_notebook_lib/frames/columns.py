"""Declared columns: one table is the name map, the dtypes and the documentation of a frame."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

TEXT = "string"
TRUTH = "boolean"
COUNT = "Int64"
NUMBER = "Float64"
UTC_TIME = "datetime64[us, UTC]"

ARROW_TYPES: dict[str, pa.DataType] = {
    TEXT: pa.string(),
    TRUTH: pa.bool_(),
    COUNT: pa.int64(),
    NUMBER: pa.float64(),
    UTC_TIME: pa.timestamp("us", "UTC"),
}
"""The five dtypes: all of them can be missing."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, dtype, path in the response, and meaning with the unit in square brackets.

    A path names members as AWS does, `[]` behind a repeated one: `tasks[].containers[].exitCode`. `@` leads to the
    page itself: `@at`, `@params.TargetGroupArn`. A derived column has no path.
    """

    name: str
    dtype: str
    path: str
    meaning: str


@dataclass(frozen=True, slots=True)
class FrameSchema:
    """A frame: where its rows come from, what identifies one, and which refusals leave it incomplete.

    `operation` is the one whose pages are read (`""`: the frame is derived from others); `key` the columns of which
    the last observation is kept; `needs` the operations without which rows may be missing; `rows` what a row is and
    what an empty frame means. `remembers` says that a row stays although a later answer to the same question does not
    hold it any more: AWS forgets events, tasks and targets.
    """

    name: str
    operation: str
    columns: tuple[Column, ...]
    rows: str
    key: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    remembers: bool = False

    @property
    def names(self) -> list[str]:
        """Return the names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def dtypes(self) -> dict[str, str]:
        """Return the dtype of each column."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def required(self) -> tuple[str, ...]:
        """Return the operations whose refusal leaves this frame incomplete."""
        return self.needs or ((self.operation,) if self.operation else ())


def texts(values: Iterable[str | None], index: pd.Index) -> pd.Series:
    """Return a column of texts, missing where a value is None."""
    return pd.Series(list(values), index=index, dtype=TEXT)


def declared(frame: pd.DataFrame, schema: FrameSchema) -> pd.DataFrame:
    """Return `frame` with exactly the declared columns and dtypes, in order; absent ones are missing throughout."""
    columns = {column.name: _values(frame, column) for column in schema.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), copy=False)


def _values(frame: pd.DataFrame, column: Column) -> Any:
    """Return the values of a column without their index; converting what has the dtype already costs most."""
    if column.name not in frame.columns:
        return missing(len(frame), column)
    values, dtype = frame[column.name], dtype_of(column)
    return (values if values.dtype == dtype else values.astype(dtype)).array


def missing(rows: int, column: Column) -> Any:
    """Return the values of a column that is missing in so many rows."""
    return pd.array([None] * rows, dtype=dtype_of(column))


def dtype_of(column: Column) -> Any:
    """Return the dtype of a column as pandas has it."""
    return _dtype(column.dtype)


@cache
def _dtype(name: str) -> Any:
    return pd.api.types.pandas_dtype(name)


def rows_frame(rows: Iterable[dict[str, object]], schema: FrameSchema) -> pd.DataFrame:
    """Return a frame of rows given as dicts, with the declared columns also when there is none."""
    # As objects: a whole number beside a missing one would become a float, and lose its last digits.
    return declared(pd.DataFrame(list(rows), columns=schema.names, dtype=object), schema)
