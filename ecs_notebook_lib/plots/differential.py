"""How likely each family of causes is."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import finish, new_axes


def _percent(share: float) -> str:
    """Return a share that is never said to be certain."""
    if share > 0.99:
        return "over 99 %"
    return "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")


def plot_differential(families: Mapping[str, float], *, ax: Axes | None = None) -> Axes:
    """Draw a bar a family with its probability, most likely on top.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    shares = pd.Series(families).sort_values(kind="stable")
    ax = new_axes(rows=len(shares)) if ax is None else ax
    bars = ax.barh([name.replace("_", " ") for name in shares.index], 100 * shares, color="#4393c3")
    ax.bar_label(bars, labels=[_percent(share) for share in shares], padding=3)
    ax.set(title="Where the cause lies", xlabel="Probability [%]", xlim=(0, 110))
    return finish(ax, legend=False)
