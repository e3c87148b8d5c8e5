"""How likely each cause is, and what moves one of them."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import EVIDENCE_COLORS, OTHER_LINE, finish, label, new_axes, note_if_empty


def _percent(share: float) -> str:
    """Return a share that is never said to be certain."""
    if share > 0.99:
        return "over 99 %"
    return "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")


def plot_differential(probabilities: Mapping[str, float], *, ax: Axes | None = None) -> Axes:
    """Draw a bar a family, or a cause, with its probability, most likely on top.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    shares = pd.Series(probabilities).sort_values(kind="stable")
    ax = new_axes(rows=len(shares)) if ax is None else ax
    bars = ax.barh([name.replace("_", " ") for name in shares.index], 100 * shares, color="#4393c3")
    ax.bar_label(bars, labels=[_percent(share) for share in shares], padding=3)
    ax.set(title="Where the cause lies", xlabel="Probability [%]", xlim=(0, 110))
    return finish(ax, legend=False)


def plot_weight_of_evidence(weights: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how the evidence moves one cause, as a waterfall: each bar begins where the one above it ends.

    Parameters
    ----------
    weights
        evidence (its label), decibans (10 log10 of the likelihood ratio) and cause, in the order in which they are
        drawn; the first row is how common the cause is.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    ax = new_axes(rows=len(weights)) if ax is None else ax
    rows = weights.reset_index(drop=True)
    ends = rows["decibans"].cumsum()
    for name, part in rows.groupby(_speaks(rows), sort=False):
        left = (ends - rows["decibans"])[part.index]
        bars = ax.barh(part.index, part["decibans"], left=left, color=EVIDENCE_COLORS[str(name)], label=str(name))
        ax.bar_label(bars, labels=[f"{value:+.1f}" for value in part["decibans"]], padding=3, fontsize=8)
    ax.set_yticks(rows.index, labels=[label(text) for text in rows["evidence"]])
    ax.invert_yaxis()
    ax.axvline(0, color=OTHER_LINE, linewidth=0.8, label="as likely as none of these")
    ax.use_sticky_edges = False
    ax.margins(x=0.15, y=0.05)
    cause = label(rows["cause"].iloc[0]) if len(rows) else "a cause"
    ax.set(
        title=f"What moves {cause}", xlabel="Against none of these [decibans]", ylabel="Evidence, the heaviest first"
    )
    note_if_empty(ax, rows, "No cause is weighed")
    return finish(ax)


def _speaks(rows: pd.DataFrame) -> pd.Series:
    speaks = (rows["decibans"] > 0).map({True: "for", False: "against"})
    return speaks.mask(rows.index == 0, "before any evidence")
