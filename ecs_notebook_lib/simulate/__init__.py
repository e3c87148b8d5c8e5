"""A simulated AWS account with an ECS service in it, or many. It speaks AWS's wire and knows nothing of the kit."""

from ecs_notebook_lib.simulate.door import install, serve
from ecs_notebook_lib.simulate.fleet import Fleet, Place, Truth, build_fleet
from ecs_notebook_lib.simulate.injecting import Injected, Injecting
from ecs_notebook_lib.simulate.pace import paced
from ecs_notebook_lib.simulate.recipes import RECIPES, Recipe
from ecs_notebook_lib.simulate.scenarios import SCENARIOS, Scenario, UnknownScenarioError, begin, build
from ecs_notebook_lib.simulate.varied import build_varied
from ecs_notebook_lib.simulate.wire import HTTPRequest, HTTPResponse
from ecs_notebook_lib.simulate.world import World

__all__ = [
    "RECIPES",
    "SCENARIOS",
    "Fleet",
    "HTTPRequest",
    "HTTPResponse",
    "Injected",
    "Injecting",
    "Place",
    "Recipe",
    "Scenario",
    "Truth",
    "UnknownScenarioError",
    "World",
    "begin",
    "build",
    "build_fleet",
    "build_varied",
    "install",
    "paced",
    "serve",
]
