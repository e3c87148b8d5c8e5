"""The ways between load balancer, tasks and endpoints, hop by hop."""

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import OUTCOME_COLORS, finish, label, new_axes, note_if_empty

_WORDS = {"open": "open", "closed": "closed", "cannot_tell": "cannot tell"}
_MARKERS = {"open": "o", "closed": "X", "cannot_tell": "s"}
_WIDTH = 20
"""Characters of a line beside a hop."""


def plot_network_path(network_path: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a line a way with a mark a hop, in the colour and form of its verdict; a rule that stops it is named.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    ends = network_path.groupby("path", sort=False)["number"].max()
    heights = network_path["path"].map(dict(zip(ends.index, range(len(ends)), strict=True)))
    ax = new_axes(rows=2 * len(ends)) if ax is None else ax
    for height, end in enumerate(ends):
        ax.plot([0.7, end + 0.3], [height, height], color="#c9ced6", zorder=1)
    for verdict, word in _WORDS.items():
        hops = network_path[network_path["verdict"] == verdict]
        at, color, marker = heights[hops.index], OUTCOME_COLORS[verdict], _MARKERS[verdict]
        ax.scatter(hops["number"], at, marker=marker, s=80, color=color, label=word if len(hops) else None, zorder=2)
        for number, height, passes, rule in zip(
            hops["number"], at, hops["passes"], hops["rule"].fillna(""), strict=True
        ):
            text = _hop_text(passes, word, rule if verdict != "open" else "")
            ax.annotate(text, (number, height), (0, 7), textcoords="offset points", ha="center", fontsize=6)
    ax.set_yticks(range(len(ends)), labels=[label(path) for path in ends.index])
    ax.set_xticks([])
    ax.set(title="Network path", xlabel="Hops, in order", ylabel="Way")
    ax.set(xlim=(0.4, (ends.max() if len(ends) else 1) + 0.6), ylim=(len(ends) - 0.5, -0.9))
    note_if_empty(ax, network_path, "No way through the network is known")
    return finish(ax)


def _hop_text(passes: str, word: str, rule: str) -> str:
    """Return what is passed, the verdict in words, and the rule that decides it, on short lines."""
    text = fill(label(passes), _WIDTH) + f"\n{word}"
    return text + (f": {label(rule)}" if rule else "")
