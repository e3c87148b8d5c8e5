"""Keeping to a quarter of the rates at which AWS lets an account call its APIs.

AWS counts calls in token buckets: a full bucket lets a burst through, then calls pass as fast as tokens come back. We
keep a bucket beside each of AWS's, a quarter of its size and refilled a quarter as fast, so three quarters are always
left to the account's own programs: in any stretch of `t` seconds at most `max(1, burst / 4) + t * rate / 4` calls are
let through. One incident fits into the burst; a fleet of them is slowed down to the rate. CloudTrail alone is asked as
often as AWS allows, under a deadline (`knowledge/rates.toml` says why).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ecs_notebook_lib.knowledge.rates import ApiBucket, bucket_of

_ROUNDING = 1e-9


class Rates:
    """Lets calls of one account through, first come, first served, a bucket for each region and API; thread-safe.

    Share one among all that call the same account at the same time. `clock` gives seconds, `sleep` waits that long.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._lock = threading.Lock()

    def wait(self, operation: str, region: str) -> None:
        """Return when a call of an operation (`service:Operation`) may be made in a region."""
        bucket = self._bucket(operation, region)
        with bucket.turn():
            while (missing := bucket.missing(self._clock())) > 0:
                self._sleep(missing)
            bucket.take()

    def _bucket(self, operation: str, region: str) -> "_Bucket":
        row = bucket_of(operation)
        key = (row.name, "" if row.everywhere else region)
        with self._lock:
            if key not in self._buckets:
                self._buckets[key] = _Bucket(row, self._clock())
            return self._buckets[key]


def seconds_between(operation: str) -> float:
    """Return how far apart calls of an operation are when many of them follow each other."""
    row = bucket_of(operation)
    return 1 / (row.rate * row.share)


class _Bucket:
    """A quarter of one of AWS's buckets, and those who wait for its tokens in the order in which they came."""

    def __init__(self, row: ApiBucket, now: float) -> None:
        self._rate = row.rate * row.share
        self._size = self._tokens = max(1.0, row.burst * row.share)
        self._filled_at = now
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until all who came before have theirs."""
        gate = threading.Lock()
        with self._lock:
            if self._taken:
                gate.acquire()
                self._waiting.append(gate)
            self._taken = True
        with gate:
            pass
        try:
            yield
        finally:
            with self._lock:
                self._taken = bool(self._waiting)
                if self._waiting:
                    self._waiting.popleft().release()

    def missing(self, now: float) -> float:
        """Return for how many seconds there is no token; only whose turn it is may ask."""
        self._tokens = min(self._size, self._tokens + max(0.0, now - self._filled_at) * self._rate)
        self._filled_at = max(now, self._filled_at)
        return 0.0 if self._tokens >= 1 - _ROUNDING else (1 - self._tokens) / self._rate

    def take(self) -> None:
        """Take a token."""
        self._tokens -= 1
