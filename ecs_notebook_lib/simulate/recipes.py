"""All recipes by name.

A module of recipes takes `Plan` and `Recipe` from `plan`, and exports its recipes as a tuple named `RECIPES`.
"""

from collections.abc import Mapping

from ecs_notebook_lib.simulate import recipes_access, recipes_health
from ecs_notebook_lib.simulate.plan import Plan, Recipe

__all__ = ["RECIPES", "Plan", "Recipe"]

_MODULES = (recipes_health, recipes_access)
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for module in _MODULES for recipe in module.RECIPES}
