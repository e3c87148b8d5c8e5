"""When to stop asking: a question that AWS has just failed to answer is not asked anew for each of a hundred resources.

An operation that failed twice in a row, by throttling, a time-out, or trouble of AWS's or the network's, is not asked
again in this run; nor is anything at all once the session has expired. What is not asked is a gap, with the reason.
A refusal for lack of a permission costs no time, and says nothing of the next resource: it does not count.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.knowledge.error_codes import Kind, kind_of

_IN_A_ROW = 2
"""Failures of an operation after which it is not asked again: one may be chance."""

LOST_SECONDS = 180.0
"""Once failed calls have taken this long together, a service whose last call failed is not asked again, either."""


class Patience:
    """Counts what failed in one run; thread-safe."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._lost = 0.0
        self._over = ""
        self._lock = threading.Lock()

    def reason_against(self, operation: str) -> str:
        """Return why an operation is not to be asked now; empty if it may be."""
        service = operation.partition(":")[0]
        with self._lock:
            if self._over:
                return f"the session has expired ({self._over})"
            if self._failures[operation] >= _IN_A_ROW:
                return f"it failed {self._failures[operation]} times in a row ({self._last[operation]})"
            if self._lost >= LOST_SECONDS and self._last.get(service):
                return f"{service} did not answer before, and {self._lost:.0f} s were lost ({self._last[service]})"
            return ""

    def note(self, operation: str, error: Mapping[str, Any] | None, seconds: float) -> None:
        """Take note of what came of a call, and how long it took; `error` is as a page has it."""
        code = str(error["code"]) if error else ""
        kind = kind_of(code)
        service = operation.partition(":")[0]
        trouble = kind in (Kind.THROTTLED, Kind.NO_ANSWER) or int((error or {}).get("status") or 0) >= 500
        with self._lock:
            if kind is Kind.SESSION_OVER:
                self._over = code
            self._failures[operation] = self._failures[operation] + 1 if trouble else 0
            self._last |= {operation: code, service: code} if trouble else {service: ""}
            self._lost += seconds if trouble else 0.0
