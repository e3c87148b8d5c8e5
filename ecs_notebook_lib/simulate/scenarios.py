"""The story, told again and again: three weeks of failed deployments of clarity-backend, each with one true cause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from ecs_notebook_lib.simulate.account import (
    EXECUTION_ROLE,
    FORMER_ROLE,
    SERVICE,
    TASK_ROLE,
    create_service,
    grants,
    new_world,
    policy,
    register,
    resources,
)
from ecs_notebook_lib.simulate.capture import capture_group, keep, performance_group
from ecs_notebook_lib.simulate.faults import Fault
from ecs_notebook_lib.simulate.model import Program, Service, Shape
from ecs_notebook_lib.simulate.rollout import busy_percentages, stuck_percentages
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
    tell: Callable[[World, Service, dict[str, object]], None]
    desired: tuple[int, int] = (2, 4)


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


def _healthy(_world: World) -> dict[str, object]:
    return {}


def _resources(world: World) -> dict[str, object]:
    """Let the new revision need more memory than its task has; ECS names the reason in two worlds of three."""
    told = world.engine.random.random() < 2 / 3
    world.memory_reason = "OutOfMemoryError: Container killed due to memory usage" if told else ""
    greedy = replace(
        _HEALTHY,
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


def _percentages(world: World) -> dict[str, object]:
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


def _overlap(world: World) -> dict[str, object]:
    """Let the pipeline deploy again before any rollout can end; the image is large, and nothing is broken."""
    cause = "deployment_config.superseded"
    world.faults.append(Fault("the pipeline deploys again and again", _nothing, _redeployed, cause))
    return {"program": replace(_HEALTHY, pull_seconds=(85.0, 110.0))}


def _nothing(_world: World) -> None:
    """Change nothing: the fault is in what the people do."""


def _redeployed(world: World) -> bool:
    past = world.scheduler.services[SERVICE].past
    return [row.record["status"] for row in past[-3:-1]] == ["STOPPED"] * 2


def _slow(world: World) -> dict[str, object]:
    """Break nothing: the shortest possible rollout takes longer than the waiter looks."""
    cause = "deployment_config.waiter_shorter_than_rollout"
    world.faults.append(Fault("the rollout takes longer than the waiter", _nothing, _rolling, cause))
    return {"program": replace(_HEALTHY, pull_seconds=(35.0, 60.0))}


def _rolling(world: World) -> bool:
    return bool(world.scheduler.services[SERVICE].deployments[0].shape["rolloutState"] == "IN_PROGRESS")


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
    _stand_still(world, service)


def _morning_after(world: World, service: Service, changes: dict[str, object]) -> None:
    """Scale to 0 when nothing helped, go home, and ask 14 hours later; some accounts have kept more than ECS does."""
    kept = world.engine.random.choice(["", capture_group(world.cluster), performance_group(world.cluster)])
    if kept:
        keep(world, kept)
    if kept == performance_group(world.cluster):
        world.holdings.container_insights = "enabled"
    _three_weeks(world, service, changes)
    _run_to(world, _THE_DAY.replace(hour=9, minute=31))
    world.scheduler.scale(service, 0)
    world.run_until(_THE_DAY.replace(hour=23, minute=15))


def _stuck(world: World, service: Service, changes: dict[str, object]) -> None:
    """Deploy where arithmetic forbids it, wait, go back; and once more on the day of the complaint."""
    _run_to(world, _ATTEMPTS[0].replace(tzinfo=UTC) - timedelta(days=1))
    for fault in world.faults:
        world.edit(fault.edit)
    revisions = count(141)
    for attempt in _ATTEMPTS:
        _run_to(world, attempt.replace(tzinfo=UTC))
        _deploy(world, service, next(revisions), changes)
        _run_to(world, world.now + timedelta(minutes=25))
        world.scheduler.rollout.stop(service)
    _run_to(world, _THE_DAY.replace(hour=8, minute=40))
    _deploy(world, service, next(revisions), changes)
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def _overlapping(world: World, service: Service, changes: dict[str, object]) -> None:
    """Let a pipeline that gives up after minutes deploy again each time; the minimum is 0."""
    revisions = count(141)
    world.groups_of(service)[0].attributes["deregistration_delay.timeout_seconds"] = "300"
    _run_to(world, _THE_DAY.replace(hour=8, minute=5))
    service.shape["deploymentConfiguration"]["minimumHealthyPercent"] = 0

    def again() -> None:
        _deploy(world, service, next(revisions), changes)
        world.engine.after(world.engine.between(215, 265), again)

    again()
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def _slowly(world: World, service: Service, changes: dict[str, object]) -> None:
    """Deploy once, so that few tasks may be replaced at a time, and ask when the waiter has given up."""
    minimum, maximum = busy_percentages(world.engine.random, service.desired)
    service.shape["deploymentConfiguration"] |= {"minimumHealthyPercent": minimum, "maximumPercent": maximum}
    world.groups_of(service)[0].attributes["deregistration_delay.timeout_seconds"] = "300"
    _run_to(world, _THE_DAY.replace(hour=9, minute=2))
    _deploy(world, service, 141, changes)
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def _deploy(world: World, service: Service, revision: int, changes: dict[str, object]) -> None:
    program = changes.get("program", _HEALTHY)
    if "needs" in changes:
        program = replace(program, needs=changes["needs"])  # type: ignore[type-var]
    extra = {key: changes[key] for key in ("check_path", "secrets") if key in changes}
    arn = register(world, SERVICE, revision, program, **extra)  # type: ignore[arg-type]
    world.scheduler.rollout.begin(service, arn)


def _one_more(world: World, service: Service, changes: dict[str, object]) -> None:
    _run_to(world, _THE_DAY.replace(hour=8, minute=40))
    _deploy(world, service, 141, changes)
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def _run_to(world: World, when: datetime) -> None:
    """Let time pass to about `when`: a minute more or less, by the seed."""
    world.run_until(when + timedelta(seconds=world.engine.random.randint(-50, 50)))


def _stand_still(world: World, service: Service) -> None:
    """Stop at the first whole second of the complaint; in the story's own scenario at one at which no task runs."""
    when = _THE_DAY.replace(hour=9, minute=15)
    world.run_until(when)
    while world.scenario.startswith("clarity-backend") and service.shape["runningCount"]:
        when += timedelta(seconds=1)
        world.run_until(when)


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "clarity-backend",
            "the task role reads S3 only, and the new revision needs more",
            _task_role,
            _three_weeks,
        ),
        Scenario(
            "clarity-backend@14h",
            "the same on the next morning: scaled to 0 at half past nine, stopped tasks forgotten",
            _task_role,
            _morning_after,
        ),
        Scenario(
            "clarity-permissions-execution",
            "the execution role cannot read the secret that ECS injects",
            _execution_role,
            _three_weeks,
        ),
        Scenario(
            "clarity-health-check",
            "the application moved its health endpoint and answers 404 on the old one",
            _health_check,
            _three_weeks,
        ),
        Scenario(
            "clarity-resources",
            "the application needs more memory than its task has",
            _resources,
            _three_weeks,
        ),
        Scenario(
            "clarity-percentages",
            "minimum and maximum healthy percent leave no room to replace a task",
            _percentages,
            _stuck,
        ),
        Scenario(
            "clarity-overlap",
            "the pipeline deploys again before any rollout can end; the minimum is 0",
            _overlap,
            _overlapping,
        ),
        Scenario(
            "clarity-slow",
            "nothing is broken: the shortest rollout takes longer than the waiter looks",
            _slow,
            _slowly,
            desired=(4, 7),
        ),
        Scenario("clarity-healthy", "nothing is wrong: the last deployment completed", _healthy, _one_more),
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
    scenario, world = SCENARIOS[name], new_world(name, seed)
    rng = world.engine.random
    former = FORMER_ROLE if scenario.prepare is _task_role and rng.random() < 0.5 else TASK_ROLE
    _grant_all(world, former)
    if scenario.prepare is not _task_role or former == TASK_ROLE:
        _grant_all(world, TASK_ROLE)
    world.access.roles[EXECUTION_ROLE].inline = {"settings": policy(grants(world)["secretsmanager"])}
    changes = scenario.prepare(world)
    service = _last_good(world, former, desired=rng.randint(*scenario.desired))
    scenario.tell(world, service, changes)
    return world
