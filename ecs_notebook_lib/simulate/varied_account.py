"""The account of a varied world: cluster, roles, registry, log group, load balancer, task definitions, service."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from ecs_notebook_lib.simulate.access import Document, ManagedPolicy, Role, Secret
from ecs_notebook_lib.simulate.account import allow, begin_service, policy, role_arn
from ecs_notebook_lib.simulate.capture import capture_group, keep, performance_group
from ecs_notebook_lib.simulate.logs import LogGroup
from ecs_notebook_lib.simulate.model import Service, Shape, TargetGroup
from ecs_notebook_lib.simulate.plan import Plan, Revision
from ecs_notebook_lib.simulate.varied_network import add_network
from ecs_notebook_lib.simulate.world import World

_EXECUTION = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)
_KINDS = {"table": ("dynamodb", "table/{}"), "queue": ("sqs", "{}"), "secret": ("secretsmanager", "secret:{}-x7Kq2P")}
NEEDS = {
    "table": ("GetItem", "dynamodb:GetItem"),
    "queue": ("ReceiveMessage", "sqs:ReceiveMessage"),
    "secret": ("GetSecretValue", "secretsmanager:GetSecretValue"),
    "bucket": ("GetObject", "s3:GetObject"),
}
"""What the application may ask AWS for: operation and action, by what it is asked of."""


def resource(world: World, plan: Plan, kind: str) -> str:
    """Return the ARN of something that the application uses."""
    if kind == "bucket":
        return f"arn:{world.partition}:s3:::{plan.name}-{world.account}-data/*"
    service, form = _KINDS[kind]
    return world.arn(service, form.format(f"{plan.name}-{kind}" if kind != "secret" else f"{plan.name}/settings"))


def raise_world(plan: Plan, scenario: str, seed: int) -> World:
    """Return the account with everything in it but tasks and deployments."""
    rng = plan.rng
    start = datetime(2025, rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59), tzinfo=UTC)
    world = World(scenario, seed, start=plan.start or start, cluster=plan.cluster, service=plan.name)
    world.partition, world.region, world.account = plan.partition, plan.region, plan.account
    world.slots |= add_network(world, plan)
    _add_access(world, plan)
    for name in (plan.name, f"{plan.name}-worker"):
        world.log_groups[f"/ecs/{name}"] = LogGroup(f"/ecs/{name}", world.now, retention_days=30)
        world.access.repositories[name] = None
    if plan.balanced:
        _add_load_balancer(world, plan)
    if plan.chances.get("capture"):
        keep(world, capture_group(world.cluster))
    if plan.chances.get("insights"):
        world.holdings.container_insights = "enabled"
        keep(world, performance_group(world.cluster))
    for edit in plan.prepare:
        edit(world)
    return world


def _trust(*, service: str = "ecs-tasks.amazonaws.com") -> Document:
    return policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def add_role(world: World, name: str, *statements: Document, service: str = "ecs-tasks.amazonaws.com") -> Role:
    """Add a role that a service may assume, with one inline policy of these statements."""
    arn = role_arn(world, name)
    role = Role(name, arn, f"AROA{world.engine.hexadecimal(17).upper()}", _trust(service=service), world.now)
    if statements:
        role.inline["application"] = policy(*statements)
    world.access.roles[name] = role
    return role


def _add_access(world: World, plan: Plan) -> None:
    execution_policy = f"arn:{world.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    world.access.policies[execution_policy] = ManagedPolicy(
        execution_policy, "ANPAJG4T4G4PV56DE72PY", {"v1": policy(allow(*_EXECUTION))}, "v1", world.now
    )
    secret = resource(world, plan, "secret")
    granted = [allow(action, on=resource(world, plan, kind)) for kind, (_, action) in NEEDS.items()]
    add_role(world, f"{plan.name}-task", *granted)
    add_role(world, f"{plan.name}-execution", allow("secretsmanager:GetSecretValue", on=secret))
    world.access.roles[f"{plan.name}-execution"].attached.append(execution_policy)
    world.access.secrets[secret] = Secret(secret, f"{plan.name}/settings", world.now)
    world.access.buckets[f"{plan.name}-{world.account}-data"] = None


def _add_load_balancer(world: World, plan: Plan) -> None:
    new = world.engine.hexadecimal
    balancer = world.arn("elasticloadbalancing", f"loadbalancer/app/{plan.cluster}/{new(16)}")
    arn = world.arn("elasticloadbalancing", f"targetgroup/{plan.name}/{new(16)}")
    vpc, nodes = str(world.slots["vpc"]), tuple(str(world.slots["nodes"]).split(","))
    world.balancer.groups[arn] = TargetGroup(_group_shape(plan, arn, balancer, vpc), _attributes(plan), nodes)
    zones = sorted({row["AvailabilityZone"] for row in world.network.subnets})
    blocks = [
        {
            "ZoneName": zone,
            "SubnetId": next(r["SubnetId"] for r in world.network.subnets if r["AvailabilityZone"] == zone),
        }
        for zone in zones
    ]
    world.load_balancers.append(
        {
            "LoadBalancerArn": balancer,
            "LoadBalancerName": plan.cluster,
            "DNSName": f"{plan.cluster}-1203040506.{world.region}.elb.{world.suffix}",
            "Scheme": "internet-facing",
            "VpcId": vpc,
            "State": {"Code": "active"},
            "Type": "application",
            "IpAddressType": "ipv4",
            "AvailabilityZones": blocks,
            "SecurityGroups": [world.slots["balancer_group"]],
            "CreatedTime": world.now,
        }
    )
    world.listeners.append(
        {
            "ListenerArn": balancer.replace(":loadbalancer/", ":listener/") + f"/{new(16)}",
            "LoadBalancerArn": balancer,
            "Port": 443,
            "Protocol": "HTTPS",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": arn}],
        }
    )


def _group_shape(plan: Plan, arn: str, balancer: str, vpc: str) -> Shape:
    group = plan.group
    return {
        "TargetGroupArn": arn,
        "TargetGroupName": plan.name,
        "Protocol": "HTTP",
        "Port": group.own_port,
        "VpcId": vpc,
        "HealthCheckProtocol": group.protocol,
        "HealthCheckPort": group.port,
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": group.interval,
        "HealthCheckTimeoutSeconds": group.timeout,
        "HealthyThresholdCount": group.healthy,
        "UnhealthyThresholdCount": group.unhealthy,
        "HealthCheckPath": group.path,
        "Matcher": {"HttpCode": group.matcher},
        "LoadBalancerArns": [balancer],
        "TargetType": "ip",
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    }


def _attributes(plan: Plan) -> dict[str, str]:
    return {
        "deregistration_delay.timeout_seconds": str(plan.group.drain),
        "slow_start.duration_seconds": "0",
        "stickiness.enabled": "false",
        "load_balancing.algorithm.type": "round_robin",
    }


def register_revision(world: World, plan: Plan, revision: Revision, number: int) -> str:
    """Register a task definition, push its image, and note what happens to its tasks; return its ARN."""
    image = revision.image or f"{world.registry}/{plan.name}:{number}.{world.engine.hexadecimal(7)}"
    world.programs[image] = revision.program
    if not revision.pushed:
        world.holdings.unpushed.add(image)
    if revision.platforms is not None:
        world.holdings.platforms[image] = revision.platforms
    if revision.layers:
        world.holdings.layers[image] = (*revision.layers, world.image_digest(image))
    arn = world.arn("ecs", f"task-definition/{plan.name}:{number}")
    main = _container(world, plan, image) | deepcopy(revision.container)
    main["environment"] = [*main["environment"], *revision.environment]
    main["dependsOn"] = [{"containerName": one.name, "condition": "START"} for one in revision.sidecars if one.first]
    world.task_definitions[arn] = {
        "taskDefinitionArn": arn,
        "family": plan.name,
        "revision": number,
        "status": "ACTIVE",
        "containerDefinitions": [main, *(_sidecar(world, plan, row) for row in revision.sidecars)],
        "taskRoleArn": role_arn(world, revision.task_role or f"{plan.name}-task"),
        "executionRoleArn": role_arn(world, revision.execution_role or f"{plan.name}-execution"),
        "networkMode": "awsvpc",
        "volumes": [],
        "placementConstraints": [],
        "requiresCompatibilities": ["FARGATE"],
        "compatibilities": ["EC2", "FARGATE"],
        "cpu": str(revision.cpu),
        "memory": str(revision.memory),
        "registeredAt": world.now,
        "registeredBy": f"arn:{world.partition}:sts::{world.account}:assumed-role/Deployer/pipeline",
    } | deepcopy(revision.definition)
    world.trail.registered(world.task_definitions[arn])
    world.hitches[arn] = list(revision.hitches)
    world.sidecars[arn] = list(revision.sidecars)
    return arn


def register_next(world: World, change: Callable[[World, Shape], None] = lambda _world, _definition: None) -> str:
    """Register the next revision of what the service runs, changed, without deploying it; return its ARN.

    It has an image of its own, with the same program in it; `change` edits the definition, or the world around it.
    """
    running = world.task_definitions[world.scheduler.services[world.service].shape["taskDefinition"]]
    definition = deepcopy(running)
    main = definition["containerDefinitions"][0]
    main["image"] = f"{main['image']}-next"
    world.programs[main["image"]] = world.programs[running["containerDefinitions"][0]["image"]]
    numbers = [row["revision"] for row in world.task_definitions.values() if row["family"] == running["family"]]
    definition |= {"revision": max(numbers) + 1, "registeredAt": world.now}
    change(world, definition)
    arn = world.arn("ecs", f"task-definition/{definition['family']}:{definition['revision']}")
    definition["taskDefinitionArn"] = arn
    world.task_definitions[arn] = definition
    world.trail.registered(definition)
    world.hitches[arn], world.sidecars[arn] = [], list(world.sidecars[running["taskDefinitionArn"]])
    return arn


def _container(world: World, plan: Plan, image: str) -> Shape:
    return {
        "name": plan.name,
        "image": image,
        "cpu": 0,
        "essential": True,
        "portMappings": [{"containerPort": plan.port, "hostPort": plan.port, "protocol": "tcp"}],
        "environment": [{"name": "PORT", "value": str(plan.port)}, {"name": "STAGE", "value": plan.cluster}],
        "mountPoints": [],
        "volumesFrom": [],
        "logConfiguration": logging_to(world, f"/ecs/{plan.name}"),
    }


def logging_to(world: World, group: str) -> Shape:
    """Return the logging of a container that writes to a log group."""
    options = {"awslogs-group": group, "awslogs-region": world.region, "awslogs-stream-prefix": "app"}
    return {"logDriver": "awslogs", "options": options}


def _sidecar(world: World, plan: Plan, row: Any) -> Shape:
    image = row.image
    if plan.egress == "endpoints" and image.startswith("public.ecr.aws/"):  # out of reach, so the account has a copy
        image = f"{world.registry}/{plan.name}:{row.name}"
        world.programs.setdefault(image, plan.good.program)
    shape: Shape = {
        "name": row.name,
        "image": image,
        "cpu": 0,
        "essential": row.essential,
        "portMappings": [],
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "logConfiguration": logging_to(world, f"/ecs/{plan.name}"),
    }
    if row.healthy is not None:
        shape["healthCheck"] = {"command": ["CMD", "/healthcheck"], "interval": 10, "timeout": 5, "retries": 3}
    return shape


def create_service(world: World, plan: Plan, revision: Revision, task_definition: str) -> Service:
    """Create the service, and begin its first deployment."""
    given: Shape = {
        "loadBalancers": [
            {"targetGroupArn": arn, "containerName": plan.name, "containerPort": plan.port}
            for arn in world.balancer.groups
            if plan.balanced
        ],
        "desiredCount": plan.desired,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": plan.breaker, "rollback": plan.rollback},
            "maximumPercent": plan.maximum,
            "minimumHealthyPercent": plan.minimum,
        },
        "networkConfiguration": {"awsvpcConfiguration": network_of(world, plan, revision)},
        "healthCheckGracePeriodSeconds": plan.grace if plan.balanced else 0,
    } | deepcopy(plan.service)
    if plan.chances.get("tags"):
        given["tags"] = [{"key": "team", "value": plan.name}, {"key": "managed-by", "value": "terraform"}]
    return begin_service(world, plan.name, task_definition, given)


def network_of(world: World, plan: Plan, revision: Revision) -> Shape:
    """Return the awsvpcConfiguration with which a revision is deployed; its groups may be named by slots."""
    usual = {
        "subnets": list(world.zones),
        "securityGroups": ["task_group"],
        "assignPublicIp": "ENABLED" if plan.egress == "public" else "DISABLED",
    }
    network = usual | deepcopy(revision.network)
    return network | {"securityGroups": [str(world.slots.get(name, name)) for name in network["securityGroups"]]}


def minutes(number: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=number)
