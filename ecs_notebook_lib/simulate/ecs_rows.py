"""What Amazon ECS's answers share: finding what a caller names, and the rows as AWS shows them."""

from datetime import timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.answers import named
from ecs_notebook_lib.simulate.model import Service, Shape, Task
from ecs_notebook_lib.simulate.placement import FARGATE, Launch, launch_of
from ecs_notebook_lib.simulate.task_sets import task_sets
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_PROTECTED_FOR = timedelta(hours=2)


def check_cluster(world: "World", call: Call) -> None:
    """Refuse a call that names another cluster.

    Raises
    ------
    AWSError
        ClusterNotFoundException.
    """
    if named(call.params.get("cluster") or "default") != world.cluster:
        raise AWSError("ClusterNotFoundException", "Cluster not found.")


def find_service(world: "World", name_or_arn: str) -> Service:
    """Return a service.

    Raises
    ------
    AWSError
        ServiceNotFoundException.
    """
    service = world.scheduler.services.get(named(name_or_arn))
    if service is None:
        raise AWSError("ServiceNotFoundException", "Service not found.")
    return service


def find_definition(world: "World", name_or_arn: str) -> Shape | None:
    """Return a task definition by ARN, by family:revision, or by family: then the newest ACTIVE one."""
    name, definitions = named(name_or_arn), world.task_definitions
    exact = [row for arn, row in definitions.items() if named(arn) == name]
    family = [row for row in definitions.values() if row["family"] == name and row["status"] == "ACTIVE"]
    return exact[0] if exact else max(family, key=lambda row: int(row["revision"]), default=None)


def missing(world: "World", kind: str, name_or_arn: str) -> dict[str, str]:
    """Return the failure that tells of a thing that there is not."""
    arn = world.arn("ecs", f"{kind}/{world.cluster}/{named(name_or_arn)}")
    return {"arn": name_or_arn if name_or_arn.startswith("arn:") else arn, "reason": "MISSING"}


def protection_row(world: "World", task: Task) -> Shape:
    """Return a task's protection from scale-in."""
    row = {"taskArn": task.shape["taskArn"], "protectionEnabled": task.protected}
    until = task.protected_until or world.engine.now + _PROTECTED_FOR
    return row | ({"expirationDate": until} if task.protected else {})


def shown_service(world: "World", service: Service, *, tagged: bool = False) -> Shape:
    """Return a service as AWS shows it for its launch type or capacity provider; its tags if they were asked for."""
    shape = {member: value for member, value in service.shape.items() if tagged or member != "tags"}
    launch = launch_of(shape)
    deployments = [as_launched(world, row, row["id"]) for row in shape["deployments"]]
    if launch != FARGATE.launch:
        shape = _launched(world, shape, launch)
    return shape | {"deployments": deployments} | task_sets(world, service)


def as_launched(world: "World", row: Shape, deployment: str) -> Shape:
    """Return the row of a deployment or revision with how its tasks are launched."""
    launch = world.scheduler.placement.launch_by_id(deployment) or FARGATE.launch
    return row if launch == FARGATE.launch else _launched(world, row, launch)


def _launched(world: "World", row: Shape, launch: Launch) -> Shape:
    """Leave out what a launch does not have: the type under a capacity provider, Fargate's platform on EC2."""
    gone = {"launchType"} if launch.provider else set()
    if launch.kind == "EC2":
        gone |= {"platformVersion", "platformFamily"}
        definition = world.task_definitions[row["taskDefinition"]]
        gone |= set() if definition["networkMode"] == "awsvpc" else {"networkConfiguration"}
    shown = {member: value for member, value in row.items() if member not in gone}
    if not launch.provider:
        return shown | {"launchType": launch.kind}
    strategy = [{"capacityProvider": launch.provider, "weight": 1, "base": 0}]
    return {"capacityProviderStrategy": strategy} | shown
