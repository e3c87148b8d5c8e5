"""What to check next: the checks not made, ordered by what each is expected to tell for its effort."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis import words
from ecs_notebook_lib.diagnosis.findings import CheckResult, Outcome
from ecs_notebook_lib.diagnosis.shell import Names, filled
from ecs_notebook_lib.knowledge.weights import (
    MAX_PROBABILITY,
    NONE_OF_THESE,
    CheckRow,
    FindingKind,
    check_rows,
    finding_kinds,
)
from ecs_notebook_lib.untrusted import plain

_ASKED_IN_VAIN = 0.02
"""How likely it is that a check that had nothing to look at has something a moment later."""

_OUTCOMES_TOLD = 3


@dataclass(frozen=True, slots=True)
class ExpectedOutcome:
    """What a check may find, how likely that is, and which cause it would make how likely."""

    kind: str
    probability: float
    cause: str
    posterior: float


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check not made: the command that makes it, what it is expected to tell, and between which causes."""

    check: str
    command: str
    reason: str
    expected_bits: float
    effort_minutes: float
    separates: tuple[str, ...]
    outcomes: tuple[ExpectedOutcome, ...]


class Plan(tuple[PlannedCheck, ...]):
    """The checks not made, those first that tell most a minute."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(words.steps_of(self)) or "Every check was made."

    def _repr_markdown_(self) -> str:
        return "\n".join(map(_numbered, words.steps_of(self))) or "Every check was made."


def make_plan(results: Iterable[CheckResult], probabilities: Mapping[str, float], names: Names) -> Plan:
    """Return the checks that were not made, or in part, those first that tell most a minute; `names` fill in commands.

    A check that was made and had nothing to look at comes last: to ask again would tell the same.
    """
    open_checks = [row for row in results if row.outcome is Outcome.NOT_CHECKED or row.refused]
    planned = [_planned(row, probabilities, names) for row in open_checks if check_rows()[row.check].command]
    return Plan(sorted(planned, key=lambda row: (-row.expected_bits / row.effort_minutes, row.check)))


def _planned(result: CheckResult, probabilities: Mapping[str, float], names: Names) -> PlannedCheck:
    row = check_rows()[result.check]
    kinds = [finding_kinds()[kind] for kind in (*row.kinds, *row.tells) if finding_kinds()[kind].weights]
    likely = sorted((name for name in probabilities if name != NONE_OF_THESE), key=lambda name: -probabilities[name])
    touched = [name for name in likely if any(kind.weight(name) for kind in kinds)]
    hope = 1.0 if _worth_asking(row, result) else _ASKED_IN_VAIN
    return PlannedCheck(
        check=row.name,
        command=command_of(row, names),
        reason=result.reason,
        expected_bits=round(hope * _expected_bits(kinds, probabilities), 4),
        effort_minutes=row.minutes,
        separates=tuple(touched[:3]),
        outcomes=_outcomes(kinds, probabilities),
    )


def command_of(row: CheckRow, names: Names) -> str:
    """Return the command of a check with these names filled in; what is not known stays a placeholder."""
    return filled(row.command, names)


def _worth_asking(row: CheckRow, result: CheckResult) -> bool:
    """Say whether the check could tell something if somebody made it now."""
    return result.refused or row.by_hand or bool(row.tells)


def _numbered(line: str) -> str:
    """Return a line of the plan as an element of a Markdown list, in which nothing else is Markdown."""
    number, _, text = line.partition(" ")
    return f"{number} {plain(text)}"


def _seen(kind: FindingKind, cause: str) -> float:
    return kind.rate if cause == NONE_OF_THESE else kind.probability(cause)


def _expected_bits(kinds: Iterable[FindingKind], probabilities: Mapping[str, float]) -> float:
    """Return how many bits the answer is expected to tell about the cause: the mutual information of both.

    The answer is one of the kinds, or none: of several that come together the first tells most.
    """
    chances = {cause: _shares([_seen(kind, cause) for kind in kinds]) for cause in probabilities}
    if not next(iter(chances.values())):
        return 0.0
    overall = [
        sum(probabilities[cause] * row[number] for cause, row in chances.items())
        for number in range(len(next(iter(chances.values()))))
    ]
    given = sum(probabilities[cause] * _entropy(row) for cause, row in chances.items())
    return max(0.0, _entropy(overall) - given)


def _shares(seen: list[float]) -> list[float]:
    """Return the chances of each kind, scaled so that they leave room for none of them, and of none."""
    total = sum(seen)
    scale = min(1.0, MAX_PROBABILITY / total) if total else 1.0
    return [*(scale * p for p in seen), 1 - scale * total] if seen else []


def _entropy(chances: Iterable[float]) -> float:
    return -sum(p * math.log2(p) for p in chances if p > 0)


def _outcomes(kinds: Iterable[FindingKind], probabilities: Mapping[str, float]) -> tuple[ExpectedOutcome, ...]:
    """Return the findings that are most to be expected, with the cause that each would make most likely."""
    told = []
    for kind in kinds:
        joint = {cause: p * _seen(kind, cause) for cause, p in probabilities.items()}
        chance = sum(joint.values())
        cause = max(joint, key=lambda name: (joint[name], name))
        told.append(ExpectedOutcome(kind.name, round(chance, 4), cause, round(joint[cause] / chance, 4)))
    return tuple(sorted(told, key=lambda row: (-row.probability, row.kind))[:_OUTCOMES_TOLD])
