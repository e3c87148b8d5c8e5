"""A simulated AWS account with an ECS service in it. It speaks AWS's wire and knows nothing of the rest of the kit."""

from ecs_notebook_lib.simulate.door import install, serve
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
    "HTTPRequest",
    "HTTPResponse",
    "Injected",
    "Injecting",
    "Recipe",
    "Scenario",
    "UnknownScenarioError",
    "World",
    "begin",
    "build",
    "build_varied",
    "install",
    "paced",
    "serve",
]
