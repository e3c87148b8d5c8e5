"""Which revision was rolled out when, and how each deployment ended."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import (
    OTHER_COLOR,
    OUTCOME_COLORS,
    finish,
    label,
    new_axes,
    note_if_empty,
    utc_time_axis,
)


def plot_deployments(service_deployments: pd.DataFrame, *, until: pd.Timestamp, ax: Axes | None = None) -> Axes:
    """Draw a marker a service deployment at its begin, and a bar to its end, or to `until` while it goes on.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = service_deployments.sort_values("created_at").reset_index(drop=True)
    ax = new_axes(rows=len(rows)) if ax is None else ax
    for status, part in rows.groupby("status", sort=True):
        color = OUTCOME_COLORS.get(str(status), OTHER_COLOR)
        ax.barh(
            part.index, part["finished_at"].fillna(until) - part["created_at"], left=part["created_at"], color=color
        )
        ax.plot(part["created_at"], part.index, "o", color=color, label=label(status))
    ax.set_yticks(rows.index, labels=[label(revision) for revision in rows["revision"].fillna("unknown revision")])
    ax.set(title="Service deployments", ylabel="Revision")
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No service deployment in this snapshot")
    return finish(ax)
