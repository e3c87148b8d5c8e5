"""The differential as tables: evidence for and against, look-alikes, mechanisms, and what the next checks mean."""

from collections.abc import Sequence

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.considering import mimics_of, name_of, weights_for
from ecs_notebook_lib.diagnosis.differential import Evidence, Ranked
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, causes
from ecs_notebook_lib.report.words import meaning_of, percent
from ecs_notebook_lib.untrusted import visible

_LEADING = 4
_PLANNED = 6


def ranking_of(ranked: Sequence[Ranked], *, limit: int = 8) -> pd.DataFrame:
    """Return the leading causes with their probability and what each is."""
    rows = [
        {"cause": row.cause, "probability": percent(row.probability), "meaning": meaning_of(row.cause)}
        for row in ranked[:limit]
    ]
    return pd.DataFrame(rows, columns=["cause", "probability", "meaning"])


def evidence_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return what speaks for and against the leading causes, in decibans; what was looked for in vain counts."""
    statements = {name: visible(finding.statement) for name, finding in diagnosis.findings}
    rows = [
        {
            "cause": ranked.cause,
            "evidence": name_of(evidence),
            "decibans": f"{weight:+.1f}",
            "statement": statements.get(evidence.finding, "looked for in vain"),
        }
        for ranked in diagnosis.differential[:_LEADING]
        if ranked.cause != NONE_OF_THESE
        for evidence, weight in weights_for(diagnosis, ranked.cause)
    ]
    return pd.DataFrame(rows, columns=["cause", "evidence", "decibans", "statement"])


def mimics_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the look-alikes of the leading cause: how likely each is, what speaks against it, what to look at."""
    rows = [
        {
            "look-alike": mimic.cause,
            "probability": percent(mimic.probability),
            "against it": ", ".join(mimic.against[:4]) or "nothing yet",
            "told apart by": mimic.told_apart,
        }
        for mimic in mimics_of(diagnosis)
    ]
    return pd.DataFrame(rows, columns=["look-alike", "probability", "against it", "told apart by"])


def mechanism_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return why each leading cause makes the waiter time out, how it shows, and what mends it."""
    leading = [causes()[row.cause] for row in diagnosis.differential[:_LEADING] if row.cause in causes()]
    rows = [
        {"cause": c.name, "mechanism": c.mechanism, "shows": c.shows, "remedies": "; ".join(c.remedies)}
        for c in leading
    ]
    return pd.DataFrame(rows, columns=["cause", "mechanism", "shows", "remedies"])


def plan_outcomes_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the next checks with what each outcome that is to be expected would mean."""
    rows = [
        {
            "check": planned.check.replace("_", " "),
            "expected bits": f"{planned.expected_bits:.3f}",
            "if it finds": outcome.kind.replace("_", " "),
            "chance": percent(outcome.probability),
            "then": f"{outcome.cause} ({percent(outcome.posterior)})",
            "command": visible(planned.command),
        }
        for planned in diagnosis.plan[:_PLANNED]
        for outcome in planned.outcomes
    ]
    return pd.DataFrame(rows, columns=["check", "expected bits", "if it finds", "chance", "then", "command"])


def weights_frame(diagnosis: Diagnosis, cause: str = "") -> pd.DataFrame:
    """Return what `plot_weight_of_evidence` draws: evidence and decibans of a cause, by default the leading one."""
    named = cause or next(row.cause for row in diagnosis.differential if row.cause in causes())
    rows = [
        {"evidence": _labelled(evidence), "decibans": weight, "cause": named}
        for evidence, weight in weights_for(diagnosis, named)
    ]
    return pd.DataFrame(rows, columns=["evidence", "decibans", "cause"])


def _labelled(evidence: Evidence) -> str:
    name = name_of(evidence)
    return f"{name} {evidence.kind.replace('_', ' ')}" if evidence.finding else name
