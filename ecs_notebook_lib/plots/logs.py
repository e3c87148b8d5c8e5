"""Whose 200 it is: who was answered on the health path, by which revision, and when."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import (
    ASKER_COLORS,
    ERROR_COLOR,
    OTHER_COLOR,
    finish,
    label,
    new_axes,
    note_if_empty,
    utc_time_axis,
)


def plot_health_answers(answers: pd.DataFrame, *, since: pd.Timestamp, ax: Axes | None = None) -> Axes:
    """Draw a marker an answer since `since`: a row a revision, a colour an asker; a red cross is no 2xx.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = answers[answers["logged_at"] >= since]
    revisions = sorted(rows["revision"].unique())
    ax = new_axes(rows=2 * len(revisions)) if ax is None else ax
    offsets = {asker: 0.2 * (number - 1) for number, asker in enumerate(ASKER_COLORS)}
    for asker, passed in [(asker, passed) for asker in ASKER_COLORS for passed in (True, False)]:
        part = rows[(rows["asked_by"] == asker) & (rows["status"].between(200, 299) == passed)]
        if len(part):
            heights = part["revision"].map(revisions.index) + offsets[asker]
            name = f"{asker}: {'2xx' if passed else 'an error'}"
            color = ASKER_COLORS.get(asker, OTHER_COLOR) if passed else ERROR_COLOR
            ax.plot(part["logged_at"], heights, "|" if passed else "x", color=color, label=name)
    ax.set_yticks(range(len(revisions)), labels=[label(name or "unknown revision") for name in revisions])
    ax.set(title="Answers on the health path", ylabel="Revision")
    ax.margins(y=0.3)
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No answer on the health path in the lines that were read")
    return finish(ax)
