"""The differential as tables: evidence for and against, look-alikes, mechanisms, and what the next checks mean."""

from collections.abc import Iterable, Sequence

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.considering import (
    dependences,
    mimics_of,
    name_of,
    prior_decibans,
    weights_for,
)
from ecs_notebook_lib.diagnosis.differential import Evidence, Ranked
from ecs_notebook_lib.diagnosis.words import meaning_of, percent
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, causes
from ecs_notebook_lib.untrusted import visible

_RANKED = 8
_LEADING = 4
_MIMICS = 8
_PLANNED = 6
_REASONS = 4


def shares_of(ranked: Sequence[Ranked]) -> dict[str, float]:
    """Return the probabilities of the causes that lead, for `plot_differential`."""
    return {row.cause: row.probability for row in ranked[:_RANKED]}


def ranking_table(ranked: Sequence[Ranked], *, before: Sequence[Ranked]) -> pd.DataFrame:
    """Return the causes that lead now, with the probability that each had before, and what each is."""
    had = {row.cause: percent(row.probability) for row in before}
    rows = [
        {
            "cause": row.cause,
            "probability": percent(row.probability),
            "before": had[row.cause],
            "meaning": meaning_of(row.cause),
        }
        for row in ranked[:_RANKED]
    ]
    return pd.DataFrame(rows, columns=["cause", "probability", "before", "meaning"])


def evidence_table(diagnosis: Diagnosis, *, of: Sequence[str] = ()) -> pd.DataFrame:
    """Return what speaks for and against causes, by default the leading ones, the heaviest first; with its decibans.

    What was looked for in vain speaks, too. Of findings of one mechanism only the one that counts is here.
    """
    leading = [row.cause for row in diagnosis.differential[:_LEADING] if row.cause != NONE_OF_THESE]
    rows = [
        {
            "cause": name,
            "evidence": name_of(evidence),
            "speaks": "for" if weight > 0 else "against",
            "decibans": f"{weight:+.1f}",
            "statement": _statement(diagnosis, evidence),
        }
        for name in of or leading
        for evidence, weight in weights_for(diagnosis, name)
    ]
    return pd.DataFrame(rows, columns=["cause", "evidence", "speaks", "decibans", "statement"])


def _statement(diagnosis: Diagnosis, evidence: Evidence) -> str:
    return visible(diagnosis.finding(evidence.finding).statement) if evidence.finding else "looked for in vain"


def mimics_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the look-alikes of the leading cause, most likely first: why each is rejected, and what to look at."""
    rows = [
        {
            "look-alike": mimic.cause,
            "probability": percent(mimic.probability),
            "against it": _names(mimic.against),
            "it explains less well": _names(mimic.explained_worse),
            "told apart by": "; ".join(mimic.told_apart),
        }
        for mimic in mimics_of(diagnosis)[:_MIMICS]
    ]
    columns = ["look-alike", "probability", "against it", "it explains less well", "told apart by"]
    return pd.DataFrame(rows, columns=columns)


def _names(evidence: Iterable[Evidence]) -> str:
    return ", ".join([name_of(row) for row in evidence][:_REASONS]) or "nothing"


def mechanism_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return of each leading cause why it makes the waiter time out, how it shows, and what mends it."""
    rows = [
        {
            "cause": row.cause,
            "meaning": meaning_of(row.cause),
            "mechanism": causes()[row.cause].mechanism,
            "shows": causes()[row.cause].shows,
            "remedies": "; ".join(causes()[row.cause].remedies),
        }
        for row in diagnosis.differential[:_LEADING]
        if row.cause != NONE_OF_THESE
    ]
    return pd.DataFrame(rows, columns=["cause", "meaning", "mechanism", "shows", "remedies"])


def dependence_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return how the leading cause fares without the findings of one mechanism; what it needs most comes first."""
    leading = diagnosis.differential[0].cause
    rows = [
        {
            "without": ", ".join(row.findings),
            "first of them": visible(diagnosis.finding(row.findings[0]).statement),
            leading: percent(row.probability),
            "then leads": f"{row.leads.cause} ({percent(row.leads.probability)})",
        }
        for row in dependences(diagnosis)[:_RANKED]
    ]
    return pd.DataFrame(rows, columns=["without", "first of them", leading, "then leads"])


def plan_outcomes_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return what each outcome that is to be expected of the next checks would mean; each command stands once."""
    rows = [
        {
            "check": planned.check.replace("_", " "),
            "expected bits": "" if number else f"{planned.expected_bits:.3f}",
            "if it finds": outcome.kind.replace("_", " "),
            "chance": percent(outcome.probability),
            "then": f"{outcome.cause} ({percent(outcome.posterior)})",
            "command": "" if number else visible(planned.command),
        }
        for planned in diagnosis.plan[:_PLANNED]
        for number, outcome in enumerate(planned.outcomes)
    ]
    return pd.DataFrame(rows, columns=["check", "expected bits", "if it finds", "chance", "then", "command"])


def weights_frame(diagnosis: Diagnosis, cause: str = "") -> pd.DataFrame:
    """Return what `plot_weight_of_evidence` draws: how common a cause is, then the evidence; by default the leading."""
    named = cause or next(row.cause for row in diagnosis.differential if row.cause in causes())
    prior = {"evidence": "how common it is", "decibans": prior_decibans(named)}
    weights = [{"evidence": name_of(row), "decibans": weight} for row, weight in weights_for(diagnosis, named)]
    return pd.DataFrame([prior, *weights], columns=["evidence", "decibans"]).assign(cause=named)
