"""The story, told again and again: three weeks of failed deployments of clarity-backend, each with one true cause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from ecs_notebook_lib.simulate.account import (
    BALANCER_GROUP,
    EXECUTION_ROLE,
    FORMER_ROLE,
    SERVICE,
    TASK_ROLE,
    VPC,
    create_service,
    grants,
    new_world,
    policy,
    register,
    resources,
)
from ecs_notebook_lib.simulate.faults import Fault
from ecs_notebook_lib.simulate.model import Program, Service
from ecs_notebook_lib.simulate.network import rule, security_group
from ecs_notebook_lib.simulate.world import World

_HEALTHY = Program((2.0, 4.0), {"/health": 200, "/api/items": 200, "/": 200})
_ATTEMPTS = (datetime(2025, 6, 27, 9, 12), datetime(2025, 7, 3, 14, 31), datetime(2025, 7, 9, 10, 5))
_THE_DAY = datetime(2025, 7, 12, tzinfo=UTC)
_OPERATIONS = {
    "dynamodb": ("GetItem", "dynamodb:GetItem"),
    "secretsmanager": ("GetSecretValue", "secretsmanager:GetSecretValue"),
    "cognito-idp": ("DescribeUserPool", "cognito-idp:DescribeUserPool"),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way for the story to be true; `prepare` sets the fault and returns how the new revisions differ."""

    name: str
    summary: str
    prepare: Callable[[World], dict[str, object]]
    injects_secret: bool = False


def _needs(world: World) -> tuple[tuple[str, str, str], ...]:
    arns = resources(world)
    services = list(_OPERATIONS)
    world.engine.random.shuffle(services)
    return tuple((*_OPERATIONS[service], arns[service]) for service in services)


def _grant_all(world: World, role: str) -> None:
    world.access.roles[role].inline = {"application": policy(*grants(world).values())}


def _allows(world: World, role: str, action: str) -> bool:
    documents = world.access.roles[role].inline.values()
    return any(action in statement["Action"] for document in documents for statement in document["Statement"])


def _task_role(world: World) -> dict[str, object]:
    """Let the task role read S3 only; in half of the worlds the last good revision had an older, broader role."""

    def narrow(world: World) -> None:
        world.access.roles[TASK_ROLE].inline = {"read-uploads": policy(grants(world)["s3"])}

    def active(world: World) -> bool:
        return not all(_allows(world, TASK_ROLE, action) for _, action in _OPERATIONS.values())

    world.faults.append(Fault("the task role reads S3 only", narrow, active, "permissions.task_role"))
    return {"needs": _needs(world)}


def _execution_role(world: World) -> dict[str, object]:
    """Take the secret from the execution role: tasks of a revision that injects it cannot start."""

    def forget(world: World) -> None:
        world.access.roles[EXECUTION_ROLE].inline = {}

    def active(world: World) -> bool:
        return not _allows(world, EXECUTION_ROLE, "secretsmanager:GetSecretValue")

    cause = "permissions.execution_role"
    world.faults.append(Fault("the execution role cannot read the secret", forget, active, cause))
    return {"secrets": True}


def _health_check(world: World) -> dict[str, object]:
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


def _network(world: World) -> dict[str, object]:
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


def _healthy(_world: World) -> dict[str, object]:
    return {}


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "clarity-backend",
            "the task role reads S3 only, and the new revision needs more",
            _task_role,
        ),
        Scenario(
            "clarity-permissions-execution",
            "the execution role cannot read the secret that ECS injects",
            _execution_role,
            injects_secret=True,
        ),
        Scenario(
            "clarity-health-check",
            "the application moved its health endpoint and answers 404 on the old one",
            _health_check,
        ),
        Scenario(
            "clarity-network",
            "the new deployment brings another security group, which the load balancer may not enter",
            _network,
        ),
        Scenario("clarity-healthy", "nothing is wrong: the last deployment completed", _healthy),
    )
}


class UnknownScenarioError(LookupError):
    """A scenario that does not exist."""


def build(name: str, seed: int = 0) -> World:
    """Return the world of a scenario at the moment of the complaint, standing still.

    Raises
    ------
    UnknownScenarioError
        If there is no scenario of this name.
    """
    if name not in SCENARIOS:
        raise UnknownScenarioError(name)
    world = new_world(name, seed)
    rng = world.engine.random
    former = FORMER_ROLE if name == "clarity-backend" and rng.random() < 0.5 else TASK_ROLE
    _grant_all(world, former)
    if SCENARIOS[name].prepare is not _task_role or former == TASK_ROLE:
        _grant_all(world, TASK_ROLE)
    world.access.roles[EXECUTION_ROLE].inline = {"settings": policy(grants(world)["secretsmanager"])}
    changes = SCENARIOS[name].prepare(world)
    service = _last_good(world, former, desired=rng.randint(2, 4))
    if world.faults:
        _three_weeks(world, service, changes)
    else:
        _one_more(world, service)
    _stand_still(world, service)
    return world


def _last_good(world: World, role: str, *, desired: int) -> Service:
    """Deploy revision 140, and a neighbour, on 2025-06-21; they run from then on."""
    rng = world.engine.random
    worker = register(world, "clarity-worker", 31, _HEALTHY)
    create_service(world, "clarity-worker", worker, desired=rng.randint(1, 2))
    before = register(world, SERVICE, 139, _HEALTHY, task_role=role)
    service = create_service(world, SERVICE, before, desired=desired)
    world.run_until(datetime(2025, 6, 21, 16, rng.randint(0, 40), rng.randint(0, 59), tzinfo=UTC))
    needs = tuple(need for need in _needs(world) if need[0] != "GetSecretValue")
    good = register(world, SERVICE, 140, replace(_HEALTHY, needs=needs), task_role=role)
    world.scheduler.rollout.begin(service, good)
    return service


def _three_weeks(world: World, service: Service, changes: dict[str, object]) -> None:
    """Fail, go back, wait, fail again; then set the minimum to 0, and take the old tasks down with it."""
    _run_to(world, _ATTEMPTS[0].replace(tzinfo=UTC) - timedelta(days=1))
    for fault in world.faults:
        world.edit(fault.edit)
    revisions = count(141)
    for attempt in _ATTEMPTS:
        _run_to(world, attempt.replace(tzinfo=UTC))
        _deploy(world, service, next(revisions), changes)
        _run_to(world, world.now + timedelta(minutes=25))
        world.scheduler.rollout.stop(service)
    configuration = service.shape["deploymentConfiguration"]
    _run_to(world, _THE_DAY - timedelta(hours=7))
    configuration["minimumHealthyPercent"] = 0
    _run_to(world, _THE_DAY.replace(hour=7, minute=50))
    _deploy(world, service, next(revisions), changes)
    _run_to(world, _THE_DAY.replace(hour=8, minute=35))
    configuration["minimumHealthyPercent"] = 50
    _run_to(world, _THE_DAY.replace(hour=8, minute=40))
    _deploy(world, service, next(revisions), changes)
    _run_to(world, _THE_DAY.replace(hour=9, minute=2))
    _deploy(world, service, next(revisions), changes)


def _deploy(world: World, service: Service, revision: int, changes: dict[str, object]) -> None:
    program = changes.get("program", _HEALTHY)
    if "needs" in changes:
        program = replace(program, needs=changes["needs"])  # type: ignore[type-var]
    extra = {key: changes[key] for key in ("check_path", "secrets") if key in changes}
    arn = register(world, SERVICE, revision, program, **extra)  # type: ignore[arg-type]
    if "security_group" in changes:
        network = service.shape["networkConfiguration"]["awsvpcConfiguration"]
        changed = network | {"securityGroups": [changes["security_group"]]}
        service.shape["networkConfiguration"] = {"awsvpcConfiguration": changed}
    world.scheduler.rollout.begin(service, arn)


def _one_more(world: World, service: Service) -> None:
    _run_to(world, _THE_DAY.replace(hour=8, minute=40))
    _deploy(world, service, 141, {})


def _run_to(world: World, when: datetime) -> None:
    """Let time pass to about `when`: a minute more or less, by the seed."""
    world.run_until(when + timedelta(seconds=world.engine.random.randint(-50, 50)))


def _stand_still(world: World, service: Service) -> None:
    """Stop at the first whole second of the complaint; in the story's own scenario at one at which no task runs."""
    when = _THE_DAY.replace(hour=9, minute=15)
    world.run_until(when)
    while world.scenario == "clarity-backend" and service.shape["runningCount"]:
        when += timedelta(seconds=1)
        world.run_until(when)
