"""How one value looks in a table: times with what has passed, short names, folded text, severity by sign and word."""

import re
from collections.abc import Callable
from functools import cache
from html import escape

import pandas as pd

from ecs_notebook_lib.frames import SCHEMAS
from ecs_notebook_lib.untrusted import visible

_WHOLE = 20_000
_FOLDED_FROM, _HEAD = 500, 320
_ARN = re.compile(r"arn:aws[a-z-]*:([a-z0-9-]+):[^:\s]*:[^:\s]*:(\S+)")
_TASK_ID = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_END_SHOWN, _BEGIN_SHOWN = 6, 12
_UNIT = re.compile(r"\[[^\]]{1,8}\]$")
_FINDING = re.compile(r"\bF\d{1,4}\b")
_UNITS = {"_seconds": "s", "_minutes": "min", "_percent": "%"}

BAD, WARNING, GOOD, UNKNOWN = "bad", "warning", "good", "unknown"
_SIGNS = {BAD: "✖", WARNING: "▲", GOOD: "✔", UNKNOWN: "?"}
_SEVERITIES = {
    "level": {"FATAL": BAD, "ERROR": BAD, "WARN": WARNING},
    "verdict": {
        "closed": BAD,
        "explicit_deny": BAD,
        "implicit_deny": BAD,
        "cannot_tell": UNKNOWN,
        "undecided": UNKNOWN,
        "open": GOOD,
        "allowed": GOOD,
    },
    "exists": {"no": BAD, "not known": UNKNOWN, "yes": GOOD},
    "state": {"unhealthy": BAD, "healthy": GOOD, "unavailable": UNKNOWN},
    "status": {
        "denied": UNKNOWN,
        "throttled": UNKNOWN,
        "failed": UNKNOWN,
        "STOPPED": WARNING,
        "ROLLBACK_SUCCESSFUL": WARNING,
        "ROLLBACK_FAILED": BAD,
        "SUCCESSFUL": GOOD,
    },
    "rollout_state": {"FAILED": BAD, "COMPLETED": GOOD},
    "answer": {"confirmed": BAD, "ruled out": GOOD, "cannot tell": UNKNOWN},
    "counts": {"made it worse": WARNING},
    "outcome": {"would fail": BAD, "warning": WARNING, "not checked": UNKNOWN, "ok": GOOD},
}
"""Of each column the values that are good or bad news; what does not stand here is neither."""


@cache
def _meanings() -> dict[str, str]:
    """Return what a column means, of each name that means the same in every frame and does not say it itself."""
    told: dict[str, set[str]] = {}
    for schema in SCHEMAS.values():
        for column in schema.columns:
            told.setdefault(column.name, set()).add(column.meaning)
    return {name: next(iter(meanings)) for name, meanings in told.items() if len(meanings) == 1 and name != "id"}


def heading(column: str) -> str:
    """Return a column's name for people, its unit in square brackets: `running [s]`."""
    for suffix, unit in _UNITS.items():
        if column.endswith(suffix):
            return f"{column.removesuffix(suffix).replace('_', ' ')} [{unit}]"
    told = _UNIT.search(_meanings().get(column, ""))
    return column.strip("_").replace("_", " ") + (f" {told.group()}" if told else "")


def head_html(column: str) -> str:
    """Return the head of a column; what the column means appears on hover."""
    meaning = _meanings().get(column, "")
    told = f' title="{escape(meaning)}"' if meaning else ""
    return f'<th scope="col"{told}>{escape(heading(column))}</th>'


def text(value: object, *, since: pd.Timestamp | None = None) -> str:
    """Return a value on one line: empty if it is missing, a time in UTC with what has passed since `since`."""
    if _is_missing(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}{_elapsed(value, since)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return visible(value, limit=_WHOLE)


def html(value: object, column: str, *, since: pd.Timestamp | None = None, linked: bool = False) -> str:
    """Return the inside of a cell. `linked` makes the number of a finding a link to its rows."""
    if isinstance(value, pd.Timestamp) and not _is_missing(value):
        return f'<time datetime="{value.isoformat()}">{text(value)}</time>{_elapsed(value, since)}'
    shown = text(value, since=since)
    severity = _SEVERITIES.get(column, {}).get(shown)
    if severity:
        sign = f'<span aria-hidden="true">{_SIGNS[severity]}</span>'
        return f'<span class="{severity}">{sign} {escape(shown.replace("_", " "))}</span>'
    if isinstance(value, str):
        return _shortened(shown) or _folded(shown, _with_links if linked else escape)
    return escape(shown)


def _shortened(shown: str) -> str:
    """Return a long name cut to what tells it apart, whole on hover; `""` if it is no such name."""
    arn = _ARN.fullmatch(shown)
    if arn:
        short = _short_resource(*arn.groups())
    elif _TASK_ID.fullmatch(shown):
        short = f"…{shown[-_END_SHOWN:]}"
    elif _DIGEST.fullmatch(shown):
        short = f"{shown.removeprefix('sha256:')[:_BEGIN_SHOWN]}…"
    else:
        return ""
    return f'<abbr title="{escape(shown)}">{escape(short)}</abbr>'


def _short_resource(service: str, resource: str) -> str:
    """Return `service:resource`; of a task, whose id nobody reads, the end of it, as the plots have it."""
    kind, last = resource.partition("/")[0], resource.rpartition("/")[2]
    return f"{kind} …{last[-_END_SHOWN:]}" if _TASK_ID.fullmatch(last) else f"{service}:{resource}"


def _folded(shown: str, write: Callable[[str], str]) -> str:
    if len(shown) <= _FOLDED_FROM:
        return write(shown)
    head = f"{write(shown[:_HEAD])} <small>… {len(shown) - _HEAD} more characters</small>"
    return f"<details><summary>{head}</summary>{write(shown[_HEAD:])}</details>"


def _with_links(shown: str) -> str:
    return _FINDING.sub(lambda found: f'<a href="#rows-{found.group()}">{found.group()}</a>', escape(shown))


def _is_missing(value: object) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]  # it is a scalar


def _elapsed(value: pd.Timestamp, since: pd.Timestamp | None) -> str:
    """Return how long after `since` that was, in the largest unit that fits: ` (+3.5 min)`."""
    if since is None:
        return ""
    seconds = (value - since).total_seconds()
    size, unit = next(((size, unit) for size, unit in _SPANS if abs(seconds) >= size), (1, "s"))
    return f" ({seconds / size:+.1f} {unit})".replace(".0 ", " ")


_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))
