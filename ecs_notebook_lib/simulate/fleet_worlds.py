"""The world of each service of a fleet: a failing one, a healthy one, or a healthy one that looks awkward.

All end at the same moment, and stand still there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from ecs_notebook_lib.simulate.dialects import DIALECTS, Dialect
from ecs_notebook_lib.simulate.fleet_causes import LONG_AGO, SharedCause
from ecs_notebook_lib.simulate.fleet_layout import Slot
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes import RECIPES
from ecs_notebook_lib.simulate.varied import build_planned
from ecs_notebook_lib.simulate.varied_account import register_next
from ecs_notebook_lib.simulate.wire import Call
from ecs_notebook_lib.simulate.world import World

_USUAL = DIALECTS["training"]
_NONE = dict.fromkeys(("ec2", "neighbour", "late"), 0.0)
"""Of Fargate alone, one service a world, asked about while it fails."""
_DIALECT = replace(_USUAL, name="fleet", frameworks={**_USUAL.frameworks, **DIALECTS["test"].frameworks})
FAILING = replace(_DIALECT, rates={**_USUAL.rates, **_NONE, "first": 0.0, "attempts": 0.0})
"""The failing deployment is the first one after the good one: the shared thing was well before."""
HEALTHY = replace(_DIALECT, rates={**_USUAL.rates, **_NONE, "attempts": 0.1})
_ROLLOUTS = ("in progress", "rolled back", "stuck")
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Fleetwide:
    """What all worlds of a fleet have in common."""

    seed: int
    now: datetime


def failing(fleet: Fleetwide, slot: Slot, cause: SharedCause, member: int) -> World:
    """Return the world of the `member`-th service that fails for a shared cause."""
    rng = Random(f"fleet:{fleet.seed}:{cause.name}")
    broken_at = fleet.now - timedelta(seconds=rng.randint(3 * 3600, 6 * 3600))
    rollout = _ROLLOUTS[member % len(_ROLLOUTS)]

    def settle(plan: Plan) -> None:
        _settle(fleet, slot, plan)
        where = "nat" if cause.name == "nat_gateway" else "main"
        plan.vpc = f"fleet:{fleet.seed}:{plan.account}:{plan.region}:{where}"
        plan.zones, plan.egress = 2, "nat"
        plan.good_hours, plan.broken_at = (9, 15), broken_at
        plan.breaker, plan.rollback = rollout != "in progress", rollout == "rolled back"
        plan.ask_after = plan.rng.uniform(12, 25)

    def begin(start: datetime) -> World:
        return _build(fleet, slot, FAILING, settle, start, cause.recipe)

    return _ending(begin, fleet.now)


def healthy(fleet: Fleetwide, slot: Slot, kind: str) -> World:
    """Return the world of a healthy service of a kind of `KINDS`."""
    return KINDS[kind](fleet, slot)


def _settle(fleet: Fleetwide, slot: Slot, plan: Plan) -> None:
    place = slot.place
    plan.partition, plan.region, plan.account = "aws", place.region, place.account
    plan.name, plan.cluster = slot.name, slot.cluster
    rng = Random(f"fleet:{fleet.seed}:{place.account}:{place.region}:{slot.cluster}")
    for name in ("capture", "insights"):  # of the cluster, and not of the service
        plan.chances[name] = rng.random() < plan.dialect.rates[name]
    plan.prepare.append(_fit_in)


def _fit_in(world: World) -> None:
    """Let what the account has once be as old in all its worlds, and give the load balancer a name of its own."""
    for policy in world.access.policies.values():
        policy.created_at = LONG_AGO
    for name, group in world.log_groups.items():
        group.created_at = LONG_AGO if "containerinsights" in name else group.created_at
    for row in world.load_balancers:
        row["LoadBalancerName"] = world.service
        row["DNSName"] = row["DNSName"].replace(world.cluster, world.service, 1)


def _build(
    fleet: Fleetwide,
    slot: Slot,
    dialect: Dialect,
    settle: Callable[[Plan], None],
    start: datetime,
    *recipes: Recipe,
    begun: bool = False,
) -> World:
    def begin(plan: Plan) -> None:
        settle(plan)
        plan.start = start

    return build_planned(recipes, f"fleet:{fleet.seed}", slot.number, dialect, settle=begin, begun=begun)


def _ending(begin: Callable[[datetime], World], moment: datetime) -> World:
    """Return the world that begins such that its story ends at a moment: how long it is shows when it is told."""
    start = moment - timedelta(hours=16)
    for _ in range(_TRIES):
        world = begin(start)
        if world.now == moment:
            return world
        start += moment - world.now
    raise AssertionError(f"The story of {world.service} takes another time at each telling.")


# Healthy ones.


def _steady(fleet: Fleetwide, slot: Slot, *, days: tuple[float, float] = (2, 30), noise: bool = False) -> World:
    rng = Random(f"fleet:{fleet.seed}:{slot.number}")
    start = fleet.now - timedelta(seconds=int(rng.uniform(*days) * 86400))
    dialect = replace(HEALTHY, rates={**HEALTHY.rates, "noise": 1.0}) if noise else HEALTHY
    return _build(fleet, slot, dialect, lambda plan: _settle(fleet, slot, plan), start)


def _steady_until_now(fleet: Fleetwide, slot: Slot) -> World:
    return _waiting(fleet, _steady(fleet, slot))


def _quiet(fleet: Fleetwide, slot: Slot) -> World:
    """Let nothing have happened for months."""
    return _waiting(fleet, _steady(fleet, slot, days=(95, 200)))


def _noisy(fleet: Fleetwide, slot: Slot) -> World:
    """Let it print lines that look bad and harm nothing."""
    return _waiting(fleet, _steady(fleet, slot, noise=True))


def _waiting(fleet: Fleetwide, world: World) -> World:
    world.run_until(fleet.now)
    return world


def _deploying(fleet: Fleetwide, slot: Slot) -> World:
    """Let its rollout be in progress, for a minute or two, as it should."""
    dialect = replace(HEALTHY, rates={**HEALTHY.rates, "first": 0.0, "attempts": 0.0, "balanced": 1.0})
    begun_at = fleet.now - timedelta(seconds=Random(f"fleet:{fleet.seed}:{slot.number}").randint(20, 70))

    def begin(start: datetime) -> World:
        return _build(fleet, slot, dialect, lambda plan: _settle(fleet, slot, plan), start, begun=True)

    return _waiting(fleet, _ending(begin, begun_at))


def _scaled_to_zero(fleet: Fleetwide, slot: Slot) -> World:
    """Let somebody have set its desired count to 0, on purpose, hours or days ago."""
    world = _steady(fleet, slot, days=(4, 30))
    world.run_until(fleet.now - timedelta(hours=Random(f"fleet:{fleet.seed}:{slot.number}").uniform(3, 40)))
    _update(world, desiredCount=0)
    return _waiting(fleet, world)


def _scaled_in(fleet: Fleetwide, slot: Slot) -> World:
    """Let it have one task less than a day ago, or than half an hour ago, when it still lists the task."""
    world = _steady(fleet, slot, days=(4, 30))
    hours = Random(f"fleet:{fleet.seed}:{slot.number}").choice([24.0, 24.0, 0.5])
    _update(world, desiredCount=world.scheduler.services[world.service].desired + 1)
    world.run_until(fleet.now - timedelta(hours=hours))
    _update(world, desiredCount=world.scheduler.services[world.service].desired - 1)
    return _waiting(fleet, world)


def _mended(fleet: Fleetwide, slot: Slot) -> World:
    """Let a deployment have failed days ago, and a later one have completed."""
    rng = Random(f"fleet:{fleet.seed}:{slot.number}")
    start = fleet.now - timedelta(seconds=int(rng.uniform(4, 25) * 86400))

    def settle(plan: Plan) -> None:
        _settle(fleet, slot, plan)
        plan.breaker = plan.rollback = True
        plan.ask_after = 40.0

    world = _build(fleet, slot, FAILING, settle, start, RECIPES["tag-missing"])
    world.faults.clear()
    world.run_until(world.now + timedelta(hours=rng.uniform(0.7, 3)))
    _update(world, taskDefinition=register_next(world))
    return _waiting(fleet, world)


def _update(world: World, **asked: Any) -> None:
    params = {"cluster": world.cluster, "service": world.service, **asked}
    world.answer(Call("ecs", "UpdateService", params, world.region, ""))
    world.writes.clear()


KINDS: Mapping[str, Callable[[Fleetwide, Slot], World]] = {
    "steady": _steady_until_now,
    "quiet": _quiet,
    "noisy": _noisy,
    "deploying": _deploying,
    "scaled_to_zero": _scaled_to_zero,
    "scaled_in": _scaled_in,
    "mended": _mended,
}
"""How a healthy service can be."""
