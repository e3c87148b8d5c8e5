"""How long the steps of a rollout take: laws to draw from, and what few seen times say of them.

A step's times are taken as log-normal. Where they were seen, the law is what they leave possible: its location and its
spread are drawn anew for each run of a forecast, so that few times give a wide forecast, and many a narrow one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Protocol

_FIRMNESS = 5.0
"""How many seen times the usual spread of a step counts for."""

_FIRMNESS_OF_FORMER = 4.0
"""How many the spread that the revision before had counts for, where another revision may differ."""

_WIDEST = 1.2
"""Largest spread of the times of one step, as the standard deviation of their logarithm."""

_TRIES = 40
_CANDIDATES = 4
"""Laws that are drawn for each that is kept, where unfinished steps tell which are likely."""


class Law(Protocol):
    """What the times of one step are drawn from, in one run of a forecast."""

    def draw(self, random: Random) -> float:
        """Return a time in seconds."""


class Times(Protocol):
    """What is known of the times of one step."""

    def laws(self, random: Random, number: int) -> Sequence[Law]:
        """Return a law for each of so many runs."""


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Times whose logarithm has this mean and this standard deviation."""

    location: float
    spread: float

    def draw(self, random: Random) -> float:
        """Return a time in seconds."""
        return math.exp(random.gauss(self.location, self.spread))

    def survival(self, seconds: float) -> float:
        """Return the probability of a longer time."""
        if seconds <= 0:
            return 1.0
        return 0.5 * math.erfc((math.log(seconds) - self.location) / (self.spread * math.sqrt(2)))


@dataclass(frozen=True, slots=True)
class Between:
    """Times that are known to be anything between two, in seconds; as `Times` it is its own law in every run."""

    low: float
    high: float

    def draw(self, random: Random) -> float:
        """Return a time in seconds."""
        return random.uniform(self.low, self.high)

    def laws(self, random: Random, number: int) -> Sequence[Law]:
        """Return itself for each run."""
        del random
        return [self] * number


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual: the median in seconds, how far services are apart, and the tasks of one (both as log-spread)."""

    median: float
    apart: float
    within: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Times seen of the revision itself, of the one before it, and what is usual, in seconds.

    `unfinished` are steps that go on: they take longer than that. `same` is the probability that the revision is in
    this like the one before; `apart` is how far they are apart if it is not.
    """

    usual: Usual
    own: tuple[float, ...] = ()
    former: tuple[float, ...] = ()
    unfinished: tuple[float, ...] = ()
    same: float = 1.0
    near: float = 0.05
    apart: float = 0.0

    def laws(self, random: Random, number: int) -> Sequence[Law]:
        """Return a law for each of so many runs, as likely as the seen times make it."""
        known = _Known.of(self)
        if not self.unfinished:
            return [known.law(random) for _ in range(number)]
        candidates = [known.law(random) for _ in range(_CANDIDATES * number)]
        weights = [math.prod(law.survival(seconds) for seconds in self.unfinished) for law in candidates]
        if sum(weights) < 1e-9:
            return [LogNormal(math.log(max(self.unfinished)) + law.spread, law.spread) for law in candidates[:number]]
        return random.choices(candidates, weights, k=number)


@dataclass(frozen=True, slots=True)
class _Known:
    """What finished steps leave possible: a normal location given the spread, whose square is scaled inverse chi².

    Without times of the revision before, `centre` and `apart` are the usual ones, and there is no other guess.
    """

    firm: float
    variance: float
    centre: float
    near: float
    apart: float
    same: float
    former: int
    own: int
    own_mean: float

    @classmethod
    def of(cls, seen: Seen) -> "_Known":
        """Count the seen times."""
        own, former = _logs(seen.own), _logs(seen.former)
        firm, variance = _pooled(_FIRMNESS, seen.usual.within**2, former)
        firm, variance = _pooled(min(firm, _FIRMNESS_OF_FORMER if seen.same < 1 else firm), variance, own)
        centre = fmean(former) if former else math.log(seen.usual.median)
        near, apart = (seen.near, seen.apart) if former else (seen.usual.apart, 0.0)
        own_mean = fmean(own) if own else 0.0
        return cls(firm, variance, centre, near, apart, seen.same, len(former), len(own), own_mean)

    def law(self, random: Random) -> LogNormal:
        """Return a law as likely as they make it."""
        spread = min(_WIDEST, math.sqrt(self.variance * self.firm / random.gammavariate(self.firm / 2, 2)))
        near = math.hypot(self.near, spread / math.sqrt(self.former)) if self.former else self.near
        apart = self._apart(near, spread, random) if self.same < 1 and self.former else near
        if not self.own:
            return LogNormal(random.gauss(self.centre, apart), spread)
        precision, counted = 1 / apart**2, self.own / spread**2
        centre = (self.centre * precision + self.own_mean * counted) / (precision + counted)
        return LogNormal(random.gauss(centre, 1 / math.sqrt(precision + counted)), spread)

    def _apart(self, near: float, spread: float, random: Random) -> float:
        """Return how far the location may be from that of the revision before: near it, or as that of another."""
        far = math.hypot(self.apart, near)
        alike, unlike = self.same, 1 - self.same
        if self.own:
            error = spread / math.sqrt(self.own)
            alike *= _density(self.own_mean - self.centre, math.hypot(near, error))
            unlike *= _density(self.own_mean - self.centre, math.hypot(far, error))
        return near if random.random() * (alike + unlike) <= alike else far


def longer_than(law: Law, seconds: float, random: Random) -> float:
    """Return a time that is longer than what has already passed."""
    for _ in range(_TRIES):
        drawn = law.draw(random)
        if drawn > seconds:
            return drawn
    return seconds * (1 + 0.1 * random.random())


def _logs(times: Sequence[float]) -> list[float]:
    return [math.log(max(seconds, 0.05)) for seconds in times]


def _pooled(firm: float, variance: float, logs: list[float]) -> tuple[float, float]:
    """Return firmness and variance when these logarithms are counted, too."""
    if len(logs) < 2:
        return firm, variance
    centre, more = fmean(logs), len(logs) - 1
    squares = sum((value - centre) ** 2 for value in logs)
    return firm + more, (firm * variance + squares) / (firm + more)


def _density(away: float, spread: float) -> float:
    return math.exp(-0.5 * (away / spread) ** 2) / spread
