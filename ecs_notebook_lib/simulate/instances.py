"""The EC2 instances of a cluster: what they have, what is taken of it, and their rows in Amazon ECS's own form."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.model import Shape, Task
from ecs_notebook_lib.simulate.plan import Plan

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_AGENT_PORTS = (22, 2375, 2376, 51678, 51679)
_FIRST_DYNAMIC_PORT = 32768
_CAPABILITIES = (
    "com.amazonaws.ecs.capability.privileged-container",
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.29",
    "com.amazonaws.ecs.capability.logging-driver.json-file",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.ecr-auth",
    "com.amazonaws.ecs.capability.task-iam-role",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.container-health-check",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.task-eni",
)


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What an instance of a type registers with: CPU units, MiB of memory, network interfaces for tasks."""

    name: str
    cpu: int
    memory: int
    interfaces: int
    architecture: str = "x86_64"


_TRUNK = 10
"""Task interfaces of an instance with trunking; its type must support it, and `t3` does not."""
INSTANCE_TYPES = (
    InstanceType("t3.medium", 2048, 3885, 2),
    InstanceType("t3.large", 2048, 7827, 2),
    InstanceType("c5.large", 2048, 3726, 2),
    InstanceType("m5.large", 2048, 7680, 2),
    InstanceType("m6g.large", 2048, 7691, 2, "arm64"),
    InstanceType("r5.large", 2048, 15726, 2),
    InstanceType("c5.xlarge", 4096, 7566, 3),
    InstanceType("m5.xlarge", 4096, 15563, 3),
    InstanceType("m5.2xlarge", 8192, 31332, 3),
)


@dataclass(frozen=True, slots=True)
class Need:
    """What a task asks of an instance."""

    cpu: int
    memory: int
    ports: tuple[int, ...] = ()
    """Host ports that it asks for by number."""
    interface: bool = False
    attributes: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    """The expressions of its memberOf constraints."""
    zones: frozenset[str] = frozenset()
    """Where its subnets are; empty if it uses the instance's own network."""


@dataclass(slots=True, eq=False)
class Instance:
    """One container instance and who takes what of it."""

    arn: str
    ec2_id: str
    kind: InstanceType
    zone: str
    registered: datetime
    provider: str = ""
    """The capacity provider to which it belongs; empty if to none."""
    status: str = "ACTIVE"
    connected: bool = True
    attributes: dict[str, str] = field(default_factory=dict)
    others: Need = field(default_factory=lambda: Need(0, 0))
    """What tasks take that are not of this world's services."""
    other_interfaces: int = 0
    taken: dict[str, tuple[Task, Need]] = field(default_factory=dict)
    """By the ARNs of its tasks."""
    ports_given: int = 0

    @property
    def id(self) -> str:
        """Return the last part of its ARN, as service events name it."""
        return self.arn.rpartition("/")[2]

    @property
    def cpu(self) -> int:
        """Return the CPU units that are left."""
        return self.kind.cpu - self.others.cpu - sum(need.cpu for _, need in self.taken.values())

    @property
    def memory(self) -> int:
        """Return the MiB of memory that are left."""
        return self.kind.memory - self.others.memory - sum(need.memory for _, need in self.taken.values())

    @property
    def interfaces(self) -> int:
        """Return how many network interfaces tasks can still get."""
        used = sum(need.interface for _, need in self.taken.values())
        return self.kind.interfaces - self.other_interfaces - used

    @property
    def ports(self) -> set[int]:
        """Return the host ports that are in use."""
        used = {port for _, need in self.taken.values() for port in need.ports}
        return used | set(_AGENT_PORTS) | set(self.others.ports)

    def next_port(self) -> int:
        """Return a host port for a container that leaves the choice to Docker."""
        self.ports_given += 1
        return _FIRST_DYNAMIC_PORT + self.ports_given - 1

    @property
    def tasks(self) -> list[Task]:
        """Return its tasks."""
        return [task for task, _ in self.taken.values()]

    def shape(self) -> Shape:
        """Return the row that DescribeContainerInstances has of it."""
        running = sum(task.running for task in self.tasks)
        row = {
            "containerInstanceArn": self.arn,
            "ec2InstanceId": self.ec2_id,
            "version": 3 + len(self.taken),
            "versionInfo": {
                "agentVersion": "1.89.2",
                "agentHash": "c0f8f9f4",
                "dockerVersion": "DockerVersion: 25.0.6",
            },
            "status": self.status,
            "agentConnected": self.connected,
            "runningTasksCount": running,
            "pendingTasksCount": len(self.taken) - running,
            "registeredAt": self.registered,
            "attachments": [],
            "tags": [],
            "attributes": [
                {"name": name, "value": value} if value else {"name": name} for name, value in self.attributes.items()
            ],
            "registeredResources": _resources(self.kind.cpu, self.kind.memory, set(_AGENT_PORTS)),
            "remainingResources": _resources(self.cpu, self.memory, self.ports),
        }
        return row | ({"capacityProviderName": self.provider} if self.provider else {})


def _resources(cpu: int, memory: int, ports: set[int]) -> list[Shape]:
    """Return CPU, memory and ports in ECS's form: of ports it names those in use, in both lists."""
    used = [str(port) for port in sorted(ports)]
    return [_number("CPU", cpu), _number("MEMORY", memory), _names("PORTS", used), _names("PORTS_UDP", [])]


def _number(name: str, value: int) -> Shape:
    return {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value}


def _names(name: str, values: list[str]) -> Shape:
    return _number(name, 0) | {"type": "STRINGSET", "stringSetValue": values}


def add_instance(world: "World", kind: InstanceType, zone: str, *, provider: str = "") -> Instance:
    """Register an instance with the cluster."""
    new = world.engine.hexadecimal
    arn = world.arn("ecs", f"container-instance/{world.cluster}/{new(32)}")
    own = {
        "ecs.ami-id": f"ami-0{new(16)}",
        "ecs.availability-zone": zone,
        "ecs.cpu-architecture": kind.architecture,
        "ecs.instance-type": kind.name,
        "ecs.os-type": "linux",
    }
    trunk = {"ecs.awsvpc-trunk-id": new(8)} if kind.interfaces == _TRUNK else {}
    attributes = dict.fromkeys(_CAPABILITIES, "") | own | trunk
    instance = Instance(arn, f"i-0{new(16)}", kind, zone, world.now, provider, attributes=attributes)
    world.scheduler.placement.instances.append(instance)
    world.holdings.container_instances[arn] = instance.shape()
    return instance


def remove_instance(world: "World", instance: Instance) -> None:
    """Take an instance out of the cluster."""
    world.scheduler.placement.instances.remove(instance)
    del world.holdings.container_instances[instance.arn]


def add_provider(world: "World", name: str, size: int, *, most: int, managed: bool = True) -> None:
    """Add a capacity provider with an Auto Scaling group of `size` instances, `most` at most."""
    group = f"{world.cluster}-{name}"
    prefix = f"autoScalingGroup:{world.engine.hexadecimal(8)}-0000-4000-8000-{world.engine.hexadecimal(12)}"
    arn = world.arn("autoscaling", f"{prefix}:autoScalingGroupName/{group}")
    world.holdings.capacity_providers[name] = {
        "capacityProviderArn": world.arn("ecs", f"capacity-provider/{name}"),
        "name": name,
        "status": "ACTIVE",
        "autoScalingGroupProvider": {
            "autoScalingGroupArn": arn,
            "managedScaling": {"status": "ENABLED" if managed else "DISABLED", "targetCapacity": 100},
            "managedTerminationProtection": "DISABLED",
        },
        "tags": [],
    }
    world.holdings.auto_scaling_groups[group] = {
        "AutoScalingGroupName": group,
        "AutoScalingGroupARN": arn,
        "MinSize": 0,
        "MaxSize": most,
        "DesiredCapacity": size,
        "DefaultCooldown": 300,
        "AvailabilityZones": sorted(set(world.zones.values())),
        "HealthCheckType": "EC2",
        "CreatedTime": world.now,
        "Instances": [],
    }


def publish(world: "World") -> None:
    """Write how the instances are now into the tables that the world answers from."""
    instances = world.scheduler.placement.instances
    for instance in instances:
        world.holdings.container_instances[instance.arn] = instance.shape()
    for provider in world.holdings.capacity_providers:
        group = world.holdings.auto_scaling_groups.get(f"{world.cluster}-{provider}")
        if group is not None:
            group["Instances"] = [_member(row) for row in instances if row.provider == provider]


def _member(instance: Instance) -> Shape:
    return {
        "InstanceId": instance.ec2_id,
        "InstanceType": instance.kind.name,
        "AvailabilityZone": instance.zone,
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": False,
    }


# A plan whose service runs on instances.


def run_on_instances(plan: Plan, *, trunk: bool | None = None, spare: bool = True, room: int = 1) -> InstanceType:
    """Put the service on instances of a cluster; with `spare` they hold the tasks of a rollout beside the old ones.

    Each instance has the CPU and memory for `room` tasks at least. See `move_to_instances` for `trunk`.
    """
    provider = plan.rng.choice(["", "", "ec2", f"{plan.cluster}-asg"])
    kind = move_to_instances(plan, provider=provider, trunk=trunk, room=room)
    add_fleet(plan, kind, copies=4 * plan.desired + 2 if spare else plan.desired, provider=provider)
    return kind


def move_to_instances(
    plan: Plan, *, mode: str = "awsvpc", provider: str = "", trunk: bool | None = None, room: int = 1
) -> InstanceType:
    """Let the service run on instances of a type that can hold its tasks; return the type.

    `mode` is the network mode; with `bridge` and `host` there is no load balancer, for targets are addresses here.
    Without `trunk` it is drawn whether the instances have trunked interfaces. The instances are added by `add_fleet`.
    """
    plan.place = "ec2"
    plan.balanced = plan.balanced and mode == "awsvpc"
    plan.egress = "nat" if plan.egress == "public" else plan.egress  # such a task gets no public address
    plan.service |= {"launchType": "EC2", "placementStrategy": [_SPREAD, {"type": "spread", "field": "instanceId"}]}
    if provider:
        plan.service["capacityProviderStrategy"] = [{"capacityProvider": provider, "weight": 1, "base": 0}]
    for revision in (plan.good, plan.new):
        compatible = {"requiresCompatibilities": ["EC2"], "compatibilities": ["EXTERNAL", "EC2"], "networkMode": mode}
        revision.definition = {**revision.definition, **compatible, "requiresAttributes": required(mode)}
    cpu, memory = room * max(plan.good.cpu, plan.new.cpu), room * max(plan.good.memory, plan.new.memory)
    fitting = [
        row for row in INSTANCE_TYPES if row.architecture == "x86_64" and row.cpu >= cpu and row.memory >= memory
    ]
    kind = plan.rng.choice(fitting)
    trunked = plan.chance(0.6) if trunk is None else trunk
    return replace(kind, interfaces=_TRUNK) if trunked and not kind.name.startswith("t3") else kind


_SPREAD = {"type": "spread", "field": "attribute:ecs.availability-zone"}


def required(mode: str) -> list[Shape]:
    """Return the attributes that ECS finds a task definition of this account to require."""
    names = [
        "com.amazonaws.ecs.capability.logging-driver.awslogs",
        "com.amazonaws.ecs.capability.ecr-auth",
        "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        "com.amazonaws.ecs.capability.task-iam-role",
        "ecs.capability.execution-role-awslogs",
        "ecs.capability.execution-role-ecr-pull",
    ]
    return [{"name": name} for name in (*names, *(["ecs.capability.task-eni"] if mode == "awsvpc" else []))]


def add_fleet(plan: Plan, kind: InstanceType, *, copies: int, alone: bool = False, provider: str = "") -> None:
    """Let the cluster have as many instances as it takes to hold so many tasks; `alone`: one task an instance.

    A rollout that fails takes several times the desired count: tasks that stop, or drain, have their places still.
    """
    awsvpc = plan.good.definition["networkMode"] == "awsvpc"

    def prepare(world: "World") -> None:
        rows = (plan.good, plan.new) if copies > plan.desired else (plan.good,)
        cpu, memory = max(row.cpu for row in rows), max(row.memory for row in rows)
        each = min(kind.cpu // cpu, kind.memory // memory, kind.interfaces if awsvpc else copies)
        count = -(-copies // (1 if alone else max(1, each)))
        served = plan.good.network.get("subnets") or list(world.zones)
        zones = [world.zones[subnet] for subnet in served]
        for number in range(count):
            add_instance(world, kind, zones[number % len(zones)], provider=provider)
        if provider:
            add_provider(world, provider, count, most=count)

    plan.prepare.append(prepare)
