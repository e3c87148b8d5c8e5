"""All recipes by name.

A module of recipes takes `Plan` and `Recipe` from `plan`, and exports its recipes as a tuple named `RECIPES`.
"""

from collections.abc import Mapping

from ecs_notebook_lib.simulate import (
    recipes_access,
    recipes_application,
    recipes_aws,
    recipes_capacity,
    recipes_dependency,
    recipes_fargate,
    recipes_health,
    recipes_image,
    recipes_network,
    recipes_resources,
    recipes_rollout,
    recipes_start,
)
from ecs_notebook_lib.simulate.plan import Plan, Recipe

__all__ = ["RECIPES", "Plan", "Recipe"]

_MODULES = (
    recipes_health,
    recipes_access,
    recipes_start,
    recipes_image,
    recipes_network,
    recipes_resources,
    recipes_application,
    recipes_dependency,
    recipes_rollout,
    recipes_aws,
    recipes_capacity,
    recipes_fargate,
)
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for module in _MODULES for recipe in module.RECIPES}
