"""An event of ECS, however it was kept → what it tells. Who reads kept events goes by this module alone.

Sources: ECS developer guide, "Amazon ECS events" and "Monitor Amazon ECS actions with action logs" (ECS_FACTS 9.1,
9.6). In a task's or an instance's event `detail` is the thing as DescribeTasks or DescribeContainerInstances has it,
with times as ISO 8601 texts; other members may come at any time.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import orjson

from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.record import plain
from ecs_notebook_lib.knowledge.event_types import EventType, event_types
from ecs_notebook_lib.source import parse_instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_NUMBER = 19
"""Digits that do not fit into 64 bits any more: no count of changes."""

_MAX_WRAPPINGS = 4
_WRAPPERS = ("events", "logEvents")
"""Where FilterLogEvents, and a subscription filter, have the log events whose `message` is the event."""


class Reason(StrEnum):
    """Why something that was read tells nothing; each completes "… left out: "."""

    DAMAGED = "damaged JSON"
    NOT_JSON = "no JSON"
    NO_EVENT = "no event of ECS"
    OTHER_FORM = "not in the form in which ECS sends its events"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; what AWS did not say is empty, and `version` None."""

    type: EventType
    id: str
    at: datetime
    account: str
    region: str
    resources: tuple[str, ...]
    detail: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return what identifies the thing that changed; of a mere event, its own id."""
        return str(self.detail[self.type.key]) if self.type.key else self.id

    @property
    def version(self) -> int | None:
        """Return AWS's count of the changes of this thing."""
        version = str(self.detail.get("version"))
        return int(version) if version.isdecimal() and len(version) < _LONG_NUMBER else None

    @property
    def cluster_arn(self) -> str:
        """Return the cluster's ARN."""
        return _text(self.detail, "clusterArn")

    @property
    def cluster(self) -> str:
        """Return the cluster's name: an event about a deployment has it in the service's ARN only."""
        parts = self.service_arn.partition(":service/")[2].split("/")
        return self.cluster_arn.rpartition("/")[2] or (parts[0] if len(parts) == 2 else "")

    @property
    def service(self) -> str:
        """Return the service's name; a task's is in its `group`."""
        return self.service_arn.rpartition("/")[2]

    @property
    def service_arn(self) -> str:
        """Return the service's ARN: as the event has it, else the long one that follows from cluster and group."""
        named = [name for name in (_text(self.detail, "serviceArn"), *self.resources) if ":service/" in name]
        kind, _, group = _text(self.detail, "group").partition(":")
        if named or kind != "service" or ":cluster/" not in self.cluster_arn:
            return named[0] if named else ""
        return f"{self.cluster_arn.replace(':cluster/', ':service/')}/{group}"

    def state(self, masker: Masker) -> Mapping[str, Any]:
        """Return the detail in the form that the API tells the thing in, masked as its answer would be."""
        if not self.type.operation:
            return self.detail
        shape = _output_shape(self.type.operation)
        response = masker.mask(self.type.operation, plain({self.type.member: [self.detail]}, shape))
        state: Mapping[str, Any] = response[self.type.member][0]
        return state


def _text(told: Mapping[str, Any], member: str) -> str:
    value = told.get(member)
    return value if isinstance(value, str) else ""


@cache
def _output_shape(operation: str) -> Any:
    """Return what an operation answers, by botocore's model: no session, region or credentials are needed."""
    from botocore.session import Session

    service, _, action = operation.partition(":")
    return Session().get_service_model(service).operation_model(action).output_shape


def held_events(value: Any, *, wrappings: int = _MAX_WRAPPINGS) -> Iterator[Mapping[str, Any] | Reason]:
    """Yield what a JSON value holds: itself, or the events inside of what CloudWatch Logs wraps them in."""
    if not isinstance(value, Mapping):
        yield value if isinstance(value, Reason) else Reason.NO_EVENT
        return
    inner = [row for name in _WRAPPERS if isinstance(value.get(name), list) for row in value[name]]
    message = value.get("message")
    if "detail-type" in value or "actionSourceId" in value or not wrappings:
        yield value
    elif inner:
        for row in inner:
            yield from held_events(row, wrappings=wrappings - 1)
    elif isinstance(message, str) and message.lstrip().startswith("{"):
        yield from held_events(_parsed(message), wrappings=wrappings - 1)
    elif isinstance(message, Mapping):
        yield from held_events(message, wrappings=wrappings - 1)
    else:
        yield value


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return Reason.DAMAGED


def read_event(value: Mapping[str, Any] | Reason) -> Event | Reason:
    """Return an event as EventBridge or an action log has it, or why it is none that can be read."""
    if isinstance(value, Reason):
        return value
    if "actionSourceId" in value:
        return _of_action_log(value)
    kind = event_types().get(_text(value, "detail-type"))
    detail = value.get("detail")
    if kind is None:
        return Reason.NO_EVENT
    at = _instant(value.get("time"))
    if at is None or not isinstance(detail, Mapping) or not _has_form(kind, detail):
        return Reason.OTHER_FORM
    resources = value.get("resources")
    return Event(
        type=kind,
        id=_text(value, "id") or _fingerprint(value),
        at=at,
        account=_text(value, "account"),
        region=_text(value, "region"),
        resources=tuple(str(name) for name in resources) if isinstance(resources, list) else (),
        detail=detail,
    )


def _of_action_log(value: Mapping[str, Any]) -> Event | Reason:
    """Return an entry of an action log as an event; AWS's pages have some members in two places."""
    detail = value.get("detail")
    at = _after_epoch(value.get("timestamp", value.get("eventTimestamp")))
    if at is None or not isinstance(detail, Mapping):
        return Reason.OTHER_FORM
    name = _text(value, "eventName") or _text(detail, "eventName")
    cluster = _text(value, "resourceArn")
    of = _text(value, "actionSourceId")
    _, _, _, region, account, *_ = [*cluster.split(":"), "", "", "", "", ""]
    arn = of if of.startswith("arn:") else f"{cluster.partition(':cluster/')[0]}:{of}"
    return Event(
        type=EventType("", "deployment_event" if "_DEPLOYMENT_" in name else "service_action"),
        id=_fingerprint(value),
        at=at,
        account=_text(value, "account") or account,
        region=_text(value, "region") or region,
        resources=(arn,),
        detail={"eventType": _text(value, "logLevel"), "eventName": name, "clusterArn": cluster} | dict(detail),
    )


def _instant(text: Any) -> datetime | None:
    try:
        return parse_instant(text)
    except (TypeError, ValueError, OverflowError):
        return None


def _after_epoch(milliseconds: Any) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except (TypeError, ValueError, OverflowError):
        return None


def _fingerprint(value: Mapping[str, Any]) -> str:
    """Return an id that the same entry always has, for one to which AWS gives none."""
    return hashlib.sha256(orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _has_form(kind: EventType, detail: Mapping[str, Any]) -> bool:
    if kind.key and not _text(detail, kind.key):
        return False
    return not kind.operation or _fits({kind.member: [detail]}, _output_shape(kind.operation))


_CONTAINERS = {"structure": Mapping, "map": Mapping, "list": list}


def _fits(value: Any, shape: Any) -> bool:
    """Say whether lists and structures stand where AWS's model has them; a member may be missing, or null."""
    if value is None or shape.type_name not in _CONTAINERS:
        return True
    if not isinstance(value, _CONTAINERS[shape.type_name]):
        return False
    if shape.type_name == "list":
        return all(_fits(item, shape.member) for item in value)
    if shape.type_name == "map":
        return all(_fits(item, shape.value) for item in value.values())
    return all(_fits(value.get(name), member) for name, member in shape.members.items())
