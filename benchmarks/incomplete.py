"""Snapshots in which members of AWS's answers are absent, or which are made up whole from botocore's shapes.

In AWS's models nearly every member of an answer is optional. What AWS leaves out some day, or a stranger's file does
not hold, must leave frames with their columns and a diagnosis that says what it could not see.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.frames import SCHEMAS
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report.markdown import markdown_of, summary_of
from ecs_notebook_lib.snapshot import Snapshot

Place = tuple[str, ...]
"""An operation and the names of members from its answer down; `[]` stands for the elements of a list."""


def places_of(snapshot: Snapshot) -> list[Place]:
    """Return every place at which an answer of the snapshot holds a member, in a fixed order."""
    found = {
        (operation, *place)
        for operation in snapshot.operations
        for record in snapshot.records(operation)
        for place in _places(record["response"])
    }
    return sorted(found)


def _places(value: Any, above: Place = ()) -> Iterator[Place]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield (*above, name)
            yield from _places(item, (*above, name))
    elif isinstance(value, list):
        for item in value:
            yield from _places(item, (*above, "[]"))


def without(snapshot: Snapshot, dropped: Collection[Place], *, every: int = 1, null: bool = False) -> Snapshot:
    """Return the snapshot without the members at some places.

    Parameters
    ----------
    every
        Of the structures that hold a member at such a place each n-th loses it, counted through the operation.
    null
        Whether the member stays and is null, as in a file that no AWS wrote.
    """
    members = dict(snapshot.members)
    for operation in {place[0] for place in dropped} & members.keys():
        cut = _Cut({place[1:] for place in dropped if place[0] == operation}, every=every, null=null)
        members[operation] = b"".join(map(cut.line, members[operation].splitlines()))
    return replace(snapshot, members=members)


class _Cut:
    """Takes members away from the answers of one operation."""

    def __init__(self, dropped: Collection[Place], *, every: int, null: bool) -> None:
        self._dropped, self._every, self._null = dropped, every, null
        self._met: dict[Place, int] = {}

    def line(self, line: bytes) -> bytes:
        record = orjson.loads(line)
        return orjson.dumps(
            record | {"response": self._value(record["response"], ())}, option=orjson.OPT_APPEND_NEWLINE
        )

    def _value(self, value: Any, above: Place) -> Any:
        if isinstance(value, list):
            return [self._value(item, (*above, "[]")) for item in value]
        if not isinstance(value, Mapping):
            return value
        kept = {}
        for name, item in value.items():
            place = (*above, name)
            if place not in self._dropped or not self._is_met(place):
                kept[name] = self._value(item, place)
            elif self._null:
                kept[name] = None
        return kept

    def _is_met(self, place: Place) -> bool:
        self._met[place] = self._met.get(place, -1) + 1
        return self._met[place] % self._every == 0


def short(snapshot: Snapshot, *, elements: int = 12) -> Snapshot:
    """Return the snapshot with the first elements alone of each long list in an answer: it is judged sooner."""
    members = {
        name: b"".join(orjson.dumps(_short(orjson.loads(line), elements)) + b"\n" for line in lines.splitlines())
        for name, lines in snapshot.members.items()
    }
    return replace(snapshot, members=members)


def _short(value: Any, elements: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _short(item, elements) for name, item in value.items()}
    return [_short(item, elements) for item in value[:elements]] if isinstance(value, list) else value


def everything(snapshot: Snapshot) -> dict[str, Any]:
    """Return the document of the diagnosis after all that follows from a snapshot was made, frames first.

    Raises
    ------
    AssertionError
        If a frame has not the columns and dtypes that are declared.
    """
    incident = Incident(snapshot)
    for name, schema in SCHEMAS.items():
        frame: pd.DataFrame = incident.frames.rows(name)
        dtypes = {column: str(dtype) for column, dtype in frame.dtypes.items()}
        declared = {column.name: column.dtype for column in schema.columns}
        if dtypes != declared:
            raise AssertionError(f"{name} has {dtypes}, not {declared}")
    document = incident.diagnosis.to_json()
    markdown_of(incident)
    summary_of(incident)
    return document
