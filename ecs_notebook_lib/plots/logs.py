"""Whose 200 it is, and how much each revision printed at which level."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import (
    ASKER_COLORS,
    ERROR_COLOR,
    LEVEL_COLORS,
    NO_LEVEL,
    OTHER_COLOR,
    finish,
    label,
    new_axes,
    note_if_empty,
    utc_time_axis,
)
from ecs_notebook_lib.time_steps import ROUND_MINUTES

_ROW = 0.85
_DAY, _PIECES = 1440, 300


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


def plot_log_volume(log_events: pd.DataFrame, *, since: pd.Timestamp, ax: Axes | None = None) -> Axes:
    """Draw how many lines were read for each minute since `since`: a row a revision, stacked by level, gravest below.

    All rows have one scale, which the title tells. A longer time is cut into longer pieces than minutes.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = log_events[log_events["logged_at"] >= since]
    rows = rows.assign(revision=rows["revision"].fillna(""), level=rows["level"].fillna(NO_LEVEL))
    revisions = sorted(rows["revision"].unique())
    ax = new_axes(rows=3 * len(revisions)) if ax is None else ax
    minutes = _minutes_of_piece(rows["logged_at"])
    pieces = rows.assign(piece=rows["logged_at"].dt.floor(f"{minutes}min"))
    counts = pd.crosstab([pieces["revision"], pieces["piece"]], pieces["level"]).reindex(columns=list(LEVEL_COLORS))
    counts = counts.fillna(0).astype(float)
    most = max(1, int(counts.sum(axis=1).max())) if len(counts) else 1
    bottoms = counts.index.get_level_values(0).map(revisions.index).to_numpy(dtype=float) if len(counts) else 0.0
    for level, color in LEVEL_COLORS.items():
        heights = counts[level].to_numpy() * _ROW / most
        if heights.any():
            starts = counts.index.get_level_values(1)
            ax.bar(starts, heights, width=minutes / _DAY, bottom=bottoms, align="edge", color=color, label=level)
            bottoms = bottoms + heights
    ax.set_yticks(range(len(revisions)), labels=[label(name or "unknown revision") for name in revisions])
    piece = "a minute" if minutes == 1 else f"in {minutes} minutes"
    ax.set(title=f"Log lines {piece} by level (a full row: {most})", ylabel="Revision")
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No log line in this time was read")
    return finish(ax)


def _minutes_of_piece(instants: pd.Series) -> int:
    span = (instants.max() - instants.min()).total_seconds() / 60 if len(instants) else 0.0
    return next((minutes for minutes in ROUND_MINUTES if span / minutes <= _PIECES), ROUND_MINUTES[-1])
