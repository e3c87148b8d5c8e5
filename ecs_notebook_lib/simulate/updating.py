"""UpdateService: what it takes, what it refuses, and what begins a new deployment (ECS_FACTS 10.1)."""

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.ecs_rows import check_cluster, find_definition, find_service, shown_service
from ecs_notebook_lib.simulate.model import Service, Shape
from ecs_notebook_lib.simulate.rollout import threshold
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

DEPLOYS = (
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
"""Members whose change begins a new deployment."""
KEEPS = (
    "desiredCount",
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "availabilityZoneRebalancing",
    "placementConstraints",
    "placementStrategy",
    "capacityProviderStrategy",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
)
"""Members whose change begins none."""
_OF_DEPLOYMENT = ("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations")
"""Members that ECS shows at the deployment, and not at the service."""
_EXTERNAL = (
    "desiredCount",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "enableECSManagedTags",
    "propagateTags",
)
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "EXTERNAL": _EXTERNAL,
    "CODE_DEPLOY": (*_EXTERNAL, "deploymentConfiguration", "enableExecuteCommand"),
}
"""What other controllers than ECS leave to this call."""
_NAMES = {"taskDefinition": "task definition", "networkConfiguration": "network configuration"}


def update(world: "World", call: Call) -> dict[str, Any]:
    """Change a service as it is asked, all of it or, if anything is refused, nothing; answer the service.

    A member that has the value already changes nothing, and begins no deployment: that takes forceNewDeployment.
    """
    check_cluster(world, call)
    service = find_service(world, call.params["service"])
    if service.shape["status"] != "ACTIVE":
        raise AWSError("ServiceNotActiveException", "Service was not ACTIVE.")
    _refuse_for_controller(service, call.params)
    asked = _asked(world, service, call.params)
    before = {member: _value(service, member) for member in asked}
    changed = [member for member, value in asked.items() if value != before[member]]
    for member in [row for row in changed if row not in ("taskDefinition", *_OF_DEPLOYMENT)]:
        service.shape[member] = asked[member]
    if "desiredCount" in changed:
        service.deployments[0].shape["desiredCount"] = asked["desiredCount"]
    if "deploymentConfiguration" in changed:
        _watch_anew(service)
    if call.params.get("forceNewDeployment") or set(changed) & set(DEPLOYS):
        _deploy(world, service, asked)
    world.scheduler.soon(service)
    return {"service": shown_service(world, service)}


def _value(service: Service, member: str) -> Any:
    shape = service.deployments[0].shape if member in _OF_DEPLOYMENT else service.shape
    return shape.get(member)


def _deploy(world: "World", service: Service, asked: Shape) -> None:
    kept = {name: service.deployments[0].shape.get(name) for name in _OF_DEPLOYMENT}
    own = {name: value for name, value in (kept | asked).items() if name in _OF_DEPLOYMENT and value is not None}
    definition = str(asked.get("taskDefinition") or service.shape["taskDefinition"])
    deployment = world.scheduler.rollout.begin(service, definition)
    deployment.shape |= own
    for happens in world.recurring:
        happens(world, service, deployment)


def _watch_anew(service: Service) -> None:
    """Let the circuit breaker of a rollout that goes on be as the service has it now."""
    record = service.deployments[0].record
    if record["status"] in ("PENDING", "IN_PROGRESS"):
        enabled = service.shape["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]
        status, number = ("MONITORING", threshold(service.desired)) if enabled else ("DISABLED", 0)
        record["deploymentCircuitBreaker"] |= {"status": status, "threshold": number}


def _refuse_for_controller(service: Service, params: Shape) -> None:
    kind = service.shape["deploymentController"]["type"]
    beyond = [
        name for name in (*DEPLOYS, *KEEPS) if name in params and name not in _TAKEN.get(kind, (*DEPLOYS, *KEEPS))
    ]
    if kind in _TAKEN and params.get("forceNewDeployment"):
        raise AWSError(
            "InvalidParameterException",
            f"Cannot force a new deployment on services with a {kind} deployment controller.",
        )
    if beyond:
        what = _NAMES.get(beyond[0], beyond[0])
        hint = " Use AWS CodeDeploy to trigger a new deployment." if kind == "CODE_DEPLOY" else ""
        text = f"Unable to update {what} on services with a {kind} deployment controller.{hint}"
        raise AWSError("InvalidParameterException", text)


# What is asked, as the service holds it.


def _asked(world: "World", service: Service, params: Shape) -> Shape:
    """Return the members that are asked for, checked, and in the form in which the service has them."""
    asked: Shape = {name: deepcopy(params[name]) for name in (*DEPLOYS, *KEEPS) if name in params}
    if "taskDefinition" in asked:
        asked["taskDefinition"] = _definition(world, asked["taskDefinition"])["taskDefinitionArn"]
    if "networkConfiguration" in asked:
        asked["networkConfiguration"] = {"awsvpcConfiguration": _network(world, asked["networkConfiguration"])}
    if "deploymentConfiguration" in asked:
        asked["deploymentConfiguration"] = _configuration(service, asked["deploymentConfiguration"])
    if asked.get("desiredCount", 0) < 0:
        raise AWSError("InvalidParameterException", "Invalid desired count. It must be 0 or more.")
    balanced = asked.get("loadBalancers", service.shape["loadBalancers"])
    if asked.get("healthCheckGracePeriodSeconds", 0) > 0 and not balanced:
        text = "Health check grace period is only valid for services configured to use load balancers"
        raise AWSError("InvalidParameterException", text)
    _check_strategy(world, asked.get("capacityProviderStrategy", ()))
    if "loadBalancers" in asked:
        definition = world.task_definitions[str(asked.get("taskDefinition") or service.shape["taskDefinition"])]
        _check_balancers(world, definition, asked["loadBalancers"])
    return asked


def _definition(world: "World", name: str) -> Shape:
    definition = find_definition(world, name)
    if definition is None:
        raise AWSError("ClientException", "TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        raise AWSError("ClientException", "TaskDefinition is inactive")
    return definition


def _network(world: "World", given: Shape) -> Shape:
    """Return a whole awsvpcConfiguration: what is left out is not kept, but as in a service without it."""
    network: Shape = {"securityGroups": [], "assignPublicIp": "DISABLED"} | given.get("awsvpcConfiguration", {})
    subnets = {row["SubnetId"]: row["AvailabilityZone"] for row in world.network.subnets}
    groups = {row["GroupId"] for row in world.network.security_groups}
    if not network.get("subnets"):
        raise AWSError("InvalidParameterException", "subnets can not be empty.")
    for kind, wanted, known in (
        ("subnet", network["subnets"], subnets),
        ("security group", network["securityGroups"], groups),
    ):
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise AWSError("InvalidParameterException", f"The {kind} ID '{unknown[0]}' does not exist")
    for name in network["subnets"]:
        world.zones.setdefault(name, subnets[name])
    return network


def _configuration(service: Service, given: Shape) -> Shape:
    """Return the whole deploymentConfiguration.

    A member that is left out keeps its value here; whether AWS has it so is not documented (ECS_FACTS 10.1).
    """
    merged: Shape = deepcopy(service.shape["deploymentConfiguration"]) | given
    minimum, maximum = merged["minimumHealthyPercent"], merged["maximumPercent"]
    if minimum == maximum == 100 and {"minimumHealthyPercent", "maximumPercent"} & set(given):
        text = "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
        raise AWSError("InvalidParameterException", text)
    if minimum > maximum:
        raise AWSError("InvalidParameterException", "minimumHealthyPercent must not be greater than maximumPercent.")
    return merged


def _check_strategy(world: "World", strategy: Any) -> None:
    known = {"FARGATE", "FARGATE_SPOT", *world.holdings.capacity_providers}
    for name in [row["capacityProvider"] for row in strategy]:
        if name not in known:
            raise AWSError("InvalidParameterException", f"The specified capacity provider {name} was not found.")


def _check_balancers(world: "World", definition: Shape, balancers: list[Shape]) -> None:
    containers = {row["name"]: row for row in definition["containerDefinitions"]}
    for row in balancers:
        name, port = row.get("containerName", ""), row.get("containerPort")
        if row.get("targetGroupArn") not in world.balancer.groups:
            raise AWSError("InvalidParameterException", "The specified target group does not exist.")
        if name not in containers:
            raise AWSError("InvalidParameterException", f"The container {name} does not exist in the task definition.")
        if port not in [one["containerPort"] for one in containers[name]["portMappings"]]:
            text = f"The container {name} did not have a container port {port} defined."
            raise AWSError("InvalidParameterException", text)
