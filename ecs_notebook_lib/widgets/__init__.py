"""Controls over frames, for exploring in JupyterLab; a report is complete without them."""

from ecs_notebook_lib.widgets.differential import differential_browser
from ecs_notebook_lib.widgets.filters import event_filter, row_filter
from ecs_notebook_lib.widgets.logs import log_search
from ecs_notebook_lib.widgets.moments import step_through
from ecs_notebook_lib.widgets.panel import Panel
from ecs_notebook_lib.widgets.tasks import task_browser
from ecs_notebook_lib.widgets.windows import TimeWindow, time_window

__all__ = [
    "Panel",
    "TimeWindow",
    "differential_browser",
    "event_filter",
    "log_search",
    "row_filter",
    "step_through",
    "task_browser",
    "time_window",
]
