"""The questions asked of the frames of a candidate, by the same checks that examine a deployment that was made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis.checks import run_check
from ecs_notebook_lib.diagnosis.findings import CheckResult, Finding, Outcome, counted, listing
from ecs_notebook_lib.diagnosis.preflight.definition import definition, definition_of, fits_service
from ecs_notebook_lib.diagnosis.preflight.roles import SEVERITIES, execution_role, needs_of_task_role
from ecs_notebook_lib.diagnosis.preflight.rollout import (
    addresses_words,
    alarms,
    blocks_every_task,
    longer_wait,
    pace_told,
    percentages,
    rolls,
    under_way,
)
from ecs_notebook_lib.diagnosis.preflight.row import Answer, Row, row_of
from ecs_notebook_lib.diagnosis.preflight.running import resources, variables
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.candidate import Candidate, candidate_of
from ecs_notebook_lib.frames.named_things import MADE_AT_START
from ecs_notebook_lib.knowledge.preflight import Question, questions
from ecs_notebook_lib.snapshot import Snapshot
from ecs_notebook_lib.snapshot.model import utc_text

SCHEMA = "ecs-notebook/preflight/1"


@dataclass(frozen=True, slots=True)
class Preflight:
    """Whether the candidate would come up: a row, or some, for each question, in the order of the table."""

    candidate: Candidate
    rows: tuple[Row, ...]
    frames: Frames

    @property
    def running(self) -> str:
        """Return the revision that it is compared with: the last that was deployed well; `""` if none is known."""
        good = self.frames.history.last_good
        return good.revision if good else ""

    @property
    def outcome(self) -> str:
        """Return `would_fail`, `unknown` (a refused read leaves it open), or `ok`; warnings do not count."""
        if any(row.outcome is Answer.WOULD_FAIL for row in self.rows):
            return "would_fail"
        return "unknown" if any(row.leaves_open for row in self.rows) else "ok"

    def to_json(self) -> dict[str, Any]:
        """Return the document `ecs-notebook/preflight/1`, for programs."""
        name = self.frames.snapshot.incident
        return {
            "schema": SCHEMA,
            "incident": {
                "cluster": name.cluster,
                "service": name.service,
                "region": name.region,
                "account": name.account,
                "as_of": utc_text(self.frames.snapshot.as_of),
            },
            "task_definition": {
                "asked": self.candidate.asked,
                "revision": self.candidate.revision,
                "running": self.running or None,
            },
            "outcome": self.outcome,
            "rows": [row.to_json() for row in self.rows],
        }


def preflight_of(snapshot: Snapshot, asked: str) -> Preflight | None:
    """Return what would become of a task definition if it were deployed now; None if the snapshot does not tell.

    Parameters
    ----------
    asked
        ARN, family:revision, or family; the snapshot was collected for it, or it is the examined revision.
    """
    made = Frames(snapshot).made
    candidate = candidate_of(snapshot, asked, examined=made.examined_definition)
    if candidate is None:
        return None
    frames = Frames(snapshot, candidate=candidate.task_definition)
    rows = [row for question in questions().values() for row in _rows(question, frames, candidate)]
    return Preflight(candidate, tuple(rows), frames)


_OWN: Mapping[str, Callable[[Question, Frames], Iterator[Row]]] = {
    "fits_service": fits_service,
    "execution_role": execution_role,
    "variables": variables,
    "percentages": percentages,
    "resources": resources,
    "under_way": under_way,
    "alarms": alarms,
}
"""Questions that no check of a deployment asks, or not so."""

_WORDS: Mapping[str, Callable[[Frames], str]] = {
    "addresses": addresses_words,
    "pace": pace_told,
}
"""What is said in numbers if nothing is wrong."""


def _rows(question: Question, frames: Frames, candidate: Candidate) -> Iterator[Row]:
    if question.name == "definition":
        yield from definition(question, frames, candidate)
    elif question.revision and not definition_of(frames):
        reason = "the task definition was not read" if candidate.error else "the task definition is not known"
        yield Row(question, Answer.NOT_CHECKED, reason)
    elif question.name in _OWN:
        yield from _OWN[question.name](question, frames)
    elif question.of and len(frames.services) and not len(frames.rows(question.of)):
        yield Row(question, Answer.OK, question.none)
    else:
        yield from _by_checks(question, frames)


def _by_checks(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield what the checks of a question found, what they could not see, or that nothing is wrong."""
    results = [run_check(name, frames) for name in question.checks]
    findings = {row.kind + row.statement: row for result in results for row in result.findings}
    told = [_judged(question, row, frames) for row in findings.values() if row.kind in question.fails + question.warns]
    unread = [*(_unread_things(question, frames) if question.things else _unread(question, results))]
    yield from told
    yield from unread
    if told or unread:
        return
    if question.name == "task_role" and not needs_of_task_role(frames):
        yield Row(question, Answer.NOT_CHECKED, "Nothing is known that the revision needs its task role for.")
        return
    words = _things_words(question, frames) if question.things else ""
    own = _WORDS[question.name](frames) if question.name in _WORDS else ""
    good = next((row for row in findings.values() if row.kind == question.good), None)
    said = good.statement if good else words or own or question.fine
    yield Row(question, Answer.OK, said, finding=good)


_ONLY_IF: Mapping[str, Callable[[Frames], bool]] = {
    "few_free_addresses": blocks_every_task,
    "target_group_not_forwarded": rolls,
}
"""Findings that stop a revision only if this holds of the service, and otherwise only warn."""


def _judged(question: Question, finding: Finding, frames: Frames) -> Row:
    """Return the row of a finding: what stops one revision may only slow another down."""
    outcome = Answer.WOULD_FAIL if finding.kind in question.fails else Answer.WARNING
    if finding.kind in SEVERITIES:
        outcome = SEVERITIES[finding.kind](finding, frames)
    if finding.kind in _ONLY_IF and not _ONLY_IF[finding.kind](frames):
        outcome = Answer.WARNING
    row = row_of(question, finding, outcome)
    if finding.kind == "rollout_longer_than_waiter":
        return Row(question, outcome, row.statement + longer_wait(frames), row.cause, finding)
    return row


def _unread(question: Question, results: list[CheckResult]) -> Iterator[Row]:
    """Yield what the first check, or one that something was refused to, could not see."""
    kinds = question.fails + question.warns
    for number, result in enumerate(results):
        if any(finding.kind in kinds for finding in result.findings):
            continue
        if result.refused or (number == 0 and result.outcome is Outcome.NOT_CHECKED):
            yield Row(question, Answer.NOT_CHECKED, result.reason, refused=result.refused)


def _of_question(question: Question, frames: Frames) -> pd.DataFrame:
    things = frames.named_things
    return things[things["kind"].isin(question.things)]


def _unread_things(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield each thing of which it is not known whether it exists, and why."""
    things = _of_question(question, frames)
    unknown = things[things["exists"].isna() & (things["reason"] != MADE_AT_START)].drop_duplicates("name")
    refused = "named_things" in frames.gaps
    for kind, name, reason in unknown[["kind", "name", "reason"]].itertuples(index=False, name=None):
        said = f"Whether the {str(kind).replace('_', ' ')} {name} exists is not known: {reason}"
        yield Row(question, Answer.NOT_CHECKED, said, refused=refused)
    asked = frames.coverage[frames.coverage["operation"] == "ecr:BatchGetImage"]
    unasked = asked[~asked["status"].isin(["ok", "skipped"])]
    if "image" in question.things and things["exists"].fillna(value=False).any() and len(unasked):
        said = f"What {listing(things['name'])} is built for is not known: {unasked['error'].iloc[0]}"
        yield Row(question, Answer.NOT_CHECKED, said, refused=True)


def _things_words(question: Question, frames: Frames) -> str:
    """Return what exists, in words; a log group that the first task makes is told as such."""
    things = _of_question(question, frames).drop_duplicates(["kind", "name"])
    if not len(things):
        return question.none
    later = things[things["reason"] == MADE_AT_START]
    there = things.drop(later.index)
    counts = there["kind"].str.replace("_", " ").value_counts(sort=False)
    words = [f"{' and '.join(counted(int(n), str(kind)) for kind, n in counts.items())} found."] if len(there) else []
    details = there.loc[there["kind"] == "image", "detail"].dropna()
    words += [f"Built for {detail}." for detail in details.unique()]
    words += [f"The log group {name} is made by the first task (awslogs-create-group)." for name in later["name"]]
    return " ".join(words)
