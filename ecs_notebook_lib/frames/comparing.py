"""Two revisions compared by field, and what of it may be shown: never a value that may be secret.

Lists that have no order in AWS have none here; a member that is absent equals the default that AWS puts in its place.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 300
_MASKED = "hmac:"
_HIDDEN = "(a value)"
_DIFFERS = "(value differs)"
_NAMED = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|private)[_-]?key)"
_SECRETS = (
    re.compile(rf"(?i)({_NAMED}[\w-]{{0,100}}+=)[^\s\"',;&]+()"),
    re.compile(rf"(?i)((?<!-)-[\w-]{{0,100}}{_NAMED}[\w-]{{0,100}}+[\s,]+)[^\s\"',;&]+()"),
    re.compile(r"(://[^\s/:@]*:)[^\s/@]+(@)"),
)
"""Where command lines hold secrets: `PASSWORD=…`, `--token …`, `scheme://user:…@host`.

Names are bounded: text is anybody's, and each letter of it may begin one.
"""

_IDENTITY = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "status",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "family",
        "containerDefinitions",
    }
)
_KEYS = {
    "environment": "name",
    "secrets": "name",
    "portMappings": "containerPort",
    "mountPoints": "containerPath",
    "volumes": "name",
    "ulimits": "name",
    "containerDefinitions": "name",
}
"""Members whose elements are known by a member of their own: an element each is a change of its own."""

_ORDERED = frozenset({"command", "entryPoint"})
_DEFAULTS: Mapping[str, Any] = {
    "essential": True,
    "cpu": 0,
    "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
}
_CHECK_DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}
"""Defaults of a container's health check (API reference, HealthCheck); a start period that is off is 0."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One member that is not what it was, and what it was and is, as text that may be shown; empty where absent."""

    member: str
    before: str
    after: str
    container: str = ""


def definition_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield how a task definition differs from an earlier one, containers first."""
    olds, news = (_by_key(row.get("containerDefinitions") or (), "name") for row in (before, after))
    for name in dict.fromkeys([*news, *olds]):
        place = f"containerDefinitions[{name}]"
        if name not in olds or name not in news:
            was, became = ("" if row is None else str(row.get("image", "")) for row in (olds.get(name), news.get(name)))
            yield Difference(place, was, became, str(name))
            continue
        for row in _differences(olds[name], news[name], f"{place}."):
            yield Difference(row.member, row.before, row.after, str(name))
    old, new = ({name: value for name, value in row.items() if name not in _IDENTITY} for row in (before, after))
    yield from _differences(old, new, "")


def differences(before: Mapping[str, Any], after: Mapping[str, Any], members: Sequence[str]) -> Iterator[Difference]:
    """Yield how these members, which may be paths with points, differ."""
    for path in members:
        yield from _differences({path: at(before, path)}, {path: at(after, path)}, "")


def at(value: Any, path: str) -> Any:
    """Return what a path of members leads to; None if it leads nowhere."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[Difference]:
    for name in dict.fromkeys([*after, *before]):
        old, new = (_usual(name, row.get(name)) for row in (before, after))
        if old == new:
            continue
        key = _KEYS.get(name)
        if key and isinstance(old or [], list) and isinstance(new or [], list):
            yield from _of_elements(f"{prefix}{name}", _by_key(old or (), key), _by_key(new or (), key))
        else:
            yield _told(f"{prefix}{name}", old, new)


def _of_elements(place: str, olds: Mapping[Any, Any], news: Mapping[Any, Any]) -> Iterator[Difference]:
    for key in dict.fromkeys([*news, *olds]):
        old, new = olds.get(key), news.get(key)
        if old != new:
            yield _told(f"{place}[{key}]", _value_of(old), _value_of(new))


def _by_key(rows: Sequence[Any], key: str) -> dict[Any, Any]:
    return {row.get(key): row for row in rows if isinstance(row, dict)}


def _value_of(row: Any) -> Any:
    """Return what an element says beside its name: the value of a variable, the place of a secret, or all of it."""
    if not isinstance(row, dict):
        return row
    return row.get("value", row.get("valueFrom", row))


def _usual(name: str, value: Any) -> Any:
    """Return a value without order where AWS's has none, and None where it says no more than the default."""
    if value in (None, "", [], {}, _DEFAULTS.get(name, ())):
        return None
    if name == "healthCheck" and isinstance(value, dict):
        return _CHECK_DEFAULTS | value
    if name in _KEYS or name in _ORDERED or not isinstance(value, list):
        return value
    return sorted(value, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def _told(member: str, old: Any, new: Any) -> Difference:
    before, after = text_of(old), text_of(new)
    return Difference(member, before, _DIFFERS if before == after else after)


def text_of(value: Any) -> str:
    """Return a value as short text in which masked ones are not shown; empty if there is none."""
    if value is None:
        return ""
    shown = _shown(value)
    if isinstance(shown, list) and all(isinstance(row, str | int) for row in shown):
        text = ", ".join(map(str, shown))
    else:
        text = shown if isinstance(shown, str) else json.dumps(shown, sort_keys=True, default=str)
    text = without_secrets(text)
    return shortened(text, _LONGEST)


def without_secrets(text: str) -> str:
    """Return text in which what a command line gives as a password, token or key is not shown."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{_HIDDEN}\g<2>", text)
    return text


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return _HIDDEN if isinstance(value, str) and value.startswith(_MASKED) else value


def beginning(text: object, limit: int) -> str:
    """Return the beginning of a text, cut behind a whole word: half an identifier is none, and cannot be redacted."""
    whole = str(text)
    if len(whole) <= limit or whole[limit].isspace():
        return whole[:limit]
    return whole[:limit].rsplit(maxsplit=1)[0]


def shortened(text: str, limit: int) -> str:
    """Return a text, or its beginning with dots behind it."""
    return text if len(text) <= limit else f"{beginning(text, limit)} ..."
