"""Causes, kinds of findings and checks: the tables that the differential is computed from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

MAX_PROBABILITY = 0.98
"""No cause shows itself with certainty: what is looked for may still be missed."""

NONE_OF_THESE = "none_of_these"
FAMILIES = (
    "health_check",
    "permissions",
    "network",
    "resources",
    "capacity",
    "deployment_config",
    "image",
    "application",
    "secrets_config",
    "dependency",
    "aws_service",
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that can be wrong, its share among failing deployments, and what it is."""

    name: str
    prior: float
    meaning: str

    @property
    def family(self) -> str:
        """Return the family: where the fix is made."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class FindingKind:
    """What a kind of finding weighs; `contributing` names the condition it tells of, if it speaks for no cause.

    A `general` kind counts only while nothing more specific of its group is found.
    """

    name: str
    rate: float
    group: str
    weights: Mapping[str, float]
    contributing: str
    source: str
    general: bool = False
    absent: str = ""
    """What it is called when it was looked for in vain; `no <name>` if empty."""

    def weight(self, cause: str) -> float:
        """Return how many decibans finding it weighs for a cause."""
        return self.weights.get(cause, self.weights.get(f"{cause.partition('.')[0]}.*", 0.0))

    def probability(self, cause: str) -> float:
        """Return how likely it is to be found if this is the cause."""
        return min(MAX_PROBABILITY, self.rate * 10 ** (self.weight(cause) / 10))

    def clear_weight(self, cause: str) -> float:
        """Return how many decibans looking for it in vain weighs for a cause."""
        return 10 * math.log10((1 - self.probability(cause)) / (1 - self.rate))


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A question asked of frames: what it needs, what it can find, and how to ask it by hand.

    `tells` are further kinds that the plan expects an answer by hand to tell of.
    """

    name: str
    step: str
    needs: tuple[str, ...]
    kinds: tuple[str, ...]
    states: tuple[str, ...]
    command: str
    minutes: float
    by_hand: bool
    tells: tuple[str, ...]


@cache
def causes() -> Mapping[str, Cause]:
    """Return every cause by its name, in the order of the table."""
    table = read_table("causes")
    return {
        f"{family}.{name}": Cause(f"{family}.{name}", row["prior"], row["meaning"])
        for family, rows in table.items()
        for name, row in rows.items()
    }


@cache
def finding_kinds() -> Mapping[str, FindingKind]:
    """Return every kind of finding by its name.

    Raises
    ------
    ValueError
        If a weight would make a finding more likely than `MAX_PROBABILITY`, or names no cause.
    """
    return {name: _kind(name, row) for name, row in read_table("findings").items()}


def _kind(name: str, row: Mapping[str, Any]) -> FindingKind:
    weights = row.get("weights", {})
    for cause, weight in weights.items():
        if cause not in causes() and (not cause.endswith(".*") or cause[:-2] not in FAMILIES):
            raise ValueError(f"{name}: there is no cause {cause}")
        if row["rate"] * 10 ** (weight / 10) > MAX_PROBABILITY:
            raise ValueError(f"{name}: the weight of {cause} is too large for the rate {row['rate']}")
    return FindingKind(
        name=name,
        rate=row["rate"],
        group=row.get("group", name),
        weights=weights,
        contributing=row.get("contributing", ""),
        source=row["source"],
        general=row.get("general", False),
        absent=row.get("absent", ""),
    )


@cache
def check_rows() -> Mapping[str, CheckRow]:
    """Return every check by its name, in the order in which they are made."""
    return {
        name: CheckRow(
            name=name,
            step=row["step"],
            needs=tuple(row["needs"]),
            kinds=tuple(row["kinds"]),
            states=tuple(row.get("states", ())),
            command=row["command"],
            minutes=row["minutes"],
            by_hand=row.get("by_hand", False),
            tells=tuple(row.get("tells", ())),
        )
        for name, row in read_table("checks").items()
    }
