"""CloudWatch Logs' answers: groups, streams, and the lines in them (CloudWatch Logs API reference)."""

import heapq
import shlex
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler, page
from ecs_notebook_lib.simulate.logs import LogGroup, LogStream
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_MAX_LINES = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of CloudWatch Logs that this world answers."""
    api = _Logs(world)
    return {
        "logs:DescribeLogGroups": api.describe_log_groups,
        "logs:DescribeLogStreams": api.describe_log_streams,
        "logs:FilterLogEvents": api.filter_log_events,
        "logs:GetLogEvents": api.get_log_events,
    }


class _Logs:
    def __init__(self, world: "World") -> None:
        self._world = world

    @property
    def _now(self) -> datetime:
        return self._world.engine.now

    def _group(self, call: Call) -> LogGroup:
        identifier = call.params.get("logGroupName") or call.params.get("logGroupIdentifier") or ""
        group = self._world.log_groups.get(identifier.removesuffix(":*").rpartition(":")[2])
        if group is None:
            raise AWSError("ResourceNotFoundException", "The specified log group does not exist.")
        return group

    def describe_log_groups(self, call: Call) -> dict[str, Any]:
        prefix, pattern = call.params.get("logGroupNamePrefix", ""), call.params.get("logGroupNamePattern", "")
        named = sorted(self._world.log_groups.items())
        groups = [group for name, group in named if name.startswith(prefix) and pattern.lower() in name.lower()]
        rows, more = page(call, [self._group_row(group) for group in groups], limit=call.params.get("limit", 50))
        return {"logGroups": rows, **more}

    def _group_row(self, group: LogGroup) -> dict[str, Any]:
        arn = self._world.arn("logs", f"log-group:{group.name}")
        row = {
            "logGroupName": group.name,
            "creationTime": _milliseconds(group.created_at),
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "storedBytes": 0,
            "logGroupClass": "STANDARD",
            "logGroupArn": arn,
        }
        return row if group.retention_days is None else row | {"retentionInDays": group.retention_days}

    def describe_log_streams(self, call: Call) -> dict[str, Any]:
        group = self._group(call)
        prefix = call.params.get("logStreamNamePrefix", "")
        streams = [stream for name, stream in sorted(group.streams.items()) if name.startswith(prefix)]
        if call.params.get("orderBy") == "LastEventTime":
            streams.sort(key=lambda stream: stream.last_at(self._now) or stream.created_at)
        if call.params.get("descending"):
            streams.reverse()
        rows, more = page(call, [self._stream_row(group, s) for s in streams], limit=call.params.get("limit", 50))
        return {"logStreams": rows, **more}

    def _stream_row(self, group: LogGroup, stream: LogStream) -> dict[str, Any]:
        last = stream.last_at(self._now)
        row = {
            "logStreamName": stream.name,
            "creationTime": _milliseconds(stream.created_at),
            "arn": self._world.arn("logs", f"log-group:{group.name}:log-stream:{stream.name}"),
            "storedBytes": 0,
        }
        if last is None:
            return row
        first = {"firstEventTimestamp": _milliseconds(max(stream.created_at, group.begin(self._now)))}
        return row | first | {"lastEventTimestamp": _milliseconds(last), "lastIngestionTime": _milliseconds(last)}

    def _range(self, group: LogGroup, params: dict[str, Any]) -> tuple[datetime, datetime]:
        begin = max(_instant(params.get("startTime", 0)), group.begin(self._now))
        end = self._now + _MILLISECOND
        if "endTime" in params:
            end = min(end, _instant(params["endTime"]))
        return begin, end

    def get_log_events(self, call: Call) -> dict[str, Any]:
        """Answer with one page; at either end the token that was sent comes back, and no lines."""
        group = self._group(call)
        stream = group.streams.get(call.params["logStreamName"])
        if stream is None:
            raise AWSError("ResourceNotFoundException", "The specified log stream does not exist.")
        span = self._range(group, call.params)
        limit = min(call.params.get("limit", _MAX_LINES), _MAX_LINES)
        start, end = _slice(call.params, stream.count(*span), limit)
        events = [_event(when, text) for when, text in stream.some(*span, start, end)] if end > start else []
        return {"events": events, "nextForwardToken": f"f/{end}/s", "nextBackwardToken": f"b/{start}/s"}

    def filter_log_events(self, call: Call) -> dict[str, Any]:
        group = self._group(call)
        begin, end = self._range(group, call.params)
        matches = _pattern(call.params.get("filterPattern", ""))
        streams = [stream for stream in _chosen(group, call.params) if stream.overlaps(begin, end)]
        lines = heapq.merge(*(_numbered(stream, begin, end, matches) for stream in streams), key=lambda row: row[:2])
        offset = _token_number(call.params.get("nextToken", "n/0"))
        limit = min(call.params.get("limit", _MAX_LINES), _MAX_LINES)
        rows = list(islice(lines, offset, offset + limit + 1))
        events = [
            {
                "logStreamName": name,
                **_event(when, text),
                "eventId": f"{_milliseconds(when):020d}{offset + number:016d}",
            }
            for number, (when, name, text) in enumerate(rows[:limit])
        ]
        more = {"nextToken": f"n/{offset + limit}"} if len(rows) > limit else {}
        return {"events": events, "searchedLogStreams": [], **more}


def _chosen(group: LogGroup, params: dict[str, Any]) -> Iterable[LogStream]:
    if "logStreamNames" in params:
        return [group.streams[name] for name in params["logStreamNames"] if name in group.streams]
    prefix = params.get("logStreamNamePrefix", "")
    return [stream for name, stream in group.streams.items() if name.startswith(prefix)]


def _numbered(
    stream: LogStream, begin: datetime, end: datetime, matches: Callable[[str], bool]
) -> list[tuple[datetime, str, str]]:
    return [(when, stream.name, text) for when, text in stream.lines(begin, end) if matches(text)]


def _pattern(pattern: str) -> Callable[[str], bool]:
    """Return the test of an unstructured filter pattern: every term must be there, `?term` means any of these."""
    terms = shlex.split(pattern)
    optional = [term[1:] for term in terms if term.startswith("?")]
    excluded = [term[1:] for term in terms if term.startswith("-")]
    required = [term for term in terms if term[:1] not in "?-"]

    def matches(text: str) -> bool:
        wanted = all(term in text for term in required) and not any(term in text for term in excluded)
        return wanted and (not optional or any(term in text for term in optional))

    return matches


def _slice(params: dict[str, Any], count: int, limit: int) -> tuple[int, int]:
    token = params.get("nextToken")
    if token is None:
        return (0, min(limit, count)) if params.get("startFromHead") else (max(0, count - limit), count)
    number = min(_token_number(token), count)
    return (number, min(number + limit, count)) if token.startswith("f/") else (max(0, number - limit), number)


def _token_number(token: str) -> int:
    number = token.split("/")[1] if "/" in token else ""
    if not number.isdecimal():
        raise AWSError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(number)


def _event(when: datetime, text: str) -> dict[str, Any]:
    return {"timestamp": _milliseconds(when), "message": text, "ingestionTime": _milliseconds(when) + 700}


def _milliseconds(when: datetime) -> int:
    return (when - _EPOCH) // _MILLISECOND


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(milliseconds, 250_000_000_000_000))
