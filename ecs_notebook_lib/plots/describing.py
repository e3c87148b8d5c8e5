"""What a figure shows, in words, read from what is drawn in it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ecs_notebook_lib.untrusted import visible

_MOST = 16
"""Rows, or bars, that are named one by one."""
_LONGEST = 1500
_BAR = "bar"
_OF_FIGURES = frozenset("0123456789.e+-\N{MINUS SIGN}")


def describe(figure: Figure) -> str:
    """Return title, axes, rows, and of each entry of the legend how much of it is drawn, and where."""
    return visible(" ".join(part for ax in figure.axes for part in _parts(ax)), limit=_LONGEST)


def _parts(ax: Axes) -> Iterator[str]:
    yield f"{ax.get_title() or 'A plot'}."
    notes = [text.get_text() for text in ax.texts if text.get_transform() == ax.transAxes]
    if notes:
        yield f"Empty: {notes[0]}."
        return
    columns, rows = _labels(ax.xaxis), _labels(ax.yaxis)
    if _are_names(columns) and not _tells_time(ax.xaxis):
        yield f"Columns: {_listing(columns)}."
    elif columns:
        begin, end = (_told(ax.xaxis, value) for value in ax.get_xlim())
        yield f"{ax.get_xlabel()}: from {begin} to {end}."
    values = _values(ax)
    if values:
        yield f"Bars: {_listing(values)}."
    elif _are_names(rows):
        yield f"{ax.get_ylabel()}: {_listing(rows)}."
    shown = list(_of_legend(ax))
    if shown:
        yield f"Drawn: {'; '.join(shown)}."


def _listing(texts: Iterable[str]) -> str:
    told = list(texts)
    more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return ", ".join(told[:_MOST]) + more


def _labels(axis: Axis) -> list[str]:
    return [tick.get_text().replace("\n", ", ") for tick in axis.get_ticklabels() if tick.get_text()]


def _are_names(labels: list[str]) -> bool:
    """Say whether an axis names things: its labels are no figures (`10`, a power as mathtext)."""
    return any(set(label) - _OF_FIGURES and not label.startswith("$") for label in labels)


def _tells_time(axis: Axis) -> bool:
    return isinstance(axis.get_major_locator(), AutoDateLocator)


def _told(axis: Axis, value: float) -> str:
    """Return a position on an axis: a time in UTC where the axis tells time."""
    if _tells_time(axis):
        return f"{num2date(value):%Y-%m-%d %H:%M} UTC"
    return f"{value:.4g}"


def _values(ax: Axes) -> list[str]:
    """Return `name: length` of horizontal bars that begin at 0, from top to bottom; none if they are something else."""
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    names = dict(zip(ax.get_yticks(), (tick.get_text() for tick in ax.get_yticklabels()), strict=True))
    named = [(bar.get_y() + bar.get_height() / 2, bar) for bar in bars]
    if not named or any(bar.get_x() or middle not in names or not names[middle] for middle, bar in named):
        return []
    downwards = sorted(named, key=lambda row: row[0], reverse=not ax.yaxis_inverted())
    return [f"{names[middle]}: {bar.get_width():.3g}" for middle, bar in downwards]


def _of_legend(ax: Axes) -> Iterator[str]:
    """Return each entry of the legend with what is drawn of it."""
    drawn: Counter[tuple[str, str]] = Counter()
    for bar in ax.patches:
        drawn[to_hex(bar.get_facecolor()), _BAR] += 1
    for line in ax.lines:
        drawn[_look(line)] += len(line.get_xdata())  # type: ignore[arg-type]
    for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
        if isinstance(handle, Line2D):
            yield f"{name}{_of_line(ax, handle, drawn)}"
        elif isinstance(handle, PathCollection):
            yield f"{name} ({_counted(len(handle.get_offsets()), 'mark')})"  # type: ignore[arg-type]
        else:
            bars = [bar for bar in getattr(handle, "patches", [handle]) if isinstance(bar, Rectangle)]
            count = drawn[to_hex(bars[0].get_facecolor()), _BAR] if bars else 0
            yield f"{name} ({_counted(count, 'bar')})"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _look(line: Line2D) -> tuple[str, str]:
    return to_hex(line.get_color()), f"{line.get_marker()}{line.get_linestyle()}"


def _of_line(ax: Axes, line: Line2D, drawn: Counter[tuple[str, str]]) -> str:
    """Return where a line across the axes stands, between which values a curve runs, or how many marks there are."""
    across, along = (list(map(float, values)) for values in line.get_data(orig=False))  # type: ignore[arg-type]
    if line.get_linestyle() == "None":
        return f" ({_counted(drawn[_look(line)], 'mark')})"
    if len(across) == 2 and _same(across) and line.get_transform() != ax.transData:
        return f" (at {_told(ax.xaxis, across[0])})"
    if len(along) == 2 and _same(along) and line.get_transform() != ax.transData:
        return f" (at {along[0]:.4g})"
    return f" (between {min(along):.4g} and {max(along):.4g})" if along else ""


def _same(values: list[float]) -> bool:
    return all(first == second for first, second in pairwise(values))
