"""What of a CloudTrail event is kept: who, when, and those members of the request that tell what changed.

`CloudTrailEvent` is JSON in a text. People hand secrets to AWS in requests, so nothing of it is kept that the table of
events does not name, and values of environment variables are masked as those of task definitions are.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from ecs_notebook_lib.knowledge.change_events import change_events

_KEPT = ("eventID", "eventName", "eventSource", "eventTime", "awsRegion", "errorCode")
_IDENTITY = ("type", "arn", "invokedBy")
_ANSWER = ("taskDefinition.taskDefinitionArn",)
Mask = Callable[[str, Any], Any]


def kept_event(event: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """Return an event of LookupEvents with the body cut down to what the kit reads; `mask` takes a name and a value."""
    kept = {name: value for name, value in event.items() if name not in ("AccessKeyId", "CloudTrailEvent")}
    try:
        body = orjson.loads(event.get("CloudTrailEvent") or "{}")
        return kept | {"CloudTrailEvent": _written(body, mask)} if isinstance(body, dict) else kept
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):  # nested deeper than orjson writes, too
        return kept | {"CloudTrailEvent": _written({}, mask)}


def _written(body: Mapping[str, Any], mask: Mask) -> str:
    return orjson.dumps(_body(body, mask)).decode()


def _body(body: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    row = change_events().get(str(body.get("eventName")))
    identity = body.get("userIdentity")
    asked = project(body.get("requestParameters") or {}, row.keep if row else ())
    return {
        **{name: body[name] for name in _KEPT if body.get(name) is not None},
        "userIdentity": {name: identity[name] for name in _IDENTITY if name in identity}
        if isinstance(identity, dict)
        else {},
        "requestParameters": _masked(asked, mask),
        "responseElements": project(body.get("responseElements") or {}, _ANSWER),
    }


def project(value: Any, paths: Iterable[str]) -> Any:
    """Return what of a nested value the paths lead to; `[]` stands behind a repeated member. No path keeps nothing."""
    return _project(value, [path.split(".") for path in paths])


def _project(value: Any, paths: list[list[str]]) -> Any:
    if any(not path for path in paths):
        return value
    if not isinstance(value, dict):
        return {}
    kept: dict[str, Any] = {}
    for head in dict.fromkeys(path[0] for path in paths):
        name, rest = head.removesuffix("[]"), [path[1:] for path in paths if path[0] == head]
        below = value.get(name)
        if below is None:
            continue
        many = head.endswith("[]") and isinstance(below, list)
        kept[name] = [_project(item, rest) for item in below] if many else _project(below, rest)
    return kept


def _masked(value: Any, mask: Mask) -> Any:
    """Return a value in which those of environment variables are masked, wherever they stand."""
    if isinstance(value, dict):
        return {
            name: _variables(item, mask) if name == "environment" else _masked(item, mask)
            for name, item in value.items()
        }
    return [_masked(item, mask) for item in value] if isinstance(value, list) else value


def _variables(rows: Any, mask: Mask) -> list[dict[str, Any]]:
    """Return variables with their values masked; what has another form than AWS's is not kept."""
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [{"name": row.get("name"), "value": mask(str(row.get("name") or ""), row.get("value"))} for row in known]
