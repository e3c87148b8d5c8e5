"""What is wrong in each of the stories: each sets its fault, and returns how the new revisions differ."""

from dataclasses import replace

from ecs_notebook_lib.simulate.account import (
    BALANCER_GROUP,
    EXECUTION_ROLE,
    SERVICE,
    TASK_ROLE,
    VPC,
    grants,
    policy,
    resources,
)
from ecs_notebook_lib.simulate.faults import Fault
from ecs_notebook_lib.simulate.model import Program, Shape
from ecs_notebook_lib.simulate.network import rule, security_group
from ecs_notebook_lib.simulate.rollout import stuck_percentages
from ecs_notebook_lib.simulate.world import World

HEALTHY = Program((2.0, 4.0), {"/health": 200, "/api/items": 200, "/": 200})
_OPERATIONS = {
    "dynamodb": ("GetItem", "dynamodb:GetItem"),
    "secretsmanager": ("GetSecretValue", "secretsmanager:GetSecretValue"),
    "cognito-idp": ("DescribeUserPool", "cognito-idp:DescribeUserPool"),
}


def needs_of_application(world: World) -> tuple[tuple[str, str, str], ...]:
    """Return what the application asks AWS for, in an order that differs from world to world."""
    arns = resources(world)
    services = list(_OPERATIONS)
    world.engine.random.shuffle(services)
    return tuple((*_OPERATIONS[service], arns[service]) for service in services)


def grant_all(world: World, role: str) -> None:
    """Let a role do everything that the application needs."""
    world.access.roles[role].inline = {"application": policy(*grants(world).values())}


def _allows(world: World, role: str, action: str) -> bool:
    documents = world.access.roles[role].inline.values()
    return any(action in statement["Action"] for document in documents for statement in document["Statement"])


def task_role(world: World) -> dict[str, object]:
    """Let the task role read S3 only; in half of the worlds the last good revision had an older, broader role."""

    def narrow(world: World) -> None:
        world.access.roles[TASK_ROLE].inline = {"read-uploads": policy(grants(world)["s3"])}

    def active(world: World) -> bool:
        return not all(_allows(world, TASK_ROLE, action) for _, action in _OPERATIONS.values())

    world.faults.append(Fault("the task role reads S3 only", narrow, active, "permissions.task_role"))
    return {"needs": needs_of_application(world)}


def execution_role(world: World) -> dict[str, object]:
    """Take the secret from the execution role: tasks of a revision that injects it cannot start."""

    def forget(world: World) -> None:
        world.access.roles[EXECUTION_ROLE].inline = {}

    def active(world: World) -> bool:
        return not _allows(world, EXECUTION_ROLE, "secretsmanager:GetSecretValue")

    cause = "permissions.execution_role"
    world.faults.append(Fault("the execution role cannot read the secret", forget, active, cause))
    return {"secrets": True}


def health_check(world: World) -> dict[str, object]:
    """Move the health endpoint; the container's own check follows it, the load balancer's does not."""
    world.faults.append(
        Fault(
            "the load balancer asks for a path that moved",
            lambda _world: None,
            lambda world: _checked_path(world) not in _MOVED.routes,
            "health_check.path",
        )
    )
    return {"program": _MOVED, "check_path": "/api/health"}


_MOVED = Program((2.0, 4.0), {"/api/health": 200, "/api/items": 200, "/": 200}, ignores_sigterm=True)


def _checked_path(world: World) -> str:
    return str(world.groups_of(world.scheduler.services[SERVICE])[0].shape["HealthCheckPath"])


def security_group_changed(world: World) -> dict[str, object]:
    """Give the new tasks another security group, which the load balancer may not enter."""
    ingress = world.engine.random.choice(
        [
            rule(8000, cidr="198.51.100.0/24"),  # the office
            rule(8080, group=BALANCER_GROUP),  # another port
            rule(8000, group="sg-0d1e2f3a4b5c60718"),  # another load balancer
            rule(8000, cidr="192.0.2.0/24"),
        ]
    )

    def add(world: World) -> None:
        world.network.security_groups.append(security_group(_NEW_GROUP, "clarity-tasks-2025", VPC, [ingress]))

    def active(world: World) -> bool:
        service = world.scheduler.services[SERVICE]
        [group] = world.groups_of(service)
        return not world.reaches(group, service.deployments[0], "10.0.1.200", 8000)

    cause = "network.security_group"
    world.faults.append(Fault("the load balancer may not enter the new tasks' security group", add, active, cause))
    return {"security_group": _NEW_GROUP}


_NEW_GROUP = "sg-0a5b4c3d2e1f09876"


def nothing_wrong(_world: World) -> dict[str, object]:
    """Set no fault."""
    return {}


def memory_too_small(world: World) -> dict[str, object]:
    """Let the new revision need more memory than its task has; ECS names the reason in two worlds of three."""
    told = world.engine.random.random() < 2 / 3
    world.memory_reason = "OutOfMemoryError: Container killed due to memory usage" if told else ""
    greedy = replace(
        HEALTHY,
        memory_mib=world.engine.between(3600, 5200),
        memory_seconds=world.engine.between(9, 13),
        last_words=() if world.engine.random.random() < 0.5 else (_SENT_SIGKILL,),
    )
    world.faults.append(
        Fault(
            "the application needs more memory than its task has",
            lambda _world: None,
            lambda world: float(_examined(world)["memory"]) < greedy.memory_mib,
            "resources.memory",
        )
    )
    return {"program": greedy}


_SENT_SIGKILL = "[2025-07-12 00:00:00 +0000] [1] [ERROR] Worker (pid:8) was sent SIGKILL! Perhaps out of memory?"


def _examined(world: World) -> Shape:
    return world.task_definitions[world.scheduler.services[SERVICE].shape["taskDefinition"]]


def percentages_squeezed(world: World) -> dict[str, object]:
    """Leave no room to replace a task."""

    def squeeze(world: World) -> None:
        service = world.scheduler.services[SERVICE]
        minimum, maximum = stuck_percentages(world.engine.random, service.desired)
        service.shape["deploymentConfiguration"] |= {
            "minimumHealthyPercent": minimum,
            "maximumPercent": maximum,
        }

    def active(world: World) -> bool:
        service = world.scheduler.services[SERVICE]
        lower, upper = world.scheduler.bounds(service)
        return max(upper - service.desired, service.desired - lower) < 1

    cause = "deployment_config.percentages"
    world.faults.append(Fault("the percentages leave no room to replace a task", squeeze, active, cause))
    return {}


def deployed_again(world: World) -> dict[str, object]:
    """Let the pipeline deploy again before any rollout can end; the image is large, and nothing is broken."""
    cause = "deployment_config.superseded"
    world.faults.append(Fault("the pipeline deploys again and again", _nothing, _redeployed, cause))
    return {"program": replace(HEALTHY, pull_seconds=(85.0, 110.0))}


def _nothing(_world: World) -> None:
    """Change nothing: the fault is in what the people do."""


def _redeployed(world: World) -> bool:
    past = world.scheduler.services[SERVICE].past
    return all(row.record["status"] in ("STOPPED", "STOP_REQUESTED") for row in past[-3:-1])


def long_rollout(world: World) -> dict[str, object]:
    """Break nothing: the shortest possible rollout takes longer than the waiter looks."""
    cause = "deployment_config.waiter_shorter_than_rollout"
    world.faults.append(Fault("the rollout takes longer than the waiter", _nothing, _rolling, cause))
    return {"program": replace(HEALTHY, pull_seconds=(35.0, 60.0))}


def _rolling(world: World) -> bool:
    return bool(world.scheduler.services[SERVICE].deployments[0].shape["rolloutState"] == "IN_PROGRESS")
