"""When a rollout will be stable: ECS's rolling update, played many times with the times that are likely.

The rules are ECS's documented ones (ECS_FACTS 2.6, 5.4, 5.5): tasks start while the maximum has room, where a task that
is being drained still counts, for it is RUNNING; old ones go as new ones become healthy, or earlier where the maximum
leaves them no room beside all new ones, as far as the minimum allows. A new target is healthy with its first passing
check. The service is stable when all old tasks have stopped and all new ones are healthy.
"""

import heapq
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.rolling_update import WAITER_SECONDS, WITHOUT_CHECK_SECONDS, Bounds
from ecs_notebook_lib.treatment.laws import Law, longer_than
from ecs_notebook_lib.treatment.pace import Pace, pace_of
from ecs_notebook_lib.treatment.under_way import Coming, Under, UnderWay, under_way

_ACCOUNT = re.compile(r":\d{12}:")

RUNS = 250
_FEWEST_RUNS, _MOST_TASKS = 60, 2500
"""Of a service with many tasks fewer runs are played: about so many tasks in all of them together."""

_FIRST_CHECK_SHARE = 0.5
"""Within this share of its interval the first check comes: each node of the load balancer checks for itself (INF)."""

_MOST_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The seconds from `as_of` until the service was stable in each run, sorted; infinite where it never was."""

    ends: tuple[float, ...]
    under: Under
    pace: Pace
    standing: UnderWay

    @property
    def possible(self) -> bool:
        """Say whether it became stable in most runs."""
        return math.isfinite(self.quantile(0.5))

    def quantile(self, share: float) -> float:
        """Return the time that was not exceeded in this share of the runs, between two of them in proportion."""
        place = share * (len(self.ends) - 1)
        low, high = self.ends[math.floor(place)], self.ends[math.ceil(place)]
        return low if low == high or math.isinf(low) else low + (high - low) * (place - math.floor(place))

    def within(self, seconds: float) -> float:
        """Return the probability that it is stable after so many seconds."""
        return sum(end <= seconds for end in self.ends) / len(self.ends)

    @property
    def waiter_seconds_left(self) -> float:
        """Return how long AWS's waiter still looks if it began to with the deployment; an action begins one now."""
        return WAITER_SECONDS - self.standing.began_seconds


def forecast(
    frames: Frames, under: Under = Under.WAIT, *, pace: Pace | None = None, bounds: Bounds | None = None
) -> Forecast | None:
    """Return when the service will be stable; None if nothing is known that could tell. The same frames give the same.

    Parameters
    ----------
    pace
        How long each step takes; what was seen, if it is not given.
    bounds
        What the percentages allow; those that the service has, if they are not given.
    """
    standing = under_way(frames, under)
    if standing is None:
        return None
    known = pace or pace_of(frames, standing.task_definition)
    anyone = _ACCOUNT.sub(":111122223333:", standing.task_definition)  # a redacted snapshot has another account
    random = Random(f"{frames.snapshot.as_of.isoformat()} {anyone} {under}")
    allowed = bounds or standing.bounds
    number = max(_FEWEST_RUNS, min(RUNS, _MOST_TASKS // max(1, allowed.desired)))
    ends = sorted(_Run(standing, allowed, law, random).end() for law in _laws(known, random, number))
    return Forecast(tuple(ends), under, known, standing)


@dataclass(frozen=True, slots=True)
class _Laws:
    """The laws of one run."""

    pace: Pace
    placing: Law
    pull: Law
    launch: Law
    ready: Law
    registration: Law
    ending: Law
    leaving: Law
    looking: Law
    failing: Law

    def until_running(self, random: Random) -> float:
        """Return the seconds from the creation of a task to RUNNING."""
        return self.placing.draw(random) + self.pull.draw(random) + self.launch.draw(random)

    def until_healthy(self, random: Random) -> float:
        """Return the seconds from RUNNING until a task counts as healthy."""
        ready, pace = self.ready.draw(random), self.pace
        health = 0.0
        if pace.own_check_interval is not None:
            health = pace.own_check_interval * max(1, math.ceil(ready / pace.own_check_interval))
        if pace.check_interval is None:
            return health or WITHOUT_CHECK_SECONDS
        first = self.registration.draw(random) + random.uniform(0, _FIRST_CHECK_SHARE * pace.check_interval)
        missed = max(0, math.ceil((ready - first) / pace.check_interval))
        return max(health, first + missed * pace.check_interval)


def _laws(pace: Pace, random: Random, number: int) -> list[_Laws]:
    names = ("placing", "pull", "launch", "ready", "registration", "ending", "leaving", "looking", "failing")
    drawn: list[Sequence[Law]] = [getattr(pace, name).laws(random, number) for name in names]
    return [_Laws(pace, *laws) for laws in zip(*drawn, strict=True)]


class _Run:
    """One rollout, played to its end."""

    def __init__(self, standing: UnderWay, bounds: Bounds, laws: _Laws, random: Random) -> None:
        self._bounds, self._laws, self._random = bounds, laws, random
        self._let_go = standing.let_go
        self._now, self._look_at = 0.0, math.inf
        self._queue: list[tuple[float, str]] = []
        self._healthy, self._coming = standing.healthy, len(standing.coming)
        self._serving, self._sick, self._pending = standing.serving, len(standing.sick), len(standing.pending)
        self._overlapping = standing.overlapping
        self._kept = self._bounds.desired
        self._draining = self._stopping = 0
        for task in standing.coming:
            self._after(self._left(task), "healthy")
        for seconds in standing.sick:
            self._after(self._rest(laws.failing, seconds), "failed")
        for task in standing.pending:
            self._after(self._left_to_running(task) + laws.failing.draw(random), "failed")
        for seconds in standing.draining:
            self._drain(seconds)
        for seconds in standing.ending:
            self._stop(seconds)
        for seconds in standing.leaving:
            self._stopping += 1
            self._leave(seconds)
        self._look_at = self._first_look(standing)

    def end(self) -> float:
        """Return when the service is stable; infinite if it never is."""
        while self._now < _MOST_SECONDS:
            happens = self._queue[0][0] if self._queue else math.inf
            if min(happens, self._look_at) == math.inf:
                return math.inf
            if self._look_at <= happens:
                self._now, self._look_at = self._look_at, math.inf
                if self._look():
                    return self._now
                continue
            self._now, what = heapq.heappop(self._queue)
            self._happens(what)
            if self._look_at == math.inf:
                self._look_at = self._now + self._laws.looking.draw(self._random)
        return math.inf

    def _first_look(self, standing: UnderWay) -> float:
        """Return when the scheduler looks first: it does after an action, or when the rollout has begun."""
        looking, passed = self._laws.looking, standing.began_seconds
        if not passed:
            return looking.draw(self._random)
        if standing.healthy or standing.coming:
            return looking.draw(self._random) * self._random.random()
        return self._rest(looking, passed)

    def _happens(self, what: str) -> None:
        if what == "healthy":
            self._healthy, self._coming = self._healthy + 1, self._coming - 1
        elif what == "drained":
            self._draining -= 1
            self._stop()
        elif what == "failed":
            self._fail()
        elif what == "ended":
            self._leave()
        else:
            self._stopping -= 1

    def _fail(self) -> None:
        """Let a task of the older deployments end by itself, or be stopped for its health, unless it is gone."""
        if self._sick:
            self._sick -= 1
            self._stop()
        elif self._pending:
            self._pending -= 1
            self._stop()

    def _look(self) -> bool:
        """Start and stop tasks as the bounds allow; say whether the rollout is through."""
        desired, lower, upper = self._bounds.desired, self._bounds.lower, self._bounds.upper
        new, old = self._healthy + self._coming, self._serving + self._sick + self._pending
        for _ in range(max(0, min(desired - new, upper - new - old - self._draining))):
            self._coming += 1
            self._after(self._start(), "healthy")
        if not self._let_go and lower:
            self._kept = max(0, min(self._kept, upper - desired, desired - self._healthy))
        else:
            self._kept = 0
        self._let_go_of(max(0, old - self._kept), lower)
        left = self._serving + self._sick + self._pending + self._draining + self._stopping
        return not left and self._healthy >= desired

    def _let_go_of(self, number: int, lower: int) -> None:
        """Let old tasks go: those that serve nobody first, and the others as far as the minimum allows.

        Of several older deployments the newer ones, whose tasks are those that fail, keep what the maximum leaves.
        """
        useless = self._sick + self._pending
        if self._overlapping:
            useless = max(0, useless - self._kept)
        for _ in range(min(number, useless)):
            if self._pending:
                self._pending, self._stopping = self._pending - 1, self._stopping + 1
                self._leave()
            else:
                self._sick -= 1
                self._drain()
        allowed = max(0, self._serving + self._healthy - lower)
        for _ in range(min(max(0, number - useless), self._serving, allowed)):
            self._serving -= 1
            self._drain()

    def _after(self, seconds: float, what: str) -> None:
        heapq.heappush(self._queue, (self._now + max(0.0, seconds), what))

    def _rest(self, law: Law, passed: float) -> float:
        """Return how long a step still takes that has gone on for a while."""
        return longer_than(law, passed, self._random) - passed

    def _start(self) -> float:
        return self._laws.until_running(self._random) + self._laws.until_healthy(self._random)

    def _left(self, task: Coming) -> float:
        """Return how long a task still needs until it is healthy that has been at its step for a while."""
        if task.step != "running":
            return self._left_to_running(task) + self._laws.until_healthy(self._random)
        return self._rest(_Health(self._laws), task.seconds)

    def _left_to_running(self, task: Coming) -> float:
        steps = ("placing", "pull", "launch")
        step, *later = [getattr(self._laws, name) for name in steps[steps.index(task.step) :]]
        left = self._rest(step, task.seconds)
        return left + sum(float(law.draw(self._random)) for law in later)

    def _drain(self, seconds: float = 0.0) -> None:
        delay = self._laws.pace.deregistration_seconds
        if self._laws.pace.check_interval is None:
            self._stop()
            return
        self._draining += 1
        self._after(delay - seconds, "drained")

    def _stop(self, seconds: float = 0.0) -> None:
        self._stopping += 1
        self._after(self._rest(self._laws.ending, seconds), "ended")

    def _leave(self, seconds: float = 0.0) -> None:
        self._after(self._rest(self._laws.leaving, seconds), "gone")


@dataclass(frozen=True, slots=True)
class _Health:
    """The time from RUNNING to healthy, as a law."""

    laws: _Laws

    def draw(self, random: Random) -> float:
        return self.laws.until_healthy(random)
