"""What ECS does with the execution role before a container runs, and the words in which it fails (ECS_FACTS 4.4)."""

from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.conditions import (
    image_is_unpushed,
    image_lacks_platform,
    log_group_is_absent,
    log_group_of,
    platform_of,
    repository_of,
)
from ecs_notebook_lib.simulate.model import Task

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_RETRIEVAL = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
)
_MANY = "service call has been retried 1 time(s):"


def refusal_to_start(world: "World", task: Task) -> str | None:
    """Return the stopped reason of a task that cannot start; None if nothing is in its way."""
    return _registry(world, task) or _secrets(world, task) or _log_stream(world, task)


def _registry(world: "World", task: Task) -> str | None:
    image = world.container_definition(task)["image"]
    if ".dkr.ecr." not in image:
        return _elsewhere(world, image)
    denial = world.execution_denial(task, "ecr:GetAuthorizationToken", "*")
    if denial is not None:
        return f"{_RETRIEVAL} unable to retrieve ecr registry auth: {_MANY} {_refused(world, denial)}"
    denial = world.execution_denial(task, "ecr:BatchGetImage", repository_of(world, task))
    if denial is not None:
        return f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {_refused(world, denial)}"
    if image not in world.programs or image_is_unpushed(world, task):
        return (
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): "
            f"failed to resolve ref {image}: {image}: not found"
        )
    if image_lacks_platform(world, task):
        return (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain "
            f"descriptor matching platform '{platform_of(world, task)}'"
        )
    return None


def _elsewhere(world: "World", image: str) -> str | None:
    """Return the stopped reason if another registry has no such image."""
    if image in world.programs:
        return None
    return (
        f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
        "pull access denied, repository does not exist or may require authorization: server message: "
        "insufficient_scope: authorization failed"
    )


def _secrets(world: "World", task: Task) -> str | None:
    for secret in world.container_definition(task).get("secrets", ()):
        reference = str(secret["valueFrom"])
        asked = _secret if ":secretsmanager:" in reference else _parameter
        refusal = asked(world, task, reference)
        if refusal is not None:
            return refusal
    return None


def _parameter(world: "World", task: Task, reference: str) -> str | None:
    """Return why a parameter cannot be injected; a reference is its ARN or its name."""
    arn = reference if reference.startswith("arn:") else world.arn("ssm", f"parameter/{reference.removeprefix('/')}")
    where = f"{_RETRIEVAL} unable to retrieve secrets from ssm: {_MANY}"
    denial = world.execution_denial(task, "ssm:GetParameters", arn)
    if denial is not None:
        return f"{where} {_refused(world, denial)}"
    if arn not in [row["ARN"] for row in world.holdings.parameters.values()]:
        return f"{where} invalid parameters: {arn.partition(':parameter')[2]}"
    return None


def _secret(world: "World", task: Task, reference: str) -> str | None:
    """Return why a secret cannot be injected."""
    arn = ":".join(reference.split(":")[:7])
    where = f"{_RETRIEVAL} unable to retrieve secret from asm: {_MANY} "
    where += f"failed to fetch secret {arn} from secrets manager:"
    denial = world.execution_denial(task, "secretsmanager:GetSecretValue", arn)
    if denial is not None:
        return f"{where} {_refused(world, denial)}"
    if arn not in world.access.secrets:
        return (
            f"{where} ResourceNotFoundException: Secrets Manager can't find the specified secret. "
            f"status code: 400, request id: {_request_id(world)}"
        )
    return None


def _log_stream(world: "World", task: Task) -> str | None:
    if world.container_definition(task).get("logConfiguration", {}).get("logDriver") != "awslogs":
        return None
    failed = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
    failed += "failed to create Cloudwatch log stream:"
    denial = world.execution_denial(task, "logs:CreateLogStream", log_group_of(world, task))
    if denial is not None:
        return f"{failed} {_refused(world, denial)} : exit status 1"
    if log_group_is_absent(world, task):
        return f"{failed} ResourceNotFoundException: The specified log group does not exist. : exit status 1"
    return None


def _refused(world: "World", denial: str) -> str:
    return f"AccessDeniedException: {denial} status code: 400, request id: {_request_id(world)}"


def _request_id(world: "World") -> str:
    new = world.engine.hexadecimal
    return f"{new(8)}-{new(4)}-4{new(3)}-8{new(3)}-{new(12)}"
