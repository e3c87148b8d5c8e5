"""Looking at services again and again, with as few calls as AWS's batch limits allow.

A look costs one DescribeServices per ten services, two ListTasks of each service that changed since the last look, one
DescribeTasks per 100 tasks that are new or on their way, and one DescribeTargetHealth per target group. All of it is
kept: what AWS forgets within the hour is then still in the snapshot.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ecs_notebook_lib.arns import account_of
from ecs_notebook_lib.collect.access import Clients
from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.collect.ecs import tasks_request, tasks_to_describe
from ecs_notebook_lib.collect.elbv2 import target_group_arns, target_requests
from ecs_notebook_lib.collect.logs import Stream, awslogs_streams
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.snapshot import IncidentName, Page, Snapshot
from ecs_notebook_lib.snapshot.model import members_of
from ecs_notebook_lib.source import LiveSource
from ecs_notebook_lib.version import __version__
from ecs_notebook_lib.wait.attempts import Failure, failures_of
from ecs_notebook_lib.wait.judging import Followed
from ecs_notebook_lib.wait.seen import Seen, Shape

LINES = 5
"""Log lines that are shown of a task that ended."""

_STREAMS = 2
_MISSING = {"code": "MISSING", "message": "", "status": 200}


class Watch:
    """Looks at the services of one cluster; `pages` of each stay until the end."""

    def __init__(self, clients: Clients, cluster: str, services: Sequence[str]) -> None:
        self._clients = clients
        self._cluster = cluster
        self._masker = Masker()  # one key for all pages of a snapshot: equal values stay equal
        self._caller = Caller(clients, masker=self._masker)
        self.services = {name: _Watched(Caller(clients, masker=self._masker), cluster, name) for name in services}

    def look(self, names: Iterable[str], followed: Mapping[str, Followed]) -> dict[str, Seen]:
        """Return what these services look like now; `followed` are the deployments that are waited for."""
        self._caller.forget(pages_before_last=True)  # each service keeps its own part
        before = len(self._caller.pages)
        wanted = list(names)
        request = Request("ecs:DescribeServices", {"cluster": self._cluster, "services": wanted})
        [answer] = self._caller.gather([request])
        new = self._caller.pages[before:]
        refused = next((page.error for page in new if page.error), None)
        found = {row["serviceName"]: row for row in answer.items("services")}
        arns = {row["serviceArn"]: row["serviceName"] for row in found.values()}
        missing = {str(row.get("arn")).rpartition("/")[2] for row in answer.items("failures")}
        seen: dict[str, Seen] = {}
        for name in wanted:
            shape = found.get(arns.get(name, name))
            error = _MISSING if name.rpartition("/")[2] in missing else refused
            pages = [page for page in new if page.error is None or shape is None]
            seen[name] = self.services[name].look(shape, error, pages, followed.get(name))
        return seen

    def snapshot(self, name: str, progress: Callable[[str], None]) -> Snapshot:
        """Return everything about one service: what was kept while waiting, and what is read now."""
        source = LiveSource(self._cluster, name.rpartition("/")[2])
        earlier = self.services[name].caller.pages
        from ecs_notebook_lib.collect import collect_incident  # only of a service that has failed

        return collect_incident(self._clients, source, progress=progress, earlier=earlier, masker=self._masker)

    def kept(self, name: str) -> Snapshot | None:
        """Return what was kept of one service while waiting, without another call; None if nothing was seen yet."""
        return self.services[name].kept()


class _Watched:
    """One service under watch: its own pages, and the tasks that are known."""

    def __init__(self, caller: Caller, cluster: str, name: str) -> None:
        self.caller = caller
        self._cluster, self._name = cluster, name
        self._service: Shape | None = None
        self._tasks: dict[str, Shape] = {}
        self._lines: dict[str, tuple[str, ...]] = {}
        self._definitions: dict[str, Shape] = {}
        self._at: datetime | None = None

    def look(
        self, service: Shape | None, error: Shape | None, pages: Sequence[Page], followed: Followed | None
    ) -> Seen:
        """Ask for what belongs to the service, now that DescribeServices has answered."""
        self.caller.forget()
        self._at = pages[-1].at if pages else self._at
        if service is None:
            for page in pages:
                if page.error:
                    self.caller.keep(page)
            return Seen(_known(self._at), None, error, self._tasks, lines=self._lines)
        changed = self._service is None or _state(service) != _state(self._service)
        if changed:
            self._keep(service, pages)
        self._service = service
        requests = self._target_requests(service) + self._list_requests(changed=changed)
        requests += self._deployment_requests(service, followed)
        answers = dict(zip(map(_key, requests), self.caller.gather(requests), strict=True))
        self._describe(answers)
        seen = Seen(
            _known(self._at),
            service,
            tasks=dict(self._tasks),
            targets=_targets(answers),
            service_deployment=_record(answers),
            lines=self._lines,
        )
        if followed is not None:
            self._read_lines(failures_of(seen, followed.deployment))
        return seen

    def kept(self) -> Snapshot | None:
        if not self.caller.pages or self._service is None or self._at is None:
            return None
        account = account_of(self._service.get("serviceArn"))
        began = self.caller.pages[0].at
        cluster = self._cluster.rpartition("/")[2]
        name = IncidentName(cluster, str(self._service["serviceName"]), self.caller.region, account, (began, self._at))
        return Snapshot(name, self._at, None, False, __version__, members_of(self.caller.pages, account))

    def _keep(self, service: Shape, pages: Sequence[Page]) -> None:
        """Keep the service's own part of an answer that may be about ten."""
        page = next((row for row in pages if service in ((row.response or {}).get("services") or ())), pages[-1])
        params = {"cluster": self._cluster, "services": [service["serviceName"]]}
        response = {"services": [service], "failures": []}
        self.caller.keep(Page(page.operation, page.at, page.region, params, response=response))

    def _list_requests(self, *, changed: bool) -> list[Request]:
        where = {"cluster": self._cluster, "serviceName": self._name}
        states = ("RUNNING", "STOPPED") if changed else ()
        return [Request("ecs:ListTasks", {**where, "desiredStatus": state}) for state in states]

    def _target_requests(self, service: Shape) -> list[Request]:
        return [Request("elbv2:DescribeTargetHealth", {"TargetGroupArn": arn}) for arn in target_group_arns(service)]

    def _deployment_requests(self, service: Shape, followed: Followed | None) -> list[Request]:
        """Return the question how the deployment ended, where the service itself does not tell."""
        if followed is None or not followed.service_deployment:
            return []
        seen = Seen(_known(self._at), service)
        own = seen.deployment(followed.deployment)
        if seen.strategy == "ROLLING" and own is not None and own.get("status") == "PRIMARY":
            return []
        arns = [followed.service_deployment]
        return [Request("ecs:DescribeServiceDeployments", {"serviceDeploymentArns": arns})]

    def _describe(self, answers: Mapping[tuple[str, str], Answer]) -> None:
        """Describe the tasks that are new or on their way."""
        running, stopped = _listed(answers, "RUNNING"), _listed(answers, "STOPPED")
        wanted = tasks_to_describe(self._tasks, running, stopped)
        [described] = self.caller.gather([tasks_request(self._cluster, wanted)])
        self._tasks |= {task["taskArn"]: task for task in described.items("tasks")}
        gone = wanted - {task["taskArn"] for task in described.items("tasks")}
        if described.error is None:
            for arn in gone & self._tasks.keys():  # ECS has forgotten it: what was seen last stays, and is final
                self._tasks[arn] = {**self._tasks[arn], "lastStatus": "STOPPED"}

    def _read_lines(self, failures: Sequence[Failure]) -> None:
        """Read the last lines of the newest tasks that ended in a way of which not two have been read."""
        read: dict[tuple[object, ...], int] = {}
        by_id = {arn.rpartition("/")[2]: arn for arn in self._tasks}
        for failure in failures:
            arn = by_id[failure.task]
            if arn in self._lines:
                read[failure.way] = read.get(failure.way, 0) + 1
        for failure in failures:
            arn = by_id[failure.task]
            if arn not in self._lines and read.get(failure.way, 0) < 2 and self._tasks[arn].get("startedAt"):
                read[failure.way] = read.get(failure.way, 0) + 1
                self._lines[arn] = self._last_lines(self._tasks[arn])

    def _last_lines(self, task: Shape) -> tuple[str, ...]:
        definition = self._definition(str(task["taskDefinitionArn"])) if task.get("taskDefinitionArn") else {}
        streams = list(awslogs_streams(definition, str(task["taskArn"])))
        answers = self.caller.gather(_tail(stream) for stream in streams[:_STREAMS])
        events = (event for answer in answers for event in answer.items("events")[-LINES:])
        ordered = sorted(events, key=lambda event: int(event.get("timestamp", 0)))
        return tuple(str(event.get("message", "")) for event in ordered[-LINES:])

    def _definition(self, arn: str) -> Shape:
        if arn not in self._definitions:
            answer = self.caller.call("ecs:DescribeTaskDefinition", taskDefinition=arn)
            self._definitions[arn] = answer.get("taskDefinition") or {}
        return self._definitions[arn]

    def settings_of_targets(self) -> tuple[Sequence[Shape], Sequence[Shape]]:
        """Return the service's target groups and their attributes: asked once, to know how long a rollout takes."""
        answers = self.caller.gather(target_requests(target_group_arns(self._service or {})))
        groups = [row for answer in answers for row in answer.items("TargetGroups")]
        return groups, [row for answer in answers for row in answer.items("Attributes")]


def _tail(stream: Stream) -> Request:
    params = {"logGroupName": stream.group, "logStreamName": stream.name, "limit": LINES, "startFromHead": False}
    return Request("logs:GetLogEvents", params, recorded=False)  # more of these lines is read when a report is due


def _state(service: Shape) -> tuple[Any, ...]:
    """Return what shows that something happened to a service."""
    rows = service.get("deployments") or service.get("taskSets") or ()
    events: Sequence[Shape] = service.get("events") or ({},)
    members = ("id", "status", "runningCount", "pendingCount", "desiredCount", "failedTasks", "rolloutState")
    return service.get("status"), events[0].get("id"), [[row.get(name) for name in members] for row in rows]


def _key(request: Request) -> tuple[str, str]:
    params = request.params
    return request.operation, str(params.get("desiredStatus") or params.get("TargetGroupArn") or "")


def _listed(answers: Mapping[tuple[str, str], Answer], state: str) -> list[str]:
    answer = answers.get(("ecs:ListTasks", state))
    return answer.items("taskArns") if answer else []


def _targets(answers: Mapping[tuple[str, str], Answer]) -> dict[str, list[Shape]]:
    return {
        arn: answer.items("TargetHealthDescriptions")
        for (operation, arn), answer in answers.items()
        if operation == "elbv2:DescribeTargetHealth" and answer.error is None
    }


def _record(answers: Mapping[tuple[str, str], Answer]) -> Shape | None:
    answer = answers.get(("ecs:DescribeServiceDeployments", ""))
    rows = answer.items("serviceDeployments") if answer else []
    return rows[0] if rows else None


def _known(at: datetime | None) -> datetime:
    if at is None:
        raise ValueError("a look without an answer has no time")
    return at
