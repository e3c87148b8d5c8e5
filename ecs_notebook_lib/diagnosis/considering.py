"""The differential considered: what it would be without some findings, and which look-alikes were rejected, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.differential import Evidence, Ranked, counted_weights, rank
from ecs_notebook_lib.knowledge.weights import causes, finding_kinds


@dataclass(frozen=True, slots=True)
class Mimic:
    """A cause that looks like the leading one: its probability, what speaks against it, what tells the two apart."""

    cause: str
    probability: float
    against: tuple[str, ...]
    told_apart: str


def without(diagnosis: Diagnosis, findings: Iterable[str]) -> tuple[Ranked, ...]:
    """Return the ranking as it would be had nobody looked for these findings, F1 and so on."""
    left_out = set(findings)
    rest = [row for row in diagnosis.evidence if row.finding not in left_out]
    return rank(rest, diagnosis.results, observed="reported" if diagnosis.frames.reported else "live")


def counting(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the findings that weigh something, in their order."""
    weighing = {row.finding for row in diagnosis.evidence if row.finding}
    return tuple(name for name, _ in diagnosis.findings if name in weighing)


def weights_for(diagnosis: Diagnosis, cause: str) -> list[tuple[Evidence, float]]:
    """Return what counts for and against a cause in decibans, the heaviest first."""
    return sorted(counted_weights(diagnosis.evidence, cause), key=lambda row: (-abs(row[1]), row[0].kind))


def mimics_of(diagnosis: Diagnosis) -> tuple[Mimic, ...]:
    """Return the look-alikes of the leading cause, most likely first; none if no cause leads."""
    leading = causes().get(diagnosis.differential[0].cause)
    if leading is None:
        return ()
    names = {*leading.mistaken_for, *(c.name for c in causes().values() if leading.name in c.mistaken_for)}
    ranked = [row for row in diagnosis.differential if row.cause in names]
    return tuple(_mimic(diagnosis, row, leading.told_apart) for row in ranked)


def _mimic(diagnosis: Diagnosis, row: Ranked, told_apart: str) -> Mimic:
    against = [evidence for evidence, weight in weights_for(diagnosis, row.cause) if weight < 0]
    own = causes()[row.cause].told_apart
    return Mimic(row.cause, row.probability, tuple(map(name_of, against)), f"{told_apart}; {own}")


def name_of(evidence: Evidence) -> str:
    """Return a piece of evidence in words: the finding's number, or what was looked for in vain."""
    absent = finding_kinds()[evidence.kind].absent or evidence.kind.replace("_", " ")
    return evidence.finding or f"no {absent}"
