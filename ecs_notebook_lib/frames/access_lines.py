r"""Access lines that name their parts, or stand in a form with a method in it: who asked for what, and the answer.

A line counts as one only if it has a method and a status. What is read comes from a container: values may be of any
type, and every search looks at a bounded text.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import orjson

from ecs_notebook_lib.knowledge.access_lines import access_names, field_name

AccessParts = Mapping[str, str]
"""method and status; path, client, user_agent and seconds as far as the line tells them."""

_MAX_TEXT = 4096
_MAX_MEMBERS, _MAX_DEPTH = 200, 5
_MAX_VALUE = 2048
_MAX_SECONDS, _LONGEST_NUMBER = 1e6, 15
_MAX_NAME, _MAX_ADDRESS = 60, 64

_NANOSECONDS_FROM = 100_000
"""A whole number without a unit that is not smaller is in nanoseconds: nobody waits so many milliseconds."""

Fields = Mapping[str, list[Any]]


def may_be_access(text: str) -> bool:
    """Say whether a text has the name of a method in it: nothing else needs a closer look."""
    return any(method in text for method in access_names().methods)


def access_of_members(members: Mapping[str, Any]) -> AccessParts | None:
    """Return what an object says of an answered request; None if it has no method or no status."""
    return _access(_fields(members))


def access_of_named_fields(text: str) -> AccessParts | None:
    """Return what the `name=value` pairs of a line say, or the JSON object at its end."""
    if "ethod=" in text or 'equest="' in text:
        found = _access(_pairs(text[:_MAX_TEXT]))
        if found is not None:
            return found
    if text.endswith("}") and "ethod" in text:
        try:
            members = orjson.loads(text[text.index("{") :])
        except ValueError:  # no JSON, nested too deeply, or no brace that opens
            return None
        return access_of_members(members) if isinstance(members, dict) else None
    return None


def access_of_text(text: str) -> AccessParts | None:
    """Return what a line of text says in which a method, a path and a status follow each other."""
    head = text[:_MAX_TEXT]
    for form in _FORMS:
        match = form.search(head)
        if match and not _is_own_call(head[: match.start()]):
            return _told_in_text(match, head)
    return None


def _told_in_text(match: re.Match[str], text: str) -> AccessParts:
    told = match.groupdict()
    seconds = told.get("seconds") or next(iter(_DURATION.findall(text[match.end("status") :][:_NEAR])), None)
    parts = {
        "method": told["method"],
        "status": told["status"],
        "path": _path(told["path"]),
        "client": _address(told["client"]) if told.get("client") else _client_before(text[: match.start()]),
        "seconds": _seconds_text(seconds_of(seconds)) if seconds else None,
    }
    return {name: value for name, value in parts.items() if value}


_METHODS = "|".join(sorted(access_names().methods))
_NEAR = 60
_DURATION = re.compile(r"(?<![\w.])\d{1,9}(?:\.\d{1,9})? ?(?:ns|us|µs|μs|ms|s)(?!\w)")
_FORMS = (
    # gin and fiber: … | 200 | 1.2ms | 10.0.1.2 | GET "/health"
    re.compile(
        rf"\|\s{{0,9}}(?P<status>[1-5]\d\d)\s{{0,9}}\|\s{{0,20}}(?P<seconds>[^|\s]{{1,20}})\s{{0,9}}"
        rf"\|\s{{0,20}}(?P<client>[^|\s]{{1,64}})\s{{0,9}}\|\s{{0,9}}(?P<method>{_METHODS})[\s|]{{1,20}}"
        r"\"?(?P<path>/[^\s\"|]{0,2047})"
    ),
    # ASP.NET: Request finished HTTP/1.1 GET http://10.0.1.2:80/health - 200 - text/plain 1.2ms
    re.compile(
        rf"Request finished HTTP/[\d.]{{1,3}} (?P<method>{_METHODS}) (?P<path>\S{{1,2048}}) (?:[^\n]{{0,100}}? )?"
        r"- (?P<status>[1-5]\d\d) (?:[^\n]{0,100}? )??(?P<seconds>\d{1,9}(?:[.,]\d{1,9})?ms)"
    ),
    # chi: "GET http://10.0.1.2/health HTTP/1.1" from 10.0.1.2:51234 - 200 15B in 1.2ms
    re.compile(
        rf"\"(?P<method>{_METHODS}) (?P<path>\S{{1,2048}}) HTTP/[\d.]{{1,3}}\" from (?P<client>\S{{1,64}}) - "
        r"(?P<status>[1-5]\d\d)(?!\d)"
    ),
    # morgan, Express, Serilog, Django, uvicorn: GET /health 200, "GET /health HTTP/1.1" 200, GET /health responded 200
    re.compile(
        rf"(?<![\w/.-])(?P<method>{_METHODS}) [\"']?(?P<path>/[^\s\"']{{0,2047}})[\"']?(?: HTTP/\d(?:\.\d)?)?[\"']?"
        r"(?: (?:-|->|=>|→|responded|returned))? (?P<status>[1-5]\d\d)(?=[\s,;)\]|]|$)"
    ),
)
_ADDRESS = re.compile(
    r"\[?((?:::ffff:)?\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-fA-F:]*(?:::|(?::[\da-fA-F]{1,4}){7}))[\da-fA-F:]{2,45})\]?"
    r"(?::\d{1,5})?"
)


def _client_before(text: str) -> str | None:
    """Return the last address that stands before the request."""
    words = (word.strip("\"'(),|") for word in reversed(text[-_MAX_VALUE:].split()[-12:]))
    return next((_address(word) for word in words if len(word) <= _MAX_ADDRESS and _ADDRESS.fullmatch(word)), None)


def _is_own_call(before: str) -> bool:
    """Say whether the request is one that the program made: urllib3 writes `https://host:443 "GET / HTTP/1.1" 200`."""
    word = before[-_MAX_VALUE:].rstrip(" \"'").rpartition(" ")[2]
    return "http://" in word or "https://" in word


_PAIR = re.compile(r"(?<![^\s,|{(])([\w.@-]{1,60})=(?:\"((?:[^\"\\]|\\.){0,2048})\"|([^\s\"]{0,2048}))")


def _pairs(text: str) -> Fields:
    found: dict[str, list[Any]] = {}
    for number, match in enumerate(_PAIR.finditer(text)):
        if number >= _MAX_MEMBERS:
            break
        value = match[2] if match[2] is not None else match[3].rstrip(",;)}")
        found.setdefault(field_name("", match[1]), []).append(value)
    return found


def _fields(members: Mapping[str, Any]) -> Fields:
    """Return the members of an object and of those inside, by the names of the table; the outer ones come first."""
    found: dict[str, list[Any]] = {}
    waiting: deque[tuple[str, Mapping[str, Any], int]] = deque([("", members, 1)])
    left = _MAX_MEMBERS
    while waiting:
        outer, inner, depth = waiting.popleft()
        for key, value in inner.items():
            if not left:
                return found
            left -= 1
            name = field_name(outer, key[:_MAX_NAME])
            if isinstance(value, dict):
                found.setdefault(name, [])
                if depth < _MAX_DEPTH:
                    waiting.append((name, value, depth + 1))
            else:
                found.setdefault(name, []).append(value[0] if isinstance(value, list) and value else value)
    return found


def _access(fields: Fields) -> AccessParts | None:
    method, path = _request(fields)
    status = next(filter(None, map(_status, _values(fields, "status"))), None)
    if not method or not status:
        return None
    parts = {
        "method": method,
        "status": status,
        "path": path or next(filter(None, map(_path, _values(fields, "path"))), None),
        "client": next(filter(None, map(_address, _values(fields, "client"))), None),
        "user_agent": next(filter(None, map(_text, _values(fields, "user_agent"))), None),
        "seconds": _seconds_text(_seconds(fields)),
    }
    return {name: value for name, value in parts.items() if value}


def _values(fields: Fields, part: str) -> Iterator[Any]:
    for name in access_names().fields[part]:
        yield from fields.get(name, ())


def _request(fields: Fields) -> tuple[str, str | None]:
    """Return the method, and the path if both stand in one field: `GET /health HTTP/1.1`."""
    methods = access_names().methods
    for value in _values(fields, "method"):
        if isinstance(value, str) and value in methods:
            return value, None
    for value in _values(fields, "request_line"):
        words = value[:_MAX_VALUE].split() if isinstance(value, str) else []
        if len(words) in (2, 3) and words[0] in methods:
            return words[0], _path(words[1])
    return "", None


def _text(value: object) -> str | None:
    return value.strip()[:_MAX_VALUE] or None if isinstance(value, str) else None


def _status(value: Any) -> str | None:
    """Return a status of HTTP; None for anything else, such as the level that some call status."""
    if isinstance(value, str):
        head = value[:_MAX_VALUE].strip().partition(" ")[0]
        value = int(head) if len(head) == 3 and head.isascii() and head.isdigit() else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 100 <= value < 600 or value != int(value):
        return None
    return str(int(value))


def _path(value: object) -> str | None:
    """Return the path of what was asked for, with its query; of a whole URL what follows the host."""
    text = _text(value)
    if text and text.startswith(("http://", "https://")):
        host, slash, rest = text.partition("://")[2].partition("/")
        return slash + rest if slash else "/" if host else None
    return text if text and text.startswith(("/", "*")) else None


def _address(value: object) -> str | None:
    """Return the address of a client; of a list, as X-Forwarded-For is one, the first."""
    text = (_text(value) or "").partition(",")[0]
    known = text == "localhost" or "." in text or ":" in text
    return plain_client(text) if known and len(text) <= _MAX_ADDRESS else None


def plain_client(client: str) -> str:
    """Return an address without the prefixes of an IPv4 address in IPv6's form and of Python's basic logging."""
    return _BASIC_LOGGING.sub("", client).removeprefix("::ffff:")


_BASIC_LOGGING = re.compile(r"\A[A-Z]{4,8}:[\w.]{1,60}:(?=\d{1,3}\.)")


def _seconds(fields: Fields) -> float | None:
    """Return how long a request took, if the unit is told: in the value, the name, or by who else writes that name."""
    names = access_names()
    for value in _values(fields, "duration_text"):
        if isinstance(value, str) and (seconds := seconds_of(value)) is not None:
            return seconds
    for name in (name for name in fields if name in names.durations):
        meant = (duration for duration in names.durations[name] if duration.is_meant(fields))
        for duration, value in product(meant, fields[name]):
            if (seconds := _timed(value, duration.seconds)) is not None:
                return seconds
    told = (_untold(value) for value in _values(fields, "duration"))
    return next((seconds for seconds in told if seconds is not None), None)


def _untold(value: object) -> float | None:
    if isinstance(value, str):
        whole = value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER
        return _untold(int(value)) if whole else seconds_of(value)
    return _timed(value, 1e-9) if isinstance(value, int) and value >= _NANOSECONDS_FROM else None


def _timed(value: object, unit: float) -> float | None:
    """Return the seconds of a number in a unit; a text with a unit of its own keeps that."""
    if isinstance(value, str):
        return seconds_of(value, unit)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value * unit
    return seconds if 0 <= seconds < _MAX_SECONDS else None


_TIMED = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,15}(?:[.,]\d{0,12})?)\s?([a-zµμ]{0,12}))?", re.ASCII)


def seconds_of(text: str, unit: float | None = None) -> float | None:
    """Return the seconds of `1.2ms`, `52µs` or `1m2.5s`; a number alone is in `unit`, or not known if that is None."""
    match = _TIMED.fullmatch(text.strip()) if 0 < len(text) <= 40 else None
    if not match or not match[0]:
        return None
    own = access_names().units.get(match[4] or "") if match[4] else unit
    if match[3] and own is None:
        return None
    seconds = float((match[3] or "0").replace(",", ".")) * (own or 0)
    total = 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + seconds
    return total if total < _MAX_SECONDS else None


def _seconds_text(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.9f}"
