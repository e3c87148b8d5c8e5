"""What ECS does with the execution role before a container runs, and the words in which it fails (ECS_FACTS 4.4)."""

from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.model import Task

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_RETRIEVAL = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
)
_PLATFORM = "linux/amd64"
"""What a task definition without runtimePlatform asks for."""

_MANY = "service call has been retried 1 time(s):"


def refusal_to_start(world: "World", task: Task) -> str | None:
    """Return the stopped reason of a task that cannot start; None if nothing is in its way."""
    return _registry(world, task) or _secrets(world, task) or _log_stream(world, task)


def _registry(world: "World", task: Task) -> str | None:
    image = world.container_definition(task)["image"]
    if ".dkr.ecr." not in image:
        return None
    denial = world.execution_denial(task, "ecr:GetAuthorizationToken", "*")
    if denial is not None:
        return f"{_RETRIEVAL} unable to retrieve ecr registry auth: {_MANY} {_refused(world, denial)}"
    repository = world.arn("ecr", f"repository/{image.partition('/')[2].rpartition(':')[0]}")
    denial = world.execution_denial(task, "ecr:BatchGetImage", repository)
    if denial is not None:
        return f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {_refused(world, denial)}"
    if image not in world.programs:
        return (
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): "
            f"failed to resolve ref {image}: {image}: not found"
        )
    if not world.holdings.runs_on(image, _PLATFORM):
        return (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain "
            f"descriptor matching platform '{_PLATFORM}'"
        )
    return None


def _secrets(world: "World", task: Task) -> str | None:
    for secret in world.container_definition(task).get("secrets", ()):
        arn = ":".join(secret["valueFrom"].split(":")[:7])
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
    logging = world.container_definition(task)["logConfiguration"]
    if logging["logDriver"] != "awslogs":
        return None
    options = logging["options"]
    group = options["awslogs-group"]
    failed = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
    failed += "failed to create Cloudwatch log stream:"
    denial = world.execution_denial(task, "logs:CreateLogStream", world.arn("logs", f"log-group:{group}:*"))
    if denial is not None:
        return f"{failed} {_refused(world, denial)} : exit status 1"
    if group not in world.log_groups:
        return f"{failed} ResourceNotFoundException: The specified log group does not exist. : exit status 1"
    return None


def _refused(world: "World", denial: str) -> str:
    return f"AccessDeniedException: {denial} status code: 400, request id: {_request_id(world)}"


def _request_id(world: "World") -> str:
    new = world.engine.hexadecimal
    return f"{new(8)}-{new(4)}-4{new(3)}-8{new(3)}-{new(12)}"
