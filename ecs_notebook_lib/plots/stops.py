"""How long tasks lived, grouped by the reason for which they stopped."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import (
    OUTCOME_COLORS,
    finish,
    label,
    new_axes,
    note_if_empty,
)

_GROUPS = 8
TASKS_SHOWN = 12
_LOG_FROM = 50
"""From which ratio of lives on the axis is logarithmic: a crash loop beside tasks that ran for weeks."""


def plot_stops(tasks: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a bar a stopped task, grouped by identical reason and revision: newest group on top, the newest 12 of each.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    stopped = tasks[tasks["stop_code"].notna()]
    ended = stopped["stopped_at"].fillna(stopped["stopping_at"])
    stopped = stopped.assign(life_seconds=(ended - stopped["created_at"]).dt.total_seconds())
    keys = ["revision", "stop_code", "stopped_reason"]
    filled = stopped.assign(**{key: stopped[key].fillna("") for key in keys})
    newest = filled.groupby(keys)["created_at"].max().sort_values(ascending=False).head(_GROUPS)
    groups = [(key, filled[(filled[keys] == list(key)).all(axis="columns")]) for key in newest.index]
    shown = [(key, rows.sort_values("created_at").tail(TASKS_SHOWN), len(rows)) for key, rows in groups]
    ax = new_axes(rows=sum(len(rows) for _, rows, _ in shown) + 2 * len(shown)) if ax is None else ax
    ticks, names, longest, height = [], [], [], 0.0
    for (revision, code, reason), rows, count in shown:
        bottom = height
        heights = [bottom + number for number in range(len(rows))]
        ax.barh(heights, rows["life_seconds"], color=OUTCOME_COLORS["stopped"], height=0.8)
        longest.append(float(rows["life_seconds"].median()))
        ticks.append(bottom + (len(rows) - 1) / 2)
        names.append(f"{label(revision)}\n{label(reason or code)}\n{len(rows)} of {count} tasks")
        height += max(len(rows), 3) + 1.5
    ax.set_yticks(ticks, labels=names)
    ax.invert_yaxis()
    ax.tick_params(axis="y", labelsize=7)
    ax.set(title="Stopped tasks by reason, newest first", ylabel="Revision and reason")
    ax.set_xlabel("From creation to stop [s]")
    if longest and max(longest) > _LOG_FROM * max(1.0, min(longest)):
        ax.set_xscale("log")
    note_if_empty(ax, stopped, "No stopped task in this snapshot")
    return finish(ax)
