"""Controls over frames, for exploring in JupyterLab; a report is complete without them."""

import ipywidgets
import pandas as pd
from IPython.display import display

from ecs_notebook_lib.report.display import Table

_EVERY = "every revision"
_SHOWN = ["created_at", "task_id", "last_status", "stop_code", "stopped_reason", "running_seconds"]


def task_browser(tasks: pd.DataFrame) -> ipywidgets.Widget:
    """Return a choice of the revision above the newest 20 of its tasks."""
    revisions = sorted(tasks["revision"].dropna().unique(), reverse=True)
    choice = ipywidgets.Dropdown(options=[_EVERY, *revisions], description="Revision")
    shown = ipywidgets.Output()

    def show(_change: object = None) -> None:
        rows = tasks if choice.value == _EVERY else tasks[tasks["revision"] == choice.value]
        shown.clear_output(wait=True)
        with shown:
            display(Table(rows.sort_values("created_at", ascending=False)[_SHOWN].head(20)))

    choice.observe(show, names="value")
    show()
    return ipywidgets.VBox([choice, shown])
