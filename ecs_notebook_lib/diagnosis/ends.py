"""How each task of the frames ended, and which of them printed anything."""

from functools import partial

import pandas as pd

from ecs_notebook_lib.diagnosis.containers import application_names, main_containers
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.sentences import read_once
from ecs_notebook_lib.knowledge.ends import Ended, end_of, reading
from ecs_notebook_lib.knowledge.weights import reading_of


def ends_of(frames: Frames) -> pd.Series:
    """Return for each row of `tasks` the kind of finding that its end comes to; missing where that says nothing."""
    containers, spoke = _containers(frames), _that_spoke(frames)
    tasks = frames.tasks.assign(told=_told(frames.tasks["stopped_reason"], frames.tasks["reason_kind"]))
    columns = ["task_arn", "stop_code", "told", "running_seconds"]
    rows = tasks[columns].astype(object).where(tasks[columns].notna(), None)
    kinds = [
        end_of(code, told, containers.get(arn, ()), seconds=seconds, silent=arn not in spoke)
        for arn, code, told, seconds in rows.itertuples(index=False, name=None)
    ]
    return pd.Series([kind or None for kind in kinds], index=frames.tasks.index, dtype="string")


def _told(reasons: pd.Series, kinds: pd.Series) -> pd.Series:
    """Return the kind of finding that each reason comes to; where there is no reason, what its kind comes to."""
    of_kinds = read_once(kinds.where(reasons.isna()), partial(reading_of, where="stopped_reason"))
    return read_once(reasons, reading).fillna(of_kinds).fillna("")


def _that_spoke(frames: Frames) -> set[str]:
    """Return the tasks whose application printed something, or was not asked; all of them where logs were not read."""
    if "log_events" in frames.gaps:
        return set(frames.tasks["task_arn"])
    main = application_names(frames)
    of_application = frames.log_events["container"].isin(main) if main else frames.log_events["container"].notna()
    spoke = frames.tasks["task_id"].isin(frames.log_events.loc[of_application, "task_id"].unique())
    read = frames.tasks["task_id"].isin(_asked_for(frames, main))
    return set(frames.tasks.loc[spoke | ~read, "task_arn"])


def _asked_for(frames: Frames, containers: set[str]) -> set[str]:
    """Return the tasks of whose application the stream was asked for, `prefix/container/task`, whatever came of it."""
    names = (str(page["params"].get("logStreamName", "")) for page in frames.snapshot.records("logs:GetLogEvents"))
    parts = (name.split("/") for name in names)
    return {row[-1] for row in parts if not containers or len(row) < 2 or row[-2] in containers}


def _containers(frames: Frames) -> dict[str, list[Ended]]:
    main = main_containers(frames)
    rows = frames.containers[frames.containers["essential"].fillna(value=True)]
    by_task: dict[str, list[Ended]] = {}
    rows = rows.assign(told=_told(rows["reason"], rows["reason_kind"]))
    columns = ["task_arn", "task_definition", "container", "exit_code", "told", "health_status"]
    known = rows[columns].astype(object).where(rows[columns].notna(), None)
    for arn, definition, name, code, told, health in known.itertuples(index=False, name=None):
        takes = name is None or (definition, name) in main
        ended = Ended(str(name or ""), code, told, takes, health == "UNHEALTHY")
        by_task.setdefault(arn, []).append(ended)
    return by_task
