"""IAM's condition operators, with "not known" as a third answer.

Source: IAM user guide, "IAM JSON policy elements: Condition operators". Values of one key are alternatives; keys and
operators must all hold; a negated operator, and one ending in IfExists, holds when the key is absent.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from ecs_notebook_lib.policy.wildcards import arn_matches, matches


class Absent(Enum):
    """The mark of a condition key that is certainly not in the request."""

    ABSENT = "absent"


Value = str | Absent
Context = Mapping[str, Value]
"""Condition keys in lower case; a key that is not in it has a value that is not known."""

_MAX_VALUES = 10_000


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, actual: test(float(actual), float(wanted))


def _date(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, actual: test(_seconds(actual), _seconds(wanted))


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else datetime.fromisoformat(text).timestamp()


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": lambda actual, wanted: actual == wanted,
    "LessThan": lambda actual, wanted: actual < wanted,
    "LessThanEquals": lambda actual, wanted: actual <= wanted,
    "GreaterThan": lambda actual, wanted: actual > wanted,
    "GreaterThanEquals": lambda actual, wanted: actual >= wanted,
}

_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": matches,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "IpAddress": lambda wanted, actual: ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False),
    **{f"Numeric{name}": _number(test) for name, test in _COMPARISONS.items()},
    **{f"Date{name}": _date(test) for name, test in _COMPARISONS.items()},
}


def condition_holds(condition: object, context: Context) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether a Condition element holds, and the keys whose values would be needed to tell (None: not known)."""
    if not isinstance(condition, Mapping):
        return None, ()
    answers = [
        (_holds(str(operator), str(key), values, context), str(key))
        for operator, tests in condition.items()
        for key, values in (tests.items() if isinstance(tests, Mapping) else [(str(operator), None)])
    ]
    if any(answer is False for answer, _ in answers):
        return False, ()
    unknown = tuple(key for answer, key in answers if answer is None)
    return (None, unknown) if unknown else (True, ())


def _holds(operator: str, key: str, values: Any, context: Context) -> bool | None:
    quantifier, _, name = operator.rpartition(":")
    name, if_exists = name.removesuffix("IfExists"), name.endswith("IfExists")
    actual = context.get(key.lower())
    wanted = [_text(value) for value in (values if isinstance(values, list) else [values])]
    if actual is None or len(wanted) > _MAX_VALUES:
        return None
    if name == "Null":
        return (actual is Absent.ABSENT) == (wanted[:1] == ["true"])
    negated = "Not" in name
    test = _TESTS.get(name.replace("Not", ""))
    if test is None:
        return None
    if actual is Absent.ABSENT:
        return quantifier != "ForAnyValue" and (negated or if_exists or quantifier == "ForAllValues")
    return _any(test, wanted, actual, negated=negated)


def _any(test: Callable[[str, str], bool], wanted: Sequence[str], actual: str, *, negated: bool) -> bool | None:
    if any("${" in value for value in wanted):
        return None
    try:
        return any(test(value, actual) for value in wanted) != negated
    except (ValueError, TypeError, OverflowError):
        return None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
