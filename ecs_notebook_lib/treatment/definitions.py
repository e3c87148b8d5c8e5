"""Proposals that deploy a revision like the examined one, with some members changed."""

from typing import Any

from ecs_notebook_lib.treatment import texts
from ecs_notebook_lib.treatment.action import Action, Fragment
from ecs_notebook_lib.treatment.making import action, register_and_deploy
from ecs_notebook_lib.treatment.situation import Situation
from ecs_notebook_lib.treatment.texts.container_texts import ARCHITECTURES, MOST_FILES

_RUNTIMES = ("python", "node")
_ROLES = ("taskRoleArn", "executionRoleArn")


def _deploying(
    s: Situation, name: str, because: str, edits: dict[str, Any], *fragments: Fragment | None
) -> Action | None:
    if not (s.service and s.definition and edits):
        return None
    shown = tuple(filter(None, fragments))
    return action(s, name, because, fragments=shown, **register_and_deploy(s, edits))


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


def container_health_check(s: Situation) -> Action | None:
    """Check the container by what its image has in any case, in words: which runtime that is, is not known here."""
    ports = s.container_definition(s.definition).get("portMappings") or ()
    paths = [str(row.get("HealthCheckPath") or "") for row in s.target_groups]
    if not ports:
        return None
    port, path = int(ports[0]["containerPort"]), next(filter(None, paths), "/")
    made = (texts.container_health_check(s.container, runtime=name, port=port, path=path) for name in _RUNTIMES)
    fragments = tuple(filter(None, made))
    because = "The check may need a tool, a shell or a name that the image does not have."
    return action(s, "container_health_check", because, fragments=fragments) if fragments else None


def former_command(s: Situation) -> Action | None:
    """Take command and entry point of the last good revision."""
    edits = _of_container(s, "command", "entryPoint", "workingDirectory")
    because = "The last good revision had another command."
    return _deploying(s, "former_command", because, edits, *texts.former_command(s.diagnosis))


def former_image(s: Situation) -> Action | None:
    """Take the images that the last good revision ran, by their digests."""
    found = texts.image_by_digest(s.diagnosis)
    present = {row.get("name"): row.get("image") for row in s.definition.get("containerDefinitions") or ()}
    edits = {f"containerDefinitions[{name}].image": image for name, image, _ in found if name in present}
    return _deploying(s, "former_image", "The last good revision ran it.", edits, *(row[2] for row in found))


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
    access = access[access["because"] == "denied"] if (access["because"] == "denied").any() else access
    own = access.loc[access["role_arn"] == role_arn, "verdict"]
    former = access.loc[access["former_role_arn"] == role_arn, "former_verdict"]
    trust = roles.loc[roles["role_arn"] == role_arn, "trust_verdict"]
    return any((verdicts.fillna("").isin(_DENIED)).any() for verdicts in (own, former, trust))


_DENIED = ("implicit_deny", "explicit_deny")


def platform(s: Situation) -> Action | None:
    """Run on the architecture that the image is built for."""
    built = sorted(s.frames.image_platforms["architecture"].dropna().unique())
    known = [ARCHITECTURES[name] for name in built if name in ARCHITECTURES]
    present = (s.definition.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    if len(known) != 1 or known[0] == present:
        return None
    wanted = {"operatingSystemFamily": "LINUX", **(s.definition.get("runtimePlatform") or {})}
    wanted["cpuArchitecture"] = known[0]
    because = f"The image is built for {known[0]} only, and the task asks for {present}."
    return _deploying(s, "platform", because, {"runtimePlatform": wanted}, texts.runtime_platform(s.diagnosis))


def memory(s: Situation) -> Action | None:
    """Give the task the memory that its measured peak needs; killed at its limit, at least twice as much."""
    advice = texts.memory_advice(s.diagnosis)
    if advice is None:
        return None
    edits: dict[str, Any] = {"memory": str(advice.task_memory)}
    if advice.cpu and str(advice.cpu) != str(s.definition.get("cpu")):
        edits["cpu"] = str(advice.cpu)
    edits |= {f"containerDefinitions[{name}].memory": limit for name, limit in advice.container_memory}
    known = f"{advice.peak_mib:.0f} MiB" if advice.peak_mib is not None else "an unknown amount"
    because = (
        f"The task used {'at least ' if advice.is_lower_bound else ''}{known} of {s.definition.get('memory')} MiB."
    )
    return _deploying(s, "memory", because, edits, advice.fragment)


def cpu(s: Situation) -> Action | None:
    """Give the task the CPU with which it starts in time."""
    advice = texts.cpu_advice(s.diagnosis)
    if advice is None:
        return None
    edits = {"cpu": str(advice.cpu)}
    if advice.memory and str(advice.memory) != str(s.definition.get("memory")):
        edits["memory"] = str(advice.memory)
    took = f", and starting took {advice.ready_seconds:.0f} s" if advice.ready_seconds else ""
    return _deploying(s, "cpu", f"All of its {s.definition.get('cpu')} units were used{took}.", edits, advice.fragment)


def ephemeral_storage(s: Situation) -> Action | None:
    """Give the task twice its disk."""
    advice = texts.ephemeral_storage(s.diagnosis)
    if advice is None:
        return None
    size, fragment = advice
    because = "No space was left on its disk; nothing measures how much it needs."
    return _deploying(s, "ephemeral_storage", because, {"ephemeralStorage": {"sizeInGiB": size}}, fragment)


def open_files(s: Situation) -> Action | None:
    """Give the application's container the highest limit of open files."""
    ours = s.container_definition(s.definition)
    wanted = [{"name": "nofile", "softLimit": MOST_FILES, "hardLimit": MOST_FILES}]
    if not ours or ours.get("ulimits") == wanted:
        return None
    edits = {f"containerDefinitions[{s.container}].ulimits": wanted}
    return _deploying(s, "open_files", "It ran out of open files.", edits, texts.file_limit(s.container))


def secret_reference(s: Situation) -> Action | None:
    """Mend the references to secrets whose right form is known."""
    wrong = [row for row in texts.secret_reference(s.diagnosis) if row.after]
    edits: dict[str, Any] = {}
    for row in wrong:
        path = f"containerDefinitions[{row.container}].secrets"
        present = edits.get(path) or s.container_definition(s.definition, row.container).get("secrets") or []
        edits[path] = [
            {**one, "valueFrom": row.after} if one.get("valueFrom") == row.before else one for one in present
        ]
    because = wrong[0].why if wrong else ""
    return _deploying(s, "secret_reference", because, edits, *(row.fragment for row in wrong))
