"""The revisions, the tasks of one, and all that is known of one task."""

from functools import partial

import pandas as pd

from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.report.task_tables import container_table, last_lines, task_facts, tasks_of
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn, Panel, choice
from ecs_notebook_lib.widgets.pieces import joined

_CHOICES = 100
_ID = 12


def task_browser(
    tasks: pd.DataFrame,
    containers: pd.DataFrame,
    log_events: pd.DataFrame,
    *,
    revision: str = "",
    task: str = "",
) -> Panel:
    """Return a choice of the revision and of one of its tasks, above the tasks, or all that is known of the one.

    Parameters
    ----------
    revision
        `family:number` to begin with; empty for every revision.
    task
        Id of a task, or its beginning; empty for the table of the newest tasks.

    Raises
    ------
    ChoiceError
        If there is no such revision, or no such task among its newest.
    """
    revisions = sorted(tasks["revision"].dropna().unique(), reverse=True)
    named = choice("Revision", [("every revision", ""), *((visible(name), name) for name in revisions)], revision)
    known = _options(tasks_of(tasks, revision))
    begun = next((name for _, name in known if task and name.startswith(task)), task)
    one = choice("Task", known, begun, width="520px")

    def offer(_change: object) -> None:
        one.options = _options(tasks_of(tasks, named.value))
        one.value = ""

    named.observe(offer, names="value")
    return Panel({"revision": named, "task": one}, partial(_draw, (tasks, containers, log_events)))


def _options(tasks: pd.DataFrame) -> list[tuple[str, str]]:
    newest = tasks.head(_CHOICES)
    labels = (
        newest["task_id"].str.slice(0, _ID)
        + newest["created_at"].dt.strftime("  %m-%d %H:%M:%S  ")
        + newest["stop_code"].fillna(newest["last_status"])
    )
    return [("none: show the table", ""), *zip(labels.map(visible), newest["task_id"], strict=True)]


def _draw(frames: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], revision: str, task: str) -> Drawn:
    tasks, containers, log_events = frames
    if not task:
        return joined([("The newest tasks", Table(tasks_of(tasks, revision, shown=True)))])
    row = tasks[tasks["task_id"] == task].iloc[-1]
    return joined(
        [
            ("The task", Table(task_facts(row))),
            ("Its containers", Table(container_table(containers, row["task_arn"]))),
            ("Its last log lines", Table(last_lines(log_events, task))),
        ]
    )
