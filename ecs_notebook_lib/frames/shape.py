"""From paths to frames: the columns that are derived, each from others."""

from functools import partial

import pandas as pd

from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.frames.columns import declared, texts
from ecs_notebook_lib.frames.ecs import DEPLOYMENTS, EVENTS, SERVICE_DEPLOYMENTS, TASK_DEFINITIONS
from ecs_notebook_lib.frames.sentences import each_once, read_once
from ecs_notebook_lib.frames.targets import TARGETS
from ecs_notebook_lib.frames.tasks import CONTAINERS, TASKS
from ecs_notebook_lib.knowledge.messages import Message, recognise


def _revisions(task_definitions: pd.Series) -> pd.Series:
    return each_once(task_definitions, partial(map, revision_of))


def _kind(reason: str) -> str | None:
    message = recognise(reason, where="stopped_reason")
    return message.kind if message else None


def _seconds(begin: pd.Series, end: pd.Series) -> pd.Series:
    return (end - begin).dt.total_seconds().astype("Float64")


def deployments_frame(read: pd.DataFrame) -> pd.DataFrame:
    """Return `DEPLOYMENTS`, newest first, with the revision of each."""
    frame = read.assign(revision=_revisions(read["task_definition"]))
    return declared(frame.sort_values("created_at", ascending=False, kind="stable"), DEPLOYMENTS)


def task_definitions_frame(read: pd.DataFrame) -> pd.DataFrame:
    """Return `TASK_DEFINITIONS`, oldest first, with the revision of each."""
    frame = read.assign(revision=_revisions(read["task_definition"]))
    return declared(frame.sort_values("registered_at", kind="stable"), TASK_DEFINITIONS)


def events_frame(read: pd.DataFrame) -> pd.DataFrame:
    """Return `EVENTS`, newest first, with what each sentence means."""
    messages = [recognise(text, where="service_event") for text in read["message"].fillna("")]
    frame = read.assign(kind=texts((message.kind if message else None for message in messages), read.index))
    for part in ("deployment_id", "target_group", "reason"):
        frame[part] = texts((_part(message, part) for message in messages), read.index)
    return declared(frame.sort_values("created_at", ascending=False, kind="stable"), EVENTS)


def _part(message: Message | None, name: str) -> str | None:
    return message.parts.get(name) if message else None


def service_deployments_frame(read: pd.DataFrame, revisions: pd.DataFrame) -> pd.DataFrame:
    """Return `SERVICE_DEPLOYMENTS`, newest first, with the revision that each rolled out."""
    known = revisions.set_index("service_revision_arn")["task_definition"]
    frame = read.assign(revision=_revisions(read["service_revision_arn"].map(known)))
    return declared(frame.sort_values("created_at", ascending=False, kind="stable"), SERVICE_DEPLOYMENTS)


def tasks_frame(read: pd.DataFrame) -> pd.DataFrame:
    """Return `TASKS`, oldest first, with identifiers, kinds of reasons and times in RUNNING."""
    frame = read.assign(
        task_id=read["task_arn"].str.replace("(?s)^.*/", "", regex=True),
        revision=_revisions(read["task_definition"]),
        reason_kind=read_once(read["stopped_reason"], _kind),
        running_seconds=_seconds(read["started_at"], read["execution_stopped_at"].fillna(read["stopping_at"])),
    )
    return declared(frame.sort_values("created_at", kind="stable"), TASKS)


def containers_frame(read: pd.DataFrame, definitions: pd.DataFrame) -> pd.DataFrame:
    """Return `CONTAINERS` with what each reason means and whether the container is essential."""
    essential = definitions[["task_definition", "container", "essential"]]
    frame = read.drop(columns="essential").merge(essential, on=["task_definition", "container"], how="left")
    kinds, revisions = read_once(frame["reason"], _kind), _revisions(frame["task_definition"])
    return declared(frame.assign(revision=revisions, reason_kind=kinds), CONTAINERS)


def targets_frame(read: pd.DataFrame, addresses: pd.DataFrame) -> pd.DataFrame:
    """Return `TARGETS` with the revision of the newest task that has, or had, the address."""
    newest = addresses.dropna(subset=["address"]).sort_values("created_at").drop_duplicates("address", keep="last")
    known = newest.set_index("address")["task_definition"]
    there = read["seen_at"] == read.groupby("target_group_arn")["seen_at"].transform("max")
    gone_well = ~there & read["state"].isin(["healthy", "initial"])  # what was well, and is not registered any more
    kept = read[~gone_well]
    return declared(kept.assign(revision=_revisions(kept["address"].map(known))), TARGETS)
