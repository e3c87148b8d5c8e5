"""One log line read: its own text and its level.

Lines come from containers and are untrusted: every expression here looks at a bounded text and cannot backtrack far.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ecs_notebook_lib.frames.access_lines import AccessParts, access_of_members, may_be_access

LEVELS = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")
"""Levels, the gravest first."""

MAX_TEXT = 32_768
"""Longer texts lose their middle: what a trace begins and ends with tells most."""

_MAX_JSON = 1_048_576
"""CloudWatch Logs takes events of up to 1 MB; a longer text is not read as JSON."""

_HEAD = 200
"""Where a level stands in a line, if it has one."""

_NAMES: Mapping[str, str] = {
    name: level
    for level, names in {
        "FATAL": "fatal critical crit emerg emergency alert panic dpanic severe fatal_error",
        "ERROR": "error err eror fail failure parse_error",
        "WARN": "warn warning wrn deprecated",
        "INFO": "info information informational notice inf log",
        "DEBUG": "debug dbug dbg fine config",
        "TRACE": "trace trce verbose finer finest silly",
    }.items()
    for name in names.split()
}
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
_KLOG_LEVELS = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}
_KEYED = re.compile(
    r"(?<![\w?&/.-])(?:level|lvl|severity|levelname|log_?level)[\"']?\s?[=:]\s?[\"']?([A-Za-z]{3,13})\b", re.I
)
_SPOKEN = (
    re.compile(
        r"(?<![\w./\\$-])(EMERG|FATAL|CRITICAL|CRIT|SEVERE|PANIC|DPANIC|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE"
        r"|VERBOSE|FINE|FINER|FINEST)(?![\w./\\-])"
    ),
    re.compile(
        r"[\[(<](emerg|alert|fatal|critical|crit|error|err|warning|warn|notice|info|debug|trace|verbose)[\])>]", re.I
    ),
    re.compile(
        r"^\s{0,8}(?:PHP )?(fatal error|parse error|fatal|critical|crit|error|err|fail|warning|warn|deprecated|notice"
        r"|info|debug|dbug|trace|trce|verbose)\s{0,2}:",
        re.I,
    ),
)
_COLOR = re.compile(r"\x1b\[[0-9;]{0,20}m")

_LEVEL_KEYS = ("level", "severity", "levelname", "log.level", "lvl", "log_level", "loglevel", "@level", "severity_text")
_TEXT_KEYS = ("message", "msg", "@message", "event", "short_message", "body", "log")
_ERROR_KEYS = ("error", "err", "exception", "exc_info", "error.message", "errorMessage")
_TRACE_KEYS = (
    "stack_trace",
    "stacktrace",
    "stackTrace",
    "stack",
    "exc_info",
    "exc_text",
    "traceback",
    "error.stack_trace",
    "exception",
    "error",
    "err",
)
_INNER_KEYS = ("message", "msg", "type", "name", "code")

_SERVES = re.compile(
    r"\b(?:listen(?:s|ing)?|serving|bound|server (?:is )?(?:started|running|up|ready)"
    r"|(?:started|starting|running) (?:the )?(?:https?|grpc|web|api|tcp)?\s?server)\b",
    re.I,
)
_ADDRESS_KEYS = ("addr", "address", "listen_addr", "listenAddr", "listen", "bind", "bind_addr", "bindAddress", "url")
_PORT_KEYS, _HOST_KEYS = ("port", "http_port", "server.port"), ("host", "ip", "interface", "hostname")
_ENDS_IN_PORT, _PORT = re.compile(r":\d{2,5}/?\Z"), re.compile(r"\d{2,5}")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log event read: its text (of a JSON line: what its message says), level, and the stack trace in a field.

    Of a JSON line that tells of an answered request, `access` is what it says of that.
    """

    text: str
    level: str | None = None
    trace: str = ""
    access: AccessParts | None = None

    @property
    def lines(self) -> list[str]:
        """Return the lines among which a stack trace may stand."""
        return [line.rstrip("\r") for line in (self.trace or self.text).split("\n")]


def read_line(message: str) -> LogLine:
    """Return what a log event says, whether it is plain text or JSON."""
    if message.startswith("{") and len(message) <= _MAX_JSON:
        try:
            members = orjson.loads(message)
        except orjson.JSONDecodeError:  # also for one that is nested too deeply
            members = None
        if isinstance(members, dict):
            return _read_json(members, message)
    text = _COLOR.sub("", bounded(message))
    return LogLine(text, level_of(text))


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """Return a text, or the beginning and the end of one that is too long."""
    return text if len(text) <= limit else f"{text[: limit // 2]}\n{text[-limit // 2 :]}"


def level_of(text: str) -> str | None:
    """Return the level that a line of text names in its beginning; None if it names none.

    Known are `ERROR: …`, `[error]`, `level=error`, klog's `E0712 …`, and the forms of log4j, logback, zap, uvicorn,
    gunicorn, nginx, winston, PHP and .NET.
    """
    head = text[:_HEAD]
    klog = _KLOG.match(head)
    if klog:
        return _KLOG_LEVELS[klog[1]]
    keyed = _KEYED.search(head)
    if keyed and keyed[1].lower() in _NAMES:
        return _NAMES[keyed[1].lower()]
    spoken = [match for match in (form.search(head) for form in _SPOKEN) if match]
    first = min(spoken, key=lambda match: match.start(1), default=None)
    return _NAMES.get(first[1].lower().replace(" ", "_")) if first else None


def _read_json(members: Mapping[str, Any], message: str) -> LogLine:
    told = _first_text(members, _TEXT_KEYS)
    error = _first_text(members, _ERROR_KEYS)
    trace = next((text for text in _texts(members, _TRACE_KEYS) if "\n" in text), "")
    texts = [told, error if error not in told and error != trace else ""]
    text = ": ".join(text for text in texts if text) or trace.partition("\n")[0] or message
    if _SERVES.search(text[:_HEAD]):
        where = _address_in(members)
        text = f"{text}: listening on {where}" if where and where not in text else text
    access = access_of_members(members) if may_be_access(message) else None
    return LogLine(_COLOR.sub("", bounded(text)), _json_level(members), bounded(trace), access)


def _address_in(members: Mapping[str, Any]) -> str:
    """Return where a server says in members of its own that it listens, `address:port`; `""` if it does not."""
    for key in _ADDRESS_KEYS:
        value = members.get(key)
        if isinstance(value, str) and _ENDS_IN_PORT.search(value[:_HEAD]):
            return value[:_HEAD]
    port = str(next((members[key] for key in _PORT_KEYS if key in members), ""))
    host = next((value for key in _HOST_KEYS if isinstance(value := members.get(key), str)), "")
    return f"{host[:_HEAD]}:{port}" if _PORT.fullmatch(port) else ""


def _json_level(members: Mapping[str, Any]) -> str | None:
    nested = members.get("log")
    values = [members.get(key) for key in _LEVEL_KEYS]
    values += [nested.get("level")] if isinstance(nested, dict) else []
    for value in values:
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            return _numbered(value)
        if isinstance(value, str) and value.strip().lower() in _NAMES:
            return _NAMES[value.strip().lower()]
    return None


def _numbered(value: int) -> str | None:
    """Return the level of a number: pino and bunyan count from 10 to 60, syslog (GELF) from 7 down to 0."""
    if value >= 10:
        return LEVELS[max(0, 6 - min(value // 10, 6))]
    return ("FATAL", "FATAL", "FATAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")[value] if 0 <= value < 8 else None


def _first_text(members: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next(iter(_texts(members, keys)), "")


def _texts(members: Mapping[str, Any], keys: Iterable[str]) -> Iterable[str]:
    """Yield the texts under these keys; of an object its stack or the members that say what it is."""
    for key in keys:
        value = members.get(key)
        if isinstance(value, str) and value:
            yield value
        elif isinstance(value, dict):
            stack = [value[name] for name in _TRACE_KEYS if isinstance(value.get(name), str)]
            told = [value[name] for name in _INNER_KEYS if isinstance(value.get(name), str)]
            yield from (text for text in (": ".join(told[:2]), *stack) if text)
