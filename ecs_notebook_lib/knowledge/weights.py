"""Causes, kinds of findings and checks: the tables that the differential is computed from."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.change_kinds import GROUP, ChangeKind, change_kinds
from ecs_notebook_lib.knowledge.tables import read_table

MAX_PROBABILITY = 0.98
"""No cause shows itself with certainty: what is looked for may still be missed."""

NONE_OF_THESE = "none_of_these"

PRIOR_NONE_OF_THESE = 0.06
"""Share of failing deployments whose cause is not in the table; judgement, as the priors within a family are."""

_SEEN = 0.7
"""How often what a message tells is seen, if it can be; a row may say otherwise."""

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
    """One thing that can be wrong, its share among failing deployments, and what it is.

    `mechanism` is why the waiter then times out, `shows` how it is seen, `told_apart` what tells it from the causes in
    `mistaken_for`, `remedies` what mends it.
    """

    name: str
    prior: float
    meaning: str
    mechanism: str
    shows: str
    mistaken_for: tuple[str, ...]
    told_apart: str
    remedies: tuple[str, ...]
    treatments: tuple[str, ...] = ()
    """Kinds of treatment that mend it, best first."""
    going_back: str = ""
    """`no` where the last good revision would be no better off."""

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
    says: str = ""
    """What a finding of this kind states; only of those that are made from messages."""
    messages: tuple[str, ...] = ()
    """Kinds of messages, or `place:kind`, that come to it."""
    alternative: bool = False
    """It is one of several ways in which its causes show themselves."""

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
    of_cases: bool
    """Asked of case files alone."""


@cache
def causes() -> Mapping[str, Cause]:
    """Return every cause by its name, in the order of the table."""
    table = read_table("causes")
    return {
        f"{family}.{name}": _cause(f"{family}.{name}", row)
        for family, rows in table.items()
        for name, row in rows.items()
    }


def _cause(name: str, row: Mapping[str, Any]) -> Cause:
    return Cause(
        name=name,
        prior=row["prior"] * _family_factors()[name.partition(".")[0]],
        meaning=row["meaning"],
        mechanism=row["mechanism"],
        shows=row["shows"],
        mistaken_for=tuple(row["mistaken_for"]),
        told_apart=row["told_apart"],
        remedies=tuple(row["remedies"]),
        treatments=tuple(row.get("treatments", ())),
        going_back=row.get("going_back", ""),
    )


@cache
def _family_factors() -> Mapping[str, float]:
    """Return by how much the priors of each family change once the real incidents are counted in."""
    table = read_table("causes")
    judged = {family: sum(row["prior"] for row in rows.values()) for family, rows in table.items()}
    total, fitted = sum(judged.values()), read_table("fitted")
    counts: Mapping[str, int] = fitted["incidents"]
    strength = fitted["strength"]["priors"]
    seen = strength + sum(counts.values())
    share = {family: (strength * mass / total + counts.get(family, 0)) / seen for family, mass in judged.items()}
    return {family: (1 - PRIOR_NONE_OF_THESE) * share[family] / mass for family, mass in judged.items()}


@cache
def finding_kinds() -> Mapping[str, FindingKind]:
    """Return every kind of finding by its name: those of checks, those that messages come to, then kinds of changes.

    Raises
    ------
    ValueError
        If a weight would make a finding more likely than `MAX_PROBABILITY`, or names no cause.
    """
    rows = read_table("findings") | read_table("readings")
    kinds = {name: _kind_of_shares(name, row) if "shares" in row else _kind(name, row) for name, row in rows.items()}
    return kinds | {name: _kind_of_change(row) for name, row in change_kinds().items()}


def lapse_of(observed: str) -> float:
    """Return how often all evidence together misleads, of what was read `live`, or was `reported` by somebody."""
    return float(read_table("fitted")["lapse"][observed])


def temperature_of(observed: str) -> float:
    """Return the temperature by which probabilities are scaled; below 1 they are sharpened."""
    return float(read_table("fitted")["temperature"][observed])


def highest_unconfirmed() -> float:
    """Return how likely a family may be called for which nothing of its own was seen, if a call was refused."""
    return float(read_table("fitted")["refused"]["highest_unconfirmed"])


@cache
def readings() -> Mapping[str, str]:
    """Return the kind of finding that a kind of message comes to, by `kind` or `place:kind`."""
    return {message: kind.name for kind in finding_kinds().values() for message in kind.messages}


def reading_of(kind: str, *, where: str) -> str:
    """Return the kind of finding that a message of this kind comes to in this place; `""` if it tells of no cause."""
    return readings().get(f"{where}:{kind}") or readings().get(kind, "")


def _kind(name: str, row: Mapping[str, Any]) -> FindingKind:
    weights = row.get("weights", {})
    for cause, weight in weights.items():
        _check_cause(name, cause)
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


def _kind_of_change(row: ChangeKind) -> FindingKind:
    """Return the kind of finding that a kind of change is: of one group, so that many changes do not add up."""
    for cause in row.brings:
        _check_cause(row.name, cause)
    return FindingKind(row.name, row.rate, GROUP, row.weights, "", row.source)


def _check_cause(name: str, cause: str) -> None:
    if cause not in causes() and (not cause.endswith(".*") or cause[:-2] not in FAMILIES):
        raise ValueError(f"{name}: there is no cause {cause}")


def _kind_of_shares(name: str, row: Mapping[str, Any]) -> FindingKind:
    """Return a kind whose weights follow from the shares of the incidents in which it is seen first.

    A cause's weight is its share over its prior, against the same ratio of all causes that the row does not name.
    """
    for cause in row["shares"]:
        _check_cause(name, cause)
    shares = _counted_in(name, row["shares"])
    named = sum(causes()[cause].prior for cause in shares)
    every = PRIOR_NONE_OF_THESE + sum(cause.prior for cause in causes().values())
    rest = (1 - sum(shares.values())) / (every - named)
    weights = {cause: 10 * math.log10(share / causes()[cause].prior / rest) for cause, share in shares.items()}
    return FindingKind(
        name=name,
        rate=row.get("seen", _SEEN) / 10 ** (max(weights.values()) / 10),
        group=row["group"],
        weights=weights,
        contributing="",
        source=row["source"],
        general=row.get("general", False),
        absent=row.get("absent", ""),
        says=row.get("says", ""),
        messages=tuple(row.get("messages", ())),
        alternative=True,
    )


def _counted_in(name: str, shares: Mapping[str, float]) -> Mapping[str, float]:
    """Return the shares with the real incidents counted in that showed this kind: judgement is worth `strength` ones.

    An incident tells the family only; within one, judgement stays.
    """
    fitted = read_table("fitted")
    counts: Mapping[str, int] = fitted["shown"].get(name, {})
    strength = fitted["strength"]["shares"]
    seen = strength + sum(counts.values())
    mass: dict[str, float] = defaultdict(float)
    for cause, share in shares.items():
        mass[cause.partition(".")[0]] += share
    factor = {family: (strength + counts.get(family, 0) / total) / seen for family, total in mass.items()}
    return {cause: share * factor[cause.partition(".")[0]] for cause, share in shares.items()}


COMPUTED = (causes, _family_factors, finding_kinds, readings)
"""What has to be computed anew when a table is replaced."""


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
            of_cases=row.get("of_cases", False),
        )
        for name, row in read_table("checks").items()
    }
