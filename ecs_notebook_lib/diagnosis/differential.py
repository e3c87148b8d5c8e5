"""Findings → causes ranked by posterior probability, by the weights of `knowledge/findings.toml` (DESIGN 5.4)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis.findings import CheckResult, Finding, Outcome
from ecs_notebook_lib.knowledge.weights import (
    FAMILIES,
    NONE_OF_THESE,
    PRIOR_NONE_OF_THESE,
    Cause,
    causes,
    check_rows,
    finding_kinds,
    highest_unconfirmed,
    lapse_of,
    temperature_of,
)

NOTHING_BROKEN = "deployment_config.waiter_shorter_than_rollout"
"""Cannot stand beside a fault: it says that there is none."""

ALSO_DECIBANS = 13.0
"""What must be left for a second cause once the first has explained what it can: odds of 20 to 1."""

_MUCH = 5.0
"""Decibans: a finding that speaks this much more for another cause is not this one's own way of showing."""

ALSO_PROBABILITY = 0.5
"""How likely it must be, on that evidence, to be told: more likely than not."""

_EXPLAINS = 10.0
"""Decibans that a finding may speak more for another cause and still be explained by this one."""

_CONFIRMS = 7.0
"""Decibans: a finding that speaks for a family so much more than for any other is its own; odds of 5 to 1."""

_NOTICEABLE = 0.5
"""Weights below this, in decibans, change nothing that could be read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was looked for, and what it weighs for each cause.

    `finding` is its id, empty if it was not found; a `general` one counts only while its group has no specific one.
    An `alternative` is one of several ways in which a cause shows itself: that the others are absent is no news.
    """

    kind: str
    group: str
    finding: str
    weights: Mapping[str, float]
    general: bool = False
    alternative: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """One cause with its probability, and the findings, or the kinds not found, that speak for and against it."""

    cause: str
    family: str
    probability: float
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    missing: tuple[str, ...]
    decibans: float


def evidence_of(results: Iterable[CheckResult], ids: Mapping[int, str], examined: str) -> list[Evidence]:
    """Return what counts: findings about the examined revision or the service, and what was looked for in vain.

    `ids` maps `id(finding)` to its number. A kind that was found for another revision says nothing about this one.
    """
    evidence: list[Evidence] = []
    for result in results:
        counted = [row for row in result.findings if row.weighs and row.revision in ("", examined)]
        evidence += [_found(finding, ids[id(finding)]) for finding in counted]
        complete = result.outcome is Outcome.CLEAR or (result.outcome is Outcome.FOUND and not result.reason)
        if complete and (counted or result.outcome is Outcome.CLEAR):
            found = {finding.kind for finding in counted}
            evidence += [_not_found(kind) for kind in check_rows()[result.check].kinds if kind not in found]
    return [row for row in evidence if row.weights]


def _found(finding: Finding, finding_id: str) -> Evidence:
    kind = finding_kinds()[finding.kind]
    weights = {cause: kind.weight(cause) for cause in causes()}
    counted = {cause: weight for cause, weight in weights.items() if weight}
    return Evidence(kind.name, kind.group, finding_id, counted, kind.general, kind.alternative)


def _not_found(name: str) -> Evidence:
    kind = finding_kinds()[name]
    if kind.contributing:
        return Evidence(name, kind.group, "", {})
    weights = {cause: kind.clear_weight(cause) for cause in causes()}
    noticed = {cause: weight for cause, weight in weights.items() if abs(weight) >= _NOTICEABLE}
    return Evidence(name, kind.group, "", noticed, alternative=kind.alternative)


def counted_weights(evidence: Sequence[Evidence], cause: str) -> list[tuple[Evidence, float]]:
    """Return the evidence that counts for a cause: of a group the strongest finding, else the strongest absence."""
    strongest: dict[str, tuple[Evidence, float]] = {}
    found_groups = {row.group for row in evidence if row.finding}
    specific = {row.group for row in evidence if row.finding and not row.general}
    for row in evidence:
        weight = row.weights.get(cause, 0.0)
        if not weight or (not row.finding and row.group in found_groups):
            continue
        if row.general and row.group in specific:
            continue
        best = strongest.get(row.group)
        if best is None or abs(weight) > abs(best[1]):
            strongest[row.group] = (row, weight)
    return _without_other_ways(list(strongest.values()))


def _without_other_ways(counted: list[tuple[Evidence, float]]) -> list[tuple[Evidence, float]]:
    """Return what counts if a cause shows itself in one of several ways: absences of them count once at most.

    Once one of the ways was seen the others are not missed.
    """
    absent = [row for row in counted if row[0].alternative and not row[0].finding and row[1] < 0]
    if len(absent) < 2 and not (absent and any(_shows(row) for row in counted)):
        return counted
    kept = [] if any(_shows(row) for row in counted) else [min(absent, key=lambda row: row[1])]
    return [row for row in counted if row not in absent] + kept


def _shows(row: tuple[Evidence, float]) -> bool:
    """Say whether this is the cause's own way of showing: no other cause is spoken for much more."""
    evidence, weight = row
    return evidence.alternative and bool(evidence.finding) and 0 < weight >= max(evidence.weights.values()) - _MUCH


def posterior(evidence: Sequence[Evidence]) -> dict[str, float]:
    """Return the probability of each cause and of `none_of_these`; they sum to 1."""
    scores = {NONE_OF_THESE: math.log(PRIOR_NONE_OF_THESE)}
    for name, cause in causes().items():
        decibans = sum(weight for _, weight in counted_weights(evidence, name))
        scores[name] = math.log(cause.prior) + decibans * math.log(10) / 10
    top = max(scores.values())
    odds = {name: math.exp(score - top) for name, score in scores.items()}
    total = sum(odds.values())
    return {name: value / total for name, value in odds.items()}


def calibrated(probabilities: Mapping[str, float], observed: str) -> dict[str, float]:
    """Return the probabilities as they come true: by a temperature, and by how often all evidence misleads.

    Temperature scaling: Guo et al., "On calibration of modern neural networks", 2017.
    The lapse of reported cases is fitted, all else judged.
    """
    lapse, temperature, priors = lapse_of(observed), temperature_of(observed), posterior(())
    scaled = {name: value ** (1 / temperature) for name, value in probabilities.items()}
    total = sum(scaled.values())
    return {name: (1 - lapse) * value / total + lapse * priors[name] for name, value in scaled.items()}


def with_room_for_what_was_refused(
    probabilities: Mapping[str, float], evidence: Sequence[Evidence], results: Iterable[CheckResult]
) -> dict[str, float]:
    """Return the probabilities with room for what a refused call hides: it might have spoken for any cause.

    A leading family is left as it is where something was seen that speaks for no other one nearly as much; else it
    gives up what it has above `highest_unconfirmed`, in proportion to the priors.
    """
    families = families_of(probabilities)
    leading = max(FAMILIES, key=lambda name: families[name])
    highest = highest_unconfirmed()
    refused = any(row.refused for row in results)
    if not refused or families[leading] <= highest or _is_confirmed(leading, probabilities, evidence):
        return dict(probabilities)
    priors = posterior(())
    share = (families[leading] - highest) / (families[leading] - families_of(priors)[leading])
    return {name: (1 - share) * value + share * priors[name] for name, value in probabilities.items()}


def _is_confirmed(family: str, probabilities: Mapping[str, float], evidence: Sequence[Evidence]) -> bool:
    """Say whether a finding that counts for the family's first cause speaks for no other family nearly as much."""
    first = max((name for name in causes() if name.startswith(f"{family}.")), key=lambda name: probabilities[name])
    for row, weight in counted_weights(evidence, first):
        others = (value for name, value in row.weights.items() if not name.startswith(f"{family}."))
        if row.finding and weight - max((0.0, *others)) >= _CONFIRMS:
            return True
    return False


def families_of(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Return the probability of each family and of `none_of_these`, in the order of the families."""
    families = dict.fromkeys((*FAMILIES, NONE_OF_THESE), 0.0)
    for name, probability in probabilities.items():
        families[name.partition(".")[0]] += probability
    return families


def rank(evidence: Sequence[Evidence], results: Iterable[CheckResult], *, observed: str = "live") -> tuple[Ranked, ...]:
    """Return every cause and `none_of_these`, most likely first.

    Parameters
    ----------
    observed
        `live` if AWS was read, `reported` if somebody told what they saw: the latter misleads more often.
    """
    listed = tuple(results)
    probabilities = calibrated(posterior(evidence), observed)
    if observed == "live":
        probabilities = with_room_for_what_was_refused(probabilities, evidence, listed)
    open_kinds = [
        (result.check, kind)
        for result in listed
        if result.outcome is Outcome.NOT_CHECKED
        for kind in check_rows()[result.check].kinds
    ]
    ranked = [_ranked(name, probability, evidence, open_kinds) for name, probability in probabilities.items()]
    return tuple(sorted(ranked, key=lambda row: (-row.probability, row.cause)))


def _ranked(
    name: str, probability: float, evidence: Sequence[Evidence], open_kinds: Sequence[tuple[str, str]]
) -> Ranked:
    counted = sorted(counted_weights(evidence, name), key=lambda row: -abs(row[1]))
    texts = [(row.finding or f"no {row.kind}", weight) for row, weight in counted]
    missing = [check for check, kind in open_kinds if finding_kinds()[kind].weight(name)]
    return Ranked(
        cause=name,
        family=name.partition(".")[0],
        probability=probability,
        evidence_for=tuple(text for text, weight in texts if weight > 0),
        evidence_against=tuple(text for text, weight in texts if weight < 0),
        missing=tuple(dict.fromkeys(missing)),
        decibans=sum(weight for _, weight in counted),
    )


def second_causes(evidence: Sequence[Evidence], first: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the causes that are needed beside the first: what it explains is taken out, and the rest ranked again.

    A look-alike in the first one's family is left out: two ways of seeing one fault differ only in name.
    """
    counted = counted_weights(evidence, first)
    explained = {row.group for row, weight in counted if row.finding and weight > 0 and _explains(row, weight)}
    rest = [row for row in evidence if row.group not in explained]
    likely = posterior(rest)
    second = []
    for name, cause in causes().items():
        if name in (first, NOTHING_BROKEN) or _look_alike(cause, first) or likely[name] < ALSO_PROBABILITY:
            continue
        left = [(row, weight) for row, weight in counted_weights(rest, name) if row.finding]
        if sum(weight for _, weight in left) >= ALSO_DECIBANS:
            second.append((name, tuple(row.finding for row, weight in left if weight > 0)))
    return tuple(second)


def _explains(row: Evidence, weight: float) -> bool:
    """Say whether a cause explains a finding about as well as any: what speaks far more for another is not its own."""
    return weight >= max(row.weights.values()) - _EXPLAINS


def _look_alike(cause: Cause, first: str) -> bool:
    other = causes().get(first)
    if other is None or cause.family != other.family:
        return False
    return first in cause.mistaken_for or cause.name in other.mistaken_for
