"""Whether a role's trust policy lets ECS assume the role for a task.

Source: Amazon ECS developer guide, "Task IAM role", confused deputy prevention: `aws:SourceArn` is an ARN of ECS in
the task's region and account; one of a cluster is not supported, so it never matches (ECS_FACTS 7.3).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_notebook_lib.policy.conditions import Absent, Value, condition_holds
from ecs_notebook_lib.policy.evaluate import Decision, Verdict, decided, element_covers, statements_of, texts_of
from ecs_notebook_lib.policy.wildcards import matches

TASKS_SERVICE = "ecs-tasks.amazonaws.com"
_ACTION = "sts:AssumeRole"
_SOURCES = ("task/0", "task-definition/0", "service/0", "container-instance/0", "0")
"""Which ARN of ECS stands in the request is not documented: a pattern that fits some of these and not others leaves it
undecided."""


def evaluate_trust(document: str | Mapping[str, Any], *, account: str, region: str, partition: str = "aws") -> Decision:
    """Return what a trust policy answers when ECS assumes the role for a task in this account and region."""
    statements = statements_of(document)
    if statements is None:
        return Decision(Verdict.UNDECIDED, reason="the trust policy cannot be read")
    found: dict[str, list[tuple[str, bool | None, tuple[str, ...]]]] = {"Deny": [], "Allow": []}
    for number, statement in enumerate(statements, start=1):
        applies, missing = _applies(statement, list(_contexts(account, region, partition)))
        if applies is not False:
            name = str(statement.get("Sid") or f"statement {number}")
            found[str(statement["Effect"])].append((name, applies, missing))
    decision = decided(found)
    if decision.verdict is Verdict.IMPLICIT_DENY:
        return Decision(Verdict.IMPLICIT_DENY, reason=_why_not(statements))
    return decision


def _contexts(account: str, region: str, partition: str) -> Iterator[dict[str, Value]]:
    """Yield the condition keys of a request by ECS, for each ARN that it may name as its source."""
    for source in _SOURCES:
        yield {
            "aws:sourceaccount": account,
            "aws:sourcearn": f"arn:{partition}:ecs:{region}:{account}:{source}",
            "aws:principalservicename": TASKS_SERVICE,
            "aws:principalisawsservice": "true",
            "aws:multifactorauthpresent": Absent.ABSENT,
            "sts:externalid": Absent.ABSENT,
        }


def _applies(statement: Mapping[str, Any], contexts: list[dict[str, Value]]) -> tuple[bool | None, tuple[str, ...]]:
    answers = [
        element_covers(statement, "Action", lambda pattern: matches(pattern.lower(), _ACTION.lower())),
        _names_tasks(statement),
    ]
    if False in answers:
        return False, ()
    held = [condition_holds(statement["Condition"], c) if "Condition" in statement else (True, ()) for c in contexts]
    outcomes = {holds for holds, _ in held}
    if outcomes == {False}:
        return False, ()
    if outcomes == {True} and all(answers):
        return True, ()
    return None, next((missing for holds, missing in held if holds is None), ("aws:SourceArn",))


def _names_tasks(statement: Mapping[str, Any]) -> bool | None:
    principal = statement.get("Principal")
    if principal is None or principal == "*":
        return None
    named = list(texts_of(principal.get("Service"))) if isinstance(principal, Mapping) else []
    return TASKS_SERVICE in named


def _why_not(statements: list[Mapping[str, Any]]) -> str:
    if any(_names_tasks(statement) for statement in statements):
        return f"a condition, or the action, of the statement that names {TASKS_SERVICE} does not fit"
    return f"no statement names {TASKS_SERVICE}"
