"""Whether a page at rest has the form that AWS gives it: whoever made the file, what follows may rely on it.

`shapes.json` holds of each read operation the parameters that it needs, and the types of what is asked and answered,
taken from botocore's model, which is slow to read: `t` a text, `i` an instant, `w` a whole number, `n` any number, `b` a
truth, `?` anything, `[…]` a list, `{…}` a structure, `{"*": …}` a map. A member that is not in it is passed over: AWS
adds some.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from ecs_notebook_lib.source import parse_instant

_PLAIN = {
    "t": (str, "a text"),
    "w": (int, "a whole number of 64 bits"),
    "n": (int | float, "a number"),
    "b": (bool, "true or false"),
}
_WHOLE = range(-(1 << 63), 1 << 63)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_ENVELOPE: Mapping[str, Any] = {
    "at": "i",
    "account": "t",
    "region": "t",
    "params": {},
    "page": "w",
    "origin": "t",
    "error": {"code": "t", "message": "t", "status": "w"},
    "response": {},
}
_OWN: Mapping[str, Any] = {"case:Observation": {"needs": ["case", "observed"], "asks": "?", "gives": "?"}}
"""What is not of AWS: the one page that is made of a case file."""

_NEVER_NULL = ("at", "account", "region", "params", "page", "origin")


@cache
def shapes() -> Mapping[str, Any]:
    """Return of each read operation the parameters that it `needs`, and the forms of what it `asks` and `gives`."""
    table: Mapping[str, Any] = orjson.loads((files(__package__) / "shapes.json").read_bytes())
    return table


def fault_of(operation: str, line: bytes) -> str:
    """Return what is wrong with a page of an operation, in few words; empty if nothing is."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"is no JSON ({error.msg})"
    if not isinstance(record, dict):
        return "has a line that is no object"
    fault = _fault(record, _ENVELOPE, "")
    missing = [name for name in _ENVELOPE if name not in record] if not fault else []
    missing = missing or ([name for name in _NEVER_NULL if record[name] is None] if not fault else [])
    if fault or missing:
        return fault or f"has no {missing[0]}"
    if record["error"] is None and record["response"] is None:
        return "holds neither an answer nor an error"
    if record["error"] is not None and not isinstance(record["error"].get("code"), str):
        return "has an error without a code"
    known = shapes().get(operation, _OWN.get(operation))
    if known is None:
        return ""
    absent = [name for name in known["needs"] if record["params"].get(name) is None]
    if absent:
        return f"was asked without {absent[0]}"
    return _fault(record["params"], known["asks"], "params") or _fault(record["response"], known["gives"], "response")


def _is_a_time(text: str) -> bool:
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


def _fault(value: Any, form: Any, place: str) -> str:
    """Return the first place at which a value is not of a form; null is of every form."""
    if value is None or form == "?":
        return ""
    if isinstance(form, str):
        return "" if _is_plain(value, form) else f"has {place} that is not {_PLAIN.get(form, ('', 'a time'))[1]}"
    if isinstance(form, list):
        if not isinstance(value, list):
            return f"has {place} that is no list"
        return next(filter(None, (_fault(item, form[0], f"{place}[]") for item in value)), "")
    if not isinstance(value, dict):
        return f"has {place} that is no object"
    inner = form.get("*")
    pairs = ((name, item, inner or form[name]) for name, item in value.items() if inner or name in form)
    return next(filter(None, (_fault(item, below, f"{place}.{name}".lstrip(".")) for name, item, below in pairs)), "")


def _is_plain(value: Any, form: str) -> bool:
    if form == "i":
        return isinstance(value, str) and _INSTANT.fullmatch(value) is not None and _is_a_time(value)
    if form == "w" and isinstance(value, int) and value not in _WHOLE:
        return False
    return isinstance(value, _PLAIN[form][0]) and (form == "b" or not isinstance(value, bool))
