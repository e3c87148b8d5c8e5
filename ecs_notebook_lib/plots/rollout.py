"""How far the examined rollout is, against the time that AWS's waiter gives it."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import ERROR_COLOR, OUTCOME_COLORS, finish, new_axes, note_if_empty


def plot_rollout_progress(
    tasks: pd.DataFrame,
    *,
    began: pd.Timestamp,
    desired: int,
    waiter_seconds: float,
    shortest_seconds: float | None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many tasks of a deployment had started over the minutes since it began, and what limits them.

    Parameters
    ----------
    tasks
        Tasks of this deployment: `started_at`, and `stop_code` of those that stopped.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    ax = new_axes(rows=6) if ax is None else ax
    groups = (("alive", tasks[tasks["stop_code"].isna()]), ("stopped", tasks[tasks["stop_code"].notna()]))
    for name, part in groups:
        minutes = (part["started_at"].dropna().sort_values() - began).dt.total_seconds() / 60
        if len(minutes):
            line = "-" if name == "alive" else "--"
            color = OUTCOME_COLORS[name]
            counts = range(1, len(minutes) + 1)
            ax.step(minutes, counts, line, where="post", marker=".", color=color, label=f"started, {name}")
    ax.axhline(desired, color=OUTCOME_COLORS["healthy"], linewidth=1, label="desired")
    ax.axvline(waiter_seconds / 60, color=ERROR_COLOR, linewidth=1, label="AWS's waiter gives up")
    if shortest_seconds is not None:
        ax.axvline(
            shortest_seconds / 60, color="#8c96a3", linewidth=1, linestyle=":", label="shortest possible rollout"
        )
    ax.set(title="Progress of the rollout", xlabel="Since the deployment began [min]", ylabel="Tasks")
    ax.set_ylim(bottom=0)
    note_if_empty(ax, tasks, "No task of this deployment is known")
    return finish(ax)
