"""How all figures look: colours with a meaning, time in UTC, and axes that say so when there is nothing to draw."""

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import NullFormatter, NullLocator

from ecs_notebook_lib.plots.figures import DescribedFigure
from ecs_notebook_lib.untrusted import visible

OUTCOME_COLORS = {
    "stopped": "#b2182b",
    "alive": "#4393c3",
    "healthy": "#1b7837",
    "unhealthy": "#b2182b",
    "initial": "#d9a441",
    "draining": "#8c96a3",
    "unused": "#5e4b8b",
    "unavailable": "#5e4b8b",
    "allowed": "#1b7837",
    "implicit_deny": "#d6604d",
    "explicit_deny": "#b2182b",
    "undecided": "#8c96a3",
    "open": "#1b7837",
    "closed": "#b2182b",
    "cannot_tell": "#8c96a3",
    "SUCCESSFUL": "#1b7837",
    "ROLLBACK_SUCCESSFUL": "#d9a441",
    "IN_PROGRESS": "#4393c3",
    "STOPPED": "#b2182b",
}
OTHER_COLOR = "#5e4b8b"
OTHER_LINE = "#8c96a3"
ERROR_COLOR = "#b2182b"
ASKER_COLORS = {
    "the load balancer": "#1b7837",
    "the container's own check": "#4393c3",
    "somebody else": "#8c96a3",
}
EVIDENCE_COLORS = {
    "before any evidence": "#8c96a3",
    "for": "#4393c3",
    "against": "#d6604d",
}
NO_LEVEL = "no level"
LEVEL_COLORS = {
    "FATAL": "#67001f",
    "ERROR": "#b2182b",
    "WARN": "#d9a441",
    "INFO": "#4393c3",
    "DEBUG": "#92c5de",
    "TRACE": "#d1e5f0",
    NO_LEVEL: "#8c96a3",
}

_MAX_LABEL = 60
_MAX_MARKS = 12


def new_axes(*, rows: int) -> Axes:
    """Return the axes of a new figure that is high enough for so many rows."""
    size = (9, min(1.6 + 0.28 * rows, 9))
    return plt.figure(FigureClass=DescribedFigure, figsize=size, layout="constrained").add_subplot()


def label(text: object) -> str:
    """Return text that came from AWS or a container as a figure may show it: bounded, on one line, no controls.

    A label that begins with `_` would vanish from a legend, so a character without width is put before it.
    """
    shown = visible(text, limit=_MAX_LABEL)
    return f"\u200b{shown}" if shown.startswith("_") else shown


def plain_text(ax: Axes) -> None:
    """Let no text of the axes be read as mathtext: `$` comes from containers and tags, too."""
    for text in ax.findobj(Text):
        text.set_parse_math(False)


def utc_time_axis(ax: Axes) -> None:
    """Let the horizontal axis tell time in UTC."""
    locator = mdates.AutoDateLocator(tz="UTC")
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz="UTC", show_offset=True))
    ax.set_xlabel("Time [UTC]")


def mark_times(ax: Axes, deployments: pd.DataFrame) -> None:
    """Draw a line where each deployment began, with its revision's number; of many only the newest."""
    newest = deployments.sort_values("created_at").tail(_MAX_MARKS)
    numbers = newest["revision"].fillna("").str.rpartition(":")[2] if len(newest) else newest["revision"]
    for when, number in zip(newest["created_at"], numbers, strict=True):
        ax.axvline(when, color=OTHER_LINE, linewidth=0.8, linestyle="--", zorder=0)
        ax.annotate(
            label(number), (when, 1), xycoords=("data", "axes fraction"), fontsize=7, rotation=90, va="top", ha="right"
        )


def note_if_empty(ax: Axes, rows: pd.DataFrame, note: str) -> None:
    """Write `note` into axes without rows: an empty plot must not look like good news."""
    if not len(rows):
        ax.text(0.5, 0.5, note, transform=ax.transAxes, ha="center", va="center")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(NullLocator())
            axis.set_major_formatter(NullFormatter())


def finish(ax: Axes, *, legend: bool = True) -> Axes:
    """Put the legend beside the axes, and let no text be mathtext."""
    handles, _ = ax.get_legend_handles_labels()
    if legend and handles:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    plain_text(ax)
    return ax
