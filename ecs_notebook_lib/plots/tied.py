"""Several plots over one stretch of time, one below the other, as one picture."""

from collections.abc import Callable, Sequence
from io import BytesIO

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

Draw = Callable[[Axes], object]
_WIDTH, _DPI = 9.0, 80


def tied_picture(
    plots: Sequence[tuple[Draw, float]], *, since: pd.Timestamp, until: pd.Timestamp, software: str = "ecs-notebook-lib"
) -> bytes:
    """Return a PNG of the plots, each with its height in inches, all cut to the time from `since` to `until`.

    The figure is none of pyplot's, which would keep it, and show it again below the next cell.
    """
    heights = [height for _, height in plots]
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    stack = figure.subplots(len(plots), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (draw, _) in zip(stack, plots, strict=True):
        draw(ax)
        ax.set_xlim(since, until)
        _hide_notes_outside(ax)
        if ax is not stack[-1]:
            ax.set_xlabel("")
    written = BytesIO()
    figure.savefig(written, format="png", dpi=_DPI, metadata={"Software": software})
    return written.getvalue()


def _hide_notes_outside(ax: Axes) -> None:
    """Hide what is written at a time that is not shown: matplotlib would write it beside the axes."""
    begin, end = ax.get_xlim()
    for note in ax.texts:
        if isinstance(note, Annotation):
            note.set_visible(bool(begin <= ax.convert_xunits(note.xy[0]) <= end))
