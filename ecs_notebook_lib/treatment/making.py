"""How proposals are put together: the same few calls, in the same form."""

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_notebook_lib.knowledge.treatments import kinds
from ecs_notebook_lib.treatment.action import REGISTERED, Action, Call, Change
from ecs_notebook_lib.treatment.commands import parts_of
from ecs_notebook_lib.treatment.situation import Object, Situation


def action(s: Situation, name: str, because: str, **parts: Any) -> Action:
    """Return an action of a kind against the leading cause; `parts` are members of `Action`."""
    given = {"treats": s.cause, "findings": s.behind} | parts
    return Action(kind=kinds()[name], because=because, **given)


def update_service(s: Situation, **members: Any) -> Call:
    """Return UpdateService of this service with these members."""
    return Call("ecs:UpdateService", {"cluster": s.cluster, "service": s.name, **members})


def deploying(s: Situation, **members: Any) -> dict[str, Any]:
    """Return the members of an UpdateService that begins a deployment, so that what serves stays until others do.

    A minimum of 0, or a maximum of 100, lets ECS take healthy tasks away first. Where capacity is what lacks, there is
    no room for more tasks, and the percentages stay.
    """
    present = s.service.get("deploymentConfiguration") or {}
    low, high = present.get("minimumHealthyPercent", 100), present.get("maximumPercent", 200)
    if not s.serving or s.has_no_room or (low > 0 and high > 100):
        return members
    return {**members, "deploymentConfiguration": deployment_configuration(s, **KEEPING)}


KEEPING = {"minimumHealthyPercent": 100, "maximumPercent": 200}
"""Under these, new tasks come before old ones go (ECS_FACTS 2.6)."""


def service_changes(s: Situation, members: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what of the service becomes what, member by member, down to what differs."""
    return tuple(
        change
        for member, after in members.items()
        for change in _differing(f"service {s.name}", member, s.service.get(member), after)
    )


def _differing(resource: str, member: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                yield from _differing(resource, f"{member}.{name}", before.get(name), after.get(name))
    elif before != after:
        yield Change(resource, member, before, after)


def deployment_configuration(s: Situation, **members: Any) -> dict[str, Any]:
    """Return the service's whole deploymentConfiguration with some members changed.

    Whether ECS keeps a member that is left out is documented nowhere, so the whole object is written (ECS_FACTS 10.1).
    """
    return {**(s.service.get("deploymentConfiguration") or {}), **members}


def register_and_deploy(s: Situation, edits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the calls and changes that deploy the examined revision with some members changed."""
    definition = s.definition
    arn = str(definition.get("taskDefinitionArn", ""))
    members = deploying(s, taskDefinition=REGISTERED)
    calls = (Call("ecs:RegisterTaskDefinition", {"taskDefinition": arn}, edits), update_service(s, **members))
    family = f"task definition {definition.get('family', '')}"
    changes = tuple(Change(family, path, member_at(definition, path), value) for path, value in edits.items())
    others = {name: value for name, value in members.items() if name != "taskDefinition"}
    return {"calls": calls, "changes": (*changes, *service_changes(s, others))}


def member_at(definition: Object, path: str) -> Any:
    """Return a member of a task definition by its path, e.g. `containerDefinitions[web].image`; None if absent."""
    value: Any = definition
    for member, name in parts_of(path):
        value = value.get(member) if isinstance(value, Mapping) else None
        if name:
            value = next((row for row in value or () if row.get("name") == name), None)
    return value
