"""The account in which the story happens: network, load balancer, roles, images and services, before any fault."""

from datetime import UTC, datetime
from typing import Any

from ecs_notebook_lib.simulate.access import ManagedPolicy, Role, Secret
from ecs_notebook_lib.simulate.logs import LogGroup
from ecs_notebook_lib.simulate.model import Program, Service, Shape, TargetGroup
from ecs_notebook_lib.simulate.network import add_network, rule, security_group
from ecs_notebook_lib.simulate.world import World

CLUSTER, SERVICE = "clarity-backend-cluster", "clarity-backend"
BEGINNING = datetime(2025, 6, 20, 9, 0, tzinfo=UTC)
TASK_ROLE, FORMER_ROLE, EXECUTION_ROLE = "clarity-backend-task", "clarity-backend-app", "clarity-backend-execution"
BUCKET = "clarity-backend-uploads"
SECRET_NAME = "clarity/backend/settings-Ab3dEf"  # noqa: S105  the name of a secret that does not exist
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
BALANCER_GROUP, TASK_GROUP = "sg-0123456789abcdef0", "sg-0fedcba9876543210"
VPC = "vpc-0a1b2c3d4e5f60718"
_SUBNETS = {"subnet-0aa11bb22cc33dd44": "us-east-1a", "subnet-0ee55ff66aa77bb88": "us-east-1b"}
_TASKS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def allow(*actions: str, on: str | list[str] = "*") -> dict[str, Any]:
    """Return a statement that allows actions."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def new_world(scenario: str, seed: int) -> World:
    """Return an account with everything in it but the deployments."""
    world = World(scenario, seed, start=BEGINNING, cluster=CLUSTER, service=SERVICE)
    world.zones |= _SUBNETS
    add_network(world.network, VPC, _SUBNETS, region=world.region)
    world.network.security_groups += [
        security_group(BALANCER_GROUP, "clarity-load-balancer", VPC, [rule(443, cidr="0.0.0.0/0")]),
        security_group(TASK_GROUP, "clarity-tasks", VPC, [rule(8000, group=BALANCER_GROUP)]),
    ]
    _add_access(world)
    for name in (SERVICE, "clarity-worker"):
        world.log_groups[f"/ecs/{name}"] = LogGroup(f"/ecs/{name}", BEGINNING, retention_days=30)
        world.access.repositories[name] = None
    _add_load_balancer(world)
    return world


def resources(world: World) -> dict[str, str]:
    """Return the ARNs of what the application uses."""
    return {
        "dynamodb": world.arn("dynamodb", "table/clarity-sessions"),
        "secretsmanager": world.arn("secretsmanager", f"secret:{SECRET_NAME}"),
        "cognito-idp": world.arn("cognito-idp", "userpool/us-east-1_Ab3dEf9hJ"),
        "s3": f"arn:aws:s3:::{BUCKET}",
    }


def _add_access(world: World) -> None:
    tables, new = world.access, world.engine.hexadecimal
    for name in (TASK_ROLE, FORMER_ROLE, EXECUTION_ROLE):
        arn = role_arn(world, name)
        tables.roles[name] = Role(name, arn, f"AROA{new(17).upper()}", _TASKS_TRUST, BEGINNING)
    tables.policies[EXECUTION_POLICY] = ManagedPolicy(
        EXECUTION_POLICY,
        "ANPAJG4T4G4PV56DE72PY",
        {
            "v1": policy(
                allow(
                    "ecr:GetAuthorizationToken",
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:BatchGetImage",
                    "logs:CreateLogStream",
                    "logs:PutLogEvents",
                )
            )
        },
        "v1",
        BEGINNING,
    )
    tables.roles[EXECUTION_ROLE].attached.append(EXECUTION_POLICY)
    secret = resources(world)["secretsmanager"]
    tables.secrets[secret] = Secret(secret, SECRET_NAME.rpartition("-")[0], BEGINNING)
    listed = [role_arn(world, name) for name in (TASK_ROLE, FORMER_ROLE)]
    tables.buckets[BUCKET] = policy(
        {
            "Sid": "OnlyTheBackend",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": listed}},
        }
    )


def grants(world: World) -> dict[str, dict[str, Any]]:
    """Return the statement that each of the application's needs takes, by service."""
    arns = resources(world)
    return {
        "s3": allow("s3:GetObject", on=f"{arns['s3']}/*"),
        "dynamodb": allow("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", on=arns["dynamodb"]),
        "secretsmanager": allow("secretsmanager:GetSecretValue", on=arns["secretsmanager"]),
        "cognito-idp": allow("cognito-idp:DescribeUserPool", "cognito-idp:AdminGetUser", on=arns["cognito-idp"]),
    }


def _add_load_balancer(world: World) -> None:
    balancer = world.arn("elasticloadbalancing", "loadbalancer/app/clarity/50dc6c495c0c9188")
    for name, suffix in ((SERVICE, "73e2d6bc24d8a067"), ("clarity-worker", "2f0c9a1b7e6d5c43")):
        arn = world.arn("elasticloadbalancing", f"targetgroup/{name}/{suffix}")
        world.balancer.groups[arn] = TargetGroup(
            {
                "TargetGroupArn": arn,
                "TargetGroupName": name,
                "Protocol": "HTTP",
                "Port": 8000,
                "VpcId": VPC,
                "HealthCheckProtocol": "HTTP",
                "HealthCheckPort": "traffic-port",
                "HealthCheckEnabled": True,
                "HealthCheckIntervalSeconds": 30,
                "HealthCheckTimeoutSeconds": 10,
                "HealthyThresholdCount": 5,
                "UnhealthyThresholdCount": 2,
                "HealthCheckPath": "/health",
                "Matcher": {"HttpCode": "200"},
                "LoadBalancerArns": [balancer],
                "TargetType": "ip",
                "ProtocolVersion": "HTTP1",
                "IpAddressType": "ipv4",
            },
            {
                "deregistration_delay.timeout_seconds": str(world.engine.random.choice([120, 300])),
                "slow_start.duration_seconds": "0",
                "stickiness.enabled": "false",
                "load_balancing.algorithm.type": "round_robin",
            },
            ("10.0.1.5", "10.0.2.6"),
        )
    world.load_balancers.append(_load_balancer(balancer))
    listener = balancer.replace(":loadbalancer/", ":listener/") + "/f2f7dc8efc522ab2"
    group = next(iter(world.balancer.groups))
    world.listeners.append(
        {
            "ListenerArn": listener,
            "LoadBalancerArn": balancer,
            "Port": 443,
            "Protocol": "HTTPS",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": group, "Order": 1}],
        }
    )


def _load_balancer(arn: str) -> Shape:
    return {
        "LoadBalancerArn": arn,
        "DNSName": "clarity-1234567890.us-east-1.elb.amazonaws.com",
        "CreatedTime": BEGINNING,
        "LoadBalancerName": "clarity",
        "Scheme": "internet-facing",
        "VpcId": VPC,
        "State": {"Code": "active"},
        "Type": "application",
        "AvailabilityZones": [{"ZoneName": zone, "SubnetId": subnet} for subnet, zone in _SUBNETS.items()],
        "SecurityGroups": [BALANCER_GROUP],
        "IpAddressType": "ipv4",
    }


def register(world: World, name: str, revision: int, program: Program, **changes: Any) -> str:
    """Register a revision of a family whose image holds `program`, and return its ARN.

    `changes` are `task_role` (name of the role), `check_path` (of the container's own health check) and `secrets`.
    """
    image = f"{world.account}.dkr.ecr.{world.region}.amazonaws.com/{name}:build-{revision}"
    world.programs[image] = program
    arn = world.arn("ecs", f"task-definition/{name}:{revision}")
    world.task_definitions[arn] = {
        "taskDefinitionArn": arn,
        "family": name,
        "revision": revision,
        "status": "ACTIVE",
        "containerDefinitions": [_container(world, name, image, changes)],
        "taskRoleArn": world.access.roles[changes.get("task_role", TASK_ROLE)].arn,
        "executionRoleArn": world.access.roles[EXECUTION_ROLE].arn,
        "networkMode": "awsvpc",
        "volumes": [],
        "placementConstraints": [],
        "requiresCompatibilities": ["FARGATE"],
        "compatibilities": ["EC2", "FARGATE"],
        "cpu": "1024",
        "memory": "3072",
        "registeredAt": world.now,
        "registeredBy": f"arn:aws:sts::{world.account}:assumed-role/Deployer/pipeline",
    }
    world.trail.registered(world.task_definitions[arn])
    return arn


def _container(world: World, name: str, image: str, changes: dict[str, Any]) -> Shape:
    command = f"curl -f http://localhost:8000{changes.get('check_path', '/health')} || exit 1"
    logging = {"awslogs-group": f"/ecs/{name}", "awslogs-region": world.region, "awslogs-stream-prefix": "ecs"}
    container: Shape = {
        "name": name,
        "image": image,
        "cpu": 0,
        "essential": True,
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
        "environment": _environment(world, injected=bool(changes.get("secrets"))),
        "mountPoints": [],
        "volumesFrom": [],
        "healthCheck": {"command": ["CMD-SHELL", command], "interval": 5, "timeout": 3, "retries": 3},
        "logConfiguration": {"logDriver": "awslogs", "options": logging},
    }
    if changes.get("secrets"):
        container["secrets"] = [{"name": "CLARITY_SETTINGS", "valueFrom": resources(world)["secretsmanager"]}]
    return container


def _environment(world: World, *, injected: bool) -> list[dict[str, str]]:
    """Return the variables; the application reads its secret itself unless ECS injects it."""
    arns = resources(world)
    values = {
        "PORT": "8000",
        "LOG_LEVEL": "info",
        "SESSIONS_TABLE_ARN": arns["dynamodb"],
        "USER_POOL_ARN": arns["cognito-idp"],
        "UPLOADS_BUCKET_ARN": arns["s3"],
        "DATABASE_URL": "postgresql://clarity:correct-horse-battery@db.clarity.internal/clarity",
    }
    if not injected:
        values["SETTINGS_SECRET_ARN"] = arns["secretsmanager"]
    return [{"name": name, "value": value} for name, value in values.items()]


def create_service(world: World, name: str, task_definition: str, *, desired: int) -> Service:
    """Create a service behind its target group and begin its first deployment."""
    group = next(arn for arn, group in world.balancer.groups.items() if group.shape["TargetGroupName"] == name)
    network = {
        "awsvpcConfiguration": {
            "subnets": list(_SUBNETS),
            "securityGroups": [TASK_GROUP],
            "assignPublicIp": "ENABLED",
        }
    }
    given: Shape = {
        "loadBalancers": [{"targetGroupArn": group, "containerName": name, "containerPort": 8000}],
        "desiredCount": desired,
        "networkConfiguration": network,
    }
    return begin_service(world, name, task_definition, given)


def begin_service(world: World, name: str, task_definition: str, given: Shape) -> Service:
    """Create a service on Fargate with these members, and begin its first deployment; what is not given is usual."""
    shape: Shape = {
        "serviceArn": world.arn("ecs", f"service/{world.cluster}/{name}"),
        "serviceName": name,
        "clusterArn": world.cluster_arn,
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": "ACTIVE",
        "desiredCount": 1,
        "runningCount": 0,
        "pendingCount": 0,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": task_definition,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": False, "rollback": False},
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
        },
        "deployments": [],
        "roleArn": role_arn(world, "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
        "events": [],
        "createdAt": world.now,
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": {},
        "healthCheckGracePeriodSeconds": 0,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "createdBy": role_arn(world, "Deployer"),
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "DISABLED",
    } | given
    service = world.scheduler.services[name] = Service(shape)
    world.scheduler.rollout.begin(service, task_definition)
    return service


def role_arn(world: World, name: str) -> str:
    """Return the ARN of a role of this account."""
    return f"arn:{world.partition}:iam::{world.account}:role/{name}"
