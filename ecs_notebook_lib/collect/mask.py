"""Taking values that may be secret out of responses before they reach a disk (DESIGN 5.3).

A masked value is an HMAC under a key that is thrown away with the run: equal values stay equal, so that revisions can
be compared, and nobody can try candidates against it afterwards.
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from ecs_notebook_lib.collect.trail_body import kept_event
from ecs_notebook_lib.knowledge.change_events import OPERATION

_ENVIRONMENT = "environment[].value"
MASKED_PATHS = {
    "ecs:DescribeTaskDefinition": (
        f"taskDefinition.containerDefinitions[].{_ENVIRONMENT}",
        "taskDefinition.containerDefinitions[].logConfiguration.options.*",
        "taskDefinition.containerDefinitions[].firelensConfiguration.options.*",
        "taskDefinition.containerDefinitions[].dockerLabels.*",
    ),
    "ssm:DescribeParameters": ("Parameters[].Description", "Parameters[].AllowedPattern"),
    "elbv2:DescribeRules": (
        "Rules[].Conditions[].HttpHeaderConfig.Values",
        "Rules[].Conditions[].QueryStringConfig.Values[].Value",
    ),
    "ecs:DescribeTasks": (f"tasks[].overrides.containerOverrides[].{_ENVIRONMENT}",),
}
"""Where AWS returns values that people put secrets into; `*` is every key of a map."""

_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12})?:[^\s\"'@?=]+")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_PLAIN_WORDS = frozenset({"", "true", "false", "localhost"})


class Masker:
    """Masks the values of one run under one random key."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def mask(self, operation: str, response: dict[str, Any]) -> dict[str, Any]:
        """Replace the values of `MASKED_PATHS` in `response`, in place, and return it.

        Of the bodies of CloudTrail's events only what the kit reads is left.
        """
        if operation == OPERATION and "Events" in response:
            response["Events"] = [kept_event(event, self._value) for event in response["Events"] or ()]
        for path in MASKED_PATHS.get(operation, ()):
            for holder, key in _places(response, path.split(".")):
                holder[key] = self._value(holder.get("name", "") or str(key), holder[key])
        return response

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(name, element) for element in value]
        if not isinstance(value, str) or is_plain(name, value):
            return value
        return "hmac:" + hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:16]


def is_plain(name: str, value: str) -> bool:
    """Say whether diagnosis needs this value and no secret looks like it.

    Ports (by name and range), booleans, loopback and wildcard addresses, ARNs, region names, and the options of the
    awslogs driver, which name the log group and stream.
    """
    return (
        value.lower() in _PLAIN_WORDS
        or name.startswith("awslogs-")
        or ("port" in name.lower() and value.isdecimal() and int(value) <= 65535)
        or _ARN.fullmatch(value) is not None
        or _REGION.fullmatch(value) is not None
        or _is_local_address(value)
    )


def _is_local_address(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _places(value: Any, path: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each dict and key that a path leads to."""
    if not isinstance(value, dict):
        return
    head, rest = path[0], path[1:]
    name = head.removesuffix("[]")
    children: Callable[[], list[Any]] = lambda: value.get(name) or [] if head.endswith("[]") else [value.get(name)]  # noqa: E731
    if rest:
        for child in children():
            yield from _places(child, rest)
    else:
        yield from ((value, key) for key in (list(value) if name == "*" else [name]) if key in value)
