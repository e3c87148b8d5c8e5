"""A response as boto3 parsed it → as it is kept: plain JSON values, led by botocore's own output shape."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from typing import Any

from ecs_notebook_lib.snapshot.model import utc_text


def plain(value: Any, shape: Any) -> Any:
    """Return `value` with the members of `shape` only, times as ISO 8601 in UTC and blobs as base64.

    IAM's policy documents are strings that botocore turns into dicts; they become strings again.
    """
    return value if value is None else _converter(shape)(value)


Convert = Callable[[Any], Any]


@lru_cache(maxsize=10_000)
def _converter(shape: Any) -> Convert:
    """Return what makes values of a shape plain: found out once, for a page holds thousands of them."""
    make = _BY_TYPE.get(shape.type_name)
    return make(shape) if make is not None else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _structure(shape: Any) -> Convert:
    # Not before there is such a value: a shape may hold itself.
    members = cache(lambda: [(name, _converter(member)) for name, member in shape.members.items()])

    def convert(value: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: inner if inner is None else to_plain(inner)
            for name, to_plain in members()
            if (inner := value.get(name, _ABSENT)) is not _ABSENT
        }

    return convert


_ABSENT = object()


def _list(shape: Any) -> Convert:
    return lambda value: [plain(item, shape.member) for item in value]


def _map(shape: Any) -> Convert:
    return lambda value: {utf8(key): plain(item, shape.value) for key, item in sorted(value.items())}


def _time(value: Any) -> Any:
    return utc_text(value) if isinstance(value, datetime) else value


def _blob(value: Any) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else value.read()).decode()


def _string(value: Any) -> str:
    return utf8(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def utf8(text: str) -> str:
    r"""Return a text that a file can hold: of half a character, which JSON lets through, its number (`\ud800`)."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


_BY_TYPE: Mapping[str, Callable[[Any], Convert]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": lambda _shape: _time,
    "blob": lambda _shape: _blob,
    "string": lambda _shape: _string,
}


def answered_at(metadata: Mapping[str, Any]) -> datetime:
    """Return AWS's own time of an answer, from its `Date` header; the local clock only if there was none."""
    header = metadata.get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
