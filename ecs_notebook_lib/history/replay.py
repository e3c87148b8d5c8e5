"""From rows of history back to answers of AWS: those that were given in a window, and those of one moment.

Frames are then made of them as of any other answers; `origin` of each page tells that it comes from a store.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any

from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.snapshot.model import utc_text

Shape = Mapping[str, Any]

_EVENTS = 100
"""Service events that DescribeServices tells."""

_A_MOMENT = timedelta(microseconds=1)

_STOPPED_TASKS = 500
"""Stopped tasks that are listed as of a moment: far more than ECS would, and as many as anybody looks through."""


def pages_of(rows: Sequence[Row], cluster: str) -> list[Page]:
    """Return answers that tell all that was kept of a service: each task and target as it was seen last, every event.

    `rows` are of one service, in order of time; `cluster` is what later questions name it. The service's own state is
    told as of each change of its configuration, with the deployments of then.
    """
    return [*_service_pages(rows, cluster), *_task_pages(rows, cluster), *_target_pages(rows), *_event_pages(rows)]


def _last(rows: Iterable[Row], kind: str) -> dict[tuple[str, str], Row]:
    """Return the last state of each thing; one that is gone keeps the state before."""
    return {(row.scope, row.key): row for row in rows if row.kind == kind and row.state is not None}


def _origin(row: Row) -> str:
    return "event" if row.origin == "event" else "store"


def _task_pages(rows: Sequence[Row], cluster: str) -> Iterator[Page]:
    last = sorted(_last(rows, "task").values(), key=lambda row: (row.at, row.origin))
    for (at, origin), group in groupby(last, key=lambda row: (row.at, _origin(row))):
        batch = list(group)
        params = {"cluster": cluster, "tasks": [row.key for row in batch]}
        response = {"tasks": [row.state for row in batch], "failures": []}
        yield Page("ecs:DescribeTasks", at, batch[0].region, params, origin=origin, response=response)


def _target_pages(rows: Sequence[Row]) -> Iterator[Page]:
    last = sorted(_last(rows, "target").values(), key=lambda row: (row.at, row.scope))
    for (at, scope), group in groupby(last, key=lambda row: (row.at, row.scope)):
        batch = list(group)
        response = {"TargetHealthDescriptions": [row.state for row in batch]}
        params = {"TargetGroupArn": scope}
        yield Page("elbv2:DescribeTargetHealth", at, batch[0].region, params, origin="store", response=response)


def _event_pages(rows: Sequence[Row]) -> Iterator[Page]:
    """Yield the events that no operation tells: what ECS did for the service, and how its deployments went."""
    told = [row for row in rows if row.kind in ("service_action", "deployment_event") and row.state is not None]
    events = [{"id": row.key, "time": utc_text(row.at), "kind": row.kind, "detail": row.state} for row in told]
    if told:
        params = {"service": told[-1].service}
        yield Page(
            "eventbridge:Event", told[-1].at, told[-1].region, params, origin="event", response={"events": events}
        )


def _service_pages(rows: Sequence[Row], cluster: str) -> Iterator[Page]:
    """Yield the service at each change of its configuration, with all events up to the next."""
    states = [row for row in rows if row.kind == "service" and row.state is not None]
    ends = [*(row.at - _A_MOMENT for row in states[1:]), *(row.at for row in rows[-1:])]
    events = [row for row in rows if row.kind == "service_event"]
    for row, end in zip(states, ends, strict=False):
        service = AsOf(rows, end).service()
        if service is not None:
            until, events = [e for e in events if e.at <= end], [e for e in events if e.at > end]
            shape = {**service, "events": [event.state for event in reversed(until)]}
            params = {"cluster": cluster, "services": [service["serviceName"]]}
            response = {"services": [shape], "failures": []}
            yield Page("ecs:DescribeServices", row.at, row.region, params, origin="store", response=response)


class AsOf:
    """The answers of one moment: to a caller, the past is what AWS says."""

    def __init__(self, rows: Sequence[Row], at: datetime) -> None:
        self._rows = [row for row in rows if row.at <= at]
        self.at = at

    def service(self) -> Shape | None:
        """Return the service as DescribeServices told it; None if it was not seen."""
        last = list(_last(self._rows, "service").values())
        if not last:
            return None
        service = last[-1].state or {}
        deployments = [row.state for row in self._there("deployment") if row.state]
        deployments.sort(key=lambda row: str(row.get("createdAt", "")), reverse=True)
        events = [row.state for row in self._rows if row.kind == "service_event" and row.state]
        sums = {name: sum(int(row.get(name) or 0) for row in deployments) for name in ("runningCount", "pendingCount")}
        return {**service, **sums, "deployments": deployments, "events": events[: -_EVENTS - 1 : -1]}

    def _there(self, kind: str) -> list[Row]:
        """Return the last rows of the things that are not gone."""
        last: dict[tuple[str, str], Row] = {}
        for row in self._rows:
            if row.kind == kind:
                last[row.scope, row.key] = row
        return [row for row in last.values() if row.state is not None]

    @cached_property
    def tasks(self) -> dict[str, Shape]:
        """Return the tasks by ARN, as they were seen last, in order of their creation."""
        seen = {row.key: row.state for row in _last(self._rows, "task").values() if row.state is not None}
        return dict(sorted(seen.items(), key=lambda item: str(item[1].get("createdAt", ""))))

    def targets(self) -> dict[str, list[Shape]]:
        """Return the TargetHealthDescriptions by target group."""
        groups: dict[str, list[Shape]] = defaultdict(list)
        for row in self._there("target"):
            groups[row.scope].append(row.state or {})
        return dict(groups)

    def answer(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what AWS said then; None if the store does not tell, and AWS is to be asked."""
        if operation == "ecs:DescribeServices":
            service = self.service()
            return {"services": [service], "failures": []} if service else None
        if operation == "ecs:ListTasks":
            return {"taskArns": self._listed(str(params.get("desiredStatus", "RUNNING")))}
        if operation == "ecs:DescribeTasks":
            wanted = params["tasks"]
            found = [self.tasks[arn] for arn in wanted if arn in self.tasks]
            return {"tasks": found, "failures": [_missing(arn) for arn in wanted if arn not in self.tasks]}
        if operation == "elbv2:DescribeTargetHealth":
            return {"TargetHealthDescriptions": self.targets().get(str(params["TargetGroupArn"]), [])}
        return None

    def _listed(self, desired: str) -> list[str]:
        arns = [arn for arn, task in self.tasks.items() if task.get("desiredStatus") == desired]
        return arns if desired == "RUNNING" else arns[-_STOPPED_TASKS:]


def _missing(arn: str) -> Shape:
    return {"arn": arn, "reason": "MISSING"}
