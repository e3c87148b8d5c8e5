"""Who changed what since the last good deployment: CloudTrail, asked by event name, slowly, and not for long.

LookupEvents takes two calls a second of an account and region, and one name a call (ECS_FACTS 9.2). The most telling
names come first; which ones the deadline left out is told by what was not asked.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from ecs_notebook_lib.collect.caller import Caller, Request
from ecs_notebook_lib.collect.rates import seconds_between
from ecs_notebook_lib.knowledge.change_events import OPERATION, ChangeEvent, change_events

DEADLINE_SECONDS = 15.0
"""How long CloudTrail is asked; the other branches of a collection take about as long in a busy account."""

_MAX_PAGES = 2
_KEPT = timedelta(days=90)


def lookup_request(
    event: ChangeEvent, region: str, since: datetime, until: datetime, *, max_pages: int = _MAX_PAGES
) -> Request:
    """Return the question for the events of one name, newest first."""
    attribute = {"AttributeKey": "EventName", "AttributeValue": event.name}
    params = {"LookupAttributes": [attribute], "StartTime": since, "EndTime": until}
    return Request(OPERATION, params, max_pages=max_pages, region=region)


def collect_changes(
    caller: Caller,
    *,
    since: datetime,
    until: datetime,
    deadline: float = DEADLINE_SECONDS,
    max_pages: int = _MAX_PAGES,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ask for the events of every name between two times, one call after the other, until the deadline.

    A region that refuses is not asked again: it would refuse every name. AWS's own endpoints are asked twice a second,
    all others as fast as they answer.
    """
    interval = seconds_between(OPERATION)
    began, ready = clock(), dict.fromkeys(_regions(caller), 0.0)
    waiting = list(change_events().values())
    since = max(since, until - _KEPT)
    while waiting:
        now = clock()
        event = min(waiting, key=lambda row: max(now, ready[row.region(caller.region)]))
        region = event.region(caller.region)
        pause = max(0.0, ready[region] - now)
        if now + pause - began >= deadline:
            return
        if pause:
            sleep(pause)
        waiting.remove(event)
        asked_at = clock()
        [answer] = caller.gather([lookup_request(event, region, since, until, max_pages=max_pages)])
        if answer.error:
            waiting = [row for row in waiting if row.region(caller.region) != region]
        calls = max(1, len(answer.pages))
        ready[region] = asked_at + calls * interval if caller.is_rationed(OPERATION, region) else 0.0


def _regions(caller: Caller) -> set[str]:
    return {event.region(caller.region) for event in change_events().values()}
