"""JSON documents inside texts: policies, bodies of events, log lines. Whatever is masked in one, it stays readable."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import orjson

_ESCAPED = ("\\u", "\\/")
_QUOTED = ("%7B", "%5B", "%7b", "%5b")


def stays_json(before: str, after: str) -> bool:
    """Say whether a text may be masked as it is written: it is no JSON, or still is, and hides nothing in escapes."""
    if before.startswith(_QUOTED):
        return _document(unquote(before)) is None
    if before.lstrip()[:1] not in ("{", "["):
        return True
    if not any(escape in before for escape in _ESCAPED):
        return _document(after) is not None or _document(before) is None
    return _document(before) is None


def json_text(text: str, value: Callable[[Any], Any]) -> str:
    """Return a JSON document, escaped for a URL or not, with `value` applied to what it holds."""
    plain = unquote(text) if text.startswith(_QUOTED) else text
    redacted = orjson.dumps(value(_document(plain))).decode()
    return quote(redacted, safe="") if plain is not text else redacted


def _document(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
