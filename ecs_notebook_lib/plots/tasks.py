"""How long each task lived."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import OUTCOME_COLORS, finish, new_axes, note_if_empty, utc_time_axis

NEWEST = 40
"""More bars than these cannot be told apart."""


def plot_task_lifetimes(tasks: pd.DataFrame, *, until: pd.Timestamp, ax: Axes | None = None) -> Axes:
    """Draw a bar a task from its creation to its stop, or to `until` while it lives: the newest 40, newest on top.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = tasks.sort_values("created_at", kind="stable").tail(NEWEST).reset_index(drop=True)
    ax = new_axes(rows=len(rows)) if ax is None else ax
    stopped = rows["stopped_at"].notna()
    for name, part in (("stopped", rows[stopped]), ("alive", rows[~stopped])):
        lifetimes = part["stopped_at"].fillna(until) - part["created_at"]
        if len(part):
            ax.barh(part.index, lifetimes, left=part["created_at"], color=OUTCOME_COLORS[name], label=name)
    revisions = rows["revision"].str.rpartition(":")[2] if len(rows) else rows["revision"]
    ax.set_yticks(rows.index, labels=list(revisions + " " + rows["task_id"].str[-6:]))
    shown = f"newest {len(rows)} of {len(tasks)}" if len(tasks) > len(rows) else f"{len(rows)}"
    ax.set(title=f"Task lifetimes ({shown})", ylabel="Revision, last 6 of the task's id")
    ax.tick_params(axis="y", labelsize=7)
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No tasks in this snapshot")
    return finish(ax)
