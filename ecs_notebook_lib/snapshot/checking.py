"""Whether a page at rest has the form that AWS gives it: whoever made the file, what follows may rely on it.

`shapes.json` holds of each read operation the parameters that it needs, and the types of what is asked and answered,
taken from botocore's model, which is slow to read: `t` a text, `i` an instant, `w` a whole number, `n` any number, `b`
a truth, `?` anything, `[…]` a list, `{…}` a structure, `{"*": …}` a map. A member that is not in it is passed over:
AWS adds some.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain
from types import NoneType
from typing import Any

import orjson

from ecs_notebook_lib.source import parse_instant

_PLAIN: Mapping[str, tuple[set[type], str]] = {
    "t": ({str}, "a text"),
    "i": ({str}, "a time"),
    "w": ({int}, "a whole number of 64 bits"),
    "n": ({int, float}, "a number"),
    "b": ({bool}, "true or false"),
}
"""Of each plain form the types that a value may have, and its name."""

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
_OBSERVED: Mapping[str, Any] = {
    **{name: ["?"] for name in ("service_events", "log_lines", "cli_errors")},
    **{name: [{}] for name in ("target_health", "deployments")},
    **{name: {} for name in ("service", "task_definition", "target_group", "network")},
    "stopped_tasks": [{"containers": [{}]}],
}
_OWN: Mapping[str, Any] = {
    "case:Observation": {"needs": ["case"], "asks": {"case": "t"}, "gives": {"observed": _OBSERVED, "launchType": "t"}}
}
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
    fault = _fault([record], _ENVELOPE, "")
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
    asked, given = [record["params"]], [record["response"]]
    return _fault(asked, known["asks"], "params") or _fault(given, known["gives"], "response")


def _are_times(values: Sequence[str]) -> bool:
    """Say whether texts are instants of the calendar: the 31st of a February has the form of one."""
    try:
        return all(map(_INSTANT.fullmatch, values)) and all(map(parse_instant, values))
    except (ValueError, OverflowError):  # in UTC it may lie before the first year, or behind the last
        return False


def _are_whole(values: Sequence[int]) -> bool:
    return min(values) in _WHOLE and max(values) in _WHOLE


def _fault(values: Sequence[Any], form: Any, place: str) -> str:
    """Return what is wrong with the values that stand at one place of a page; null is of every form.

    All tasks of a page are looked at together, member by member: one by one it takes several times as long as parsing.
    """
    kinds = set(map(type, values))
    if NoneType in kinds:
        values, kinds = [value for value in values if value is not None], kinds - {NoneType}
    if not kinds or form == "?":
        return ""
    if isinstance(form, str):
        allowed, name = _PLAIN[form]
        plain = kinds <= allowed and (form != "i" or _are_times(values)) and (form != "w" or _are_whole(values))
        return "" if plain else f"has {place} that is not {name}"
    if isinstance(form, list):
        if kinds != {list}:
            return f"has {place} that is no list"
        return _fault(list(chain.from_iterable(values)), form[0], f"{place}[]")
    if kinds != {dict}:
        return f"has {place or 'a line'} that is no object"
    below = _below(values, form)
    return next(filter(None, (_fault(held, inner, f"{place}.{name}".lstrip(".")) for name, held, inner in below)), "")


def _below(objects: Sequence[Mapping[str, Any]], form: Mapping[str, Any]) -> Iterator[tuple[str, list[Any], Any]]:
    """Return the members of objects of one form: name, all their values, and the form of these."""
    if "*" in form:
        return ((name, [value], form["*"]) for each in objects for name, value in each.items())
    return ((name, [each[name] for each in objects if name in each], inner) for name, inner in form.items())
