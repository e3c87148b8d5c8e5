"""Changes of JSON that keep it JSON: bytes changed blindly would seldom come further than the parser."""

import random
from collections.abc import Iterator
from typing import Any

import orjson

from tests.hostile import CORPUS

_INSTANTS = ("2025-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2025-07-12T09:00:00Z")
_TEXTS = ("", "0", "-1", "{}", "[]", "null", "arn:aws:iam::1:role/x", "a/b:1", "%", *_INSTANTS, *CORPUS.values())
_NUMBERS = (0, -1, 1, 0.5, 1e300, -1e300, 2**31, 2**63 - 1, -(2**63), 2**64 - 1)
_OTHERS: tuple[Any, ...] = (None, True, False, {}, [], [None], [[]], {"": None})


def mutated_json(content: bytes, seed: int, *, inside: str = "") -> bytes | None:
    """Return a JSON document in which one to four things are changed; None if `content` is no JSON.

    With `inside` three of four changes are made in the member of that name.
    """
    chance = random.Random(seed)
    try:
        document = orjson.loads(content)
        for _ in range(chance.randint(1, 4)):
            within = isinstance(document, dict) and isinstance(document.get(inside), dict | list)
            _mutate(document[inside] if within and chance.random() < 0.75 else [document], chance)
        return orjson.dumps(document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def _mutate(value: dict[str, Any] | list[Any], chance: random.Random) -> None:
    """Change one thing anywhere in a value, each place as likely as another."""
    places = list(_places(value))
    if not places:
        return
    holder, key = chance.choice(places)
    item = holder[key]
    if isinstance(item, str) and item[:1] in ("{", "[") and chance.random() < 0.8:
        inner = mutated_json(item.encode(errors="replace"), chance.randrange(2**32))
        holder[key] = item if inner is None else inner.decode()
    elif chance.random() < 0.4:
        del holder[key]
    elif isinstance(holder, list) and chance.random() < 0.3:
        holder.append(item)
    else:
        holder[key] = _replaced(item, chance)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every holder and key, or index, at which something stands in a value."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def _replaced(value: Any, chance: random.Random) -> Any:
    """Return another value, mostly of the same kind: what is of another is refused before it is read."""
    if chance.random() < 0.15:
        return chance.choice(_OTHERS)
    if isinstance(value, str):
        return chance.choice(_TEXTS) if chance.random() < 0.6 else value[: chance.randrange(len(value) + 1)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return chance.choice(_NUMBERS)
    return chance.choice(_OTHERS)
