"""Where an incident comes from, and the window of time it covers: one grammar for command, notebooks and library.

A source is `live:CLUSTER/SERVICE`, `demo:NAME[:SEED]`, `case:FILE` or the path of a snapshot.
A window is a duration that ends at the snapshot's `as_of` (`90m`, `3h`, `3w`), an ISO 8601 instant at which it
begins, or two of them as `A/B`.
"""

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from os import PathLike, fspath
from pathlib import Path

from ecs_notebook_lib.errors import SourceError, WindowError

DEFAULT_WINDOW = "3w"
"""Long enough to hold the last good deployment of a team that has been failing for weeks."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_GRAMMAR = "live:CLUSTER/SERVICE, demo:NAME[:SEED], case:FILE or a snapshot's path"


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A service in an AWS account; `cluster` is a name or an ARN."""

    cluster: str
    service: str


@dataclass(frozen=True, slots=True)
class DemoSource:
    """A simulated incident: the same name and seed always give the same incident."""

    name: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CaseSource:
    """A partial observation that somebody has in hand, as a case file."""

    path: Path


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    """A snapshot at rest."""

    path: Path


Source = LiveSource | DemoSource | CaseSource | SnapshotSource


def parse_source(text: str | PathLike[str]) -> Source:
    """Return what `text` names.

    Raises
    ------
    SourceError
        If it follows none of the four forms. Whether the thing exists is found out when it is opened.
    """
    text = fspath(text).strip()
    scheme, colon, rest = text.partition(":")
    if scheme == "live" and colon:
        return _live(rest)
    if scheme == "demo" and colon:
        return _demo(rest)
    if scheme == "case" and rest:
        return CaseSource(Path(rest))
    if not text or (colon and scheme in {"live", "demo", "case"}):
        raise SourceError(f"The source {text!r} is not complete. Give {_GRAMMAR}.")
    return SnapshotSource(Path(text))


def _live(rest: str) -> LiveSource:
    cluster, slash, service = rest.rpartition("/")
    if not (cluster and slash and service):
        raise SourceError(f"The source 'live:{rest}' names no service. Give live:CLUSTER/SERVICE.")
    return LiveSource(cluster, service)


def _demo(rest: str) -> DemoSource:
    name, colon, seed = rest.partition(":")
    if not name:
        raise SourceError(f"The source 'demo:{rest}' names no demo. See: ecs-notebook simulate --list.")
    if colon and not seed.isdecimal():
        raise SourceError(f"The seed {seed!r} of demo {name!r} is not a whole number. Give demo:NAME:SEED.")
    return DemoSource(name, int(seed or 0))


def parse_instant(text: str) -> datetime:
    """Return an ISO 8601 instant as an aware time in UTC; one without an offset is taken as UTC.

    Raises
    ------
    ValueError
        If it is no ISO 8601 instant, or in the first or last year that a time can be in: spans are added to it.
    """
    instant = datetime.fromisoformat(text)
    if not MINYEAR < instant.year < MAXYEAR:
        raise ValueError(f"the year {instant.year} cannot be reckoned with")
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_window(text: str, *, as_of: datetime) -> tuple[datetime, datetime]:
    """Return the first and last instant of a window; `""` is `DEFAULT_WINDOW`.

    Raises
    ------
    WindowError
        If it cannot be read, or ends before it begins.
    """
    text = text.strip() or DEFAULT_WINDOW
    try:
        if text[-1] in _UNITS and text[:-1].isdecimal():
            return as_of - timedelta(**{_UNITS[text[-1]]: int(text[:-1])}), as_of
        first, _, last = text.partition("/")
        begin, end = parse_instant(first), parse_instant(last) if last else as_of
    except (ValueError, OverflowError) as error:
        raise WindowError(text) from error
    if begin >= end:
        raise WindowError(text)
    return begin, end
