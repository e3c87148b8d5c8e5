"""Policy documents as values to be changed: their statements, and which of them are about an action on a resource."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ecs_notebook_lib.policy.evaluate import element_covers, statements_of
from ecs_notebook_lib.policy.wildcards import matches

Document = dict[str, Any]


def loaded(document: object) -> Document | None:
    """Return a policy document, given as text or as it was parsed, if it is one that can be read."""
    if not isinstance(document, str | Mapping):
        return None
    statements = statements_of(document)
    if statements is None:
        return None
    parsed = orjson.loads(document) if isinstance(document, str) else orjson.loads(orjson.dumps(document))
    return {**parsed, "Statement": parsed_statements(parsed)}


def parsed_statements(document: Mapping[str, Any]) -> list[Document]:
    """Return the statements of a parsed document, one alone as a list."""
    rows = document.get("Statement") or []
    return [dict(row) for row in ([rows] if isinstance(rows, Mapping) else rows)]


def covers(statement: Mapping[str, Any], action: str, resource: str) -> bool | None:
    """Say whether a statement is about an action on a resource; None if a policy variable decides."""
    answers = (
        element_covers(statement, "Action", lambda pattern: matches(pattern.lower(), action.lower())),
        element_covers(statement, "Resource", lambda pattern: matches(pattern, resource)),
    )
    if False in answers:
        return False
    return None if None in answers else True


def explicit_denies(policies: Iterable[tuple[str, str]], action: str, resource: str) -> list[tuple[str, int]]:
    """Return (policy, position of the statement) of each Deny that is about an action on a resource."""
    return [
        (name, number)
        for name, document in policies
        for number, statement in enumerate(parsed_statements(loaded(document) or {}))
        if statement.get("Effect") == "Deny" and covers(statement, action, resource)
    ]


def boundary_allows(document: Mapping[str, Any] | None, action: str, resource: str) -> bool | None:
    """Say whether a permissions boundary lets an action on a resource through; None without one, or if unsure."""
    if document is None:
        return None
    found = [row for row in parsed_statements(document) if covers(row, action, resource) is not False]
    if any(row["Effect"] == "Deny" and covers(row, action, resource) and "Condition" not in row for row in found):
        return False
    allowing = [row for row in found if row["Effect"] == "Allow"]
    if not allowing:
        return False
    certain = any(covers(row, action, resource) and "Condition" not in row for row in allowing)
    return True if certain and len(found) == len(allowing) else None
