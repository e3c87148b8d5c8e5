"""Changes of JSON that keep it JSON: bytes changed blindly would seldom come further than the parser."""

import random
from collections.abc import Callable
from typing import Any

import orjson

from tests.hostile import CORPUS

_INSTANTS = ("2025-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2025-07-12T09:00:00Z")
_TEXTS = ("", "0", "-1", "{}", "[]", "null", "arn:aws:iam::1:role/x", "a/b:1", "%", *_INSTANTS, *CORPUS.values())
_NUMBERS = (0, -1, 1, 0.5, 1e300, -1e300, 2**31, 2**63 - 1, -(2**63), 2**64 - 1)
_OTHERS: tuple[Any, ...] = (None, True, False, {}, [], [None], [[]], {"": None})


def mutated_json(content: bytes, seed: int) -> bytes | None:
    """Return a JSON document in which one to four things are changed; None if `content` is no JSON."""
    chance = random.Random(seed)
    try:
        value = orjson.loads(content)
        for _ in range(chance.randint(1, 4)):
            value = _mutated(value, chance)
        return orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def _mutated(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        return (
            chance.choice(_OF_MEMBERS)(value, name, chance) if chance.random() < 0.2 else _deeper(value, name, chance)
        )
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return (
            chance.choice(_OF_ELEMENTS)(value, place, chance)
            if chance.random() < 0.2
            else _inside(value, place, chance)
        )
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.random() < 0.8:
        inner = mutated_json(value.encode(errors="replace"), chance.randrange(2**32))
        return value if inner is None else inner.decode()
    return _replaced(value, chance)


def _deeper(value: dict[str, Any], name: str, chance: random.Random) -> dict[str, Any]:
    return {**value, name: _mutated(value[name], chance)}


def _inside(value: list[Any], place: int, chance: random.Random) -> list[Any]:
    return [*value[:place], _mutated(value[place], chance), *value[place + 1 :]]


def _without_member(value: dict[str, Any], name: str, _chance: random.Random) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != name}


def _swapped(value: dict[str, Any], name: str, chance: random.Random) -> dict[str, Any]:
    return {**value, name: value[chance.choice(list(value))]}


_OF_MEMBERS: tuple[Callable[..., Any], ...] = (_without_member, _without_member, _swapped)
_OF_ELEMENTS: tuple[Callable[..., Any], ...] = (
    lambda value, place, _chance: value[:place] + value[place + 1 :],
    lambda value, place, _chance: [*value, value[place]],
    lambda _value, _place, _chance: [],
)


def _replaced(value: Any, chance: random.Random) -> Any:
    """Return another value, mostly of the same kind: what is of another is refused before it is read."""
    if chance.random() < 0.15:
        return chance.choice(_OTHERS)
    if isinstance(value, str):
        return chance.choice(_TEXTS) if chance.random() < 0.6 else value[: chance.randrange(len(value) + 1)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return chance.choice(_NUMBERS)
    return chance.choice(_OTHERS)
