"""Controls over frames, for exploring in JupyterLab; a report is complete without them."""

import ipywidgets
import pandas as pd
from IPython.display import display

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.considering import counting, without
from ecs_notebook_lib.report.differential_tables import ranking_table
from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.untrusted import visible

_EVERY = "every revision"
_STATEMENT = 150
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


def differential_browser(diagnosis: Diagnosis) -> ipywidgets.Widget:
    """Return a box for each finding that counts, above the ranking without those that are switched off."""
    boxes = {name: _box(name, diagnosis) for name in counting(diagnosis)}
    everything = ipywidgets.Button(description="All on", tooltip="Let every finding count again")
    shown = ipywidgets.Output()

    def show(_change: object = None) -> None:
        ranked = without(diagnosis, [name for name, box in boxes.items() if not box.value])
        shown.clear_output(wait=True)
        with shown:
            display(Table(ranking_table(ranked, before=diagnosis.differential)))

    def reset(_button: object) -> None:
        for box in boxes.values():
            box.value = True

    for box in boxes.values():
        box.observe(show, names="value")
    everything.on_click(reset)
    show()
    return ipywidgets.VBox([*boxes.values(), everything, shown])


def _box(name: str, diagnosis: Diagnosis) -> ipywidgets.Checkbox:
    statement = visible(diagnosis.finding(name).statement, limit=_STATEMENT)
    layout = ipywidgets.Layout(width="auto")
    return ipywidgets.Checkbox(value=True, description=f"{name} {statement}", indent=False, layout=layout)
