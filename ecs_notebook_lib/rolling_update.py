"""The arithmetic of a rolling update: what the percentages allow, and how long it takes at least.

Sources: ECS_FACTS 2.6 (task-count bounds) and 5.5 (minimum stabilization time); ECS developer guide, "Rolling update".
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

WAITER_SECONDS = 585
"""How long `aws ecs wait services-stable` looks: 40 times, 15 s apart (botocore, waiters-2.json of ECS)."""

REGISTRATION_SECONDS = 10.0
"""From RUNNING to the first health check of a load balancer (ECS_FACTS 5.4, a measured case)."""

WITHOUT_CHECK_SECONDS = 40.0
"""After this long in RUNNING a task counts as healthy that nothing checks (ECS_FACTS 2.6)."""

USUAL_START_SECONDS, USUAL_STOP_SECONDS = 45.0, 25.0
"""Taken where no task shows how long it takes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the percentages allow (ECS_FACTS 2.6); `start_room` tasks may start first, `stop_room` may stop first."""

    desired: int
    lower: int
    upper: int

    @property
    def start_room(self) -> int:
        """Return how many tasks may run above the desired count."""
        return self.upper - self.desired

    @property
    def stop_room(self) -> int:
        """Return how many tasks may be missing."""
        return self.desired - self.lower

    @property
    def cycles(self) -> int | None:
        """Return in how many steps all tasks are replaced; None if arithmetic forbids every step."""
        batch = self.batch
        return None if batch < 1 and self.desired else math.ceil(self.desired / max(batch, 1))

    @property
    def batch(self) -> int:
        """Return how many tasks one step replaces."""
        return max(self.start_room, self.stop_room)

    def shortest_seconds(self, new_seconds: float, old_seconds: float) -> float | None:
        """Return how long the rollout takes if draining tasks do not occupy the maximum; None if it cannot end.

        Parameters
        ----------
        new_seconds
            From the creation of a task until it counts as healthy.
        old_seconds
            From the deregistration of an old task until it is gone.
        """
        return None if self.cycles is None else self.cycles * new_seconds + old_seconds


def bounds_of(desired: int, minimum: int, maximum: int) -> Bounds:
    """Return what a minimum and maximum healthy percent come to for a desired count, in whole numbers."""
    return Bounds(desired, -(-desired * minimum // 100), desired * maximum // 100)


def health_seconds(intervals: Iterable[float]) -> float:
    """Return how long a running task waits for its first passing check, by the intervals of its target groups' checks.

    One passing check is enough for a new target; without a target group a task counts as healthy after a while.
    """
    checks = list(intervals)
    return REGISTRATION_SECONDS + max(checks) / 4 if checks else WITHOUT_CHECK_SECONDS
