"""The simulated account: its tables, its clock, and its one door."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ecs_notebook_lib.simulate import (
    access,
    api_access,
    api_cloudwatch,
    api_ec2,
    api_ecs,
    api_elbv2,
    api_existence,
    api_keeping,
    api_logs,
    api_trail,
    api_writes_access,
    api_writes_ec2,
    api_writes_ecs,
    api_writes_other,
    capture,
)
from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.balancer import Balancer
from ecs_notebook_lib.simulate.brought import Brought
from ecs_notebook_lib.simulate.engine import Engine
from ecs_notebook_lib.simulate.faults import Fault
from ecs_notebook_lib.simulate.holdings import Holdings
from ecs_notebook_lib.simulate.logs import LogGroup, LogStream
from ecs_notebook_lib.simulate.model import Deployment, Life, Program, Service, Shape, TargetGroup, Task
from ecs_notebook_lib.simulate.network import End, Network, inside
from ecs_notebook_lib.simulate.refusals import refused, throttled
from ecs_notebook_lib.simulate.scheduler import Scheduler
from ecs_notebook_lib.simulate.script import Hitch, Sidecar
from ecs_notebook_lib.simulate.tasks import Tasks
from ecs_notebook_lib.simulate.trail import Event, Trail
from ecs_notebook_lib.simulate.wire import AWSError, Call, HTTPRequest, HTTPResponse, Wire
from ecs_notebook_lib.simulate.writing import recorded

_READING = (api_ecs, api_elbv2, api_logs, api_access, api_cloudwatch, api_existence, api_ec2, api_keeping, api_trail)
_WRITING = (api_writes_ecs, api_writes_other, api_writes_access, api_writes_ec2)


class World:
    """One account in one region with one cluster; `service` is the one that the scenario is about."""

    account = "111122223333"
    region = "us-east-1"
    partition = "aws"

    def __init__(self, scenario: str, seed: int, *, start: datetime, cluster: str, service: str) -> None:
        self.scenario, self.seed = scenario, seed
        self.cluster, self.service = cluster, service
        self.engine = Engine(start, f"{scenario}:{seed}")
        self.access = access.AccessTables()
        self.holdings = Holdings()
        self.programs: dict[str, Program] = {}
        self.task_definitions: dict[str, Shape] = {}
        self.log_groups: dict[str, LogGroup] = {}
        self.load_balancers: list[Shape] = []
        self.listeners: list[Shape] = []
        self.listener_rules: dict[str, list[Shape]] = {}
        self.zones: dict[str, str] = {}
        self.network = Network()
        self.faults: list[Fault] = []
        self.lives: list[Life] = []
        self.memory_reason = ""
        self.hitches: dict[str, list[Hitch]] = {}
        self.sidecars: dict[str, list[Sidecar]] = {}
        self.slots: dict[str, object] = {}
        self.told_starts = False
        self.placement_error = ""
        """The event that tells why no task of the service can be placed; empty if one can."""
        self.is_unplaced: Callable[[Deployment], bool] = lambda _deployment: True
        """Which deployments of the service that is true of."""
        self.registration_error = ""
        """Why ECS cannot register targets; empty if it can."""
        self._unseen = LogGroup("", start)
        self.tasks = Tasks(self)
        self.balancer = Balancer(self)
        self.scheduler = Scheduler(self)
        self.trail = Trail(self)
        self.recurring: list[Callable[[World, Service, Deployment], None]] = []
        """What happens to each deployment that a caller begins, beside what follows from its configuration."""
        self.broken: list[Event] = []
        """The calls by which somebody broke something."""
        self.brought: list[Brought] = []
        """The changes that brought the faults, if any did."""
        self.refused: set[str] = set()
        self.throttled: set[str] = set()
        self._addresses: dict[str, itertools.count[int]] = {}
        self._taken: set[str] = set()
        self._verdicts: dict[tuple[str, str, str], access.Decision] = {}
        self._lock = threading.RLock()
        self._open_door()

    def _open_door(self) -> None:
        """Let the world answer calls."""
        self._wire = Wire(self._dispatch, lambda: self.engine.now)
        self.operations: Mapping[str, Handler] = {
            name: handler for module in (*_READING, *_WRITING) for name, handler in module.handlers(self).items()
        }
        self.writing = frozenset(name for module in _WRITING for name in module.handlers(self))
        """The operations that change something."""
        self.writes: list[tuple[str, Mapping[str, Any]]] = []
        """Every call of these that was answered, refused ones among them: the operation, and what was asked."""

    # The door.

    @property
    def now(self) -> datetime:
        """Return the world's time."""
        return self.engine.now

    @property
    def truth(self) -> tuple[str, ...]:
        """Return the causes of the faults that still hurt."""
        return tuple(fault.cause for fault in self.faults if fault.active(self))

    def run_until(self, when: datetime) -> None:
        """Let time pass."""
        with self._lock:
            self.engine.run_until(when)

    def respond(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one request; safe to call from many threads."""
        with self._lock:
            return self._wire.respond(request)

    def answer(self, call: Call) -> Mapping[str, Any]:
        """Return the output of a call, as boto3 returns it; safe to call from many threads.

        Raises
        ------
        AWSError
            If AWS would refuse it.
        """
        with self._lock:
            return self._dispatch(call)

    def _dispatch(self, call: Call) -> Mapping[str, Any]:
        name = f"{call.service}:{call.operation}"
        if name not in self.writing:
            return self._answer(name, call)
        self.writes.append((name, call.params))
        return recorded(self, call, partial(self._answer, name))

    def _answer(self, name: str, call: Call) -> Mapping[str, Any]:
        if name in self.throttled:
            raise throttled(call)
        if name in self.refused:
            raise refused(call, self.caller)
        if name not in self.operations:
            raise AWSError("InternalFailure", f"The simulated AWS does not serve {name}.", status=501)
        return self.operations[name](call)

    @property
    def caller(self) -> str:
        """Return the ARN that every caller has here."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/Investigator/session"

    # Names.

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def suffix(self) -> str:
        """Return the domain of AWS's endpoints in this partition."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    @property
    def registry(self) -> str:
        """Return the host of the account's image registry."""
        return f"{self.account}.dkr.ecr.{self.region}.{self.suffix}"

    @property
    def cluster_arn(self) -> str:
        """Return the cluster's ARN."""
        return self.arn("ecs", f"cluster/{self.cluster}")

    def free_address(self, subnet: str) -> str:
        """Return a private address that no living task has; AWS gives them out again."""
        numbers = self._addresses.setdefault(subnet, itertools.count())
        block = next(row["CidrBlock"] for row in self.network.subnets if row["SubnetId"] == subnet)
        for number in numbers:
            address = f"{block.rpartition('.')[0]}.{10 + number * 7 % 200}"
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise AssertionError  # itertools.count does not end

    def return_address(self, address: str) -> None:
        """Let an address be given out again."""
        self._taken.discard(address)

    def addresses_taken(self, cidr: str) -> int:
        """Return how many addresses of a subnet tasks have."""
        return sum(inside(address, cidr) for address in self._taken)

    def reaches(self, group: TargetGroup, deployment: Deployment, address: str, port: int) -> bool:
        """Say whether every node of the load balancer can connect to a task of a deployment at this address."""
        balancers = [row for row in self.load_balancers if row["LoadBalancerArn"] in group.shape["LoadBalancerArns"]]
        groups = tuple(name for row in balancers for name in row["SecurityGroups"])
        task = End(address, tuple(deployment.network["securityGroups"]))
        return all(self.network.connects(End(node, groups), task, port) for node in group.nodes)

    # What belongs to a task.

    def container_definition(self, task: Task) -> Shape:
        """Return the first container's definition."""
        row: Shape = self.task_definitions[task.shape["taskDefinitionArn"]]["containerDefinitions"][0]
        return row

    @property
    def programs_scripted(self) -> bool:
        """Say whether this is a varied world, whose programs have scripts."""
        return any(program.script is not None for program in self.programs.values())

    def program(self, task: Task) -> Program:
        """Return what is in the task's image."""
        return self.programs[self.container_definition(task)["image"]]

    def image_digest(self, image: str) -> str:
        """Return the digest of an image: the same content has the same."""
        return "sha256:" + hashlib.sha256(image.encode()).hexdigest()

    def digest(self, task: Task) -> str:
        """Return the digest of the task's image."""
        return self.image_digest(self.container_definition(task)["image"])

    def groups_of(self, service: Service) -> list[TargetGroup]:
        """Return the target groups of a service."""
        return [self.balancer.groups[row["targetGroupArn"]] for row in service.shape["loadBalancers"]]

    def _place(self, task: Task, container: str = "") -> tuple[LogGroup, str]:
        """Return where a container logs to: a group that nobody sees if that is not CloudWatch Logs."""
        definition = self.task_definitions[task.shape["taskDefinitionArn"]]
        rows = definition["containerDefinitions"]
        row = next((row for row in rows if row["name"] == container), rows[0])
        options = row.get("logConfiguration", {}).get("options", {})
        group = self.log_groups.get(options.get("awslogs-group", ""), self._unseen)
        return group, f"{options.get('awslogs-stream-prefix', '')}/{row['name']}/{task.id}"

    def open_stream(self, task: Task, container: str = "") -> LogStream:
        """Create the log stream of a container of a task that begins to run; by default the application's."""
        group, name = self._place(task, container)
        stream = group.streams[name] = LogStream(name, self.engine.now)
        return stream

    def stream(self, task: Task) -> LogStream:
        """Return the log stream of a task; nobody sees it any more if its group was deleted meanwhile."""
        group, name = self._place(task)
        return group.streams.get(name) or self._unseen.streams[name]

    def delete_log_group(self, name: str) -> None:
        """Delete a log group; tasks that write to it go on, and nobody sees what they write."""
        self._unseen.streams |= self.log_groups.pop(name).streams

    def captured(self, task: Task) -> None:
        """Write down that a task stopped, if this account keeps such events."""
        capture.write_task(self, task)

    # Access.

    def edit(self, change: Callable[["World"], None]) -> None:
        """Change the configuration, as somebody with a console would."""
        with self._lock, self.trail.watching():
            change(self)
            self.decide_anew()

    def decide_anew(self) -> None:
        """Forget what was decided about who may do what: a policy has changed."""
        self._verdicts.clear()

    def denial(self, task: Task, need: tuple[str, str, str]) -> str | None:
        """Return AWS's sentence if the task role may not do what the program needs; None if it may."""
        return self._denial(task, "taskRoleArn", need[1], need[2])

    def execution_denial(self, task: Task, action: str, resource: str) -> str | None:
        """Return AWS's sentence if the execution role may not do this; None if it may."""
        return self._denial(task, "executionRoleArn", action, resource)

    def assuming_denial(self, task_definition: str) -> str | None:
        """Return ECS's sentence if it cannot assume a role of a task definition; None if it can assume all."""
        context = {"aws:SourceAccount": self.account, "aws:SourceArn": self.arn("ecs", f"task/{self.cluster}/*")}
        for member in ("taskRoleArn", "executionRoleArn"):
            arn = self.task_definitions[task_definition].get(member)
            if not arn:
                continue
            role = self.access.roles.get(arn.rpartition("/")[2])
            if role is None or not access.may_assume(role, "ecs-tasks.amazonaws.com", context):
                return (
                    f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that "
                    "the role being passed has the proper trust relationship and permissions and that your IAM user "
                    "has permissions to pass this role."
                )
        return None

    def _denial(self, task: Task, member: str, action: str, resource: str) -> str | None:
        arn = self.task_definitions[task.shape["taskDefinitionArn"]].get(member)
        if not arn:
            return f"no role of the task may do {action}: the task definition names no {member}"
        role = self.access.roles[arn.rpartition("/")[2]]
        key = (role.name, action, resource)
        if key not in self._verdicts:
            self._verdicts[key] = access.decide(self.access, role, task.id, action, resource)
        decision = self._verdicts[key]
        if decision.verdict == "allowed":
            return None
        return access.denied_message(role, task.id, action, resource, decision.because)
