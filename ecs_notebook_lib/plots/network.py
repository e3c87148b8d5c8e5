"""The ways between load balancer, tasks and endpoints, hop by hop."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import OUTCOME_COLORS, finish, label, new_axes, note_if_empty

_WORDS = {"open": "open", "closed": "closed", "cannot_tell": "cannot tell"}
_MARKERS = {"open": "o", "closed": "X", "cannot_tell": "s"}


def plot_network_path(network_path: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a line a way with a mark a hop, in the colour and form of its verdict; the rule that closes it is named.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    paths = network_path["path"].drop_duplicates().tolist()
    heights = network_path["path"].map({path: row for row, path in enumerate(paths)})
    ax = new_axes(rows=2 * len(paths)) if ax is None else ax
    for row, path in enumerate(paths):
        last = int(network_path.loc[network_path["path"] == path, "number"].max())
        ax.plot([0.6, last + 0.4], [row, row], color="#c9ced6", zorder=1)
    for verdict, word in _WORDS.items():
        hops = network_path[network_path["verdict"] == verdict]
        at = heights[hops.index]
        color, marker = OUTCOME_COLORS[verdict], _MARKERS[verdict]
        ax.scatter(hops["number"], at, marker=marker, s=110, color=color, label=word if len(hops) else None, zorder=2)
        for number, height, hop, rule in zip(hops["number"], at, hops["passes"], hops["rule"].fillna(""), strict=True):
            text = f"{hop}: {word}" + (f"\n{rule}" if verdict != "open" and rule else "")
            ax.annotate(
                label_lines(text), (number, height), (0, 8), textcoords="offset points", ha="center", fontsize=7
            )
    ax.set_yticks(range(len(paths)), labels=[label(path) for path in paths])
    ax.set(title="Network path", xlabel="Hop, in order", ylabel="Way", xlim=(0.3, 6.7))
    ax.set_ylim(len(paths) - 0.5, -0.8)
    note_if_empty(ax, network_path, "No way through the network is known")
    return finish(ax)


def label_lines(text: str) -> str:
    """Return text of several lines as a figure may show it."""
    return "\n".join(label(line) for line in text.splitlines())
