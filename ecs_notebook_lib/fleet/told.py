"""What one part of a store tells: its tasks and deployments by the frames of one incident, and when too few ran. Pure.

A thing's state is told on the day when it comes about, or on the next one, by the first look after midnight; and a day
begins with the states of all things, so that most is told on several days. `days` counts each thing on its own day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ecs_notebook_lib.diagnosis.rollout import failed_tasks
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.columns import COUNT, TEXT, UTC_TIME, Column, FrameSchema
from ecs_notebook_lib.frames.reading import frame_of, read_pages
from ecs_notebook_lib.history.reading import changes_in
from ecs_notebook_lib.history.replay import pages_of
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import Partition, rows_of
from ecs_notebook_lib.snapshot import IncidentName, Snapshot
from ecs_notebook_lib.snapshot.model import members_of
from ecs_notebook_lib.version import __version__

STARTED, STOPPED, DEPLOYMENT_FAILED = "started", "stopped", "deployment_failed"
_FAILED_EVENT = "SERVICE_DEPLOYMENT_FAILED"
_EVENTS = ("service_action", "deployment_event")

_STATES = FrameSchema(
    "states",
    "",
    rows="One row a state of a service or a deployment, as the store has it.",
    columns=(
        Column("deployment_id", TEXT, "@id", "Of a deployment."),
        Column("desired_count", COUNT, "@desiredCount", "Tasks that should run."),
        Column("running_count", COUNT, "@runningCount", "Its tasks in RUNNING."),
        Column("rollout_state", TEXT, "@rolloutState", "IN_PROGRESS, COMPLETED or FAILED."),
        Column("updated_at", UTC_TIME, "@updatedAt", "When it last changed."),
    ),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a part tells, a few bytes for each thing.

    `things` has a row for each thing that came about: `service`, `what` (`started`, `stopped`, `deployment_failed`),
    `thing` (64 bits of the task's ARN or the deployment's id), `at`, and of a stop `stop_code`, `reason_kind` and
    `failed`. `services` has a row for each service: `changes`, `below_minutes` (missing if its desired count is not
    known) and `below_since` (missing unless it is below it at its last row). `first_at` and `last_at` are the times of
    the part's first and last row.
    """

    things: pd.DataFrame
    services: pd.DataFrame
    first_at: datetime
    last_at: datetime


def told_of(table: pa.Table, partition: Partition) -> Told | None:
    """Return what a table under `store.SCHEMA` tells, duplicates dropped; None if it has no rows."""
    if not len(table):
        return None
    rows = _Rows(table, partition)
    tasks, events = rows.last("task"), rows.last(*_EVENTS)
    frames = _frames([*rows.of(tasks), *rows.of(events)], partition)
    deployments, services = rows.states("deployment"), rows.states("service")
    things = [
        *_task_things(frames, rows.services_of(tasks)),
        _failed_deployments(deployments),
        _failed_events(frames, rows.services_of(events)),
    ]
    below = below_desired(deployments, services)
    changes = rows.names(rows.changes).value_counts().rename("changes")
    times = table["changed_at"]
    return Told(
        _each_once(pd.concat(things, ignore_index=True)),
        _of_services(pd.concat([changes, below], axis="columns")),
        pc.min(times).as_py(),
        pc.max(times).as_py(),
    )


class _Rows:
    """The rows of a part, each change once, in order of time; states stay where they are until they are asked for."""

    def __init__(self, table: pa.Table, partition: Partition) -> None:
        self._table = table
        self._partition = partition
        self.changes = changes_in(table).to_numpy()
        self._kinds = table["kind"].combine_chunks().dictionary_encode()
        self._there = table["state"].is_valid().to_numpy()

    def _of_kind(self, *kinds: str) -> np.ndarray:
        numbers = [number for number, kind in enumerate(self._kinds.dictionary.to_pylist()) if kind in kinds]
        rows: np.ndarray = self.changes[np.isin(self._kinds.indices.to_numpy()[self.changes], numbers)]
        return rows

    def last(self, *kinds: str) -> np.ndarray:
        """Return the positions of the last states of things that are there, or were."""
        rows = self._of_kind(*kinds)
        rows = rows[self._there[rows]]
        things = self._table.select(["kind", "scope", "key"]).take(pa.array(rows)).to_pandas()
        last: np.ndarray = rows[~things.duplicated(keep="last").to_numpy()]
        return last

    def of(self, positions: np.ndarray) -> list[Row]:
        """Return rows with their states."""
        return list(rows_of(self._table.take(pa.array(positions)).to_pylist(), self._partition))

    def names(self, positions: np.ndarray) -> pd.Series:
        """Return the service of each row."""
        services: pd.Series = self._table["service"].take(pa.array(positions)).to_pandas()
        return services

    def services_of(self, positions: np.ndarray) -> pd.Series:
        """Return the service of each thing by its key."""
        keys = self._table["key"].take(pa.array(positions)).to_pandas()
        return pd.Series(self.names(positions).array, index=pd.Index(keys))

    def states(self, kind: str) -> pd.DataFrame:
        """Return `_STATES` with `service`, `key` and `at`; of what is gone only these are there."""
        rows = self._of_kind(kind)
        known = rows[self._there[rows]]
        lines = "\n".join(self._table["state"].take(pa.array(known)).to_pylist()).encode()
        states = frame_of(read_pages(lines, [_STATES]), _STATES).set_axis(known)
        named: pd.DataFrame = self._table.select(["service", "key", "changed_at"]).take(pa.array(rows)).to_pandas()
        named = named.set_axis(rows).rename(columns={"changed_at": "at"})
        return named.join(states).reset_index(drop=True)


def _frames(rows: Sequence[Row], partition: Partition) -> Frames:
    """Return the frames that an incident with these rows in its history has."""
    last = max((row.at for row in rows), default=datetime.min)
    incident = IncidentName(partition.cluster, "", partition.region, partition.account, (last, last))
    members = members_of(pages_of(rows, partition.cluster), partition.account)
    return Frames(Snapshot(incident, last, None, False, __version__, members))


def _task_things(frames: Frames, services: pd.Series) -> Iterable[pd.DataFrame]:
    tasks = frames.tasks
    tasks = tasks.assign(service=tasks["task_arn"].map(services), failed=failed_tasks(tasks))
    for what in (STARTED, STOPPED):
        known = tasks.dropna(subset=f"{what}_at")
        known = known.drop(columns=["stop_code", "reason_kind", "failed"]) if what == STARTED else known
        yield _things(known.rename(columns={f"{what}_at": "at"}), what, "task_arn")


def _failed_deployments(deployments: pd.DataFrame) -> pd.DataFrame:
    failed = deployments[deployments["rollout_state"] == "FAILED"]
    return _things(failed.assign(at=failed["updated_at"]), DEPLOYMENT_FAILED, "key")


def _failed_events(frames: Frames, services: pd.Series) -> pd.DataFrame:
    events = frames.service_actions
    failed = events[(events["name"] == _FAILED_EVENT) & events["deployment_id"].notna()]
    return _things(failed.assign(service=failed["event_id"].map(services)), DEPLOYMENT_FAILED, "deployment_id")


_THINGS = {
    "service": TEXT,
    "what": TEXT,
    "thing": "uint64",
    "at": UTC_TIME,
    "stop_code": TEXT,
    "reason_kind": TEXT,
    "failed": "bool",
}


def _things(frame: pd.DataFrame, what: str, key: str) -> pd.DataFrame:
    thing = pd.util.hash_array(frame[key].to_numpy(dtype=object))
    frame = frame.assign(what=what, thing=thing).reindex(columns=list(_THINGS))
    return frame.assign(failed=frame["failed"].eq(True)).astype(_THINGS)


def _each_once(things: pd.DataFrame) -> pd.DataFrame:
    """Return the first telling of each thing that a service did; tasks that no service started are left out."""
    own = things[things["service"].notna() & (things["service"] != "")]
    return own.sort_values("at", kind="stable").drop_duplicates(["what", "thing"], ignore_index=True)


def _of_services(services: pd.DataFrame) -> pd.DataFrame:
    own = services[services.index != ""]
    named = own.rename_axis("service").reset_index()
    return named.astype({"service": TEXT, "changes": COUNT, "below_minutes": "Float64", "below_since": UTC_TIME})


def below_desired(deployments: pd.DataFrame, services: pd.DataFrame) -> pd.DataFrame:
    """Return for each service how long its running tasks were fewer than desired, from its first row to its last.

    A service runs what its deployments run together. Both frames have `service`, `key` and `at`, in order of time.

    Returns
    -------
    pandas.DataFrame
        `below_minutes`, missing if no desired count is known, and `below_since`: since when it has been below it at its
        last row, missing if it is not.
    """
    running = deployments["running_count"].fillna(0).astype("int64")
    changed = running - running.groupby([deployments["service"], deployments["key"]]).shift(fill_value=0)
    ran = deployments[["service", "at"]].assign(changed=changed)
    wanted = services[["service", "at"]].assign(changed=0, desired=services["desired_count"])
    steps = pd.concat([ran, wanted]).astype({"desired": COUNT}).sort_values(["service", "at"], kind="stable")
    by_service = steps.groupby("service", sort=False)
    steps = steps.assign(running=by_service["changed"].cumsum(), desired=by_service["desired"].ffill())
    steps = steps.drop_duplicates(["service", "at"], keep="last")
    below = (steps["running"] < steps["desired"]).astype("boolean")
    until = steps.groupby("service", sort=False)["at"].shift(-1)
    minutes = ((until - steps["at"]).dt.total_seconds() / 60).where(below.fillna(False), 0.0).fillna(0.0)
    known = steps["desired"].notna()
    last = steps[~steps.duplicated("service", keep="last") & below.fillna(False)]
    return pd.DataFrame(
        {
            "below_minutes": minutes[known].groupby(steps.loc[known, "service"]).sum(),
            "below_since": last.set_index("service")["at"],
        }
    )
