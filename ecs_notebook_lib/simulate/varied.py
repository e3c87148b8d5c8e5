"""Varied worlds: a seeded account of its own, in which the faults of recipes come together."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random

from ecs_notebook_lib.simulate.brought import brought
from ecs_notebook_lib.simulate.dialects import DIALECTS, Dialect
from ecs_notebook_lib.simulate.draws import draw
from ecs_notebook_lib.simulate.faults import Fault
from ecs_notebook_lib.simulate.instances import add_fleet, move_to_instances
from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.plan import Plan, Revision
from ecs_notebook_lib.simulate.recipes import RECIPES, Recipe
from ecs_notebook_lib.simulate.unrelated import Change, choose, furnish
from ecs_notebook_lib.simulate.varied_account import create_service, minutes, network_of, raise_world, register_revision
from ecs_notebook_lib.simulate.world import World

HEALTHY = "varied-healthy"
_LONGEST_WAIT = minutes(45)
_SCALED_IN = "Scaling activity"


def build_varied(
    recipes: Sequence[str], seed: int, *, dialect: str = "training", begun: bool = False, unrelated: int = 0
) -> World:
    """Return a world at the moment of the complaint, standing still; without recipes nothing is wrong in it.

    Parameters
    ----------
    begun
        Return it at the moment at which its last deployment begins instead.
    unrelated
        Let so many changes that harm nothing happen between the last good deployment and the failing one, and the
        fault's own at any time between these; the service is then never new, unless a recipe has it so.

    Raises
    ------
    KeyError
        If there is no recipe or dialect of a name.
    """
    name = "+".join(recipes) or HEALTHY
    scenario = name if dialect == "training" else f"{name}@{dialect}"
    chosen = [RECIPES[recipe] for recipe in recipes]
    world = build_planned(chosen, scenario, seed, DIALECTS[dialect], begun=begun, unrelated=unrelated)
    world.brought = [row for recipe in recipes for row in brought(world, recipe, world.broken)]
    return world


def build_planned(
    chosen: Sequence[Recipe],
    scenario: str,
    seed: int,
    dialect: Dialect,
    *,
    settle: Callable[[Plan], None] = lambda _plan: None,
    begun: bool = False,
    unrelated: int = 0,
) -> World:
    """Return the world of recipes that need not be among those with a name; `settle` edits the plan before they do.

    `begun` and `unrelated` are as for `build_varied`. Worlds of one scenario and seed are equal if their plans are.
    """
    plan = _plan(chosen, Random(f"{scenario}:{seed}"), dialect, settle, old=unrelated > 0)
    world = raise_world(plan, scenario, seed)
    others = choose(plan, world.trail.random, unrelated)
    if unrelated:
        furnish(world, plan)
    world.faults += [Fault(row.summary, _changes_nothing, _hurts, row.cause) for row in chosen]
    service = _tell(world, plan, others)
    if not begun:
        _ask(world, plan, service)
    return world


def _changes_nothing(_world: World) -> None:
    """Change nothing: the plan has done it."""


def _hurts(_world: World) -> bool:
    return True


def _plan(
    chosen: Sequence[Recipe], rng: Random, dialect: Dialect, settle: Callable[[Plan], None], *, old: bool
) -> Plan:
    plan = draw(rng, dialect)
    settle(plan)
    plan.first = plan.first and not old
    plan.paired = len(chosen) > 1
    for recipe in chosen:
        recipe.apply(plan)
        plan.causes.append(recipe.cause)
    if _can_move(plan, chosen) and plan.chance(plan.dialect.rates["ec2"]):
        kind = move_to_instances(plan)
        add_fleet(plan, kind, copies=plan.desired * 4 + 2)
    plan.late = plan.late and not plan.first
    if plan.paired:
        plan.late = plan.breaker = plan.rollback = False  # or one of the two would be over before the other shows
    if plan.late and not _leaves_words(plan):
        plan.chances["capture"] = True  # else nothing would be left of why the tasks stopped
    return plan


def _can_move(plan: Plan, chosen: Sequence[Recipe]) -> bool:
    """Say whether the faults look the same on instances: those before the start, in Fargate's words, do not."""
    anywhere = plan.place == "fargate" and all(recipe.place == "any" for recipe in chosen)
    starts = not (plan.new.hitches or "secrets" in plan.new.container)
    return anywhere and starts and "assignPublicIp" not in plan.new.network


def _leaves_words(plan: Plan) -> bool:
    """Say whether events or logs tell of the fault when ECS has forgotten the tasks."""
    revision, death = plan.new, plan.new.script.death
    if revision.hitches:
        return plan.told_starts
    unsaid = death is not None and not death.lines
    greedy = revision.program.memory_mib > revision.memory
    return not (unsaid or greedy or any(one.death for one in revision.sidecars))


def _tell(world: World, plan: Plan, others: Sequence[Change]) -> Service:
    """Let the good revision run, make the change, and deploy."""
    number = plan.rng.randint(3, 240)
    world.told_starts = plan.told_starts
    if plan.chances.get("neighbour"):
        _add_neighbour(world, plan)
    if plan.first:
        for edit in plan.edits:
            edit(world)
        service = create_service(world, plan, plan.new, register_revision(world, plan, plan.new, number))
    else:
        service = create_service(world, plan, plan.good, register_revision(world, plan, plan.good, number))
        _let_run(world, plan, others, hours=plan.rng.uniform(*plan.good_hours))
        for _ in range(plan.attempts):
            number += 1
            _attempt(world, plan, service, number)
        _deploy(world, plan, service, number + 1)
    before = len(world.trail.events)
    for step in plan.after:
        step(world, service, service.deployments[0])
    world.broken += world.trail.events[before:]
    return service


def _let_run(world: World, plan: Plan, others: Sequence[Change], *, hours: float) -> None:
    """Let the good revision run, and people change things meanwhile: last what breaks it, unless others do more."""
    begin, end, rng = world.now, world.now + timedelta(hours=hours), world.trail.random
    moments = [(begin + timedelta(hours=hours * rng.uniform(0.3, 1)), partial(_change, plan, one)) for one in others]
    at = plan.broken_at or (begin + timedelta(hours=hours * rng.uniform(0.3, 1)) if others else end)
    for moment, edit in sorted([*moments, (at, None)], key=lambda row: row[0]):
        world.run_until(moment)
        if edit is None:
            _break(world, plan)
        else:
            world.edit(edit)
    world.run_until(end)


def _change(plan: Plan, change: Change, world: World) -> None:
    change(world, plan)


def _break(world: World, plan: Plan) -> None:
    """Do to the account what the recipes have planned, and take note of the calls that it took."""
    before = len(world.trail.events)
    for edit in plan.edits:
        world.edit(edit)
    world.broken += world.trail.events[before:]


def _ask(world: World, plan: Plan, service: Service) -> None:
    """Let time pass until the moment of the complaint."""
    _wait(world, plan, service, service.deployments[0])
    for edit in plan.finish:
        world.edit(edit)


def _deploy(world: World, plan: Plan, service: Service, number: int) -> None:
    service.shape["networkConfiguration"] = {"awsvpcConfiguration": network_of(world, plan, plan.new)}
    world.scheduler.rollout.begin(service, register_revision(world, plan, plan.new, number))


def _attempt(world: World, plan: Plan, service: Service, number: int) -> None:
    """Deploy; if that fails, give up after the waiter did, and go back; do something else for hours."""
    _deploy(world, plan, service, number)
    world.run_until(world.now + minutes(plan.rng.uniform(10, 18)))
    if plan.causes and service.deployments[0].shape["taskDefinition"].endswith(f":{number}"):
        _give_up(world, service)
    world.run_until(world.now + minutes(plan.rng.uniform(35, 180)))


def _wait(world: World, plan: Plan, service: Service, deployment: Deployment) -> None:
    """Let time pass until one asks: not before something was to be seen, and in some worlds hours later."""
    begin = world.now
    world.run_until(begin + minutes(plan.ask_after))
    while not (plan.silent or _seen(world, plan, deployment)) and world.now - begin < _LONGEST_WAIT:
        world.run_until(world.now + minutes(1))
    if plan.late:
        if service.deployments[0] is deployment and not plan.silent and plan.causes:
            _give_up(world, service)
        world.run_until(world.now + timedelta(hours=plan.rng.uniform(1.6, 7)))
    world.run_until(world.now.replace(microsecond=0) + timedelta(seconds=1))


def _seen(world: World, plan: Plan, deployment: Deployment) -> bool:
    """Say whether there is something to ask about: a rollout that is through, or tasks that failed.

    There must be more of them where two faults take turns.
    """
    if not plan.causes:
        return bool(deployment.shape["rolloutState"] == "COMPLETED")
    stopped = [
        task
        for task in world.tasks.by_arn.values()
        if task.deployment is deployment and not task.shape.get("stoppedReason", _SCALED_IN).startswith(_SCALED_IN)
    ]
    return len(stopped) >= (4 if plan.paired else 1) or deployment.stopped


def _give_up(world: World, service: Service) -> None:
    """Go back to the good revision: by stopping the rollout, or by deploying it again."""
    good = next(row for row in service.past if row.record["status"] == "SUCCESSFUL")
    if good in service.deployments and service.deployments[0].shape["rolloutState"] == "IN_PROGRESS":
        world.scheduler.rollout.stop(service)
    elif service.deployments[0] is not good:
        service.shape["networkConfiguration"] = deepcopy(good.shape["networkConfiguration"])
        world.scheduler.rollout.begin(service, good.shape["taskDefinition"])


def _add_neighbour(world: World, plan: Plan) -> None:
    """Let another service run in the cluster, with events of its own."""
    name = f"{plan.name}-worker"
    script = replace(plan.good.script, says=(), repeats=())
    program = replace(plan.good.program, script=script, needs=(), memory_mib=200.0)
    revision = Revision(program, task_role=f"{plan.name}-task", execution_role=f"{plan.name}-execution")
    other = replace(plan, name=name, desired=1, balanced=False, service={}, breaker=False, new=revision)
    arn = register_revision(world, other, revision, plan.rng.randint(2, 60))
    create_service(world, other, revision, arn)
