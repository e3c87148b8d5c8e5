"""Whether and when the service will be stable, as far as the rollout's own pace tells."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis.rollout import Rollout, rollout_of
from ecs_notebook_lib.diagnosis.state import State
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.rolling_update import WAITER_SECONDS

_SPREAD = 0.15
"""Standard deviation of the time that is left, as a share of it: tasks of one service start much alike."""

_HALF_AN_HOUR = 1800


@dataclass(frozen=True, slots=True)
class Prognosis:
    """When the service will be stable. Times are seconds from `as_of`; None is not known."""

    minimum_seconds_to_stable: float | None
    p50: float | None
    can_stabilize: bool | None
    assumes: tuple[str, ...]
    statement: str

    def quantile(self, share: float) -> float | None:
        """Return the time that is not exceeded with this probability."""
        if self.p50 is None or self.p50 <= 0:
            return self.p50
        return max(0.0, NormalDist(self.p50, _SPREAD * self.p50).inv_cdf(share))

    def to_json(self) -> dict[str, Any]:
        """Return the `prognosis` of DESIGN 5.5."""
        within = None
        if self.p50 is not None:
            spread = max(1.0, _SPREAD * self.p50)
            within = round(NormalDist(self.p50, spread).cdf(_HALF_AN_HOUR), 3)
        return {
            "minimum_seconds_to_stable": _rounded(self.minimum_seconds_to_stable),
            "p10": _rounded(self.quantile(0.1)),
            "p50": _rounded(self.p50),
            "p90": _rounded(self.quantile(0.9)),
            "within_1800_s": within,
            "waiter_seconds": WAITER_SECONDS,
            "can_stabilize": self.can_stabilize,
            "assumes": list(self.assumes),
            "statement": self.statement,
        }


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def prognosis_of(frames: Frames, state: State) -> Prognosis:
    """Return the prognosis: of a rollout that goes on, when it ends; of one that fails, how long the next one takes."""
    if state.status == "stable":
        return Prognosis(0.0, 0.0, can_stabilize=True, assumes=(), statement="The service is stable.")
    rollout = rollout_of(frames)
    if rollout is None:
        return Prognosis(None, None, can_stabilize=None, assumes=(), statement="The rollout's pace is not known.")
    if rollout.bounds.cycles is None and rollout.bounds.desired:
        text = "As the percentages are, this rollout cannot end, however long one waits."
        return Prognosis(None, None, can_stabilize=False, assumes=(), statement=text)
    if state.status == "stabilizing":
        return _ending(rollout, pd.Timestamp(frames.snapshot.as_of))
    shortest = rollout.shortest_seconds or 0.0
    text = (
        f"Until the cause is mended it will not become stable; then a rollout takes at least about "
        f"{shortest / 60:.0f} min."
    )
    return Prognosis(shortest, None, can_stabilize=None, assumes=_assumptions(rollout), statement=text)


def _ending(rollout: Rollout, as_of: pd.Timestamp) -> Prognosis:
    end = rollout.ends_at()
    if end is None:
        shortest = rollout.shortest_seconds
        text = f"The rollout has just begun; it takes at least about {(shortest or 0.0) / 60:.0f} min."
        return Prognosis(shortest, None, can_stabilize=True, assumes=_assumptions(rollout), statement=text)
    left = max(0.0, (end - as_of).total_seconds())
    least = min(left, rollout.least_seconds_left)
    text = f"If it goes on like this it will be stable at about {end:%H:%M} UTC, in {left / 60:.0f} min."
    return Prognosis(least, left, can_stabilize=True, assumes=_assumptions(rollout), statement=text)


def _assumptions(rollout: Rollout) -> tuple[str, ...]:
    start = "as measured on its tasks" if rollout.measured else "as usual, for none of its tasks has started"
    pace = "the pace of the steps so far" if rollout.cycle_seconds else "no step has been seen yet"
    return (
        f"a task starts in {rollout.start_seconds:.0f} s, {start}",
        f"the deregistration delay is {rollout.deregistration_seconds:.0f} s",
        pace,
        "nobody deploys again meanwhile",
    )
