"""The five hypotheses of the story, and the rest, each answered: confirmed, ruled out, or cannot tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ecs_notebook_lib.diagnosis.differential import Ranked
from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, causes

CONFIRMED, RULED_OUT = 0.8, 0.05
"""From which probability on a hypothesis is called confirmed, and up to which one ruled out."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One hypothesis, its answer, its probability, and the findings or absences that it rests on."""

    title: str
    answer: str
    probability: float
    because: tuple[str, ...]
    contributing: tuple[str, ...]


def answer_hypotheses(
    ranked: Sequence[Ranked], contributing: Mapping[str, Sequence[str]], *, known: bool
) -> tuple[Hypothesis, ...]:
    """Return an answer to each hypothesis, in the story's order; without a known service nothing can be told.

    `contributing` maps the families of contributing conditions to their findings.
    """
    rows = read_table("hypotheses")["hypothesis"]
    answered = [_answer(row, ranked, contributing, known=known) for row in rows]
    confirmed = next((row for row in answered if row.answer == "confirmed"), None)
    return tuple(answered if confirmed is None else (_explained_away(row, confirmed) for row in answered))


def _explained_away(row: Hypothesis, confirmed: Hypothesis) -> Hypothesis:
    """Return a hypothesis of which nothing is left as ruled out: another one explains what was seen."""
    if row.answer != "cannot tell" or row.probability > RULED_OUT:
        return row
    return replace(row, answer="ruled out", because=row.because or confirmed.because)


def _answer(
    row: Mapping[str, object], ranked: Sequence[Ranked], contributing: Mapping[str, Sequence[str]], *, known: bool
) -> Hypothesis:
    named = _expand(row["causes"])
    members = [entry for entry in ranked if entry.cause in named]
    probability = sum(entry.probability for entry in members)
    found_for = _distinct(text for entry in members[:1] for text in entry.evidence_for)
    against = _distinct(text for entry in members for text in entry.evidence_against)
    answer, because = "cannot tell", _distinct((*found_for, *against))
    if known and probability >= CONFIRMED and any(text.startswith("F") for text in found_for):
        answer, because = "confirmed", tuple(text for text in found_for if text.startswith("F"))
    elif known and probability <= RULED_OUT and all(row.evidence_against for row in members if row.cause in causes()):
        answer, because = "ruled out", against
    worse = _distinct(
        text for family in {cause.partition(".")[0] for cause in named} for text in contributing.get(family, ())
    )
    return Hypothesis(str(row["title"]), answer, probability, because[:4], worse)


def _distinct(texts: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))  # type: ignore[call-overload]


def _expand(patterns: object) -> set[str]:
    names: set[str] = set()
    for pattern in patterns:  # type: ignore[attr-defined]
        family = pattern.removesuffix("*")
        names |= {
            name
            for name in (*causes(), NONE_OF_THESE)
            if name == pattern or (pattern.endswith("*") and name.startswith(family))
        }
    return names
