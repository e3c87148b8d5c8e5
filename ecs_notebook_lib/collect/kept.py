"""What the account itself keeps of tasks that ECS has forgotten: ECS event capture and Container Insights.

Sources: CloudWatch user guide, "Container Insights ECS lifecycle events" and "Container Insights performance log events
for Amazon ECS" (ECS_FACTS 9.6).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ecs_notebook_lib.collect.caller import Caller, Request
from ecs_notebook_lib.collect.events import Event, Reason, held_events, read_event
from ecs_notebook_lib.collect.logs import milliseconds
from ecs_notebook_lib.knowledge.event_types import TASK_STATE_CHANGE
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.knowledge.performance_log import task_revision

_CAPTURED = "/aws/events/ecs/containerinsights/"
_REACH = timedelta(hours=36)
_MAX_PAGES = 3
_TASKS_A_PAGE = 100


def probe_request(cluster: str) -> Request:
    """Return the question whether the cluster's events, or its performance logs, are kept in CloudWatch Logs."""
    return Request("logs:DescribeLogGroups", {"logGroupNamePattern": f"containerinsights/{_name(cluster)}/performance"})


def capture_group(cluster: str) -> str:
    """Return the log group into which event capture writes the events of a cluster, given by name or ARN."""
    return f"{_CAPTURED}{_name(cluster)}/performance"


def _name(cluster: str) -> str:
    return cluster.rpartition("/")[2]


class Kept(NamedTuple):
    """What is kept: tasks as DescribeTasks tells them, and the revision (`family:number`) of further task ids."""

    tasks: list[Mapping[str, Any]]
    revisions: dict[str, str]


def collect_kept_tasks(caller: Caller, cluster: str, service: str, *, until: datetime) -> Kept:
    """Return what is kept of the service's tasks in the last 36 hours.

    Captured events hold the task as DescribeTasks tells it, and are recorded as such, with origin `event`, after
    masking; performance logs are recorded as they are: they hold no values.
    """
    [probe] = caller.gather([probe_request(cluster)])
    groups = [row["logGroupName"] for row in probe.items("logGroups")]
    groups = [group for group in groups if group.endswith(f"/{_name(cluster)}/performance")]
    times = {"startTime": milliseconds(until - _REACH), "endTime": milliseconds(until)}
    captured = [group for group in groups if group.startswith(_CAPTURED)]
    requests = [
        Request(
            "logs:FilterLogEvents",
            {"logGroupName": group, "filterPattern": f'"service:{service}"', **times},
            max_pages=_MAX_PAGES,
            recorded=False,
        )
        for group in captured
    ]
    performance = [
        Request(
            "logs:FilterLogEvents",
            {"logGroupName": group, "filterPattern": f'"TaskDefinitionRevision" "{service}"', **times},
            max_pages=1,
        )
        for group in groups
        if not captured
    ]
    answers = caller.gather([*requests, *performance])
    tasks: list[Mapping[str, Any]] = []
    for answer in answers[: len(requests)]:
        told = sorted(_tasks(answer.items("events"), service), key=lambda event: event.at)
        for first in range(0, len(told), _TASKS_A_PAGE):
            page = told[first : first + _TASKS_A_PAGE]
            response = {"tasks": [event.detail for event in page]}
            tasks += response["tasks"]
            caller.keep_event("ecs:DescribeTasks", at=page[-1].at, params={"cluster": cluster}, response=response)
    lines = (event["message"] for answer in answers[len(requests) :] for event in answer.items("events"))
    return Kept(tasks, dict(filter(None, (task_revision(line, service=service) for line in lines))))


def _tasks(lines: Iterable[Mapping[str, Any]], service: str) -> Iterator[Event]:
    """Yield the last event of each task of the service."""
    newest: dict[str, Event] = {}
    for event in filter(None, map(_state_change, (told for line in lines for told in held_events(line)))):
        if event.service == service and (event.version or 0) >= _version(newest.get(event.key)):
            newest[event.key] = event
    yield from newest.values()


def _state_change(told: Mapping[str, Any] | Reason) -> Event | None:
    event = read_event(told)
    return event if isinstance(event, Event) and event.type.detail_type == TASK_STATE_CHANGE else None


def _version(event: Event | None) -> int:
    return -1 if event is None else event.version or 0


def started_task_ids(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the tasks that service events say were started, newest first."""
    ids: list[str] = []
    for event in events:
        message = recognise(event.get("message"), where="service_event")
        if message is not None and message.kind in ("tasks_started", "unhealthy_tasks_replaced"):
            ids += message.parts.get("tasks", "").replace("task", " ").split()
    return list(dict.fromkeys(ids))
