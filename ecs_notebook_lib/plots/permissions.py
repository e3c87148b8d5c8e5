"""What the roles allow of what the examined revision needs."""

import pandas as pd
from matplotlib.axes import Axes

from ecs_notebook_lib.plots.style import OTHER_COLOR, OUTCOME_COLORS, finish, label, new_axes, note_if_empty


def plot_access(access: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a square a needed action, by role, in the colour of the verdict.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of a new figure if `ax` is None.
    """
    rows = access.drop_duplicates(["role", "action", "resource"]).reset_index(drop=True)
    ax = new_axes(rows=len(rows)) if ax is None else ax
    for verdict, part in rows.groupby(rows["verdict"].fillna("undecided"), sort=True):
        color = OUTCOME_COLORS.get(str(verdict), OTHER_COLOR)
        roles = part["role"].map({"task": 0, "execution": 1})
        ax.scatter(roles, part.index, marker="s", s=90, color=color, label=str(verdict).replace("_", " "))
    ax.set_yticks(rows.index, labels=[label(action) for action in rows["action"]])
    ax.set_xticks([0, 1], labels=["task role", "execution role"])
    ax.set(title="What the roles allow", xlim=(-0.5, 1.5), ylabel="Action that is needed")
    ax.invert_yaxis()
    note_if_empty(ax, rows, "No needed action is known")
    return finish(ax)
