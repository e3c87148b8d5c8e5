"""One window of time over all plots of a notebook: moving its ends redraws each of them."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

import ipywidgets
import pandas as pd

from ecs_notebook_lib.errors import WindowError
from ecs_notebook_lib.plots.tied import tied_picture
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.time_steps import ROUND_MINUTES
from ecs_notebook_lib.widgets.panel import Drawn, Panel

_STEPS = 240
_EMPTY = Drawn("<p>No plot is tied to this window yet.</p>", "No plot is tied to this window yet.")


class TimeWindow(Panel):
    """A range of time, and the plots that are tied to it."""

    def __init__(self, since: pd.Timestamp, until: pd.Timestamp, *, begin: str, end: str) -> None:
        self._until = until
        self._plots: list[tuple[Callable[..., Any], float]] = []
        marks = _marks(since, until)
        form = "%H:%M" if until - since < pd.Timedelta(days=1) else "%m-%d"
        options = [(f"{mark:{form}}", mark) for mark in marks]
        chosen = (_nearest(marks, begin, marks[0]), _nearest(marks, end, marks[-1]))
        if chosen[0] >= chosen[1]:
            raise WindowError(f"{begin}/{end}")
        slider = ipywidgets.SelectionRangeSlider(
            options=options,
            value=chosen,
            description="Time [UTC]",
            continuous_update=False,
            layout=ipywidgets.Layout(width="720px"),
        )
        super().__init__({"window": slider}, self._draw_plots)

    def add(self, plot: Callable[..., Any], *frames: pd.DataFrame, height: float = 2.2, **options: Any) -> "TimeWindow":
        """Tie a plot of these frames to the window, `height` inches high, and return this window.

        `since` and `until` are given to a plot that takes them.
        """
        self._plots.append((partial(plot, *frames, **options), height))
        if self._drawn is not None:
            self.redraw()
        return self

    def _draw_plots(self, window: tuple[pd.Timestamp, pd.Timestamp]) -> Drawn:
        if not self._plots:
            return _EMPTY
        times = {"since": window[0], "until": self._until}
        plots = [(_on_axes(plot, times), height) for plot, height in self._plots]
        png = tied_picture(plots, since=window[0], until=window[1])
        names = ", ".join(plot.func.__name__.removeprefix("plot_").replace("_", " ") for plot, _ in self._plots)  # type: ignore[attr-defined]
        told = f"{window[0]:%Y-%m-%d %H:%M} to {window[1]:%Y-%m-%d %H:%M} UTC: {names}"
        return Drawn("", told, png)


def time_window(since: pd.Timestamp, until: pd.Timestamp, *, begin: str = "", end: str = "") -> TimeWindow:
    """Return a slider over the time from `since` to `until`; tie plots to it with `.add(plot, frame, …)`.

    Parameters
    ----------
    begin, end
        The part that is shown at first, as ISO 8601 instants; empty for all of it.

    Raises
    ------
    WindowError
        If `begin` or `end` is no instant, or no time is between them.
    """
    return TimeWindow(since, until, begin=begin, end=end)


def _on_axes(plot: Callable[..., Any], times: dict[str, pd.Timestamp]) -> Callable[..., Any]:
    taken = {name: when for name, when in times.items() if name in signature(plot).parameters}
    return lambda ax: plot(ax=ax, **taken)


def _marks(since: pd.Timestamp, until: pd.Timestamp) -> list[pd.Timestamp]:
    """Return the instants between which one chooses: round ones, and at most some hundred."""
    minutes = (until - since).total_seconds() / 60
    step = next((step for step in ROUND_MINUTES if minutes / step <= _STEPS), minutes / _STEPS)
    first, last = since.floor(f"{_whole(step)}min"), until.ceil(f"{_whole(step)}min")
    marks = list(pd.date_range(first, last, freq=f"{_whole(step)}min"))
    return marks if len(marks) > 1 else [first, first + pd.Timedelta(minutes=1)]


def _whole(step: float) -> int:
    return max(1, round(step))


def _nearest(marks: list[pd.Timestamp], text: str, otherwise: pd.Timestamp) -> pd.Timestamp:
    if not text:
        return otherwise
    try:
        instant = pd.Timestamp(parse_instant(text))
    except ValueError as error:
        raise WindowError(text) from error
    return min(marks, key=lambda mark: abs(mark - instant))
