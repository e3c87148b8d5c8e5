"""Choosing which log streams to read, under a budget, and reading their first and last lines.

Streams of the awslogs driver are computed, not searched for: `<prefix>/<container>/<task id>` (ECS developer guide,
"Send Amazon ECS logs to CloudWatch"). Tasks that stopped in the same way tell the same story, so the newest two of
each way of stopping are read of the examined revision, one that lives, and one task of the last good revision. What
other revisions printed would weigh nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.knowledge.reading import HEAD_LINES, TAIL_LINES
from ecs_notebook_lib.snapshot import Page

TASKS_PER_GROUP = 2
MAX_WAYS = 12
"""However many ways of stopping there are: sentences that are not known may each hold another identifier."""

MAX_FORGOTTEN = 4
"""Streams that are read of tasks of which only the ids are known."""

_BEFORE, _AFTER = timedelta(minutes=5), timedelta(minutes=10)
"""Around the moment at which the trouble began: long enough to meet a task that the load balancer probes."""

_SEARCH_LINES = 500


class Stream(NamedTuple):
    """A log group and a stream in it."""

    group: str
    name: str


def awslogs_streams(task_definition: Mapping[str, Any], task_arn: str) -> Iterator[Stream]:
    """Yield the stream of each container of a task that logs by the awslogs driver with a prefix."""
    for container in task_definition.get("containerDefinitions") or ():
        logging = container.get("logConfiguration") or {}
        options = logging.get("options") or {}
        if logging.get("logDriver") == "awslogs" and options.get("awslogs-stream-prefix"):
            name = f"{options['awslogs-stream-prefix']}/{container['name']}/{task_arn.rpartition('/')[2]}"
            yield Stream(options.get("awslogs-group", ""), name)


def chosen_tasks(tasks: Iterable[Mapping[str, Any]], *, examined: str, last_good: str) -> list[Mapping[str, Any]]:
    """Return the tasks whose logs are read, newest first; those that never ran said nothing.

    `examined` and `last_good` are task definitions.
    """
    ran = sorted((task for task in tasks if task.get("startedAt")), key=_created, reverse=True)
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for task in ran:
        ending = task.get("stopCode") and not task.get("executionStoppedAt")
        if task.get("taskDefinitionArn") == examined and not ending:
            groups[_way_of_stopping(task)].append(task)
    chosen = [group[: TASKS_PER_GROUP if way[0] else 1] for way, group in list(groups.items())[:MAX_WAYS]]
    good = [task for task in ran if task.get("taskDefinitionArn") == last_good != examined]
    alive = [task for task in good if not task.get("stopCode")]
    return [*(task for group in chosen for task in group), *(alive or good)[:1]]


def _created(task: Mapping[str, Any]) -> str:
    return str(task.get("createdAt", ""))


def _way_of_stopping(task: Mapping[str, Any]) -> tuple[Any, ...]:
    reason = task.get("stoppedReason") or ""
    message = recognise(reason, where="stopped_reason")
    exits = tuple(sorted(str(container.get("exitCode")) for container in task.get("containers") or ()))
    return task.get("stopCode"), message.kind if message else reason, exits


def read_streams(caller: Caller, streams: Iterable[Stream], *, ended: Iterable[Stream] = ()) -> list[Answer]:
    """Return the answers with the last lines of each stream.

    Of one that is longer, and has ended, the first lines are read, too: how a process began explains how it died.
    """
    wanted, dead = list(dict.fromkeys(streams)), set(ended)
    tails = caller.gather(_read(stream, limit=TAIL_LINES, from_head=False) for stream in wanted)
    longer = [s for s, t in zip(wanted, tails, strict=True) if s in dead and len(t.items("events")) >= TAIL_LINES]
    return tails + caller.gather(_read(stream, limit=HEAD_LINES, from_head=True) for stream in longer[:1])


def _read(stream: Stream, *, limit: int, from_head: bool) -> Request:
    params = {"logGroupName": stream.group, "logStreamName": stream.name, "limit": limit, "startFromHead": from_head}
    return Request("logs:GetLogEvents", params)


def streams_before(caller: Caller, group: str, began: datetime) -> list[Stream]:
    """Return a stream that was written to just before `began`: of a task that ECS has forgotten.

    One page of lines around that moment names it.
    """
    events = _events_between(caller, group, began - _BEFORE, began + _AFTER)
    return _streams_of(group, (event for event in events if event["timestamp"] < milliseconds(began)))[:1]


def streams_after(caller: Caller, group: str, began: datetime) -> list[Stream]:
    """Return streams that were first written to in the ten minutes after `began`: those of that deployment's tasks."""
    return _streams_of(group, _events_between(caller, group, began, began + _AFTER))[:MAX_FORGOTTEN]


def _events_between(caller: Caller, group: str, begin: datetime, end: datetime) -> list[Mapping[str, Any]]:
    times = {"startTime": milliseconds(begin), "endTime": milliseconds(end)}
    request = Request("logs:FilterLogEvents", {"logGroupName": group, **times, "limit": _SEARCH_LINES}, max_pages=1)
    [answer] = caller.gather([request])
    return answer.items("events")


def _streams_of(group: str, events: Iterable[Mapping[str, Any]]) -> list[Stream]:
    return [Stream(group, name) for name in dict.fromkeys(event["logStreamName"] for event in events)]


def read_groups(pages: Iterable[Page]) -> set[str]:
    """Return the log groups of which lines, or an empty answer, have come: they exist."""
    answered = (page for page in pages if page.operation in _READING and page.error is None)
    return {str(page.params["logGroupName"]) for page in answered}


_READING = ("logs:GetLogEvents", "logs:FilterLogEvents")


def milliseconds(instant: datetime) -> int:
    """Return an instant as CloudWatch Logs tells times: in milliseconds since 1970."""
    return int(instant.timestamp() * 1000)
