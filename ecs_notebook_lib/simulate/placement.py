"""Where a task is put: Fargate, or the container instance that meets all of its requirements (ECS_FACTS 3.2, 3.3)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.instances import Instance, Need
from ecs_notebook_lib.simulate.model import Deployment, Service, Shape, Task

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

MORE = " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
_NONE_MET = "was unable to place a task because no container instance met all of its requirements."
_FARGATE = ("FARGATE", "FARGATE_SPOT")
_COUNTED_EVERY = timedelta(minutes=15)
"""How often a task that finds no place counts as a failure: as often as ECS tries again in the long run."""
_LACKS = {
    "agent": "doesn't have the agent connected.",
    "attribute": "is missing an attribute required by your task.",
    "constraint": 'encountered error "MemberOf placement constraint unsatisfied."',
    "zone": 'encountered error "LOCATION".',
    "cpu": "has insufficient CPU units available.",
    "memory": "has insufficient memory available.",
    "port": "is already using a port required by your task.",
    "interface": 'encountered error "RESOURCE:ENI".',
}
_CHECKS: tuple[tuple[str, Callable[[Instance, Need], bool]], ...] = (
    ("agent", lambda instance, _need: instance.connected),
    ("attribute", lambda instance, need: all(_has(instance, name) for name in need.attributes)),
    ("constraint", lambda instance, need: all(satisfies(text, instance.attributes) for text in need.members)),
    ("zone", lambda instance, need: not need.zones or instance.zone in need.zones),
    ("cpu", lambda instance, need: need.cpu <= instance.cpu),
    ("memory", lambda instance, need: need.memory <= instance.memory),
    ("port", lambda instance, need: not set(need.ports) & instance.ports),
    ("interface", lambda instance, need: not need.interface or instance.interfaces > 0),
)
"""What an instance must meet, in the order in which ECS looks: the closest one fails last."""
_EXPRESSION = re.compile(r"attribute:(?P<name>\S+)\s+(?P<sign>==|!=|=~|in|exists)\s*(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Launch:
    """How the tasks of a deployment are launched: the launch type, and the capacity provider if one is named."""

    kind: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one task goes; on Fargate there is no instance."""

    launch: Launch
    instance: Instance | None = None
    need: Need | None = None


FARGATE = Place(Launch("FARGATE"))
Rule = Callable[[Service, Deployment], str]
"""Another reason for which a task of a deployment gets no place, as an event tells it; empty if there is none."""


class Placement:
    """The places of the cluster, and who has them."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.instances: list[Instance] = []
        self.rules: list[Rule] = []
        self.wording: dict[str, str] = {}
        """What the closest instance lacks in other words than usual, by check."""
        self.more = MORE
        self.scaled: set[str] = set()
        """Capacity providers whose tasks wait in PROVISIONING until there is an instance."""
        self.waiting: set[str] = set()
        """The services that try again in a while."""
        self._launches: dict[str, Launch] = {}
        self._counted: dict[str, datetime] = {}

    def launch(self, service: Service, deployment: Deployment) -> Launch:
        """Return how a deployment's tasks are launched; what the service says later does not change it."""
        return self._launches.setdefault(deployment.id, launch_of(service.shape))

    def launch_by_id(self, deployment_id: str) -> Launch | None:
        """Return how a deployment's tasks are launched; None if that was never asked."""
        return self._launches.get(deployment_id)

    def ask(self, service: Service, deployment: Deployment) -> Place | str:
        """Return a place for one more task, or the service event that tells why there is none."""
        for rule in self.rules:
            refusal = rule(service, deployment)
            if refusal:
                return refusal
        launch = self.launch(service, deployment)
        if launch.kind == "FARGATE":
            return Place(launch) if launch.provider else FARGATE
        return self._on_instance(service, deployment, launch)

    def _on_instance(self, service: Service, deployment: Deployment, launch: Launch) -> Place | str:
        known = [row for row in self.instances if not launch.provider or row.provider == launch.provider]
        if not known and launch.provider in self.scaled:
            return Place(launch)
        if not known:
            where = "capacity provider" if launch.provider else "cluster"
            usual = f"{_NONE_MET} Reason: No Container Instances were found in your {where}."
            return self.wording.get("none", usual) + self.more
        need = self._need(service, deployment)
        active = [row for row in known if row.status == "ACTIVE"] or known
        failing = {row.id: _fails_at(row, need) for row in active}
        free = [row for row in active if failing[row.id] is None and row.status == "ACTIVE"]
        if free:
            return Place(launch, min(free, key=lambda row: _crowd(row, service)), need)
        closest = max(active, key=lambda row: _number(failing[row.id]))
        return self._told(closest, failing[closest.id] or "agent")

    def _told(self, closest: Instance, check: str) -> str:
        lack = self.wording.get(check, _LACKS[check])
        return f"{_NONE_MET} The closest matching (container-instance {closest.id}) {lack}{self.more}"

    def _need(self, service: Service, deployment: Deployment) -> Need:
        definition = self._world.task_definitions[deployment.shape["taskDefinition"]]
        subnets = deployment.network["subnets"]
        awsvpc = definition["networkMode"] == "awsvpc"
        constraints = [*definition.get("placementConstraints", ()), *service.shape["placementConstraints"]]
        return Need(
            int(definition["cpu"]),
            int(definition["memory"]),
            tuple(port for port in _host_ports(definition) if port),
            awsvpc,
            tuple(row["name"] for row in definition.get("requiresAttributes", ())) + _architecture(definition),
            tuple(row["expression"] for row in constraints if row["type"] == "memberOf"),
            frozenset(self._world.zones[subnet] for subnet in subnets) if awsvpc else frozenset(),
        )

    def take(self, place: Place, task: Task, shape: Shape) -> None:
        """Let a task have its place: note it on the instance, and give the task's shape the form it has there."""
        if place.launch.provider:
            shape["capacityProviderName"] = place.launch.provider
        if place.launch.kind == "EC2":
            _settle(shape, place.instance)
        if place.instance is None or place.need is None:
            return
        instance = place.instance
        task.instance = instance.ec2_id
        definition = self._world.task_definitions[shape["taskDefinitionArn"]]
        ports = () if definition["networkMode"] == "awsvpc" else _bind(shape, definition, instance)
        instance.taken[shape["taskArn"]] = task, replace(place.need, ports=ports)

    def release(self, task: Task) -> None:
        """Give a stopped task's place back."""
        for instance in self.instances:
            instance.taken.pop(task.shape["taskArn"], None)

    def subnet(self, place: Place, subnets: Sequence[str]) -> str | None:
        """Return the subnet of a task on an instance: one in the instance's zone; None on Fargate."""
        if place.instance is None:
            return None
        zones = self._world.zones
        return next((subnet for subnet in subnets if zones[subnet] == place.instance.zone), subnets[0])

    def counts(self, deployment: Deployment) -> bool:
        """Say whether it is time to count that a deployment's tasks find no place."""
        now = self._world.engine.now
        first = self._counted.setdefault(deployment.id, now)
        if now - first < _COUNTED_EVERY:
            return False
        self._counted[deployment.id] = now
        return True


def launch_of(service: Shape) -> Launch:
    """Return how a service launches tasks now."""
    for row in service.get("capacityProviderStrategy") or ():
        name = row["capacityProvider"]
        return Launch("FARGATE" if name in _FARGATE else "EC2", name)
    return Launch(service.get("launchType", "FARGATE"))


def port_of(task: Task, container_port: int) -> int:
    """Return the port at which a task's container is reached from outside its host."""
    rows = [row for container in task.shape["containers"] for row in container.get("networkBindings", ())]
    return next((row["hostPort"] for row in rows if row["containerPort"] == container_port), container_port)


def satisfies(expression: str, attributes: Mapping[str, str]) -> bool:
    """Say whether an instance's attributes meet an expression of the cluster query language.

    One comparison of one attribute: `==`, `!=`, `=~`, `in [a, b]`, or `exists`.
    """
    found = _EXPRESSION.fullmatch(expression.strip())
    if found is None:
        return False
    has, value = attributes.get(found["name"]), found["value"].strip()
    if found["sign"] == "exists" or has is None:
        return has is not None
    return _SIGNS[found["sign"]](has, value)


_SIGNS: Mapping[str, Callable[[str, str], bool]] = {
    "==": lambda has, value: has == value,
    "!=": lambda has, value: has != value,
    "=~": lambda has, value: re.fullmatch(value, has) is not None,
    "in": lambda has, value: has in [one.strip() for one in value.strip("[]").split(",")],
}


def _has(instance: Instance, attribute: str) -> bool:
    name, _, value = attribute.partition("=")
    return name in instance.attributes and (not value or instance.attributes[name] == value)


def _fails_at(instance: Instance, need: Need) -> str | None:
    return next((name for name, meets in _CHECKS if not meets(instance, need)), None)


def _number(check: str | None) -> int:
    return [name for name, _ in _CHECKS].index(check) if check else -1


def _crowd(instance: Instance, service: Service) -> tuple[int, int]:
    """Return what makes an instance the less wanted: tasks of the same service, then any."""
    mine = sum(task.shape["group"] == f"service:{service.name}" for task in instance.tasks)
    return mine, len(instance.taken)


def _architecture(definition: Shape) -> tuple[str, ...]:
    wanted = {"ARM64": "arm64", "X86_64": "x86_64"}.get(definition.get("runtimePlatform", {}).get("cpuArchitecture"))
    return (f"ecs.cpu-architecture={wanted}",) if wanted else ()


def _host_ports(definition: Shape) -> list[int]:
    """Return the host ports of all containers; 0 where Docker chooses."""
    mode = definition["networkMode"]
    mappings = [row for container in definition["containerDefinitions"] for row in container["portMappings"]]
    if mode == "awsvpc":
        return []
    return [row["containerPort"] if mode == "host" else row.get("hostPort", 0) for row in mappings]


def _settle(shape: Shape, instance: Instance | None) -> None:
    """Let a task's shape be one of the EC2 launch type."""
    for member in ("platformFamily", "platformVersion"):
        shape.pop(member, None)
    shape["launchType"] = "EC2"
    if instance is None:
        shape.pop("attachments", None)
        return
    shape |= {"containerInstanceArn": instance.arn, "availabilityZone": instance.zone}


def _bind(shape: Shape, definition: Shape, instance: Instance) -> tuple[int, ...]:
    """Bind the ports of a task without an interface of its own to its host; return the host ports."""
    shape.pop("attachments", None)
    shape["lastStatus"] = "PENDING"
    given = []
    for container, row in zip(shape["containers"], definition["containerDefinitions"], strict=True):
        container["networkBindings"] = [
            {
                "bindIP": "0.0.0.0",  # noqa: S104  no socket is opened
                "containerPort": mapping["containerPort"],
                "hostPort": _host_port(definition["networkMode"], mapping) or instance.next_port(),
                "protocol": mapping.get("protocol", "tcp"),
            }
            for mapping in row["portMappings"]
        ]
        given += [bound["hostPort"] for bound in container["networkBindings"]]
    return tuple(given)


def _host_port(mode: str, mapping: Shape) -> int:
    return int(mapping["containerPort"] if mode == "host" else mapping.get("hostPort", 0))
