"""The names under which programs log an answered request: the table `access_lines.toml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

_LEFT_OUT = str.maketrans("", "", "_-@")


@dataclass(frozen=True, slots=True)
class Duration:
    """One field that holds a duration: how many seconds its number stands for, if `beside` stands beside it.

    If `fraction` is set, `beside` must hold a number with a fraction: zap's `ts` does, others write a text.
    """

    name: str
    seconds: float
    beside: str = ""
    fraction: bool = False

    def is_meant(self, fields: Mapping[str, list[Any]]) -> bool:
        """Say whether these fields are of the writer whose unit this is."""
        if self.fraction:
            return any(isinstance(value, float) for value in fields.get(self.beside, ()))
        return not self.beside or self.beside in fields


@dataclass(frozen=True, slots=True)
class AccessNames:
    """The table, read: `fields` maps a part of an access line to the names that it has, the preferred one first."""

    methods: frozenset[str]
    wrappers: frozenset[str]
    fields: Mapping[str, tuple[str, ...]]
    units: Mapping[str, float]
    durations: Mapping[str, list[Duration]]
    """By the name of the field."""


@cache
def access_names() -> AccessNames:
    """Return the table."""
    table = read_table("access_lines")
    fields = {part: tuple(names) for part, names in table["fields"].items()}
    durations: dict[str, list[Duration]] = {}
    for duration in _durations(table):
        durations.setdefault(duration.name, []).append(duration)
    return AccessNames(
        methods=frozenset(table["methods"]),
        wrappers=frozenset(table["wrappers"]),
        fields=fields,
        units=table["units"],
        durations=durations,
    )


def _durations(table: Mapping[str, Any]) -> Iterator[Duration]:
    """Yield the fields that have their unit in their name, then those whose writer is known."""
    units, names = table["units"], table["fields"]["duration"]
    yield from (Duration(name + unit, seconds) for name in names for unit, seconds in units.items())
    for row in table["durations"]:
        yield Duration(row["name"], units[row["unit"]], row.get("beside", ""), row.get("fraction", False))


@lru_cache(maxsize=4096)
def field_name(outer: str, key: str) -> str:
    """Return how the table writes a field, given its key and the name of the object that holds it."""
    plain = key.translate(_LEFT_OUT).lower()
    name = f"{outer}.{plain}" if outer else plain
    head, dot, rest = name.partition(".")
    while dot and head in access_names().wrappers:
        name = rest
        head, dot, rest = name.partition(".")
    return name
