"""Whether and when the service will be stable: as it is, or under an action, in numbers and in words."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis.rollout import rollout_of
from ecs_notebook_lib.diagnosis.state import State
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.rolling_update import WAITER_SECONDS, Bounds
from ecs_notebook_lib.treatment.forecast import Forecast, forecast
from ecs_notebook_lib.treatment.under_way import Under, can_stop

_HALF_AN_HOUR = 1800


@dataclass(frozen=True, slots=True)
class Prognosis:
    """When the service will be stable. Times are seconds from `as_of`; None is not known, or never.

    `can_stabilize` is about the rollout as it is; the times are those under the action `under`. `before_waiter` is the
    probability of being stable before AWS's waiter gives up: one that began with the deployment, or with the action.
    """

    can_stabilize: bool | None
    statement: str
    under: Under = Under.WAIT
    minimum_seconds_to_stable: float | None = None
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None
    within_1800_s: float | None = None
    before_waiter: float | None = None
    assumes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the `prognosis` of DESIGN 5.5."""
        return {
            "under": str(self.under),
            "minimum_seconds_to_stable": _rounded(self.minimum_seconds_to_stable),
            "p10": _rounded(self.p10),
            "p50": _rounded(self.p50),
            "p90": _rounded(self.p90),
            "within_1800_s": self.within_1800_s,
            "before_waiter": self.before_waiter,
            "waiter_seconds": WAITER_SECONDS,
            "can_stabilize": self.can_stabilize,
            "assumes": list(self.assumes),
            "statement": self.statement,
        }


def prognosis_of(
    frames: Frames, state: State, *, under: Under | None = None, bounds: Bounds | None = None
) -> Prognosis:
    """Return the prognosis of a rollout that goes on, or that an action begins.

    Parameters
    ----------
    under
        What is done. If it is not given: of a rollout that fails, to go back where that is known to be possible, else
        to mend the cause and deploy again; of any other, to wait.
    bounds
        What the percentages will allow, if the action changes them.
    """
    if state.status == "stable" and under in (None, Under.WAIT):
        return Prognosis(True, "The service is stable.", Under.WAIT, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
    chosen = under or default_under(frames, state)
    answer, why = _as_it_is(frames, state)
    if chosen is Under.WAIT and answer is False:
        return Prognosis(can_stabilize=False, statement=why)
    told = forecast(frames, chosen, bounds=bounds)
    if told is None:
        return Prognosis(can_stabilize=answer, statement=why or "The rollout's pace is not known.", under=chosen)
    if not told.standing.bounds.desired:
        text = "The service is scaled to 0: there is nothing to become stable."
        return Prognosis(can_stabilize=answer, statement=text, under=chosen)
    if not told.possible:
        return Prognosis(can_stabilize=False, statement=why or _PERCENTAGES, under=chosen)
    begin = f"{why} {_after(frames, told)}" if why else _after(frames, told)
    statement = f"{begin} it will {_outcome(told, pd.Timestamp(frames.snapshot.as_of))}"
    return replace(_in_numbers(told), can_stabilize=answer, statement=statement, assumes=_assumptions(frames, told))


def default_under(frames: Frames, state: State) -> Under:
    """Return what is supposed to be done: nothing while all goes well, or while ECS goes back by itself."""
    if state.status != "failing" or _goes_back(frames):
        return Under.WAIT
    if not state.rollback["ready"] or frames.history.last_good is None:
        return Under.DEPLOY_AGAIN
    return Under.STOP_DEPLOYMENT if can_stop(frames) else Under.ROLL_BACK


def _goes_back(frames: Frames) -> bool:
    """Say whether the newest deployment is the way back from the examined one."""
    examined, rows = frames.history.examined, frames.deployments
    primary = rows.loc[rows["status"] == "PRIMARY", "task_definition"].dropna()
    return bool(examined and len(primary) and primary.iloc[0] != examined.task_definition)


_PERCENTAGES = "As the percentages are, this rollout cannot end, however long one waits."


def _as_it_is(frames: Frames, state: State) -> tuple[bool | None, str]:
    """Return whether it becomes stable if nothing is done, and the sentence that says so unless it does."""
    rollout = rollout_of(frames)
    if _goes_back(frames):
        return True, ""
    if rollout is not None and rollout.bounds.desired and rollout.bounds.cycles is None:
        return False, _PERCENTAGES
    if state.status != "failing":
        return (True, "") if state.status in ("stable", "stabilizing") else (None, "")
    if rollout is not None and rollout.failed and not rollout.healthy:
        return False, "As it is, it will not become stable: its tasks fail, and none is healthy."
    return None, "Whether it becomes stable as it is is not known."


def _after(frames: Frames, told: Forecast) -> str:
    """Return the beginning of the sentence on what will be: the condition."""
    revision = told.standing.task_definition.rpartition("/")[2]
    going = f"While ECS goes back to {revision}," if _goes_back(frames) else "If it goes on like this,"
    return {
        Under.WAIT: going,
        Under.STOP_DEPLOYMENT: f"Once the rollout is stopped, and ECS goes back to {revision},",
        Under.ROLL_BACK: f"Once {revision} is deployed again,",
        Under.DEPLOY_AGAIN: "Once the cause is mended and it is deployed again,",
    }[told.under]


def _outcome(told: Forecast, as_of: pd.Timestamp) -> str:
    """Return the end of that sentence: when, with what doubt, within half an hour, before AWS's waiter gives up."""
    low, middle, high = (told.quantile(share) for share in (0.1, 0.5, 0.9))
    at = f", at about {as_of + pd.Timedelta(seconds=middle):%H:%M} UTC" if told.under is Under.WAIT else ""
    when = f"probably be stable in {_time(middle)}{at} (in four of five cases {_span(low, high)})"
    left = told.waiter_seconds_left
    waiter = (
        f"before AWS's waiter gives up with {_percent(told.within(left))}" if left > 0 else "AWS's waiter has given up"
    )
    return f"{when}; within 30 minutes with {_percent(told.within(_HALF_AN_HOUR))}, {waiter}."


def _in_numbers(told: Forecast) -> Prognosis:
    return Prognosis(
        can_stabilize=None,
        statement="",
        under=told.under,
        minimum_seconds_to_stable=told.ends[0],
        p10=_finite(told.quantile(0.1)),
        p50=_finite(told.quantile(0.5)),
        p90=_finite(told.quantile(0.9)),
        within_1800_s=round(told.within(_HALF_AN_HOUR), 3),
        before_waiter=round(told.within(told.waiter_seconds_left), 3),
    )


def _assumptions(frames: Frames, told: Forecast) -> tuple[str, ...]:
    pace, alarms = told.pace, frames.services["alarms_enabled"].fillna(value=False).any()
    waiter = "the deployment" if told.under is Under.WAIT else "the action"
    delay = [f"the deregistration delay is {pace.deregistration_seconds:.0f} s"] if pace.check_interval else []
    return (
        f"its image is pulled {pace.counted}",
        *delay,
        "a task that is being drained counts toward the maximum, and there is capacity for new ones",
        f"AWS's waiter began with {waiter}, and gives up after {WAITER_SECONDS} s",
        *(["tasks that have run for a minute are healthy: targets were not read"] if "targets" in frames.gaps else []),
        *(["the time for which ECS watches the alarms is not counted"] if alarms else []),
        "nobody deploys again meanwhile",
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _span(low: float, high: float) -> str:
    """Return the two times with one unit: minutes where they tell them apart; the later one may never come."""
    if math.isinf(high):
        return f"{_time(low)} or more, or never"
    if high < 90 or round(low / 60) == round(high / 60):
        return f"{low:.0f} to {high:.0f} s"
    return f"{low / 60:.0f} to {high / 60:.0f} min"


def _percent(probability: float) -> str:
    if 0.01 <= probability <= 0.99:
        return f"{100 * probability:.0f} %"
    return "less than 1 %" if probability < 0.5 else "more than 99 %"


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
