"""RegisterTaskDefinition: a new revision whose tasks behave as its content has it."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.instances import required
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.script import Sidecar
from ecs_notebook_lib.simulate.wire import AWSError

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_MEMBERS = (
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
)
_SIZES = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
"""CPU units and MiB of memory that Fargate has (ECS_FACTS 8.1)."""
_DRIVER = "com.amazonaws.ecs.capability.logging-driver."


def register(world: "World", params: Shape) -> dict[str, Any]:
    """Register the next revision of a family; answer it.

    What happens to its tasks beside what follows from its content is what happens to those of the revision that it is
    a copy of; that looks at the content, too, so that an edit of it can mend a fault.
    """
    _check(params)
    family = params["family"]
    earlier = [row for row in world.task_definitions.values() if row["family"] == family]
    number = max((int(row["revision"]) for row in earlier), default=0) + 1
    arn = world.arn("ecs", f"task-definition/{family}:{number}")
    fargate = "FARGATE" in params.get("requiresCompatibilities", ())
    definition: Shape = {
        "taskDefinitionArn": arn,
        "revision": number,
        "status": "ACTIVE",
        "containerDefinitions": [_container(row) for row in params["containerDefinitions"]],
        "networkMode": "awsvpc" if fargate else "bridge",
        "volumes": [],
        "placementConstraints": [],
        "compatibilities": ["EC2", "FARGATE"] if fargate else ["EXTERNAL", "EC2"],
        "registeredAt": world.now,
        "registeredBy": world.caller,
    } | {name: deepcopy(params[name]) for name in _MEMBERS if name in params}
    definition |= {name: definition.get(name) or _sum(definition, name) for name in ("cpu", "memory")}
    source = _source(definition, earlier)
    definition |= _attributes(definition, source)
    world.task_definitions[arn] = definition
    world.hitches[arn] = list(world.hitches.get(source["taskDefinitionArn"], ())) if source else []
    world.sidecars[arn] = [_sidecar(world, row, source, earlier) for row in definition["containerDefinitions"][1:]]
    return {"taskDefinition": definition, "tags": params.get("tags", [])}


def _container(given: Shape) -> Shape:
    usual: Shape = {
        "cpu": 0,
        "essential": True,
        "portMappings": [],
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
    }
    return usual | deepcopy(given)


def _sum(definition: Shape, member: str) -> str:
    """Return what the containers have together, where the task has no size of its own."""
    rows = definition["containerDefinitions"]
    return str(sum(int(row.get(member) or row.get("memoryReservation") or 0) for row in rows) or 128)


def _check(params: Shape) -> None:
    """Refuse what no task could be run from.

    Raises
    ------
    AWSError
        ClientException, as ECS words it.
    """
    containers = params["containerDefinitions"]
    names = [row.get("name", "") for row in containers]
    if not containers or not all(names):
        raise AWSError("ClientException", "Container definitions should not be null or empty, and each has a name.")
    if len(set(names)) < len(names):
        raise AWSError("ClientException", "Container names should be unique.")
    if not all(row.get("image") for row in containers):
        raise AWSError("ClientException", "Container.image should not be null or empty.")
    if not any(row.get("essential", True) for row in containers):
        raise AWSError("ClientException", "Every task definition must have at least one essential container.")
    if any(params.get(name) and ":role/" not in params[name] for name in ("taskRoleArn", "executionRoleArn")):
        raise AWSError("ClientException", "Role is not valid")
    if "FARGATE" in params.get("requiresCompatibilities", ()):
        _check_fargate(params)


def _check_fargate(params: Shape) -> None:
    cpu, memory = str(params.get("cpu", "")), str(params.get("memory", ""))
    if not (cpu.isdecimal() and memory.isdecimal()):
        raise AWSError("ClientException", "Fargate requires that 'cpu' and 'memory' be defined at the task level.")
    if int(memory) not in _SIZES.get(int(cpu), ()):
        text = f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
        raise AWSError("ClientException", text)
    if params.get("networkMode", "awsvpc") != "awsvpc":
        raise AWSError("ClientException", "Fargate only supports network mode awsvpc.")
    images = [row["image"] for row in params["containerDefinitions"]]
    if not params.get("executionRoleArn") and any(".dkr.ecr." in image for image in images):
        text = "Fargate requires task definition to have execution role ARN to support ECR images."
        raise AWSError("ClientException", text)


def _images(definition: Shape) -> list[str]:
    return sorted(row["image"] for row in definition["containerDefinitions"])


def _source(definition: Shape, earlier: Iterable[Shape]) -> Shape | None:
    """Return the revision of which another is a copy: the newest that has its images, or its application's image."""
    newest = sorted((row for row in earlier if row["status"] == "ACTIVE"), key=lambda row: -int(row["revision"]))
    first = definition["containerDefinitions"][0]["image"]
    same = [row for row in newest if _images(row) == _images(definition)]
    return next(iter([*same, *(row for row in newest if row["containerDefinitions"][0]["image"] == first)]), None)


def _sidecar(world: "World", row: Shape, source: Shape | None, earlier: Iterable[Shape]) -> Sidecar:
    """Return what a container beside the application's does: what it did, of this image, in the source or before."""
    newest = sorted(earlier, key=lambda one: -int(one["revision"]))
    known = [
        sidecar
        for definition in ([source] if source else []) + newest
        for sidecar in world.sidecars.get(definition["taskDefinitionArn"], ())
        if (sidecar.name, _image(definition, sidecar.name)) == (row["name"], row["image"])
    ]
    found = known[0] if known else Sidecar(row["name"], row["image"])
    return replace(found, essential=row["essential"], healthy=found.healthy if "healthCheck" in row else None)


def _image(definition: Shape, container: str) -> str:
    return next((str(row["image"]) for row in definition["containerDefinitions"] if row["name"] == container), "")


def _attributes(definition: Shape, source: Shape | None) -> Shape:
    """Return requiresAttributes if the source shows them: by the content, and what the source has beyond that."""
    if source is None or "requiresAttributes" not in source:
        return {}
    follows = _follows(source)
    beyond = [row for row in source["requiresAttributes"] if row["name"] not in follows]
    return {"requiresAttributes": [*({"name": name} for name in _follows(definition)), *beyond]}


def _follows(definition: Shape) -> list[str]:
    """Return the attributes that a task definition requires by its content."""
    drivers = [row.get("logConfiguration", {}).get("logDriver") for row in definition["containerDefinitions"]]
    usual = [row["name"] for row in required(definition["networkMode"]) if not row["name"].startswith(_DRIVER)]
    return [*(f"{_DRIVER}{name}" for name in dict.fromkeys(drivers) if name), *usual]
