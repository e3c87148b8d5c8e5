"""What changed between the last good deployment and the first failure, on one line of time."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import (
    ERROR_COLOR,
    EVIDENCE_COLORS,
    OTHER_LINE,
    OUTCOME_COLORS,
    finish,
    label,
    new_axes,
    note_if_empty,
    utc_time_axis,
)

_MOST = 25
_LONGEST = 26
_UNRELATED = "neither deployment uses it"


def plot_changes(
    changes: pd.DataFrame,
    *,
    likeliest: str = "",
    good_at: pd.Timestamp | None = None,
    failed_at: pd.Timestamp | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a mark a change, oldest at the top, between the last good deployment and the first failure.

    Parameters
    ----------
    changes
        The frame `changes`; of many the newest are drawn.
    likeliest
        The `change_id` of the one that most likely brought the failure.
    good_at, failed_at
        When the last good deployment began, and when the first task failed.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = changes.sort_values("changed_at", kind="stable").tail(_MOST).reset_index(drop=True)
    ax = new_axes(rows=len(rows)) if ax is None else ax
    first = rows["change_id"] == likeliest
    related = rows["related"].fillna(value=True)
    for name, part, color in (
        ("most likely brought it", rows[first], ERROR_COLOR),
        ("what the deployments use", rows[related & ~first], EVIDENCE_COLORS["for"]),
        (_UNRELATED, rows[~related & ~first], OTHER_LINE),
    ):
        if len(part):
            ax.plot(part["changed_at"], part.index, "o", color=color, label=name)
    for when, name, color in (
        (good_at, "last good", OUTCOME_COLORS["healthy"]),
        (failed_at, "first failure", ERROR_COLOR),
    ):
        if when is not None:
            ax.axvline(when, color=color, linewidth=1, linestyle="--", label=name, zorder=0)  # type: ignore[arg-type]
    ax.set_yticks(rows.index, labels=[_name(*row) for row in zip(rows["resource"], rows["member"], strict=True)])
    ax.set(title="What changed since the last good deployment", ylabel="What changed")
    ax.invert_yaxis()
    utc_time_axis(ax)
    note_if_empty(ax, rows, "No change is known")
    return finish(ax)


def _name(resource: str, member: str) -> str:
    """Return the innermost member and the end of the thing's name, short enough to leave room for the line."""
    return label(f"{_end(member, '.')[:_LONGEST]} of {_end(resource, '/')[-_LONGEST:]}")


def _end(text: str, separator: str) -> str:
    return text.rpartition(separator)[2]
