"""How likely each family of causes is."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import OUTCOME_COLORS, finish, label, new_axes, note_if_empty


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


def plot_weight_of_evidence(weights: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a bar for each piece of evidence: to the right it speaks for the cause, to the left against it.

    Parameters
    ----------
    weights
        evidence (its label) and decibans (10 log10 of the likelihood ratio), the heaviest first; cause in each row.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    ax = new_axes(rows=len(weights)) if ax is None else ax
    lightest_first = weights.iloc[::-1]
    speaks_for = lightest_first["decibans"] > 0
    for name, color, rows in (("for", "healthy", speaks_for), ("against", "stopped", ~speaks_for)):
        chosen = lightest_first.loc[rows, "decibans"]
        ax.barh(chosen.index, chosen, color=OUTCOME_COLORS[color], label=name)
    ax.set_yticks(lightest_first.index, labels=[label(text) for text in lightest_first["evidence"]])
    ax.axvline(0, color="#444444", linewidth=0.8)
    cause = str(weights["cause"].iloc[0]) if len(weights) else "no cause"
    ax.set(title=f"What speaks for and against {cause}", xlabel="Weight of evidence [decibans]")
    note_if_empty(ax, weights, "Nothing weighs for or against it")
    return finish(ax, legend=len(weights) > 0)
