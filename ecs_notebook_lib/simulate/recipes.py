"""All recipes by name, and the pairs of them that make sense together.

A module of recipes takes `Plan` and `Recipe` from `plan`, and exports its recipes as a tuple named `RECIPES`.
"""

from collections.abc import Mapping

from ecs_notebook_lib.simulate.plan import Plan, Recipe

__all__ = ["RECIPES", "Plan", "Recipe"]

RECIPES: Mapping[str, Recipe] = {}
