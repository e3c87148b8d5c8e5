"""Plots: each takes the frame that it draws and keyword options, takes `ax` and returns it."""

from ecs_notebook_lib.plots.changes import plot_changes
from ecs_notebook_lib.plots.deployments import plot_deployments
from ecs_notebook_lib.plots.differential import plot_differential, plot_weight_of_evidence
from ecs_notebook_lib.plots.forecasts import plot_forecasts
from ecs_notebook_lib.plots.logs import plot_health_answers, plot_log_volume
from ecs_notebook_lib.plots.metrics import plot_targets_over_time, plot_utilization
from ecs_notebook_lib.plots.network import plot_network_path
from ecs_notebook_lib.plots.permissions import plot_access
from ecs_notebook_lib.plots.rollout import plot_rollout_progress
from ecs_notebook_lib.plots.stops import plot_stops
from ecs_notebook_lib.plots.targets import plot_target_states
from ecs_notebook_lib.plots.timeline import plot_timeline

__all__ = [
    "plot_access",
    "plot_changes",
    "plot_deployments",
    "plot_differential",
    "plot_forecasts",
    "plot_health_answers",
    "plot_log_volume",
    "plot_network_path",
    "plot_rollout_progress",
    "plot_stops",
    "plot_target_states",
    "plot_targets_over_time",
    "plot_timeline",
    "plot_utilization",
    "plot_weight_of_evidence",
]
