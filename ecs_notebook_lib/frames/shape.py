"""From paths to frames: the columns that are derived, each from others."""

from collections.abc import Callable, Iterable
from functools import partial

import pandas as pd

from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.frames.columns import declared, texts
from ecs_notebook_lib.frames.ecs import DEPLOYMENTS, EVENTS, SERVICE_DEPLOYMENTS, TASK_DEFINITIONS
from ecs_notebook_lib.frames.targets import TARGETS
from ecs_notebook_lib.frames.tasks import CONTAINERS, TASKS
from ecs_notebook_lib.knowledge.messages import Message, kinds_of, recognise

_OF_ITS_OWN = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9]{1,3}(?:\.[0-9]{1,3}){3}:[0-9]{1,5}"
"""The id of a request or a task, or an address with its port: each task has its own, and no template holds one."""


def _each_once(values: pd.Series, function: Callable[[pd.Series], Iterable[str | None]]) -> pd.Series:
    """Return the text that `function` makes of each distinct value, at each row that has it; missing stays missing."""
    codes, distinct = pd.factorize(values)
    made = texts([*function(pd.Series(distinct)), None], pd.RangeIndex(len(distinct) + 1))
    return made.take(codes).set_axis(values.index)  # the code of what is missing is -1: the last one


def _revisions(task_definitions: pd.Series) -> pd.Series:
    return _each_once(task_definitions, partial(map, revision_of))


def _kinds(sentences: pd.Series) -> pd.Series:
    """Return what each stopped reason means."""
    return _each_once(sentences, _kinds_of_distinct)


def _kinds_of_distinct(sentences: pd.Series) -> Iterable[str | None]:
    """Return what each sentence means, reading one of those that differ only in what each task has of its own.

    They are of one length, too: from a certain length on a sentence may have been cut.
    """
    alike = sentences.str.replace(_OF_ITS_OWN, "", regex=True) + sentences.str.len().astype("string")
    first = ~alike.duplicated()
    known = dict(zip(alike[first], kinds_of(sentences[first], where="stopped_reason"), strict=True))
    return (known[text] for text in alike)


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
        task_id=read["task_arn"].str.rpartition("/")[2] if len(read) else read["task_arn"],
        revision=_revisions(read["task_definition"]),
        reason_kind=_kinds(read["stopped_reason"]),
        running_seconds=_seconds(read["started_at"], read["execution_stopped_at"].fillna(read["stopping_at"])),
    )
    return declared(frame.sort_values("created_at", kind="stable"), TASKS)


def containers_frame(read: pd.DataFrame, definitions: pd.DataFrame) -> pd.DataFrame:
    """Return `CONTAINERS` with what each reason means and whether the container is essential."""
    essential = definitions[["task_definition", "container", "essential"]]
    frame = read.drop(columns="essential").merge(essential, on=["task_definition", "container"], how="left")
    kinds, revisions = _kinds(frame["reason"]), _revisions(frame["task_definition"])
    return declared(frame.assign(revision=revisions, reason_kind=kinds), CONTAINERS)


def targets_frame(read: pd.DataFrame, addresses: pd.DataFrame) -> pd.DataFrame:
    """Return `TARGETS` with the revision of the newest task that has, or had, the address."""
    newest = addresses.dropna(subset=["address"]).sort_values("created_at").drop_duplicates("address", keep="last")
    known = newest.set_index("address")["task_definition"]
    there = read["seen_at"] == read.groupby("target_group_arn")["seen_at"].transform("max")
    gone_well = ~there & read["state"].isin(["healthy", "initial"])  # what was well, and is not registered any more
    kept = read[~gone_well]
    return declared(kept.assign(revision=_revisions(kept["address"].map(known))), TARGETS)
