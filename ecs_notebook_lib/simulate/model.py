"""The things that are in the world. Their public facts stand in `shape`, in AWS's own form."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.script import Script

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Program:
    """What is inside an image: how it starts, what it answers, which AWS actions it needs before it can work."""

    startup_seconds: tuple[float, float]
    routes: dict[str, int]
    needs: tuple[tuple[str, str, str], ...] = ()
    """(client method's operation, IAM action, resource ARN), in the order in which the program uses them."""
    ignores_sigterm: bool = False
    pull_seconds: tuple[float, float] = (9.0, 16.0)
    memory_mib: float = 420.0
    """What it holds once it works; more than the task has, and the kernel kills it."""
    memory_seconds: float = 45.0
    """How long it takes, from its start, to hold that much."""
    last_words: tuple[str, ...] = ()
    """What it prints when its memory runs out."""
    script: "Script | None" = None
    """How it behaves in a varied world; None in the stories."""


@dataclass(slots=True, eq=False)
class Task:
    """One task of a service, and what the scheduler, the balancer and the application know about it."""

    shape: Shape
    deployment: "Deployment"
    address: str
    running: bool = False
    stopping: bool = False
    draining: bool = False
    answering: bool = False
    container_healthy: bool = False
    life: "Life | None" = None
    ready_at: datetime | None = None
    """Since when its program listens; kept in varied worlds."""
    held: bool = False
    """Another container of it is not healthy, so that it does not count."""
    protected: bool = False
    """Scale-in may not take it."""
    protected_until: datetime | None = None
    """When its protection ends by itself; None if nobody has said so."""
    instance: str = ""
    """The EC2 instance on which it runs; empty on Fargate."""
    number: int = 0
    """The how many-th task of its deployment it is."""
    exit_codes: dict[str, int] = field(default_factory=dict)
    """Of containers that end otherwise than the application's."""
    reasons: dict[str, str] = field(default_factory=dict)
    """The reasons of containers, by their names."""

    @property
    def id(self) -> str:
        """Return the last part of the ARN."""
        return str(self.shape["taskArn"].rpartition("/")[2])

    @property
    def alive(self) -> bool:
        """Say whether the task counts for its deployment: neither stopping nor being drained."""
        return not (self.stopping or self.draining)


@dataclass(slots=True)
class Life:
    """When a task ran, and what: kept after the task is forgotten, as metrics are."""

    service: str
    program: Program
    limit_mib: float
    began: datetime
    ended: datetime | None = None
    cpu_percent: float | None = None
    """How busy it is; None if that is as usual."""

    def memory_mib(self, when: datetime) -> float:
        """Return how much memory the task holds at a moment of its life: it grows in a straight line, then stays."""
        share = min(1.0, (when - self.began).total_seconds() / self.program.memory_seconds)
        return min(self.limit_mib, 120 + share * (self.program.memory_mib - 120))


@dataclass(slots=True, eq=False)
class Deployment:
    """One entry of a service's `deployments`, with its service deployment and its tasks."""

    shape: Shape
    record: Shape
    """The service deployment, as DescribeServiceDeployments tells it."""
    tasks: list[Task] = field(default_factory=list)
    failed_starts: int = 0
    failures: int = 0
    started: int = 0
    """How many tasks it has started."""
    ever_running: bool = False
    keeps_older: bool = False
    """Older deployments stay until it is through: blue/green, or a bake time."""
    stopped: bool = False
    """The circuit breaker, or somebody, ended it: it starts no more tasks."""

    @property
    def id(self) -> str:
        """Return `ecs-svc/…`."""
        return str(self.shape["id"])

    @property
    def network(self) -> Shape:
        """Return the subnets, security groups and public address of its tasks."""
        configuration: Shape = self.shape["networkConfiguration"]["awsvpcConfiguration"]
        return configuration

    @property
    def alive(self) -> list[Task]:
        """Return the tasks that count for it."""
        return [task for task in self.tasks if task.alive]


@dataclass(slots=True, eq=False)
class Service:
    """A service: its public shape, its deployments (newest first), and its past."""

    shape: Shape
    deployments: list[Deployment] = field(default_factory=list)
    past: list[Deployment] = field(default_factory=list)
    """Every deployment ever made, oldest first; ECS keeps 90 days of them."""
    revisions: dict[str, Shape] = field(default_factory=dict)
    last_told: dict[str, datetime] = field(default_factory=dict)
    start_not_before: datetime | None = None
    steady: bool = False
    reconciling: bool = False

    @property
    def name(self) -> str:
        """Return the service's name."""
        return str(self.shape["serviceName"])

    @property
    def desired(self) -> int:
        """Return the desired count."""
        return int(self.shape["desiredCount"])

    @property
    def tasks(self) -> list[Task]:
        """Return the tasks of all its deployments that have not reached STOPPED."""
        return [task for deployment in self.deployments for task in deployment.tasks]


@dataclass(slots=True, eq=False)
class Target:
    """One registered target and the state that the load balancer has it in."""

    task: Task
    port: int
    zone: str
    state: str = "initial"
    reason: str | None = "Elb.RegistrationInProgress"
    description: str | None = "Target registration is in progress"
    failures: int = 0
    successes: int = 0
    probing: bool = False
    serving: bool = False
    """It has got requests of customers."""
    again: bool = False
    """It is being examined again although its state was settled."""

    def become(self, state: str, reason: str | None = None, description: str | None = None) -> None:
        """Change state, reason and description together, as AWS shows them."""
        self.state, self.reason, self.description = state, reason, description


@dataclass(slots=True, eq=False)
class TargetGroup:
    """A target group: its shape, its attributes, and its targets by address."""

    shape: Shape
    attributes: dict[str, str]
    nodes: tuple[str, ...]
    """Private addresses of the load balancer's nodes, one a zone: the probes come from there."""
    targets: dict[str, Target] = field(default_factory=dict)
    unused: Callable[[str], str | None] | None = None
    """Why targets in a zone get no requests at all; None or no answer: they do."""
    counts: list[tuple[datetime, int, int]] = field(default_factory=list)
    """From when on how many targets were healthy, and how many unhealthy: the metrics are made of it."""

    @property
    def arn(self) -> str:
        """Return the target group's ARN."""
        return str(self.shape["TargetGroupArn"])

    @property
    def drain_time(self) -> timedelta:
        """Return the deregistration delay."""
        return timedelta(seconds=int(self.attributes["deregistration_delay.timeout_seconds"]))
