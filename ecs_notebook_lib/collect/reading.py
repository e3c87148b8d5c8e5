"""Faster ways for botocore to read its service models and the times in answers: half of what a short run computes."""

import gzip
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from botocore.loaders import JSONFileLoader, Loader, create_loader, instance_cache
from botocore.utils import parse_timestamp

from ecs_notebook_lib.compiled import read_compiled
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.knowledge.treatments import write_operations


@contextmanager
def fast_reading(session: Any) -> Iterator[None]:
    """Let the clients that a boto3 session makes meanwhile read models and times in our way.

    They have the operations of the kit's tables only; what is made of the session before and after has all.
    """
    core = session._session  # boto3 has no public way to its components
    usual = core.get_component("data_loader")
    parsers = core.get_component("response_parser_factory")
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    parsers.set_parser_defaults(timestamp_parser=_instant)
    try:
        yield
    finally:
        core.register_component("data_loader", usual)
        parsers.set_parser_defaults(timestamp_parser=parse_timestamp)


@cache
def _loader(data_path: str | None) -> Any:
    """Return one loader for all sessions: each would read the same files again."""
    places = create_loader(data_path).search_paths
    return _Loader(places, file_loader=_FileLoader(), include_default_search_paths=False)


class _Loader(Loader):  # type: ignore[misc]  # botocore has no types
    """Finds services by their folders; botocore's looks into each of some 400 folders, once for each kind of file."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        """Return the services of which there is a folder; what is not in it is missed when it is asked for."""
        services: list[str] = self._services_with_a_folder()
        return services

    @instance_cache  # type: ignore[untyped-decorator]
    def _services_with_a_folder(self) -> list[str]:
        places = filter(Path.is_dir, map(Path, self.search_paths))
        return sorted({folder.name for place in places for folder in place.iterdir()})


class _FileLoader(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """Reads JSON with orjson, in a third of the time that `json` takes, and of a service's model what the kit calls."""

    def load_file(self, file_path: str) -> Any:
        """Return what stands in the file, plain or packed, of this name without its ending; None if there is none."""
        files = (Path(f"{file_path}.json"), Path(f"{file_path}.json.gz"))
        found = next(filter(Path.is_file, files), None)
        if found is None:
            return None
        service = found.parent.parent.name
        if found.name in _MODELS and service in _called():
            beside = Path(__file__).with_name(f"{service}.model.py")
            return read_compiled(found, partial(_model_of, _called()[service]), beside=beside, mark=_mark())
        return orjson.loads(_unpacked(found.read_bytes()))


_MODELS = ("service-2.json", "service-2.json.gz")
_PACKED = b"\x1f\x8b"


def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(_PACKED) else content


@cache
def _called() -> Mapping[str, frozenset[str]]:
    """Return the names of the operations that the kit may call, by service."""
    rows = sorted([*every_operation().values(), *write_operations().values()], key=lambda row: row.service)
    return {service: frozenset(row.action for row in of) for service, of in groupby(rows, lambda row: row.service)}


@cache
def _mark() -> int:
    """Return a number that stands for what is called: a model that was cut down for other operations is of no use."""
    return crc32(repr(sorted((service, sorted(names)) for service, names in _called().items())).encode())


def _model_of(called: Collection[str], content: bytes) -> dict[str, Any]:
    """Return a service's model with these operations only, the shapes that they need, and no documentation.

    Of Amazon EC2's 700 operations the kit calls ten: to read them all takes as long as a call to AWS.
    """
    model: dict[str, Any] = orjson.loads(_unpacked(content))
    operations = {name: row for name, row in model["operations"].items() if name in called}
    shapes: dict[str, Any] = {}
    open_ = [*_shapes_in(operations)]
    while open_:
        name = open_.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            open_ += _shapes_in(shapes[name])
    return {**model, "operations": _undocumented(operations), "shapes": _undocumented(shapes)}


def _shapes_in(value: Any) -> Iterator[str]:
    """Yield the names of the shapes that a part of a model refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        value = value.values()
    yield from (name for inner in value if isinstance(inner, dict | list) for name in _shapes_in(inner))


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _undocumented(inner) for name, inner in value.items() if not _is_text(name, inner)}
    return value


def _is_text(name: str, value: Any) -> bool:
    """Say whether this is a documentation: a shape may have a member of that name."""
    return name == "documentation" and isinstance(value, str)


def _instant(value: Any) -> datetime:
    """Return the time that AWS writes as a number of seconds or in ISO 8601; botocore's own way asks dateutil."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = None
    return instant if instant is not None and instant.tzinfo is not None else parse_timestamp(value)
