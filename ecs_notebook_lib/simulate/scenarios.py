"""The story, told again and again: three weeks of failed deployments of clarity-backend, each with one true cause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecs_notebook_lib.simulate import story_faults, story_times
from ecs_notebook_lib.simulate.account import (
    EXECUTION_ROLE,
    FORMER_ROLE,
    TASK_ROLE,
    grants,
    new_world,
    policy,
)
from ecs_notebook_lib.simulate.brought import brought
from ecs_notebook_lib.simulate.dialects import DIALECTS
from ecs_notebook_lib.simulate.model import Service
from ecs_notebook_lib.simulate.recipes import RECIPES
from ecs_notebook_lib.simulate.varied import HEALTHY, build_varied
from ecs_notebook_lib.simulate.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way for the story to be true; `prepare` sets the fault and returns how the new revisions differ."""

    name: str
    summary: str
    prepare: Callable[[World], dict[str, object]]
    tell: Callable[[World, Service, dict[str, object]], None]
    desired: tuple[int, int] = (2, 4)


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "clarity-backend",
            "the task role reads S3 only, and the new revision needs more",
            story_faults.task_role,
            story_times.three_weeks,
        ),
        Scenario(
            "clarity-backend@14h",
            "the same on the next morning: scaled to 0 at half past nine, stopped tasks forgotten",
            story_faults.task_role,
            story_times.morning_after,
        ),
        Scenario(
            "clarity-permissions-execution",
            "the execution role cannot read the secret that ECS injects",
            story_faults.execution_role,
            story_times.three_weeks,
        ),
        Scenario(
            "clarity-health-check",
            "the application moved its health endpoint and answers 404 on the old one",
            story_faults.health_check,
            story_times.three_weeks,
        ),
        Scenario(
            "clarity-network",
            "the new deployment brings another security group, which the load balancer may not enter",
            story_faults.security_group_changed,
            story_times.three_weeks,
        ),
        Scenario(
            "clarity-resources",
            "the application needs more memory than its task has",
            story_faults.memory_too_small,
            story_times.three_weeks,
        ),
        Scenario(
            "clarity-percentages",
            "minimum and maximum healthy percent leave no room to replace a task",
            story_faults.percentages_squeezed,
            story_times.stuck,
        ),
        Scenario(
            "clarity-overlap",
            "the pipeline deploys again before any rollout can end; the minimum is 0",
            story_faults.deployed_again,
            story_times.overlapping,
        ),
        Scenario(
            "clarity-slow",
            "nothing is broken: the shortest rollout takes longer than the waiter looks",
            story_faults.long_rollout,
            story_times.slowly,
            desired=(4, 7),
        ),
        Scenario(
            "clarity-healthy",
            "nothing is wrong: the last deployment completed",
            story_faults.nothing_wrong,
            story_times.one_more,
        ),
    )
}


class UnknownScenarioError(LookupError):
    """A scenario that does not exist."""


def build(name: str, seed: int = 0) -> World:
    """Return the world of a scenario at the moment of the complaint, standing still.

    A name is a story's, `varied-healthy`, a recipe's, or several recipes' joined by `+`; the latter three may end in
    `@test`, for accounts, frameworks and wordings of the test dialect.

    Raises
    ------
    UnknownScenarioError
        If there is no scenario of this name.
    """
    if name not in SCENARIOS:
        return _varied(name, seed)
    scenario, world = SCENARIOS[name], new_world(name, seed)
    rng = world.engine.random
    former = FORMER_ROLE if scenario.prepare is story_faults.task_role and rng.random() < 0.5 else TASK_ROLE
    story_faults.grant_all(world, former)
    if scenario.prepare is not story_faults.task_role or former == TASK_ROLE:
        story_faults.grant_all(world, TASK_ROLE)
    world.access.roles[EXECUTION_ROLE].inline = {"settings": policy(grants(world)["secretsmanager"])}
    changes = scenario.prepare(world)
    service = story_times.last_good(world, former, desired=rng.randint(*scenario.desired))
    scenario.tell(world, service, changes)
    world.brought += brought(world, name.partition("@")[0], world.broken)
    return world


def begin(name: str, seed: int = 0) -> World:
    """Return the world of recipes at the moment at which its last deployment begins: for who wants to wait for it.

    Raises
    ------
    UnknownScenarioError
        If there is no recipe of this name; the stories begin with their complaint.
    """
    return _varied(name, seed, begun=True)


def _varied(name: str, seed: int, *, begun: bool = False) -> World:
    known, _, dialect = name.partition("@")
    recipes = [] if known == HEALTHY else known.split("+")
    if any(recipe not in RECIPES for recipe in recipes) or (dialect or "training") not in DIALECTS:
        raise UnknownScenarioError(name)
    return build_varied(recipes, seed, dialect=dialect or "training", begun=begun)
