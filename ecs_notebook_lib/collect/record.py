"""A response as boto3 parsed it → as it is kept: plain JSON values, led by botocore's own output shape."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ecs_notebook_lib.snapshot.model import utc_text


def plain(value: Any, shape: Any) -> Any:
    """Return `value` with the members of `shape` only, times as ISO 8601 in UTC and blobs as base64.

    IAM's policy documents are strings that botocore turns into dicts; they become strings again.
    """
    convert = _BY_TYPE.get(shape.type_name)
    return value if convert is None or value is None else convert(value, shape)


def _structure(value: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    return {name: plain(value[name], member) for name, member in shape.members.items() if name in value}


def _list(value: list[Any], shape: Any) -> list[Any]:
    return [plain(item, shape.member) for item in value]


def _map(value: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    return {utf8(key): plain(item, shape.value) for key, item in sorted(value.items())}


def _time(value: Any, shape: Any) -> Any:  # noqa: ARG001
    return utc_text(value) if isinstance(value, datetime) else value


def _blob(value: Any, shape: Any) -> str:  # noqa: ARG001
    return base64.b64encode(value if isinstance(value, bytes) else value.read()).decode()


def _string(value: Any, shape: Any) -> Any:  # noqa: ARG001
    return utf8(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def utf8(text: str) -> str:
    r"""Return a text that a file can hold: of half a character, which JSON lets through, its number (`\ud800`)."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


_BY_TYPE: dict[str, Callable[[Any, Any], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _time,
    "blob": _blob,
    "string": _string,
}


def answered_at(metadata: Mapping[str, Any]) -> datetime:
    """Return AWS's own time of an answer, from its `Date` header; the local clock only if there was none."""
    header = metadata.get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
