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

_FIRMNESS = 6.0
"""How many seen times the usual spread of a step counts for."""

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
        if not self.unfinished:
            return [self._law(random) for _ in range(number)]
        candidates = [self._law(random) for _ in range(_CANDIDATES * number)]
        weights = [math.prod(law.survival(seconds) for seconds in self.unfinished) for law in candidates]
        if sum(weights) < 1e-9:
            return [LogNormal(math.log(max(self.unfinished)) + law.spread, law.spread) for law in candidates[:number]]
        return random.choices(candidates, weights, k=number)

    def _law(self, random: Random) -> LogNormal:
        """Return a law drawn from what the finished steps leave possible: normal for the location, given the spread."""
        own, former = _logs(self.own), _logs(self.former)
        firm, variance = _pooled(_FIRMNESS, self.usual.within**2, former)
        firm, variance = _pooled(min(firm, 2 * _FIRMNESS), variance, own)
        spread = min(_WIDEST, math.sqrt(variance * firm / random.gammavariate(firm / 2, 2)))
        centre, apart = self._guess(former, own, spread, random)
        if not own:
            return LogNormal(random.gauss(centre, apart), spread)
        precision, error = 1 / apart**2, spread**2 / len(own)
        variance = 1 / (precision + 1 / error)
        centre = variance * (centre * precision + fmean(own) / error)
        return LogNormal(random.gauss(centre, math.sqrt(variance)), spread)

    def _guess(
        self, former: list[float], own: list[float], spread: float, random: Random
    ) -> tuple[float, float]:
        """Return centre and standard deviation of the location before the own times are counted."""
        if not former:
            return math.log(self.usual.median), self.usual.apart
        centre = fmean(former)
        near = math.hypot(self.near, spread / math.sqrt(len(former)))
        far = math.hypot(self.apart, near)
        alike, unlike = self.same, 1 - self.same
        if own and unlike:
            error = spread / math.sqrt(len(own))
            alike *= _density(fmean(own), centre, math.hypot(near, error))
            unlike *= _density(fmean(own), centre, math.hypot(far, error))
        return centre, near if random.random() * (alike + unlike) <= alike else far


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


def _density(value: float, centre: float, spread: float) -> float:
    return math.exp(-0.5 * ((value - centre) / spread) ** 2) / spread
