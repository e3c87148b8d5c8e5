"""A diagnosis, its findings and its plan in words: the sentences that every output begins with."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, causes
from ecs_notebook_lib.untrusted import plain, visible

if TYPE_CHECKING:
    from ecs_notebook_lib.diagnosis.diagnosis import Diagnosis
    from ecs_notebook_lib.diagnosis.findings import Finding
    from ecs_notebook_lib.diagnosis.plan import PlannedCheck

_LIKELY = 0.8
_REASONS, _CAUSES, _ROWS = 3, 3, 5


def percent(probability: float) -> str:
    """Return a probability for people: `97 %`, `under 1 %`, `over 99 %`."""
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{probability * 100:.0f} %"


def meaning_of(cause: str) -> str:
    """Return what a cause is, in words."""
    return causes()[cause].meaning if cause in causes() else "none of the causes that this version knows"


def verdict(diagnosis: "Diagnosis") -> str:
    """Return the verdict in one sentence."""
    if diagnosis.state.status == "unknown":
        return "Too little could be read to say how the service is."
    if diagnosis.state.settled:
        return "The service is stable: its last deployment is completed."
    first = diagnosis.differential[0]
    if first.cause == NONE_OF_THESE:
        return "None of the known causes explains what was seen."
    certainty = "Most likely" if first.probability >= _LIKELY else "Leading, but not certain"
    return f"{certainty} ({percent(first.probability)}): {meaning_of(first.cause)}."


def because(diagnosis: "Diagnosis") -> list[str]:
    """Return the statements of the findings that speak most for the leading cause, strongest first."""
    if diagnosis.state.settled or diagnosis.state.status == "unknown":
        return []
    names = [name for name in diagnosis.differential[0].evidence_for if name in dict(diagnosis.findings)]
    return [f"{name}: {visible(diagnosis.finding(name).statement)}" for name in names[:_REASONS]]


def summary_of(diagnosis: "Diagnosis") -> list[str]:
    """Return a diagnosis in some lines: verdict, reasons, the causes that lead, and where to look further."""
    causes_told = ", ".join(f"{row.cause} {percent(row.probability)}" for row in diagnosis.differential[:_CAUSES])
    counts = f"{len(diagnosis.findings)} findings, {len(diagnosis.not_checked)} checks not made"
    return [
        verdict(diagnosis),
        *because(diagnosis),
        f"Causes: {causes_told}.",
        f"{counts}. See .findings, .differential, .plan and .to_json().",
    ]


def told(finding: "Finding") -> str:
    """Return a finding in one line: its statement, which revision it is about, and on which rows it rests."""
    about = f" About {finding.revision}." if finding.revision else ""
    rows = f"{len(finding.rows)} {'row' if len(finding.rows) == 1 else 'rows'} of frame {finding.frame}"
    return visible(f"{finding.statement}{about} [{finding.kind}: {rows}]")


def steps_of(plan: Iterable["PlannedCheck"]) -> Iterator[str]:
    """Return a line for each of the checks that tell most: what to check, what it is expected to tell, its command."""
    for number, row in enumerate(list(plan)[:_ROWS], start=1):
        yield visible(f"{number}. {row.check.replace('_', ' ')} ({row.expected_bits:.2f} bits): {row.command}")


def as_markdown(lines: Iterable[str]) -> str:
    """Return lines as paragraphs of Markdown in which nothing of the incident is Markdown; the first one is bold."""
    first, *rest = map(plain, lines)
    return "\n\n".join([f"**{first}**", *rest])
