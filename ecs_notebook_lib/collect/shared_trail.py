"""CloudTrail for many collections at once: asked once an account and region, told to each as if it alone had asked.

LookupEvents takes two calls a second of an account and region: what one collection can ask in its 15 seconds would be
left of nothing if dozens asked at the same time.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ecs_notebook_lib.collect.access import Clients
from ecs_notebook_lib.collect.caller import Caller
from ecs_notebook_lib.collect.changes import collect_changes
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.source import parse_instant

DEADLINE_SECONDS = 90.0
"""How long CloudTrail is asked: some fifty names, two calls a second, with time for names of several pages."""

_SPAN = timedelta(weeks=3)
_MAX_PAGES = 5
_MORE = "older events were not asked for"
"""Stands for AWS's token where a collection wants more than was asked for: what is cut off must be told."""


class SharedTrail:
    """The events of the three weeks before `until`, read when the first collection wants some of them.

    Collections must have the same `masker`, for what is masked in an event is compared with what is masked elsewhere.
    """

    def __init__(self, clients: Clients, masker: Masker, *, until: datetime) -> None:
        self._caller = Caller(clients, masker=masker)
        self._since, self._until = until - _SPAN, until
        self._lock = threading.Lock()
        self._asked = False

    def collect(self, caller: Caller, *, since: datetime, until: datetime) -> None:
        """Record for a collection the events between two times; it waits until all have been asked for."""
        with self._lock:
            if not self._asked:
                collect_changes(
                    self._caller,
                    since=self._since,
                    until=self._until,
                    deadline=DEADLINE_SECONDS,
                    max_pages=_MAX_PAGES,
                )
                self._asked = True
        for page in self._caller.pages:
            caller.keep(self._cut(page, since, until))

    def _cut(self, page: Page, since: datetime, until: datetime) -> Page:
        """Return a page as it would be had only the events between two times been asked for."""
        params = {**page.params, "StartTime": since, "EndTime": until}
        if page.response is None:
            return replace(page, params=params)
        timed = list(_timed(page.response))
        within = [event for event, at in timed if since <= at <= until]
        response = {name: value for name, value in page.response.items() if name not in ("Events", "NextToken")}
        token = page.response.get("NextToken")
        reached = any(at < since for _, at in timed)
        if since < self._since or (token and not reached):
            response["NextToken"] = token or _MORE
        return replace(page, params=params, response={**response, "Events": within})


def _timed(response: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], datetime]]:
    for event in response.get("Events") or ():
        if event.get("EventTime"):
            yield event, parse_instant(str(event["EventTime"]))
