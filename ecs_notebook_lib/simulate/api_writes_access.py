"""IAM's answers to calls that change something: inline policies and trust of roles."""

import json
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.access import Document, Role, knows
from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of IAM that change something and that this world answers."""
    api = _Iam(world)
    return {
        "iam:DeleteRolePolicy": api.delete_role_policy,
        "iam:PutRolePolicy": api.put_role_policy,
        "iam:UpdateAssumeRolePolicy": api.update_assume_role_policy,
    }


class _Iam:
    def __init__(self, world: "World") -> None:
        self._world = world

    def _role(self, call: Call) -> Role:
        name = call.params["RoleName"]
        if name not in self._world.access.roles:
            raise AWSError("NoSuchEntity", f"The role with name {name} cannot be found.", status=404)
        return self._world.access.roles[name]

    def put_role_policy(self, call: Call) -> dict[str, Any]:
        role = self._role(call)
        role.inline[call.params["PolicyName"]] = _document(call.params["PolicyDocument"], needs=("Action", "Resource"))
        return {}

    def delete_role_policy(self, call: Call) -> dict[str, Any]:
        role, name = self._role(call), call.params["PolicyName"]
        if name not in role.inline:
            raise AWSError("NoSuchEntity", f"The role policy with name {name} cannot be found.", status=404)
        del role.inline[name]
        return {}

    def update_assume_role_policy(self, call: Call) -> dict[str, Any]:
        role = self._role(call)
        role.trust = _document(call.params["PolicyDocument"], needs=("Action", "Principal"))
        return {}


def _document(text: str, *, needs: tuple[str, ...]) -> Document:
    """Return a policy document.

    Raises
    ------
    AWSError
        MalformedPolicyDocument if it is not JSON, or a statement lacks what each needs.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise AWSError("MalformedPolicyDocument", "This policy contains invalid Json") from error
    statements = document.get("Statement") if isinstance(document, dict) else None
    rows = statements if isinstance(statements, list) else [statements]
    if not rows or not all(_is_whole(row, needs) for row in rows):
        raise AWSError("MalformedPolicyDocument", "Syntax errors in policy.")
    return dict(document)


def _is_whole(statement: Any, needs: tuple[str, ...]) -> bool:
    """Say whether a statement has all its parts, and no condition that the simulated IAM cannot judge."""
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        return False
    parts = all(part in statement or f"Not{part}" in statement for part in needs)
    return parts and all(knows(operator) for operator in statement.get("Condition", {}))
