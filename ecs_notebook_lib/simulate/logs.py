"""Log groups and streams. What repeats is a rule, not a list: its lines are made when somebody reads them."""

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Line = tuple[datetime, str]
_NARROW = timedelta(seconds=1)


@dataclass(slots=True)
class Periodic:
    """A line that comes every `period` seconds from `start` on, until `end`; `text` words the nth one for `client`."""

    start: datetime
    period: float
    text: Callable[[datetime, int], str]
    client: str
    end: datetime | None = None

    def stop(self, when: datetime) -> None:
        """Let no line come from `when` on."""
        self.end = when if self.end is None else min(self.end, when)

    def lines(self, begin: datetime, end: datetime) -> Iterator[Line]:
        """Yield the lines from `begin` up to, but not at, `end`."""
        number = self._number(begin)
        last = end if self.end is None else min(end, self.end)
        while (when := self.start + timedelta(seconds=number * self.period)) < last:
            if when >= begin:
                yield when, self.text(when, number)
            number += 1

    def count(self, begin: datetime, end: datetime) -> int:
        """Return how many lines `lines` would yield."""
        last = end if self.end is None else min(end, self.end)
        return max(0, self._number(last) - self._number(begin))

    def _number(self, when: datetime) -> int:
        """Return how many lines come before `when`."""
        return max(0, math.ceil((when - self.start).total_seconds() / self.period))


@dataclass(slots=True)
class LogStream:
    """One stream: lines that were written once, in order of time, and those that repeat."""

    name: str
    created_at: datetime
    written: list[Line] = field(default_factory=list)
    periodic: list[Periodic] = field(default_factory=list)

    def write(self, when: datetime, *texts: str) -> None:
        """Add lines; they need not come in order."""
        self.written.extend((when, text) for text in texts)

    def lines(self, begin: datetime, end: datetime) -> list[Line]:
        """Return the lines from `begin` up to, but not at, `end`, in order of time."""
        self.written.sort(key=_time)
        first, last = bisect_left(self.written, begin, key=_time), bisect_left(self.written, end, key=_time)
        repeated = [source.lines(begin, end) for source in self.periodic]
        return list(heapq.merge(self.written[first:last], *repeated, key=_time))

    def count(self, begin: datetime, end: datetime) -> int:
        """Return how many lines there are from `begin` up to, but not at, `end`, without making them."""
        self.written.sort(key=_time)
        written = bisect_left(self.written, end, key=_time) - bisect_left(self.written, begin, key=_time)
        return written + sum(source.count(begin, end) for source in self.periodic)

    def some(self, begin: datetime, end: datetime, first: int, last: int) -> list[Line]:
        """Return the lines number `first` up to, but not including, `last` of those from `begin` to `end`."""
        low, high = begin, end
        while high - low > _NARROW:
            middle = low + (high - low) / 2
            before = self.count(begin, middle)
            if before <= first:
                low = middle
            elif before >= last:
                high = middle
            else:
                break
        skipped = self.count(begin, low)
        return self.lines(low, high)[first - skipped : last - skipped]

    def last_at(self, now: datetime) -> datetime | None:
        """Return about when the last line was written; None if none was."""
        self.written.sort(key=_time)
        until = bisect_right(self.written, now, key=_time)
        ends = [min(now, source.end or now) for source in self.periodic if source.start <= now]
        return max([*ends, *(when for when, _ in self.written[until - 1 : until])], default=None)

    def overlaps(self, begin: datetime, end: datetime) -> bool:
        """Say whether the stream can hold lines in this time."""
        last = self.last_at(end)
        return self.created_at < end and last is not None and last >= begin


def _time(line: Line) -> datetime:
    return line[0]


@dataclass(slots=True)
class LogGroup:
    """A log group and its streams by name."""

    name: str
    created_at: datetime
    retention_days: int | None = None
    streams: dict[str, LogStream] = field(default_factory=dict)

    def begin(self, now: datetime) -> datetime:
        """Return the time before which lines are forgotten."""
        return self.created_at if self.retention_days is None else now - timedelta(days=self.retention_days)
