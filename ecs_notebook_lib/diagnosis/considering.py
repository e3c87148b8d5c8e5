"""The differential considered: what it would be without some findings, and which look-alikes were rejected, and why."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.differential import Evidence, Ranked, counted_weights, rank
from ecs_notebook_lib.knowledge.weights import PRIOR_NONE_OF_THESE, Cause, causes, finding_kinds

_TELLS = 3.0
"""Decibans: a finding that is twice as likely under one of two causes tells them apart."""


@dataclass(frozen=True, slots=True)
class Mimic:
    """A cause that looks like the leading one, and why it is rejected.

    `against` speaks against it; `explained_worse` was found, and is less to be expected of it than of the leading one.
    `told_apart` is how the two are told apart in general. All most telling first.
    """

    cause: str
    probability: float
    against: tuple[Evidence, ...]
    explained_worse: tuple[Evidence, ...]
    told_apart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dependence:
    """What the ranking would be without some findings: the probability of the leading cause, and which leads then.

    The findings tell of one mechanism: without one of them alone another would stand in for it.
    """

    findings: tuple[str, ...]
    probability: float
    leads: Ranked


def without(diagnosis: Diagnosis, findings: Iterable[str]) -> tuple[Ranked, ...]:
    """Return the ranking as it would be had nobody looked for these findings, F1 and so on.

    What they hid, other ways of seeing the same that were looked for in vain, does not count then either.
    """
    left_out = set(findings)
    groups = {row.group for row in diagnosis.evidence if row.finding in left_out}
    rest = [
        row for row in diagnosis.evidence if row.finding not in left_out and (row.finding or row.group not in groups)
    ]
    return rank(rest, diagnosis.results, observed="reported" if diagnosis.frames.reported else "live")


def counting(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the findings that weigh something, in their order."""
    weighing = {row.finding for row in diagnosis.evidence if row.finding}
    return tuple(name for name, _ in diagnosis.findings if name in weighing)


def dependences(diagnosis: Diagnosis) -> tuple[Dependence, ...]:
    """Return how the leading cause fares without what tells of one mechanism; what it needs most comes first."""
    groups: dict[str, list[str]] = defaultdict(list)
    for row in diagnosis.evidence:
        groups[row.group] += [row.finding] if row.finding else []
    rows = [_dependence(diagnosis, tuple(findings)) for findings in groups.values() if findings]
    return tuple(sorted(rows, key=lambda row: row.probability))


def _dependence(diagnosis: Diagnosis, findings: tuple[str, ...]) -> Dependence:
    ranked, leading = without(diagnosis, findings), diagnosis.differential[0].cause
    return Dependence(findings, next(row.probability for row in ranked if row.cause == leading), ranked[0])


def prior_decibans(cause: str) -> float:
    """Return how common a cause is against none of these, before anything is known, in decibans."""
    return 10 * math.log10(causes()[cause].prior / PRIOR_NONE_OF_THESE)


def weights_for(diagnosis: Diagnosis, cause: str) -> list[tuple[Evidence, float]]:
    """Return what counts for and against a cause in decibans, the heaviest first."""
    return sorted(counted_weights(diagnosis.evidence, cause), key=lambda row: (-abs(row[1]), row[0].kind))


def mimics_of(diagnosis: Diagnosis) -> tuple[Mimic, ...]:
    """Return the look-alikes of the leading cause, most likely first; none if no cause leads."""
    leading = causes().get(diagnosis.differential[0].cause)
    if leading is None:
        return ()
    ranked = [(row, causes()[row.cause]) for row in diagnosis.differential if row.cause in causes()]
    return tuple(_mimic(diagnosis, row, leading) for row, cause in ranked if _told_apart(leading, cause))


def _told_apart(leading: Cause, other: Cause) -> tuple[str, ...]:
    """Return what each of the two causes says of how it is told from the other; nothing if neither looks like it."""
    told = (
        (leading.told_apart, other.name in leading.mistaken_for),
        (other.told_apart, leading.name in other.mistaken_for),
    )
    return tuple(text for text, speaks in told if speaks)


def _mimic(diagnosis: Diagnosis, row: Ranked, leading: Cause) -> Mimic:
    weights = weights_for(diagnosis, row.cause)
    return Mimic(
        cause=row.cause,
        probability=row.probability,
        against=tuple(evidence for evidence, weight in weights if weight < 0),
        explained_worse=_explained_worse(weights, weights_for(diagnosis, leading.name)),
        told_apart=_told_apart(leading, causes()[row.cause]),
    )


def _explained_worse(own: list[tuple[Evidence, float]], leading: list[tuple[Evidence, float]]) -> tuple[Evidence, ...]:
    """Return what was found that is less to be expected of this cause, unless it speaks against it outright."""
    weighs = {evidence.group: weight for evidence, weight in own}
    lost = [(evidence, weight - weighs.get(evidence.group, 0.0)) for evidence, weight in leading if evidence.finding]
    telling = [row for row in lost if row[1] >= _TELLS and weighs.get(row[0].group, 0.0) >= 0]
    return tuple(evidence for evidence, _ in sorted(telling, key=lambda row: -row[1]))


def name_of(evidence: Evidence) -> str:
    """Return a piece of evidence in words: `F3 target times out`, or what was looked for in vain: `no …`."""
    if evidence.finding:
        return f"{evidence.finding} {evidence.kind.replace('_', ' ')}"
    return absence_of(evidence.kind)


def absence_of(kind: str) -> str:
    """Return in words that a kind of finding was looked for in vain."""
    return finding_kinds()[kind].absent or f"no {kind.replace('_', ' ')}"
