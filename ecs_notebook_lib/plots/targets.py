"""In which state the load balancer has the targets of each revision."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import OTHER_COLOR, OUTCOME_COLORS, finish, label, new_axes, note_if_empty


def plot_target_states(targets: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a bar a revision with its targets, stacked by state.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    named = targets.assign(revision=targets["revision"].fillna("unknown revision"))
    counts = named.groupby(["revision", "state"]).size().unstack(fill_value=0)  # noqa: PD010  counts, not a pivot
    ax = new_axes(rows=len(counts)) if ax is None else ax
    left = pd.Series(0, index=counts.index)
    for state in counts.columns:
        color = OUTCOME_COLORS.get(str(state), OTHER_COLOR)
        ax.barh([label(name) for name in counts.index], counts[state], left=left, color=color, label=label(state))
        left = left + counts[state]
    ax.set(title="Targets by state", xlabel="Targets", ylabel="Revision")
    note_if_empty(ax, targets, "No targets in this snapshot")
    return finish(ax)
