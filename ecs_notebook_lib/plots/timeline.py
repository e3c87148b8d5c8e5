"""The whole story on one axis: deployments, tasks by state and revision, events, target health."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import (
    ERROR_COLOR,
    OTHER_COLOR,
    OUTCOME_COLORS,
    finish,
    label,
    mark_times,
    new_axes,
    note_if_empty,
    utc_time_axis,
)

_EVENT_ROWS = {
    "steady state": ("steady_state",),
    "rejected by the load balancer": ("elb_target_unhealthy",),
    "cannot place, start or replace": (
        "starts_failing",
        "percentages_stuck",
        "placement_capacity",
        "task_not_placed",
        "could_not_launch",
    ),
    "deployment ended": ("deployment_completed", "deployment_failed", "rolling_back"),
}


def plot_timeline(
    tasks: pd.DataFrame,
    events: pd.DataFrame,
    deployments: pd.DataFrame,
    targets_over_time: pd.DataFrame,
    *,
    since: pd.Timestamp,
    until: pd.Timestamp,
    ax: Axes | None = None,
) -> Axes:
    """Draw a row a revision with its tasks, rows of service events, healthy targets, and where deployments began.

    Parameters
    ----------
    targets_over_time
        The frame `metrics`: HealthyHostCount is drawn.
    since, until
        The time that is drawn; tasks that live are drawn up to `until`.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    revisions = sorted(tasks["revision"].dropna().unique())
    told = {name: events[events["kind"].isin(list(kinds))] for name, kinds in _EVENT_ROWS.items()}
    told = {name: rows for name, rows in told.items() if len(rows)}
    names = [*revisions, *told, "healthy targets"]
    ax = new_axes(rows=2 * len(names)) if ax is None else ax
    for number, revision in enumerate(revisions):
        _draw_tasks(ax, tasks[tasks["revision"] == revision], number, until)
    for number, part in enumerate(told.values(), start=len(revisions)):
        ax.plot(part["created_at"], [number] * len(part), "d", color=OTHER_COLOR, markersize=5)
    healthy = targets_over_time[targets_over_time["metric"] == "HealthyHostCount"]
    _draw_targets(ax, healthy, len(names) - 1)
    mark_times(ax, deployments[deployments["created_at"] >= since])
    ax.set_yticks(range(len(names)), labels=[label(name) for name in names])
    ax.set(title="Deployment timeline", ylabel="Revision, or what was told")
    ax.set_ylim(len(names) - 0.4, -0.9)
    ax.set_xlim(since, until)  # type: ignore[arg-type]  # matplotlib's converter takes times
    utc_time_axis(ax)
    note_if_empty(
        ax, pd.concat([tasks["created_at"], events["created_at"]]).to_frame(), "No task or event in this snapshot"
    )
    return finish(ax)


def _draw_tasks(ax: Axes, tasks: pd.DataFrame, row: int, until: pd.Timestamp) -> None:
    """Draw the tasks of a revision: thin bars of their lives, coloured by how they ended."""
    stopped = tasks["stop_code"].notna()
    for name, part in (("stopped", tasks[stopped]), ("alive", tasks[~stopped])):
        if len(part):
            lives = part["stopped_at"].fillna(until) - part["created_at"]
            shown = f"tasks, {name}" if f"tasks, {name}" not in ax.get_legend_handles_labels()[1] else None
            ax.barh(
                [row] * len(part),
                lives,
                left=part["created_at"],
                height=0.5,
                alpha=0.35,
                color=OUTCOME_COLORS[name],
                label=shown,
            )


def _draw_targets(ax: Axes, healthy: pd.DataFrame, row: int) -> None:
    """Draw a mark for each minute: green where a target was healthy, red where none was."""
    for some, color, name in ((True, OUTCOME_COLORS["healthy"], "some"), (False, ERROR_COLOR, "none")):
        part = healthy[(healthy["value"] > 0) == some]
        if len(part):
            marks = "|" if some else "x"
            shown = f"healthy targets: {name}"
            ax.plot(part["began_at"], [row] * len(part), marks, color=color, markersize=5, label=shown)
