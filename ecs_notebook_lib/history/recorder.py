"""Looking at a cluster again and again, and keeping what changed.

A poll costs one ListServices per 100 services and one DescribeServices per ten, one ListTasks per 100 tasks and one
DescribeTasks per 100 that are new or on their way, and one DescribeTargetHealth per target group. What was refused is
not known: nothing is kept of it, and nothing is taken for gone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.caller import Caller, Request
from ecs_notebook_lib.collect.ecs import check_cluster, check_service, tasks_request, tasks_to_describe
from ecs_notebook_lib.collect.elbv2 import target_group_arns
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.history.changes import ONCE, Changes
from ecs_notebook_lib.history.observing import rows_of_page
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import Partition, Store
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.snapshot.model import usable

Shape = Mapping[str, Any]

CALLS_A_SECOND = 20 / 4
"""A quarter of what AWS sustains of each kind of read, which all tools of an account share (ECS_FACTS 9.4)."""

_SERVICES_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll came to: rows kept by kind, calls made by operation, and refusals as `Code: operation`."""

    kept: Mapping[str, int]
    calls: Mapping[str, int]
    refused: tuple[str, ...]

    @property
    def shortest_pause(self) -> float:
        """Return the seconds from the begin of this poll to the next that keep within a quarter of AWS's limits."""
        return max(self.calls.values(), default=0) / CALLS_A_SECOND


class Recorder:
    """Records one cluster, or some of its services; made anew after a stop it goes on where the store ends."""

    def __init__(
        self,
        clients: Clients,
        store: Store,
        cluster: str,
        services: Sequence[str] = (),
        *,
        masker: Masker | None = None,
    ) -> None:
        self._clients = clients
        self._store = store
        self._cluster = cluster
        self._names = list(services)
        self._masker = masker or Masker()
        self._changes: Changes | None = None
        self._day: date | None = None
        self._tasks: dict[str, Shape] = {}
        self.polls = 0
        """Looks that are kept."""
        self.partition: Partition | None = None
        """Where in the store the cluster's rows are; None while nothing was seen of it."""

    def poll(self) -> Polled:
        """Look once, and keep what changed; when this returns, it is kept.

        A day (UTC) begins with the states of all things, so that it can be read by itself.

        Raises
        ------
        AccessError
            If AWS cannot be called at all.
        NotFoundError
            If there is no such cluster, or no service of a name.
        StoreError, OSError
            If the store cannot be written; the next poll tries the same rows again.
        """
        look = _Look(Caller(self._clients, masker=self._masker), self._cluster, self._names, self._tasks)
        rows = look.rows()
        if not rows:
            self.polls += 1
            return Polled({}, look.calls(), look.refused())
        self.partition = Partition(rows[0].account, rows[0].region, rows[0].cluster)
        at = max(page.at for page in look.pages)
        changes = self._changes = self._changes or self._from_store(self.partition, rows, at.date())
        new_day = self._day != at.date()
        if new_day:
            changes.renew()
        changed = changes.of([*rows, *look.gone(changes)])
        if changed:
            self._store.keep(changed)
            changes.remember(changed)
        look.forget(changes)
        self._day = at.date()
        self._tasks = {} if new_day else look.tasks  # described once more, so that the day tells all of them
        self.polls += 1
        return Polled(Counter(row.kind for row in changed), look.calls(), look.refused())

    def _from_store(self, partition: Partition, rows: Sequence[Row], today: date) -> Changes:
        """Return what the store knows: the states of two days, and of the days of the events that are listed."""
        states = list(self._store.last_states(partition, [today - timedelta(days=1), today]))
        self._day = max((state.row.at.date() for state in states if state.row.kind not in ONCE), default=None)
        days = {row.at.date() for row in rows if row.kind == "service_event"}
        return Changes([*self._store.last_states(partition, sorted(days), kind="service_event"), *states])


class _Look:
    """One look at a cluster: the calls, and what they show."""

    def __init__(self, caller: Caller, cluster: str, names: Sequence[str], tasks: Mapping[str, Shape]) -> None:
        self._caller = caller
        self._cluster = cluster
        self._name = cluster.rpartition("/")[2]
        self._named = bool(names)
        services = self._describe(names)
        self._groups = {arn: row["serviceName"] for row in services for arn in target_group_arns(row)}
        self._complete = False
        self.tasks = self._read_tasks([row["serviceName"] for row in services], tasks)
        caller.gather(Request("elbv2:DescribeTargetHealth", {"TargetGroupArn": arn}) for arn in self._groups)

    @property
    def pages(self) -> Sequence[Page]:
        """Return the answers and refusals of this look, as far as they can be used."""
        return [usable(page) for page in self._caller.pages]

    def _describe(self, names: Sequence[str]) -> list[Shape]:
        if not names:
            params = {"cluster": self._cluster, "maxResults": _SERVICES_A_PAGE}
            [listed] = self._caller.gather([Request("ecs:ListServices", params)])
            check_cluster(self._caller, self._cluster, listed)
            names = listed.items("serviceArns")
        request = Request("ecs:DescribeServices", {"cluster": self._cluster, "services": list(names)})
        [described] = self._caller.gather([request])
        check_cluster(self._caller, self._cluster, described)
        for name in names:
            check_service(self._caller, self._cluster, name, described)
        return described.items("services")

    def _read_tasks(self, services: Sequence[str], known: Mapping[str, Shape]) -> dict[str, Shape]:
        """Return all tasks that are listed now, as they were described last."""
        where = [{"serviceName": name} for name in services] if self._named else [{}]
        lists = {
            status: [
                Request("ecs:ListTasks", {"cluster": self._cluster, **row, "desiredStatus": status}) for row in where
            ]
            for status in ("RUNNING", "STOPPED")
        }
        answers = {status: self._caller.gather(requests) for status, requests in lists.items()}
        running, stopped = ([arn for answer in rows for arn in answer.items("taskArns")] for rows in answers.values())
        wanted = tasks_to_describe(known, running, stopped)
        [described] = self._caller.gather([tasks_request(self._cluster, wanted)])
        found = {task["taskArn"]: task for task in described.items("tasks")}
        self._complete = not any(answer.error for rows in answers.values() for answer in rows) and not described.error
        listed = {*running, *stopped} if self._complete else {*known, *found}
        return {arn: task for arn, task in {**known, **found}.items() if arn in listed}

    def rows(self) -> list[Row]:
        """Return what this look shows."""
        return [row for page in self.pages for row in self._rows_of(page)]

    def _rows_of(self, page: Page) -> Iterator[Row]:
        service = self._groups.get(str(page.params.get("TargetGroupArn", "")), "")
        yield from rows_of_page(page, cluster=self._name, service=service)

    def gone(self, changes: Changes) -> Iterator[Row]:
        """Yield what is not there any more, of those answers that tell all that is there."""
        for page in self.pages:
            if page.error is not None:
                continue
            if page.operation == "elbv2:DescribeTargetHealth":
                keys = {row.key for row in self._rows_of(page)}
                yield from changes.gone("target", str(page.params["TargetGroupArn"]), keys, page.at)
            if page.operation == "ecs:DescribeServices":
                for service in (page.response or {}).get("services") or ():
                    keys = {str(row["id"]) for row in service.get("deployments") or ()}
                    yield from changes.gone("deployment", str(service["serviceArn"]), keys, page.at)

    def forget(self, changes: Changes) -> None:
        """Let go of tasks and events that AWS has forgotten."""
        if self._complete:
            for scope in {str(task.get("clusterArn", "")) for task in self.tasks.values()}:
                changes.forget("task", scope, self.tasks.keys())
        for page in self.pages:
            for service in (page.response or {}).get("services") or ():
                listed = {str(event["id"]) for event in service.get("events") or ()}
                changes.forget("service_event", str(service["serviceArn"]), listed)

    def calls(self) -> Mapping[str, int]:
        """Return how often each operation was called."""
        return Counter(page.operation for page in self.pages)

    def refused(self) -> tuple[str, ...]:
        """Return what was refused, each once."""
        errors = (f"{page.error['code']}: {page.operation}" for page in self.pages if page.error)
        return tuple(dict.fromkeys(errors))
