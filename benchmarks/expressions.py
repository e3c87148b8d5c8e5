"""Every regular expression of the kit, whether one may cost without bound, and how its cost grows with the text."""

import importlib
import math
import pkgutil
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import ecs_notebook_lib
from ecs_notebook_lib.redact import principals, secret_forms

_COMPUTED = (
    secret_forms.secret_forms,
    secret_forms._assigned,
    secret_forms.names_a_secret,
    principals._no_person,
)
"""Functions that compile expressions out of a table on their first call."""

_REPEATS = (kinds.MAX_REPEAT, kinds.MIN_REPEAT)
_LETTERS = "".join(map(chr, range(128))) + "é…"


def expressions() -> Mapping[str, re.Pattern[Any]]:
    """Return the regular expressions of all modules but the simulator's, by module and place."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(ecs_notebook_lib.__path__, "ecs_notebook_lib."):
        if ".simulate" not in module.name:
            for name, value in vars(importlib.import_module(module.name)).items():
                found |= dict(_within(value, f"{module.name.partition('.')[2]}.{name}"))
    for function in _COMPUTED:
        found |= dict(_within(function(), f"{function.__module__.partition('.')[2]}.{function.__name__}"))
    return {place: found[place] for place in sorted(found)}


def _within(value: Any, place: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield place, value
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            yield from _within(item, f"{place}[{number}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _within(getattr(value, field.name), f"{place}.{field.name}")


def ambiguous_repeats(expression: re.Pattern[Any]) -> list[str]:
    """Return what in an expression may be matched in exponentially many ways: repeats within an unbounded repeat.

    A repeat within another is harmless if each round has something fixed that the inner one cannot hold, so that a
    text can be divided into rounds in one way only.
    """
    pattern = expression.pattern if isinstance(expression.pattern, str) else expression.pattern.decode("latin-1")
    return [_told(body) for body in _unbounded(parser.parse(pattern, expression.flags & ~re.DEBUG)) if _may_split(body)]


def _unbounded(items: Any) -> Iterator[Any]:
    """Yield the body of each repeat without an upper bound."""
    for kind, value in items:
        if kind in _REPEATS:
            _, most, body = value
            if most == kinds.MAXREPEAT:
                yield body
            yield from _unbounded(body)
        else:
            for below in _below(kind, value):
                yield from _unbounded(below)


def _below(kind: Any, value: Any) -> Iterator[Any]:
    if kind is kinds.SUBPATTERN:
        yield value[3]
    elif kind is kinds.BRANCH:
        yield from value[1]
    elif kind in (kinds.ASSERT, kinds.ASSERT_NOT):
        yield value[1]
    elif kind in _REPEATS:
        yield value[2]
    elif kind is kinds.ATOMIC_GROUP:
        yield value


def _may_split(body: Any) -> bool:
    """Say whether one text may be several rounds of a body in more than one way."""
    for row in _alternatives(body):
        variable = [_letters(value[2]) for kind, value in row if kind in _REPEATS and value[0] != value[1]]
        fixed = [_letters([item]) for item in row if item[0] not in _REPEATS]
        if variable and all(one & held for one in fixed for held in variable):
            return True
    rows = [_first(row) for row in _alternatives(body)]
    return any(one & other for number, one in enumerate(rows) for other in rows[:number])


def _alternatives(body: Any) -> list[list[Any]]:
    """Return the ways through a body, groups opened, without what takes no text."""
    rows: list[list[Any]] = [[]]
    for kind, value in body:
        if kind is kinds.SUBPATTERN:
            rows = [row + more for row in rows for more in _alternatives(value[3])]
        elif kind is kinds.BRANCH:
            rows = [row + more for row in rows for way in value[1] for more in _alternatives(way)]
        elif kind not in (kinds.ASSERT, kinds.ASSERT_NOT, kinds.AT):
            rows = [[*row, (kind, value)] for row in rows]
    return rows


def _first(row: list[Any]) -> frozenset[str]:
    """Return the letters with which a way may begin."""
    letters: frozenset[str] = frozenset()
    for kind, value in row:
        letters |= _letters([(kind, value)])
        if kind not in _REPEATS or value[0] > 0:
            break
    return letters


def _letters(items: Any) -> frozenset[str]:
    """Return the letters, of those that are tried, that stand anywhere in a text that these items match."""
    found: set[str] = set()
    for kind, value in items:
        below = list(_below(kind, value))
        if below:
            found.update(*map(_letters, below))
        elif kind is kinds.LITERAL:
            found.add(chr(value))
        elif kind is kinds.NOT_LITERAL:
            found.update(letter for letter in _LETTERS if ord(letter) != value)
        elif kind is kinds.IN:
            found.update(letter for letter in _LETTERS if _is_in(letter, value))
        elif kind is kinds.ANY:
            found.update(_LETTERS)
    return frozenset(found)


def _is_in(letter: str, members: Any) -> bool:
    negated = members[0][0] is kinds.NEGATE
    code = ord(letter)
    held = any(
        (kind is kinds.LITERAL and code == value)
        or (kind is kinds.RANGE and value[0] <= code <= value[1])
        or (kind is kinds.CATEGORY and re.match(_CATEGORIES[value], letter) is not None)
        for kind, value in members
    )
    return held != negated


_CATEGORIES = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_NOT_DIGIT: r"\D",
    kinds.CATEGORY_SPACE: r"\s",
    kinds.CATEGORY_NOT_SPACE: r"\S",
    kinds.CATEGORY_WORD: r"\w",
    kinds.CATEGORY_NOT_WORD: r"\W",
}


def _told(body: Any) -> str:
    return str(body)[:200]


_PIECES = ("a", "A", "0", " ", "\t", '"', "'", ".", "/", "-", "=", ":", "(", "[", "{", "\\", "@", "_", "%", "|", "<")


def attacks(expression: re.Pattern[Any], length: int) -> Iterator[Any]:
    """Yield texts of a length that repeat one or two letters, with and without the expression's own first words."""
    words = re.findall(r"[A-Za-z]{3,}", str(expression.pattern))[:2]
    heads = ("", *(words[:1]))
    pairs = [one + other for one in _PIECES[:12] for other in _PIECES[:12] if one != other]
    for head in heads:
        for piece in (*_PIECES, *pairs, *(f"{word} " for word in words)):
            text = (head + piece * length)[:length] + "\x00"
            yield text if isinstance(expression.pattern, str) else text.encode()


@cache
def _sources() -> Mapping[str, str]:
    """Return the text of each module of the kit."""
    home = Path(ecs_notebook_lib.__path__[0])
    paths = {path.relative_to(home).with_suffix(""): path for path in home.rglob("*.py")}
    return {".".join(name.parts): path.read_text(encoding="utf-8") for name, path in paths.items()}


def is_anchored(place: str) -> bool:
    """Say whether the kit tries an expression at the beginning of a text only, so that its cost is that of one try."""
    module = next((name for name in _sources() if place.startswith(f"{name}.")), "")
    name = place.removeprefix(f"{module}.").partition("[")[0]
    looked_at = _sources()[module] if name.startswith("_") and module else "\n".join(_sources().values())
    uses = set(re.findall(rf"\b{re.escape(name)}(?:\(\))?\.([a-z]+)\(", looked_at))
    return bool(uses) and uses <= {"match", "fullmatch"}


def seconds(expression: re.Pattern[Any], text: Any, *, anchored: bool) -> float:
    """Return the seconds of processor time that it takes to look for an expression in a text to its end."""
    began = time.process_time()
    if anchored:
        expression.match(text)
    else:
        for _ in expression.finditer(text):
            pass
    return time.process_time() - began


@dataclass(frozen=True, slots=True)
class Growth:
    """How the cost of an expression grows with the text of those tried that costs most."""

    place: str
    seconds: float
    """For the longer text of `LONG` letters."""
    exponent: float
    text: str
    """The beginning of that text."""


SHORT, LONG = 400, 3200


def growth_of(place: str, expression: re.Pattern[Any]) -> Growth:
    """Return how the cost of an expression grows from `SHORT` to `LONG` letters of the text that costs most."""
    anchored = is_anchored(place)
    tried = max(attacks(expression, SHORT), key=lambda text: seconds(expression, text, anchored=anchored))
    body, end = tried[:-1], tried[-1:]
    short, long = (
        min(seconds(expression, body * times + end, anchored=anchored) for _ in range(3))
        for times in (1, LONG // SHORT)
    )
    return Growth(place, long, math.log(long / max(short, _TICK), LONG // SHORT), repr(tried[:20]))


_TICK = 1e-6
"""Less cannot be told from nothing."""
