"""What the store of history holds: one row for each change of state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One state of one thing, and when AWS had it so.

    `kind` is `service`, `deployment`, `service_deployment`, `service_event`, `task`, `target`, `container_instance`,
    `service_action` or `deployment_event`; `scope` is what the thing is one of (a service's or target group's ARN, or
    the cluster's); `key` identifies it (an ARN or an id); `version` is AWS's own count of its changes, where it has
    one. `at` is an event's own time, else that of the answer. `origin` is `live` or `event`. `state` is the thing as
    the API, or the event's detail, tells it, masked and plain (times are ISO 8601 texts); None: it is there no more.
    """

    at: datetime
    kind: str
    account: str
    region: str
    cluster: str
    service: str
    scope: str
    key: str
    version: int | None
    origin: str
    state: Mapping[str, Any] | None
