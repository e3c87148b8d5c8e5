"""The clock of the simulated world: a queue of timed actions and a seeded generator."""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta

Action = Callable[[], None]


class Engine:
    """Time that moves only when it is asked to, from one action to the next; equal seeds give equal worlds."""

    def __init__(self, start: datetime, seed: str) -> None:
        self.now = start
        self.random = random.Random(seed)
        self._queue: list[tuple[datetime, int, Action]] = []
        self._counter = itertools.count()

    def at(self, when: datetime, action: Action) -> None:
        """Do `action` at `when`; what is overdue is done next."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._counter), action))

    def after(self, seconds: float, action: Action) -> None:
        """Do `action` in so many seconds."""
        self.at(self.now + timedelta(seconds=seconds), action)

    def run_until(self, when: datetime) -> None:
        """Do everything that is due up to and including `when`, in order, and stop the clock there."""
        while self._queue and self._queue[0][0] <= when:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = max(self.now, when)

    @property
    def next_at(self) -> datetime | None:
        """Return when something happens next; None if nothing will."""
        return self._queue[0][0] if self._queue else None

    def between(self, low: float, high: float) -> float:
        """Return a random number of seconds, rounded to milliseconds as AWS tells times."""
        return round(self.random.uniform(low, high), 3)

    def hexadecimal(self, digits: int) -> str:
        """Return a random identifier of lower-case hexadecimal digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"
