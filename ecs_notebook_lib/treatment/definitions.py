"""Proposals that deploy a revision like the examined one, with some members changed."""

from typing import Any

from ecs_notebook_lib.treatment.action import Action
from ecs_notebook_lib.treatment.making import action, register_and_deploy
from ecs_notebook_lib.treatment.situation import Situation

_ROLES = ("taskRoleArn", "executionRoleArn")
_ARCHITECTURES = {"arm64": "ARM64", "amd64": "X86_64"}


def _deploying(s: Situation, name: str, because: str, edits: dict[str, Any]) -> Action | None:
    if not (s.service and s.definition and edits):
        return None
    return action(s, name, because, **register_and_deploy(s, edits))


def _of_container(s: Situation, *members: str) -> dict[str, Any]:
    """Return the edits that give the application's container the last good revision's members, where they differ."""
    ours, theirs = s.container_definition(s.definition), s.container_definition(s.good_definition)
    if not (ours and theirs):
        return {}
    differing = {name: theirs.get(name) for name in members if ours.get(name) != theirs.get(name)}
    return {f"containerDefinitions[{s.container}].{name}": value for name, value in differing.items()}


def former_container_check(s: Situation) -> Action | None:
    """Take the container's own check of the last good revision, or none if that had none."""
    because = "The last good revision had another check of its own, or none."
    return _deploying(s, "former_container_check", because, _of_container(s, "healthCheck"))


def former_command(s: Situation) -> Action | None:
    """Take command and entry point of the last good revision."""
    edits = _of_container(s, "command", "entryPoint", "workingDirectory")
    return _deploying(s, "former_command", "The last good revision had another command.", edits)


def former_roles(s: Situation) -> Action | None:
    """Take the role of the last good revision that the examined one has not, where AWS refuses the new one."""
    members = {"permissions.task_role": _ROLES[:1], "permissions.execution_role": _ROLES[1:]}.get(s.cause, _ROLES)
    edits = {
        name: s.good_definition[name]
        for name in members
        if s.good_definition.get(name) and s.good_definition[name] != s.definition.get(name)
    }
    edits = {name: arn for name, arn in edits.items() if not _refused(s, str(arn))}
    return _deploying(s, "former_roles", "The last good revision had another role.", edits)


def _refused(s: Situation, role_arn: str) -> bool:
    """Say whether AWS refuses this role, too, what the examined revision needs, or ECS may not assume it."""
    access, roles = s.frames.access, s.frames.roles
    own = access.loc[access["role_arn"] == role_arn, "verdict"]
    former = access.loc[access["former_role_arn"] == role_arn, "former_verdict"]
    trust = roles.loc[roles["role_arn"] == role_arn, "trust_verdict"]
    return any((verdicts.fillna("").isin(_DENIED)).any() for verdicts in (own, former, trust))


_DENIED = ("implicit_deny", "explicit_deny")


def platform(s: Situation) -> Action | None:
    """Run on the architecture that the image is built for."""
    built = sorted(s.frames.image_platforms["architecture"].dropna().unique())
    known = [_ARCHITECTURES[name] for name in built if name in _ARCHITECTURES]
    present = (s.definition.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    if len(known) != 1 or known[0] == present:
        return None
    wanted = {"operatingSystemFamily": "LINUX", **(s.definition.get("runtimePlatform") or {})}
    wanted["cpuArchitecture"] = known[0]
    because = f"The image is built for {known[0]} only, and the task asks for {present}."
    return _deploying(s, "platform", because, {"runtimePlatform": wanted})
