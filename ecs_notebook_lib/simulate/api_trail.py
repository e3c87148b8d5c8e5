"""Answers of CloudTrail: LookupEvents, newest first, fifty a page, and some minutes behind."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.trail import Event
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_PAGE = 50
_MATCHES: dict[str, Callable[[Event, str], bool]] = {
    "EventId": lambda event, value: event.id == value,
    "EventName": lambda event, value: event.call.name == value,
    "ReadOnly": lambda _event, value: value == "false",
    "Username": lambda event, value: event.session == value,
    "ResourceType": lambda event, value: any(kind == value for kind, _ in event.call.resources),
    "ResourceName": lambda event, value: any(name == value for _, name in event.call.resources),
    "EventSource": lambda event, value: event.source == value,
    "AccessKeyId": lambda event, value: event.record["userIdentity"]["accessKeyId"] == value,
}


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations about CloudTrail that this world answers."""
    return {"cloudtrail:LookupEvents": lambda call: lookup(world.trail.events, world.now, call)}


def lookup(events: Iterable[Event], now: datetime, call: Call) -> dict[str, Any]:
    """Answer LookupEvents from the events of an account.

    Raises
    ------
    AWSError
        If AWS would refuse the call.
    """
    attributes = call.params.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise AWSError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    most = call.params.get("MaxResults", _PAGE)
    if not 1 <= most <= _PAGE:
        raise AWSError("InvalidMaxResultsException", f"MaxResults must be between 1 and {_PAGE}.")
    begin, end = call.params.get("StartTime"), call.params.get("EndTime")
    if begin and end and begin > end:
        raise AWSError("InvalidTimeRangeException", "The start time must be before the end time.")
    known = [event for event in events if event.visible_at <= now and event.region == call.region]
    known = [row for row in known if (not begin or row.at >= begin) and (not end or row.at <= end)]
    for row in attributes:
        match = _MATCHES[row["AttributeKey"]]
        known = [event for event in known if match(event, row["AttributeValue"])]
    newest = sorted(known, key=lambda event: event.at, reverse=True)
    offset = _offset(call.params.get("NextToken"))
    more = {"NextToken": f"offset-{offset + most}"} if offset + most < len(newest) else {}
    return {"Events": [_told(event) for event in newest[offset : offset + most]], **more}


def _offset(token: str | None) -> int:
    number = "0" if token is None else token.removeprefix("offset-")
    if not number.isdecimal():
        raise AWSError("InvalidNextTokenException", "The token is not valid.")
    return int(number)


def _told(event: Event) -> dict[str, Any]:
    return {
        "EventId": event.id,
        "EventName": event.call.name,
        "ReadOnly": "false",
        "AccessKeyId": event.record["userIdentity"]["accessKeyId"],
        "EventTime": event.at,
        "EventSource": event.source,
        "Username": event.session,
        "Resources": [
            {"ResourceName": name, **({"ResourceType": kind} if kind else {})} for kind, name in event.call.resources
        ],
        "CloudTrailEvent": json.dumps(event.record),
    }
