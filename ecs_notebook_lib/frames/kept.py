"""Tasks that Container Insights' performance logs tell of when ECS has forgotten them: their revisions."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.frames.columns import TEXT, Column, FrameSchema, rows_frame
from ecs_notebook_lib.knowledge.performance_log import PERFORMANCE_GROUP, task_revision
from ecs_notebook_lib.snapshot import Snapshot

KEPT_TASKS = FrameSchema(
    "kept_tasks",
    "",
    needs=("logs:DescribeLogGroups",),
    rows="One row a task that a performance log names. Empty: Container Insights is off, or ECS still lists the tasks.",
    columns=(
        Column("task_id", TEXT, "", "Last part of the task's ARN."),
        Column("revision", TEXT, "", "`family:number` that it ran."),
    ),
)


def kept_tasks_frame(snapshot: Snapshot, service: str) -> pd.DataFrame:
    """Return `KEPT_TASKS` from the performance logs that were read; a line that is no JSON is left out."""
    frame = rows_frame(_rows(snapshot, service), KEPT_TASKS)
    return frame.drop_duplicates("task_id", keep="last", ignore_index=True)


def _rows(snapshot: Snapshot, service: str) -> Iterator[dict[str, object]]:
    for page in snapshot.records("logs:FilterLogEvents"):
        if not str(page["params"].get("logGroupName")).startswith(PERFORMANCE_GROUP):
            continue
        for event in (page["response"] or {}).get("events") or ():
            told = task_revision(str(event.get("message")), service=service)
            if told is not None:
                yield dict(zip(("task_id", "revision"), told, strict=True))
