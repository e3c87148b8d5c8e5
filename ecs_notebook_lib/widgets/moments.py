"""A step through the deployment in time."""

from functools import partial

import ipywidgets
import pandas as pd

from ecs_notebook_lib.errors import WindowError
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.report.moment_tables import deployments_at, events_at, moments_of, targets_at, tasks_at
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.widgets.panel import Drawn, Panel
from ecs_notebook_lib.widgets.pieces import joined


def step_through(frames: Frames, since: pd.Timestamp, *, at: str = "") -> Panel:
    """Return a slider over the moments since `since` at which something happened, above what was known at each.

    Parameters
    ----------
    at
        The moment to begin with, as an ISO 8601 instant: the last one that is not after it. Empty for the last.

    Raises
    ------
    WindowError
        If `at` is no instant.
    """
    moments = moments_of(frames, since) or [since]
    slider = ipywidgets.SelectionSlider(
        options=[(f"{moment:%m-%d %H:%M}", moment) for moment in moments],
        value=_begin(moments, at),
        description="At [UTC]",
        continuous_update=False,
        layout=ipywidgets.Layout(width="720px"),
    )
    return Panel({"at": slider}, partial(_draw, frames))


def _begin(moments: list[pd.Timestamp], at: str) -> pd.Timestamp:
    if not at:
        return moments[-1]
    try:
        instant = pd.Timestamp(parse_instant(at))
    except ValueError as error:
        raise WindowError(at) from error
    return max((moment for moment in moments if moment <= instant), default=moments[0])


def _draw(frames: Frames, at: pd.Timestamp) -> Drawn:
    return joined(
        [
            (f"Tasks at {at:%Y-%m-%d %H:%M} UTC, of those that ECS still lists", Table(tasks_at(frames.tasks, at))),
            ("Targets", Table(targets_at(frames.metrics, at))),
            ("Deployments", Table(deployments_at(frames.service_deployments, at))),
            ("The newest events, of the 100 that ECS keeps", Table(events_at(frames.events, at))),
        ]
    )
