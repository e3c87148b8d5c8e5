"""The two roles of a candidate: what they do not allow, and whether the running revision does without it, too."""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from ecs_notebook_lib.diagnosis.checks import run_check
from ecs_notebook_lib.diagnosis.findings import Finding
from ecs_notebook_lib.diagnosis.preflight.row import Answer, Row, row_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.preflight import Question

_DENIED = ("implicit_deny", "explicit_deny")


def execution_role(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield what the execution role does not allow of what ECS needs, and what was not simulated."""
    findings = run_check("role_permissions", frames).findings
    told = [row_of(question, row, Answer.WOULD_FAIL) for row in findings if row.kind in question.fails]
    yield from told
    rows = frames.access[frames.access["role"] == "execution"]
    if not len(rows):
        yield Row(question, Answer.OK, "The revision needs no execution role, or names none.")
    elif rows["identity_verdict"].isna().any():
        reason = frames.gaps.get("access", "SimulatePrincipalPolicy did not answer for it")
        yield Row(question, Answer.NOT_CHECKED, reason, refused=True)
    elif not told:
        yield Row(question, Answer.OK, question.fine)


def needs_of_task_role(frames: Frames) -> bool:
    """Say whether anything is known that the revision needs its task role for."""
    return bool((frames.access["role"] == "task").any())


def _rows_of(finding: Finding, frames: Frames) -> pd.DataFrame:
    rows = frames.access[frames.access["role"] == "task"]
    return rows[(rows["action"] + " " + rows["resource"]).isin(finding.rows)]


def _runs_without(finding: Finding, frames: Frames) -> bool:
    """Say whether the running revision is denied the same, and came up: then it is hardly needed."""
    rows, newest = _rows_of(finding, frames), frames.made.examined
    well = newest is not None and newest.succeeded
    return well and bool(len(rows)) and bool(rows["former_verdict"].isin(_DENIED).all())


def _denied_too(finding: Finding, frames: Frames) -> Answer:
    return Answer.WARNING if _runs_without(finding, frames) else Answer.WOULD_FAIL


def _every_action(finding: Finding, frames: Frames) -> Answer:
    """Return that it would fail only if the running revision may do any of it: a variable alone is no use."""
    lost = _rows_of(finding, frames)["former_verdict"].eq("allowed").any()
    return Answer.WOULD_FAIL if lost else Answer.WARNING


def _lost(finding: Finding, frames: Frames) -> Answer:
    """Return that it would fail if nothing on a resource is allowed any more, or AWS was seen to refuse it."""
    rows = _rows_of(finding, frames)
    of_task = frames.access[frames.access["role"] == "task"]
    allowed = set(of_task.loc[of_task["identity_verdict"] == "allowed", "resource"])
    gone = ~rows["resource"].isin(allowed) | rows["because"].eq("denied")
    return Answer.WOULD_FAIL if gone.any() else Answer.WARNING


def _by_resource(finding: Finding, frames: Frames) -> Answer:
    """Return a warning if the running revision has the same role: the policy denies it the same, and it runs."""
    rows, newest = _rows_of(finding, frames), frames.made.examined
    same = bool((rows["role_arn"] == rows["former_role_arn"]).fillna(value=False).all())
    return Answer.WARNING if same and newest is not None and newest.succeeded else Answer.WOULD_FAIL


SEVERITIES: Mapping[str, Callable[[Finding, Frames], Answer]] = {
    "role_lacks_refused_action": _denied_too,
    "role_lacks_every_action_on_named_resource": _every_action,
    "task_role_lost_action": _lost,
    "resource_policy_denies": _by_resource,
}
"""What of the task role stops a revision depends on whether the running one does without it."""
