"""Plots: each takes the frame that it draws and keyword options, takes `ax` and returns it."""

from ecs_notebook_lib.plots.deployments import plot_deployments
from ecs_notebook_lib.plots.differential import plot_differential
from ecs_notebook_lib.plots.logs import plot_health_answers
from ecs_notebook_lib.plots.network import plot_network_path
from ecs_notebook_lib.plots.permissions import plot_access
from ecs_notebook_lib.plots.targets import plot_target_states
from ecs_notebook_lib.plots.tasks import plot_task_lifetimes

__all__ = [
    "plot_access",
    "plot_deployments",
    "plot_differential",
    "plot_health_answers",
    "plot_network_path",
    "plot_target_states",
    "plot_task_lifetimes",
]
