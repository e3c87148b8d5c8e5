"""What the last good revision's role was allowed, cut down to some services, and what of it another role lacks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ecs_notebook_lib.policy.documents import Document, loaded, parsed_statements
from ecs_notebook_lib.policy.evaluate import texts_of
from ecs_notebook_lib.policy.wildcards import matches


def former_statements(policies: Iterable[tuple[str, str]], services: Iterable[str]) -> list[Document]:
    """Return the Allow statements of a role, with only the actions and resources of these services.

    A statement by NotAction cannot be cut down, and is left out.
    """
    wanted = sorted(services)
    statements = (row for _, text in policies for row in parsed_statements(loaded(text) or {}))
    return [cut for row in statements if row.get("Effect") == "Allow" for cut in _cut(row, wanted)]


def _cut(statement: Mapping[str, Any], services: Iterable[str]) -> Iterator[Document]:
    """Yield a statement for each service that a statement is about."""
    if "NotAction" in statement or "NotResource" in statement:
        return
    for service in services:
        actions = [f"{service}:*" if one == "*" else one for one in texts_of(statement.get("Action"))]
        own = [one for one in actions if one.lower().startswith(f"{service}:")]
        resources = [one for one in texts_of(statement.get("Resource")) if _of(one, service)]
        if own and resources:
            yield {**statement, "Action": own, "Resource": resources}


def _of(resource: str, service: str) -> bool:
    return resource == "*" or resource.split(":")[2:3] == [service] or not resource.startswith("arn:")


def lacks(had: Iterable[Document], has: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Return of the statements `had` what no statement of `has` allows as widely; a condition allows less."""
    given = [row for row in has if row.get("Effect") == "Allow" and "Condition" not in row]
    return [cut for row in had if (cut := _without(row, given))]


def _without(statement: Document, given: list[Mapping[str, Any]]) -> Document | None:
    actions = list(texts_of(statement["Action"]))
    resources = list(texts_of(statement["Resource"]))
    open_pairs = [(a, r) for a in actions for r in resources if not any(_within(a, r, row) for row in given)]
    if not open_pairs:
        return None
    left = {a for a, _ in open_pairs}, {r for _, r in open_pairs}
    return {
        **statement,
        "Action": [one for one in actions if one in left[0]],
        "Resource": [one for one in resources if one in left[1]],
    }


def allows(statements: Iterable[Mapping[str, Any]], action: str, resource: str) -> bool:
    """Say whether a statement without a condition allows all that two patterns stand for."""
    given = (row for row in statements if row.get("Effect") == "Allow" and "Condition" not in row)
    return any(_within(action, resource, row) for row in given)


def _within(action: str, resource: str, statement: Mapping[str, Any]) -> bool:
    """Say whether a statement allows all that a pair of patterns stands for: its own patterns match theirs as texts."""
    return any(matches(one.lower(), action.lower()) for one in texts_of(statement.get("Action"))) and any(
        matches(one, resource) for one in texts_of(statement.get("Resource"))
    )
