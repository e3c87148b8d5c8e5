"""Faults of room: instances, host ports, interfaces and their agents; constraints that exclude every instance."""

from collections.abc import Callable
from dataclasses import replace

from ecs_notebook_lib.simulate.fleet import AWSVPC, BRIDGE, HOST, edit_instances, move_to_instances
from ecs_notebook_lib.simulate.instances import Instance, InstanceType, Need, add_provider
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.world import World

_SHORT = " For more information, see the Troubleshooting section."
_SEEN_SHARE = 0.75
"""How often what was in the way is still to be seen when one asks; else only the event tells of it."""


def waits(plan: Plan, *, surge: bool = False) -> None:
    """Let tasks wait for a place: none stops. With `surge` the old ones stay until the new ones are there."""
    plan.silent = True
    plan.ask_after = max(plan.ask_after, 5.0)
    if surge:
        plan.minimum, plan.maximum = 100, 200
    short = plan.pick([False], [False, True])
    if short:
        plan.edits.append(_shorten)


def _shorten(world: World) -> None:
    world.scheduler.placement.more = _SHORT


def word(plan: Plan, check: str, text: str) -> None:
    """Let ECS tell of what the closest instance lacks in these words."""

    def edit(world: World) -> None:
        world.scheduler.placement.wording[check] = text

    plan.edits.append(edit)


def passing(plan: Plan, edit: Callable[[World], None]) -> None:
    """Let the obstacle be gone in some worlds when one asks, so that only the event tells of it."""
    if not plan.chance(_SEEN_SHARE):
        plan.finish.append(edit)


# No instance, or no room.


def no_instances(plan: Plan) -> None:
    """Let a new service be launched on instances in a cluster that has none."""
    move_to_instances(plan, size=0)
    waits(plan)
    plan.first, plan.attempts = True, 0


def empty_provider(plan: Plan) -> None:
    """Let the capacity provider's Auto Scaling group have no instance; others of the cluster may have some."""
    provider = plan.rng.choice(["ec2", "spot", "general", f"{plan.cluster}-asg"])
    move_to_instances(plan, size=0, provider=provider)
    plan.first, plan.attempts = True, 0
    most, managed = plan.rng.choice([(0, True), (4, False), (0, False)])
    plan.prepare.append(lambda world: add_provider(world, provider, 0, most=most, managed=managed))
    if plan.chance(plan.dialect.other / 2):
        move_to_instances(plan, provider=provider)
        plan.hitch("provisioning", "EMPTY CAPACITY PROVIDER", seconds=(60, 120))
        plan.prepare.append(_no_instance_in_service)
        return
    waits(plan)
    where = "Reason: No Container Instances were found in your capacity provider."
    word(plan, "none", plan.pick([f"{_UNPLACED} {where}"], [f"was unable to reach steady state. {where}"]))


_UNPLACED = "was unable to place a task because no container instance met all of its requirements."
