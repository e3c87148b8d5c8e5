"""Which of the rows that were observed are changes of state: the others are not kept."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import orjson

from ecs_notebook_lib.history.rows import Row

ONCE = frozenset({"service_event", "service_action", "deployment_event"})
"""What happens once and does not change."""


_STALE = "stale"
"""No state's digest."""


class Last(NamedTuple):
    """The last state of a thing: its row without the state itself, and what is equal for equal states."""

    row: Row
    digest: str


_Scope = tuple[str, str]


class Changes:
    """Remembers the last state of everything that is there; memory grows with the cluster, not with time."""

    def __init__(self, last: Iterable[Last] = ()) -> None:
        self._last: dict[_Scope, dict[str, Last]] = defaultdict(dict)
        for known in last:
            self._last[known.row.kind, known.row.scope][known.row.key] = known

    def of(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that tell something new; `remember` them once they are kept."""
        new: dict[tuple[_Scope, str], Last] = {}
        changed = []
        for row in rows:
            scope, known = (row.kind, row.scope), Last(replace(row, state=None), digest_of(row))
            last = new.get((scope, row.key)) or self._last.get(scope, {}).get(row.key)
            if _is_news(known, last):
                new[scope, row.key] = known
                changed.append(row)
        return changed

    def gone(self, kind: str, scope: str, present: Collection[str], at: datetime) -> Iterator[Row]:
        """Yield a row for each thing of a scope that was there and is not there any more."""
        for key, last in self._last.get((kind, scope), {}).items():
            if key not in present and last.digest:
                yield replace(last.row, at=at)

    def remember(self, rows: Iterable[Row]) -> None:
        """Take these rows for the last states: call it when they are kept, and not before."""
        for row in rows:
            self._last[row.kind, row.scope][row.key] = Last(replace(row, state=None), digest_of(row))

    def renew(self) -> None:
        """Let the state of everything that is there count as new once more."""
        for (kind, _), known in self._last.items():
            if kind not in ONCE:
                known |= {
                    key: Last(replace(last.row, version=None), _STALE) for key, last in known.items() if last.digest
                }

    def forget(self, kind: str, scope: str, present: Collection[str]) -> None:
        """Let go of the things of a scope that AWS does not list any more: they will not change."""
        known = self._last.get((kind, scope), {})
        self._last[kind, scope] = {key: last for key, last in known.items() if key in present}


def digest_of(row: Row) -> str:
    """Return what is equal for equal states; of a thing that is gone it is empty."""
    return "" if row.state is None else digest_of_text(text_of(row))


def text_of(row: Row) -> bytes:
    """Return the state as JSON in which equal states are equal bytes."""
    return orjson.dumps(row.state, option=orjson.OPT_SORT_KEYS)


def digest_of_text(state: bytes) -> str:
    """Return what is equal for equal states as JSON."""
    return hashlib.blake2b(state, digest_size=12).hexdigest()


def _is_news(row: Last, last: Last | None) -> bool:
    if last is None:
        return bool(row.digest)
    if row.row.kind in ONCE:
        return False
    versions = row.row.version, last.row.version
    if row.digest and last.digest and None not in versions:
        return versions[0] > versions[1]  # type: ignore[operator]
    return row.digest != last.digest
