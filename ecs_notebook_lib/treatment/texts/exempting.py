"""One Deny statement, changed so that it lets one role, or one action, through, and everything else as before."""

from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.policy import Principal
from ecs_notebook_lib.policy.documents import Document, covers
from ecs_notebook_lib.policy.evaluate import texts_of

_NAMES_OF_ROLE = "aws:principalarn"
_NEGATED = ("ArnNotLike", "ArnNotEquals", "StringNotLike", "StringNotEquals")


def exempted(statement: Mapping[str, Any], principal: Principal) -> tuple[Document | None, str]:
    """Return a Deny of a resource's policy that spares a role, and how; None if nobody else was denied by it.

    A list of those spared gets the role's ARN. Where there is none, a condition makes one: the role's ARN is
    `aws:PrincipalArn` of all its sessions, while NotPrincipal would have to name every session (IAM user guide,
    "NotPrincipal").
    """
    condition = statement.get("Condition") or {}
    for operator, tests in condition.items():
        for key, values in tests.items() if isinstance(tests, Mapping) else ():
            added = _spared(operator, key, principal)
            if added:
                row = {**tests, key: [*texts_of(values), added]}
                told = f"add {added} to {operator} {key}"
                return {**statement, "Condition": {**condition, operator: row}}, told
    only = _only_of_role(statement, principal)
    if only is not None:
        left, told = only
        return left, told
    tests = {**(condition.get("ArnNotEquals") or {}), "aws:PrincipalArn": [principal.role_arn]}
    told = f"let the Deny spare {principal.role_arn} by a condition"
    return {**statement, "Condition": {**condition, "ArnNotEquals": tests}}, told


def _spared(operator: str, key: str, principal: Principal) -> str:
    """Return what a negated condition must list so that it spares a role; empty if it is not about roles."""
    name = operator.removesuffix("IfExists")
    if name not in _NEGATED:
        return ""
    if key.lower() == _NAMES_OF_ROLE:
        return principal.role_arn
    by_id = key.lower() == "aws:userid" and name == "StringNotLike" and principal.role_id
    return f"{principal.role_id}:*" if by_id else ""


def _only_of_role(statement: Mapping[str, Any], principal: Principal) -> tuple[Document | None, str] | None:
    """Return the statement without a role that its Principal names; None if it names no role so."""
    element = statement.get("Principal")
    names = list(texts_of(element.get("AWS"))) if isinstance(element, Mapping) else []
    left = [name for name in names if name != principal.role_arn]
    if len(left) == len(names):
        return None
    others = {key: value for key, value in (element or {}).items() if key != "AWS"} | ({"AWS": left} if left else {})
    if not others:
        return None, "take out the Deny that names only the role"
    return {**statement, "Principal": others}, f"take {principal.role_arn} out of the Deny's Principal"


def taken_out(statement: Mapping[str, Any], action: str, resource: str) -> Document | None:
    """Return a Deny of a role's policy without an action on a resource; None if nothing is left of it.

    The narrowest change that its form allows: the action, if it stands there by itself; else the resource.
    """
    if statement.get("Effect") != "Deny" or not covers(statement, action, resource):
        return dict(statement)
    if "NotAction" in statement:
        return {**statement, "NotAction": [*texts_of(statement["NotAction"]), action]}
    actions = list(texts_of(statement.get("Action")))
    others = [one for one in actions if one.lower() != action.lower()]
    without: Document = {**statement, "Action": others}
    if len(others) < len(actions) and not (others and covers(without, action, resource)):
        return without if others else None
    return _without_resource(statement, resource)


def _without_resource(statement: Mapping[str, Any], resource: str) -> Document | None:
    if "NotResource" in statement:
        return {**statement, "NotResource": [*texts_of(statement["NotResource"]), resource]}
    resources = list(texts_of(statement.get("Resource")))
    left = [one for one in resources if one != resource]
    if resources == [resource]:
        return None
    if len(left) < len(resources) and not covers({**statement, "Resource": left}, "*", resource):
        return {**statement, "Resource": left}
    rest = {key: value for key, value in statement.items() if key != "Resource"}
    return {**rest, "NotResource": [resource]}
