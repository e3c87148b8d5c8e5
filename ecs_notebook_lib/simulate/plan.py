"""What a varied world is going to be. Recipes edit the plan before anything of the world exists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.conditions import Condition, both
from ecs_notebook_lib.simulate.dialects import Dialect
from ecs_notebook_lib.simulate.frameworks import Framework
from ecs_notebook_lib.simulate.model import Deployment, Program, Service, Shape, Task
from ecs_notebook_lib.simulate.script import Death, Hitch, Script, Sidecar, always, even, odd

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

Edit = Callable[["World"], None]
Step = Callable[["World", Service, Deployment], None]
"""Something that is done, or arranged, when the last deployment has begun."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One fault that can be composed with others.

    `name` says what happened, `cause` is what the investigator should find, `place` is where it can happen:
    `fargate`, `ec2` or `any`.
    """

    name: str
    cause: str
    summary: str
    apply: Callable[["Plan"], None]
    place: str = "any"


@dataclass(slots=True)
class Revision:
    """A task definition to be registered, and what happens to its tasks."""

    program: Program
    cpu: int = 512
    memory: int = 1024
    container: Shape = field(default_factory=dict)
    """Members that the application's container has beside the usual ones."""
    definition: Shape = field(default_factory=dict)
    """Members that the task definition has beside the usual ones."""
    environment: list[Shape] = field(default_factory=list)
    """Variables of the application beside the usual ones."""
    sidecars: list[Sidecar] = field(default_factory=list)
    hitches: list[Hitch] = field(default_factory=list)
    image: str = ""
    """The image's reference if it is not in the account's own registry."""
    pushed: bool = True
    platforms: tuple[str, ...] | None = None
    """What the image is built for; empty if its manifest does not say; None for the usual."""
    layers: tuple[str, ...] = ()
    """Digests of the layers of an image whose manifest does not say what it is for, lowest first."""
    network: Shape = field(default_factory=dict)
    """Members of awsvpcConfiguration that come with this revision."""
    task_role: str = ""
    execution_role: str = ""

    @property
    def script(self) -> Script:
        """Return the script of its program."""
        assert self.program.script is not None  # noqa: S101  every program of a plan has one
        return self.program.script


@dataclass(slots=True)
class TargetGroupPlan:
    """How the load balancer checks and drains."""

    path: str = "/health"
    port: str = "traffic-port"
    protocol: str = "HTTP"
    matcher: str = "200"
    interval: int = 30
    timeout: int = 5
    healthy: int = 5
    unhealthy: int = 2
    drain: int = 300
    own_port: int = 80


@dataclass(slots=True)
class Plan:
    """A world to be: names, service settings, the good revision, the new one, and what is done when."""

    rng: Random
    dialect: Dialect
    place: str
    partition: str
    region: str
    account: str
    name: str
    cluster: str
    good: Revision
    new: Revision
    desired: int = 2
    minimum: int = 100
    maximum: int = 200
    grace: int = 0
    breaker: bool = False
    rollback: bool = False
    balanced: bool = True
    group: TargetGroupPlan = field(default_factory=TargetGroupPlan)
    service: Shape = field(default_factory=dict)
    """Members of the service's shape beside the usual ones."""
    egress: str = "nat"
    """How tasks get out: `nat`, `public` or `endpoints`."""
    zones: int = 2
    attempts: int = 0
    start: datetime | None = None
    """When the world begins; None leaves it to chance."""
    good_hours: tuple[float, float] = (1.5, 14)
    """For how long the good revision runs before the next deployment, at least and at most."""
    broken_at: datetime | None = None
    """When the edits are done, while the good revision runs; None: when it has run, or, amid others, at any time."""
    vpc: str = ""
    """The name of a VPC that worlds share: its identifiers and addresses follow from it; empty: it is their own."""
    first: bool = False
    """There is no good revision: the service is new."""
    ask_after: float = 15.0
    """Minutes from the last deployment to the moment at which one asks."""
    silent: bool = False
    """No task fails: do not wait for one before asking."""
    late: bool = False
    """Somebody rolls the deployment back, and one asks hours later."""
    told_starts: bool = False
    """ECS wraps failures to start into `was unable to place a task`."""
    chances: dict[str, bool] = field(default_factory=dict)
    prepare: list[Edit] = field(default_factory=list)
    """Done when the account is made, before any service."""
    edits: list[Edit] = field(default_factory=list)
    """Done after the good deployment, before the first failing one."""
    after: list[Step] = field(default_factory=list)
    finish: list[Edit] = field(default_factory=list)
    """Done at the moment at which one asks."""
    causes: list[str] = field(default_factory=list)
    paired: bool = False
    by_subnet: bool = False
    """Which tasks of a pair do not start goes by their subnet."""

    @property
    def starting(self) -> "Callable[[World, Task], bool]":
        """Return which tasks do not start: all, or every other one where a second fault is to show."""
        return even if self.paired else always

    @property
    def dying(self) -> "Callable[[World, Task], bool]":
        """Return which tasks die by themselves: all, or those of a pair that do start."""
        return odd if self.paired and not self.by_subnet else always

    def pick(self, usual: Sequence[Any], other: Sequence[Any] = ()) -> Any:
        """Return one of the usual values, or one of the others as often as the dialect has it."""
        return self.rng.choice(other if other and self.rng.random() < self.dialect.other else usual)

    def chance(self, probability: float) -> bool:
        """Say yes with this probability."""
        return self.rng.random() < probability

    def use(self, *names: str) -> Framework:
        """Let both revisions be of one of these frameworks, where the dialect has one; return it."""
        known = [self.dialect.frameworks[name] for name in names if name in self.dialect.frameworks]
        if known and self.framework not in known:
            framework = self.rng.choice(known)
            self.script(framework=framework)
            good = replace(self.good.script, framework=framework)
            self.good.program = replace(self.good.program, script=good)
        return self.framework

    @property
    def framework(self) -> Framework:
        """Return the framework of the application."""
        return self.new.script.framework

    def script(self, **changes: Any) -> None:
        """Change how the new revision's program behaves."""
        self.new.program = replace(self.new.program, script=replace(self.new.script, **changes))

    def program(self, **changes: Any) -> None:
        """Change the new revision's program."""
        self.new.program = replace(self.new.program, **changes)

    def dies(self, code: int, lines: Sequence[str] = (), *, given: Condition = always, **how: Any) -> None:
        """Let the new revision's process end by itself while a condition holds."""
        self.script(death=Death(code, lines=tuple(lines), hits=both(self.dying, given), **how))

    def hitch(self, phase: str, text: str, *, given: Condition = always, **how: Any) -> None:
        """Let the tasks of the new revision fail to start while a condition holds, if they are to fail at all."""
        self.new.hitches.append(Hitch(phase, text, **{"hits": both(self.starting, given), **how}))

    def put_first(self, sidecar: Sidecar) -> None:
        """Give the new revision a sidecar, in place of one that has its name: the names in a task differ."""
        self.new.sidecars = [sidecar, *(other for other in self.new.sidecars if other.name != sidecar.name)]

    def pull_from_docker_hub(self, image: str) -> None:
        """Let the new revision's image come from Docker Hub, to which endpoints lead no way."""
        self.new.image = f"docker.io/{image}"
        self.egress = "nat" if self.egress == "endpoints" else self.egress

    def need_balancer(self) -> None:
        """Put the service behind a load balancer."""
        self.balanced = True

    @property
    def port(self) -> int:
        """Return the container port."""
        return self.good.script.port
