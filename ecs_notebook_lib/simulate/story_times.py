"""How the stories go: deployments, waiting, going back, and the moment of the complaint."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from ecs_notebook_lib.simulate.account import (
    SERVICE,
    create_service,
    register,
)
from ecs_notebook_lib.simulate.capture import capture_group, keep, performance_group
from ecs_notebook_lib.simulate.model import Service
from ecs_notebook_lib.simulate.rollout import busy_percentages
from ecs_notebook_lib.simulate.story_faults import HEALTHY, needs_of_application
from ecs_notebook_lib.simulate.world import World

_ATTEMPTS = (datetime(2025, 6, 27, 9, 12), datetime(2025, 7, 3, 14, 31), datetime(2025, 7, 9, 10, 5))
_THE_DAY = datetime(2025, 7, 12, tzinfo=UTC)


def last_good(world: World, role: str, *, desired: int) -> Service:
    """Deploy revision 140, and a neighbour, on 2025-06-21; they run from then on."""
    rng = world.engine.random
    worker = register(world, "clarity-worker", 31, HEALTHY)
    create_service(world, "clarity-worker", worker, desired=rng.randint(1, 2))
    before = register(world, SERVICE, 139, HEALTHY, task_role=role)
    service = create_service(world, SERVICE, before, desired=desired)
    world.run_until(datetime(2025, 6, 21, 16, rng.randint(0, 40), rng.randint(0, 59), tzinfo=UTC))
    needs = tuple(need for need in needs_of_application(world) if need[0] != "GetSecretValue")
    good = register(world, SERVICE, 140, replace(HEALTHY, needs=needs), task_role=role)
    world.scheduler.rollout.begin(service, good)
    return service


def _attempts(world: World, service: Service, changes: dict[str, object]) -> Iterator[int]:
    """Let the fault happen, fail three times and go back each time; return the numbers of the revisions to come."""
    _run_to(world, _ATTEMPTS[0].replace(tzinfo=UTC) - timedelta(days=1))
    before = len(world.trail.events)
    for fault in world.faults:
        world.edit(fault.edit)
    world.broken += world.trail.events[before:]
    revisions = count(141)
    for attempt in _ATTEMPTS:
        _run_to(world, attempt.replace(tzinfo=UTC))
        _deploy(world, service, next(revisions), changes)
        _run_to(world, world.now + timedelta(minutes=25))
        world.scheduler.rollout.stop(service)
    return revisions


def three_weeks(world: World, service: Service, changes: dict[str, object]) -> None:
    """Fail, go back, wait, fail again; then set the minimum to 0, and take the old tasks down with it."""
    revisions = _attempts(world, service, changes)
    _run_to(world, _THE_DAY - timedelta(hours=7))
    world.edit(_minimum(service, 0))
    _run_to(world, _THE_DAY.replace(hour=7, minute=50))
    _deploy(world, service, next(revisions), changes)
    _run_to(world, _THE_DAY.replace(hour=8, minute=35))
    world.edit(_minimum(service, 50))
    _run_to(world, _THE_DAY.replace(hour=8, minute=40))
    _deploy(world, service, next(revisions), changes)
    _run_to(world, _THE_DAY.replace(hour=9, minute=2))
    _deploy(world, service, next(revisions), changes)
    _stand_still(world, service)


def morning_after(world: World, service: Service, changes: dict[str, object]) -> None:
    """Scale to 0 when nothing helped, go home, and ask 14 hours later; some accounts have kept more than ECS does."""
    kept = world.engine.random.choice(["", capture_group(world.cluster), performance_group(world.cluster)])
    if kept:
        keep(world, kept)
    if kept == performance_group(world.cluster):
        world.holdings.container_insights = "enabled"
    three_weeks(world, service, changes)
    _run_to(world, _THE_DAY.replace(hour=9, minute=31))
    world.scheduler.scale(service, 0)
    world.run_until(_THE_DAY.replace(hour=23, minute=15))


def _minimum(service: Service, percent: int) -> Callable[[World], None]:
    """Return the edit that sets the minimum healthy percent."""

    def edit(_world: World) -> None:
        service.shape["deploymentConfiguration"]["minimumHealthyPercent"] = percent

    return edit


def stuck(world: World, service: Service, changes: dict[str, object]) -> None:
    """Deploy where arithmetic forbids it, wait, go back; and once more on the day of the complaint."""
    revisions = _attempts(world, service, changes)
    _run_to(world, _THE_DAY.replace(hour=8, minute=40))
    _deploy(world, service, next(revisions), changes)
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def overlapping(world: World, service: Service, changes: dict[str, object]) -> None:
    """Let a pipeline that gives up after minutes deploy again each time; the minimum is 0."""
    revisions = count(141)
    world.groups_of(service)[0].attributes["deregistration_delay.timeout_seconds"] = "300"
    _run_to(world, _THE_DAY.replace(hour=8, minute=5))
    world.edit(_minimum(service, 0))

    def again() -> None:
        taken = {row["revision"] for row in world.task_definitions.values() if row["family"] == SERVICE}
        _deploy(world, service, next(number for number in revisions if number not in taken), changes)
        world.engine.after(world.engine.between(215, 265), again)

    again()
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def slowly(world: World, service: Service, changes: dict[str, object]) -> None:
    """Deploy once, so that few tasks may be replaced at a time, and ask when the waiter has given up."""
    minimum, maximum = busy_percentages(world.engine.random, service.desired)
    service.shape["deploymentConfiguration"] |= {"minimumHealthyPercent": minimum, "maximumPercent": maximum}
    world.groups_of(service)[0].attributes["deregistration_delay.timeout_seconds"] = "300"
    _run_to(world, _THE_DAY.replace(hour=9, minute=2))
    _deploy(world, service, 141, changes)
    world.run_until(_THE_DAY.replace(hour=9, minute=15))


def _deploy(world: World, service: Service, revision: int, changes: dict[str, object]) -> None:
    program = changes.get("program", HEALTHY)
    if "needs" in changes:
        program = replace(program, needs=changes["needs"])  # type: ignore[type-var]
    extra = {key: changes[key] for key in ("check_path", "secrets") if key in changes}
    arn = register(world, SERVICE, revision, program, **extra)  # type: ignore[arg-type]
    if "security_group" in changes:
        network = service.shape["networkConfiguration"]["awsvpcConfiguration"]
        changed = network | {"securityGroups": [changes["security_group"]]}
        service.shape["networkConfiguration"] = {"awsvpcConfiguration": changed}
    world.scheduler.rollout.begin(service, arn)


def one_more(world: World, service: Service, changes: dict[str, object]) -> None:
    """Deploy once more, and let it end well."""
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
