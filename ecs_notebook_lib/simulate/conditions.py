"""Conditions of faults: each holds of a task exactly while the configuration that is at fault is still there.

A hitch or a death is noted at a revision, and copies of the revision inherit it; its condition looks at the world and
at the task's own definition, so that whoever mends these mends the world. No condition draws a random number.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.access import allows

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.model import Shape, Task
    from ecs_notebook_lib.simulate.world import World

Condition = Callable[["World", "Task"], bool]
LARGE_GIB = 40
"""The disk that is enough for what fills the usual one; Fargate's own is of 20 GiB."""
_USUAL_GIB = 20


def both(first: Condition, second: Condition) -> Condition:
    """Return the condition that holds while both do."""
    return lambda world, task: first(world, task) and second(world, task)


def definition_of(world: "World", task: "Task") -> "Shape":
    """Return the task definition of a task."""
    definition: Shape = world.task_definitions[task.shape["taskDefinitionArn"]]
    return definition


# What the task definition names.


def names_secret(value: str) -> Condition:
    """Return whether a container of the task still has this reference injected."""

    def hits(world: "World", task: "Task") -> bool:
        rows = definition_of(world, task)["containerDefinitions"]
        return any(one["valueFrom"] == value for row in rows for one in row.get("secrets", ()))

    return hits


def secret_is_absent(arn: str) -> Condition:
    """Return whether the task needs a secret that is not there."""
    return both(names_secret(arn), lambda world, _task: arn not in world.access.secrets)


def parameter_is_absent(arn: str, name: str) -> Condition:
    """Return whether the task needs a parameter that is not there."""
    return both(names_secret(arn), lambda world, _task: name not in world.holdings.parameters)


def log_group_is_absent(world: "World", task: "Task") -> bool:
    """Say whether the application logs to a group of CloudWatch Logs that is not there."""
    logging = world.container_definition(task).get("logConfiguration", {})
    group = logging.get("options", {}).get("awslogs-group", "")
    return logging.get("logDriver") == "awslogs" and group not in world.log_groups


def image_is_unpushed(world: "World", task: "Task") -> bool:
    """Say whether no registry holds the task's image."""
    return world.container_definition(task)["image"] in world.holdings.unpushed


def image_is_from(prefix: str) -> Condition:
    """Return whether the task's image comes from a registry."""
    return lambda world, task: bool(world.container_definition(task)["image"].startswith(prefix))


def image_lacks_platform(world: "World", task: "Task") -> bool:
    """Say whether the image has no manifest for the platform that the task asks for."""
    return not world.holdings.runs_on(world.container_definition(task)["image"], platform_of(world, task))


def platform_of(world: "World", task: "Task") -> str:
    """Return the platform that a task asks for; without runtimePlatform it is linux/amd64."""
    asked = definition_of(world, task).get("runtimePlatform", {})
    return "linux/arm64" if asked.get("cpuArchitecture") == "ARM64" else "linux/amd64"


def is_amd64(world: "World", task: "Task") -> bool:
    """Say whether the task asks for a processor on which a program for ARM does not run."""
    return platform_of(world, task) == "linux/amd64"


def container_has(member: str, value: Any) -> Condition:
    """Return whether the application's container still has this value of a member."""
    return lambda world, task: bool(world.container_definition(task).get(member) == value)


def logs_by(driver: str) -> Condition:
    """Return whether the application's container logs by this driver."""

    def hits(world: "World", task: "Task") -> bool:
        return bool(world.container_definition(task).get("logConfiguration", {}).get("logDriver") == driver)

    return hits


def mounts(file_system: str) -> Condition:
    """Return whether the task mounts a file system."""

    def hits(world: "World", task: "Task") -> bool:
        volumes = definition_of(world, task).get("volumes", ())
        return any(row.get("efsVolumeConfiguration", {}).get("fileSystemId") == file_system for row in volumes)

    return hits


def mounts_directory(file_system: str, root: str) -> Condition:
    """Return whether the task mounts this directory of a file system."""

    def hits(world: "World", task: "Task") -> bool:
        volumes = [row.get("efsVolumeConfiguration", {}) for row in definition_of(world, task).get("volumes", ())]
        return any((row.get("fileSystemId"), row.get("rootDirectory", "/")) == (file_system, root) for row in volumes)

    return hits


def reads_file(value: str) -> Condition:
    """Return whether the application's container reads this environment file."""

    def hits(world: "World", task: "Task") -> bool:
        return any(row["value"] == value for row in world.container_definition(task).get("environmentFiles", ()))

    return hits


def is_for_instances_only(world: "World", task: "Task") -> bool:
    """Say whether Fargate does not take the task definition."""
    return "FARGATE" not in definition_of(world, task)["compatibilities"]


def checks_by(command: list[str]) -> Condition:
    """Return whether the application's container checks itself by this command."""
    return lambda world, task: world.container_definition(task).get("healthCheck", {}).get("command") == command


# What the task has.


def has_memory_of(mib: Callable[[], int]) -> Condition:
    """Return whether the task has no more memory than this."""
    return lambda world, task: int(definition_of(world, task)["memory"]) <= mib()


def has_little_disk(world: "World", task: "Task") -> bool:
    """Say whether the task has Fargate's usual disk, or not much more."""
    size = definition_of(world, task).get("ephemeralStorage", {}).get("sizeInGiB", _USUAL_GIB)
    return int(size) < LARGE_GIB


def may_open(files: int) -> Condition:
    """Return whether the application may open no more files than this."""

    def hits(world: "World", task: "Task") -> bool:
        limits = world.container_definition(task).get("ulimits", ())
        return any(row["name"] == "nofile" and row["softLimit"] <= files for row in limits)

    return hits


# What it may, and where it is.


def may_not(action: str, resource: Callable[["World", "Task"], str]) -> Condition:
    """Return whether the execution role may not do something."""
    return lambda world, task: world.execution_denial(task, action, resource(world, task)) is not None


def repository_of(world: "World", task: "Task") -> str:
    """Return the ARN of the repository that holds the task's image."""
    image = world.container_definition(task)["image"]
    return world.arn("ecr", f"repository/{image.partition('/')[2].rpartition(':')[0]}")


def log_group_of(world: "World", task: "Task") -> str:
    """Return the ARN of the streams of the group that the application logs to."""
    options = world.container_definition(task).get("logConfiguration", {}).get("options", {})
    return world.arn("logs", f"log-group:{options.get('awslogs-group', '')}:*")


def layers_are_kept_away(world: "World", _task: "Task") -> bool:
    """Say whether the policy of the VPC's S3 endpoint keeps the registry's layers from everyone."""
    layers = f"arn:{world.partition}:s3:::prod-{world.region}-starport-layer-bucket/layer"
    gateways = [row for row in world.network.endpoints if row["VpcEndpointType"] == "Gateway"]
    documents = [json.loads(row["PolicyDocument"]) for row in gateways]
    return not any(allows(document, "s3:GetObject", layers) for document in documents)


def cut_off_from(service: str) -> Condition:
    """Return whether a task has no way to an endpoint of AWS, named as VPC endpoints name it."""
    return lambda world, task: not world.network.leads_out(subnet_of(task), task.deployment.network, service)


def subnet_of(task: "Task") -> str:
    """Return the subnet in which a task is."""
    details = [one for row in task.shape.get("attachments", ()) for one in row["details"]]
    return next((str(one["value"]) for one in details if one["name"] == "subnetId"), "")


def subnet_is_crowded(world: "World", task: "Task") -> bool:
    """Say whether others take the addresses of the task's subnet."""
    return subnet_of(task) in world.network.taken_elsewhere
