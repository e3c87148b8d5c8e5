"""Snapshots in which members of AWS's answers are absent, or which are made up whole from botocore's shapes.

In AWS's models nearly every member of an answer is optional. What AWS leaves out some day, or a stranger's file does
not hold, must leave frames with their columns and a diagnosis that says what it could not see.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.frames import SCHEMAS
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.report.markdown import markdown_of, summary_of
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World
from ecs_notebook_lib.simulate.wire import AWSError, Call, Wire
from ecs_notebook_lib.simulate.wire.models import operation_model
from ecs_notebook_lib.snapshot import Page, Snapshot
from ecs_notebook_lib.snapshot.model import utc_text

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
        cut = _Cut(_of(operation, dropped), every=every, null=null)
        members[operation] = b"".join(map(cut.line, members[operation].splitlines()))
    return replace(snapshot, members=members)


def _of(operation: str, places: Collection[Place]) -> set[Place]:
    return {place[1:] for place in places if place[0] == operation}


class _Cut:
    """Takes members away from the answers of one operation."""

    def __init__(self, dropped: Collection[Place], *, every: int, null: bool) -> None:
        self._dropped, self._every, self._null = dropped, every, null
        self._met: dict[Place, int] = {}

    def line(self, line: bytes) -> bytes:
        """Return a page without the members."""
        record = orjson.loads(line)
        return orjson.dumps(record | {"response": self.value(record["response"])}, option=orjson.OPT_APPEND_NEWLINE)

    def value(self, value: Any, above: Place = ()) -> Any:
        """Return an answer, or a part of one, without the members."""
        if isinstance(value, list):
            return [self.value(item, (*above, "[]")) for item in value]
        if not isinstance(value, Mapping):
            return value
        kept = {}
        for name, item in value.items():
            place = (*above, name)
            if place not in self._dropped or not self._is_met(place):
                kept[name] = self.value(item, place)
            elif self._null:
                kept[name] = None
        return kept

    def _is_met(self, place: Place) -> bool:
        self._met[place] = self._met.get(place, -1) + 1
        return self._met[place] % self._every == 0


class IncompleteAWS:
    """Answers in a world's place, without the members at some places: AWS may leave out any of them some day."""

    def __init__(self, world: World, dropped: Collection[Place], *, every: int = 1) -> None:
        self.world = world
        self._dropped, self._every = dropped, every
        self._cuts: dict[str, _Cut] = {}
        self._wire = Wire(self._answer, lambda: world.now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)

    def respond(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one request."""
        return self._wire.respond(request)

    def _answer(self, call: Call) -> Mapping[str, Any]:
        name = f"{call.service}:{call.operation}"
        if name not in self.world.operations:
            raise AWSError("InternalFailure", f"{name} is not served", status=501)
        made = _Cut(_of(name, self._dropped), every=self._every, null=False)
        whole: Mapping[str, Any] = self.world.operations[name](call)
        cut: Mapping[str, Any] = self._cuts.setdefault(name, made).value(whole)
        return cut


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str):
        yield name, value


_DEEPEST, _LONGEST = 9, 2
_PRESENT, _LISTED = 0.75, 0.9
"""How often a member is there, and how often a word that AWS lists is one of those: AWS adds some."""
_SPANS = (0, 1, 60, 600, 3600, 86_400)


class Generator:
    """Makes answers up by chance, from the shapes of AWS's: every member may be absent.

    Texts are such as stand at the same name in a snapshot, so that things find each other; a word that AWS lists is
    mostly one of those.
    """

    def __init__(self, snapshot: Snapshot, chance: Random) -> None:
        self._snapshot, self._chance = snapshot, chance
        found: dict[str, dict[str, None]] = {}
        for operation in snapshot.operations:
            for record in snapshot.records(operation):
                for name, text in _texts([record["params"], record["response"]]):
                    found.setdefault(name.lower(), {})[text] = None
        self._texts = {name: list(texts) for name, texts in found.items()}

    def snapshot(self, operations: Collection[str]) -> Snapshot:
        """Return the snapshot with one page more of each of these operations."""
        members = {name: self._snapshot.lines(name) + self.page(name) for name in operations}
        return replace(self._snapshot, members={**self._snapshot.members, **members})

    def page(self, operation: str) -> bytes:
        """Return a line; its parameters are those of a page that is there, else made up."""
        row = every_operation()[operation]
        model = operation_model(row.service, row.action)
        if model is None:
            raise KeyError(operation)
        response = self._value(model.output_shape, "", 0)
        asked = [page["params"] for page in self._snapshot.records(operation)]
        shape = model.input_shape
        needed = {name: self._value(shape.members[name], name, 0) for name in shape.required_members} if shape else {}
        params = self._chance.choice(asked) if asked else needed
        name = self._snapshot.incident
        return Page(operation, self._snapshot.as_of, name.region, params, response=response).line(name.account)

    def _value(self, shape: Any, name: str, depth: int) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return {
                member: self._value(below, member, depth + 1)
                for member, below in shape.members.items()
                if depth < _DEEPEST and self._chance.random() < _PRESENT
            }
        if kind == "list":
            return [self._value(shape.member, name, depth + 1) for _ in range(self._chance.randint(0, _LONGEST))]
        if kind == "map":
            return {self._value(shape.key, name, depth): self._value(shape.value, name, depth + 1)}
        return self._text(shape, name) if kind in ("string", "blob") else self._plain(kind)

    def _text(self, shape: Any, name: str) -> str:
        words = list(getattr(shape, "enum", ()))
        if words and self._chance.random() < _LISTED:
            return str(self._chance.choice(words))
        return self._chance.choice(self._texts.get(name.lower(), [name]))

    def _plain(self, kind: str) -> Any:
        if kind == "timestamp":
            return utc_text(self._snapshot.as_of - timedelta(seconds=self._chance.choice(_SPANS)))
        if kind == "boolean":
            return self._chance.random() < 0.5
        return self._chance.choice((0, 1, 2, 137, 8080)) if kind in ("integer", "long") else self._chance.random()


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
