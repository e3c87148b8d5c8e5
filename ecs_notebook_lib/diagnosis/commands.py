"""The story's own diagnostic plan, as commands completed with this incident's ids."""

from dataclasses import dataclass

import pandas as pd

from ecs_notebook_lib.diagnosis.shell import Names, filled
from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.snapshot.model import utc_text

_TASKS = 5


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the plan: the question that it answers, and the command; empty if an id is not known."""

    title: str
    command: str


def commands_of(frames: Frames, names: Names) -> tuple[Command, ...]:
    """Return the commands of `knowledge/commands.toml`, filled in; `names` as the plan's commands take them."""
    known = {**names, **_more_names(frames, frames.history.examined)}
    return tuple(
        Command(row["title"], filled(row["command"], known) if all(k in known for k in row["names"]) else "")
        for row in read_table("commands")["command"]
    )


def _more_names(frames: Frames, examined: Deployment | None) -> Names:
    tasks = frames.tasks[frames.tasks["task_definition"] == frames.history.examined_definition]
    stopped = tasks[tasks["stop_code"].notna()].sort_values("created_at", ascending=False)
    chosen = stopped if len(stopped) else tasks
    began = pd.Timestamp(examined.created_at) if examined else pd.Timestamp(frames.snapshot.as_of)
    vpcs = frames.subnets["vpc_id"].dropna()
    found: Names = {
        "tasks": tuple(chosen["task_id"].head(_TASKS)),
        "log_since": utc_text(began.to_pydatetime()).partition(".")[0].removesuffix("Z"),
        "vpc": str(vpcs.iloc[0]) if len(vpcs) else "",
    }
    return {name: value for name, value in found.items() if value}
