"""How well the differential does on labelled cases: rank of the truth, log loss, calibration, confusion."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ecs_notebook_lib.cases.case import Case
from ecs_notebook_lib.cases.observation import snapshot_of
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import Frames

SCHEMA = "ecs-notebook/evaluation/1"
BINS = 15
"""Equal-mass bins of the calibration error."""

_FLOOR = 1e-12

Families = Mapping[str, float]
Classify = Callable[[Case], Families]


@dataclass(frozen=True, slots=True)
class Judged:
    """One case with the probabilities of the families, and where the truth came."""

    case: Case
    families: Families

    @property
    def ranking(self) -> list[str]:
        """Return the families, most likely first."""
        return sorted(self.families, key=lambda name: (-self.families[name], name))

    @property
    def top(self) -> str:
        """Return the most likely family."""
        return self.ranking[0]

    @property
    def rank_of_truth(self) -> int:
        """Return at which place the truth came, from 1."""
        return self.ranking.index(self.case.truth) + 1

    @property
    def loss(self) -> float:
        """Return the log loss in nats."""
        return -math.log(max(_FLOOR, self.families.get(self.case.truth, 0.0)))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Labelled cases judged. The headline leaves out thin observations and documentation examples."""

    judged: tuple[Judged, ...]

    @property
    def headline(self) -> tuple[Judged, ...]:
        """Return the cases that count for the headline."""
        return tuple(row for row in self.judged if row.case.headline)

    @property
    def confusion(self) -> Mapping[tuple[str, str], int]:
        """Return how many headline cases of each (truth, top) there are."""
        return Counter((row.case.truth, row.top) for row in self.headline)

    def to_json(self) -> dict[str, Any]:
        """Return the document of DESIGN 6; figures of no case are null."""
        headline = self.headline
        hard = [row for row in headline if row.case.hard]
        return {
            "schema": SCHEMA,
            "n": len(headline),
            **figures(headline),
            "ece": calibration_error([(row.families[row.top], row.rank_of_truth == 1) for row in headline]),
            "hard": {"n": len(hard), **figures(hard)},
            "thin": _apart(row for row in self.judged if row.case.thin),
            "documentation_examples": _apart(row for row in self.judged if row.case.documentation_example),
            "confusion": [{"truth": truth, "top": top, "n": n} for (truth, top), n in sorted(self.confusion.items())],
            "cases": [_case_json(row) for row in self.judged],
        }


def classify(case: Case) -> Families:
    """Return the probability of each family for a case."""
    return diagnose(Frames(snapshot_of(case))).families


def evaluate(cases: Iterable[Case], by: Classify = classify) -> Evaluation:
    """Return the judged cases; those without a label are left out."""
    return Evaluation(tuple(Judged(case, by(case)) for case in cases if case.truth))


def figures(judged: Sequence[Judged]) -> dict[str, float | None]:
    """Return top-1, top-3, mean log loss and mean top probability; None of no case."""
    n = len(judged)
    if not n:
        return {"top1": None, "top3": None, "log_loss": None, "mean_top": None}
    return {
        "top1": sum(row.rank_of_truth == 1 for row in judged) / n,
        "top3": sum(row.rank_of_truth <= 3 for row in judged) / n,
        "log_loss": sum(row.loss for row in judged) / n,
        "mean_top": sum(row.families[row.top] for row in judged) / n,
    }


def calibration_error(told: Sequence[tuple[float, bool]]) -> float | None:
    """Return the expected calibration error of (top probability, whether it was right) in equal-mass bins."""
    if not told:
        return None
    rows = sorted(told, key=lambda row: row[0])
    edges = [round(number * len(rows) / BINS) for number in range(BINS + 1)]
    bins = [rows[begin:end] for begin, end in pairwise(edges) if end > begin]
    return sum(abs(sum(p for p, _ in part) - sum(right for _, right in part)) for part in bins) / len(rows)


def _apart(judged: Iterable[Judged]) -> dict[str, Any]:
    rows = tuple(judged)
    highest = max((row.families[row.top] for row in rows), default=None)
    return {"n": len(rows), **figures(rows), "highest": highest}


def _case_json(row: Judged) -> dict[str, Any]:
    return {
        "id": row.case.id,
        "truth": row.case.truth,
        "top": row.top,
        "rank_of_truth": row.rank_of_truth,
        "hard": row.case.hard,
        "thin": row.case.thin,
        "documentation_example": row.case.documentation_example,
        "families": {name: round(value, 6) for name, value in row.families.items()},
    }
