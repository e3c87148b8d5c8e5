"""When the service will be stable, under each action that could be taken."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import ERROR_COLOR, OUTCOME_COLORS, finish, label, new_axes, note_if_empty

_HALF_AN_HOUR = 30


def plot_forecasts(forecasts: pd.DataFrame, *, waiter_minutes: float, ax: Axes | None = None) -> Axes:
    """Draw for each action the time until the service is stable: four in five end within the bar, half by its mark.

    Parameters
    ----------
    forecasts
        One row an action: `action`, and `p10`, `p50`, `p90` in minutes from now; missing where it is not foretold.
    waiter_minutes
        How long AWS's waiter looks.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    told = forecasts.dropna(subset=["p10", "p50", "p90"]).reset_index(drop=True)
    ax = new_axes(rows=max(2, len(told))) if ax is None else ax
    ax.barh(
        told.index,
        told["p90"] - told["p10"],
        left=told["p10"],
        color=OUTCOME_COLORS["healthy"],
        height=0.5,
        alpha=0.6,
        label="four in five (p10 to p90)",
    )
    ax.plot(told["p50"], told.index, "|", color="#1f2933", markersize=18, label="as likely sooner as later (p50)")
    ax.axvline(_HALF_AN_HOUR, color="#8c96a3", linewidth=1, linestyle=":", label="30 minutes")
    ax.axvline(waiter_minutes, color=ERROR_COLOR, linewidth=1, label="AWS's waiter looks so long")
    ax.set_yticks(told.index, labels=[label(text) for text in told["action"]])
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.set(title="When it will be stable", xlabel="From now [min]", ylabel="Under")
    note_if_empty(ax, told, "No time can be foretold")
    return finish(ax)
