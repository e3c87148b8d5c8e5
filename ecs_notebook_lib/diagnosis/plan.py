"""What to check next: the checks not made, ordered by what each is expected to tell for its effort."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis.findings import CheckResult, Outcome
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, FindingKind, check_rows, finding_kinds


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check not made: the command that makes it, what it is expected to tell, and between which causes."""

    check: str
    command: str
    reason: str
    expected_bits: float
    effort_minutes: float
    separates: tuple[str, ...]


def make_plan(
    results: Iterable[CheckResult], probabilities: Mapping[str, float], names: Mapping[str, str]
) -> tuple[PlannedCheck, ...]:
    """Return the checks that were not made, those first that tell most a minute; `names` fill in the commands."""
    planned = [_planned(result, probabilities, names) for result in results if result.outcome is Outcome.NOT_CHECKED]
    return tuple(sorted(planned, key=lambda row: (-row.expected_bits / row.effort_minutes, row.check)))


def _planned(result: CheckResult, probabilities: Mapping[str, float], names: Mapping[str, str]) -> PlannedCheck:
    row = check_rows()[result.check]
    kinds = [finding_kinds()[kind] for kind in (*row.kinds, *row.tells)]
    bits = sum(_expected_bits(kind, probabilities) for kind in kinds)
    likely = sorted((name for name in probabilities if name != NONE_OF_THESE), key=lambda name: -probabilities[name])
    touched = [name for name in likely if any(kind.weight(name) for kind in kinds)]
    return PlannedCheck(
        check=row.name,
        command=row.command.format_map(_Names(names)),
        reason=result.reason,
        expected_bits=round(min(bits, _entropy(probabilities)), 4),
        effort_minutes=row.minutes,
        separates=tuple(touched[:3]),
    )


class _Names(dict[str, str]):
    """Names for a command; what is not known stays a placeholder that a reader can fill in."""

    def __missing__(self, key: str) -> str:
        return f"<{key.upper()}>"


def _expected_bits(kind: FindingKind, probabilities: Mapping[str, float]) -> float:
    """Return how many bits the answer is expected to tell about the cause: the mutual information of both."""
    seen = {name: kind.rate if name == NONE_OF_THESE else kind.probability(name) for name in probabilities}
    found = sum(probabilities[name] * seen[name] for name in probabilities)
    given = sum(probabilities[name] * _binary_entropy(seen[name]) for name in probabilities)
    return max(0.0, _binary_entropy(found) - given)


def _binary_entropy(p: float) -> float:
    return 0.0 if p <= 0 or p >= 1 else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def _entropy(probabilities: Mapping[str, float]) -> float:
    return -sum(p * math.log2(p) for p in probabilities.values() if p > 0)
