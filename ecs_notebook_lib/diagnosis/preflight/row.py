"""One row of the answer: a question, what came of it, and the finding behind it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ecs_notebook_lib.diagnosis.findings import Finding
from ecs_notebook_lib.knowledge.preflight import Question, likeliest_cause


class Answer(StrEnum):
    """What came of a question; what was not read is never `ok`."""

    OK = "ok"
    WOULD_FAIL = "would_fail"
    WARNING = "warning"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one question; `refused` says that AWS did not let it be answered, rather than that nobody can."""

    question: Question
    outcome: Answer
    statement: str
    cause: str = ""
    finding: Finding | None = None
    refused: bool = False

    @property
    def leaves_open(self) -> bool:
        """Say whether it is not known, for a refused read, if the revision would come up."""
        return self.outcome is Answer.NOT_CHECKED and self.refused and self.question.stops

    def to_json(self) -> dict[str, Any]:
        """Return the row for programs."""
        found = self.finding
        shown = ("kind", "check", "frame", "rows", "parts")
        return {
            "question": self.question.name,
            "asks": self.question.asks,
            "outcome": str(self.outcome),
            "statement": self.statement,
            "cause": self.cause or None,
            "refused": self.refused,
            "finding": None if found is None else {name: getattr(found, name) for name in shown},
        }


def row_of(question: Question, finding: Finding, outcome: Answer) -> Row:
    """Return the row that a finding comes to."""
    return Row(question, outcome, finding.statement, likeliest_cause(finding.kind), finding)
