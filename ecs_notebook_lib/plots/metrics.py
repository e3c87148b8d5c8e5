"""CloudWatch metrics over time, with limits and deployments drawn in."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import ERROR_COLOR, finish, label, mark_times, new_axes, note_if_empty, utc_time_axis

_COLORS = {"MemoryUtilization": "#5e4b8b", "CPUUtilization": "#4393c3"}
_LINES = {"Maximum": "-", "Average": ":"}
_LIMIT_PERCENT = 100


def plot_utilization(metrics: pd.DataFrame, deployments: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw memory and CPU of the service by the minute, the limit, and where each deployment began.

    Parameters
    ----------
    metrics
        The frame `metrics`.
    deployments
        `created_at` and `revision` of the deployments to mark.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = metrics[metrics["metric"].isin(list(_COLORS)) & (metrics["namespace"] == "AWS/ECS")]
    ax = new_axes(rows=8) if ax is None else ax
    for (metric, statistic), part in rows.groupby(["metric", "statistic"], sort=True):
        name = f"{str(metric).removesuffix('Utilization')}, {str(statistic).lower()}"
        style, color = _LINES.get(str(statistic), "-"), _COLORS[str(metric)]
        ax.plot(part["began_at"], part["value"], style, marker=".", markersize=3, color=color, label=name)
    ax.axhline(_LIMIT_PERCENT, color=ERROR_COLOR, linewidth=1, label="limit of the task")
    if len(rows):
        mark_times(ax, deployments[deployments["created_at"] >= rows["began_at"].min()])
    ax.set(title="Memory and CPU of the service", ylabel="Of what the task reserves [%]", ylim=(0, 115))
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No data point: no task ran for a whole minute, or metrics were not read")
    return finish(ax)


def plot_targets_over_time(metrics: pd.DataFrame, deployments: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how many targets were healthy and unhealthy by the minute, and where each deployment began.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = metrics[metrics["metric"].isin(["HealthyHostCount", "UnHealthyHostCount"])]
    ax = new_axes(rows=6) if ax is None else ax
    colors = {"HealthyHostCount": "#1b7837", "UnHealthyHostCount": ERROR_COLOR}
    several = len(rows["resource"].unique()) > 1
    for (metric, resource), part in rows.groupby(["metric", "resource"], sort=True):
        name = "healthy" if metric == "HealthyHostCount" else "unhealthy"
        group = str(resource).partition("/")[2].partition("/")[0] or resource
        shown = label(f"{name}, {group}") if several else name
        line = "-" if name == "healthy" else "--"
        ax.step(part["began_at"], part["value"], line, where="post", color=colors[str(metric)], label=shown)
    if len(rows):
        mark_times(ax, deployments[deployments["created_at"] >= rows["began_at"].min()])
    ax.set(title="Targets over time", ylabel="Targets")
    ax.set_ylim(bottom=0)
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No data point of targets: no load balancer, or metrics were not read")
    return finish(ax)
