"""The loop: look, judge, tell, sleep; and look once more when the time is over."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.wait.judging import (
    FAILED,
    STABLE,
    WAITING,
    Followed,
    Verdict,
    Wanted,
    followed_of,
    judge,
    judge_answer,
    judge_controller,
)
from ecs_notebook_lib.wait.pace import shortest_seconds
from ecs_notebook_lib.wait.seen import Seen
from ecs_notebook_lib.wait.watching import Watch

UNSEEN_SECONDS = 60.0
"""How long a deployment that was named is waited for: DescribeServices is eventually consistent (ECS_FACTS 1.5)."""

SETTLING_SECONDS = 5.0
"""A service that is steady at the first look is looked at again: the deployment may not be visible yet."""


_A_MOMENT = 0.001
"""What is left of the time limit, in seconds, that is not worth a sleep."""


@dataclass(frozen=True, slots=True)
class Result:
    """One service as the wait left it: the verdict, the deployment that was followed, and the last look.

    `elapsed` is how long the deployment has gone on by AWS's clock, `shortest` how long it takes at least; in seconds,
    None where that is not known.
    """

    name: str
    verdict: Verdict
    followed: Followed | None = None
    seen: Seen | None = None
    shortest: float | None = None

    @property
    def elapsed(self) -> float | None:
        """Return the seconds since the deployment began."""
        if self.followed is None or self.seen is None or not self.followed.created_at:
            return None
        return (self.seen.at - parse_instant(self.followed.created_at)).total_seconds()


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time comes from: replaced in tests by a world's."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait at most, and how long between two looks; in seconds."""

    timeout: float
    poll: float
    fail_fast: bool = True


def wait_for(
    watch: Watch,
    wanted: Wanted,
    patience: Patience,
    *,
    tell: Callable[[Result], None] = lambda _result: None,
    clock: Clock | None = None,
) -> dict[str, Result]:
    """Return what became of each service; `tell` is called with each look at each service.

    It ends when all are settled, at the first that failed if `fail_fast`, or, after one more look, at the time limit.
    """
    clock = clock or Clock()
    began = clock.now()
    results = {name: Result(name, Verdict(WAITING)) for name in watch.services}
    while True:
        last = patience.timeout - (clock.now() - began) < _A_MOMENT
        for result in _look(watch, wanted, results, waited=clock.now() - began):
            results[result.name] = result
            tell(result)
        open_ones = [row for row in results.values() if not row.verdict.settled]
        failed = any(row.verdict.outcome == FAILED for row in results.values())
        if not open_ones or (failed and patience.fail_fast):
            return results
        if last:
            return {name: _timed_out(row, patience.timeout) for name, row in results.items()}
        clock.sleep(max(0.0, min(patience.poll, began + patience.timeout - clock.now())))


def _look(watch: Watch, wanted: Wanted, results: Mapping[str, Result], *, waited: float) -> list[Result]:
    open_ones = [name for name, row in results.items() if not row.verdict.settled]
    followed = {name: row.followed for name in open_ones if (row := results[name]).followed is not None}
    looks = watch.look(open_ones, {name: row for name, row in followed.items() if row is not None})
    return [_result(watch, wanted, results[name], seen, waited=waited) for name, seen in looks.items()]


def _result(watch: Watch, wanted: Wanted, before: Result, seen: Seen, *, waited: float) -> Result:
    answer = judge_answer(seen, before.name)
    if answer.settled or seen.service is None:
        return replace(before, verdict=answer, seen=seen)
    followed = before.followed or followed_of(seen, wanted)
    if followed is None:
        controlled = judge_controller(seen)
        return replace(before, verdict=controlled if controlled.settled else _unseen(wanted, waited), seen=seen)
    shortest = before.shortest
    if shortest is None and seen.controller == "ECS" and seen.strategy == "ROLLING":
        settings = watch.services[before.name].settings_of_targets()
        shortest = shortest_seconds(seen, followed, *settings)
    verdict = judge(seen, followed)
    if verdict.outcome == STABLE and before.followed is None and not _is_named(wanted) and waited < SETTLING_SECONDS:
        verdict, followed = Verdict(WAITING), None
    return Result(before.name, verdict, followed, seen, shortest)


def _is_named(wanted: Wanted) -> bool:
    return bool(wanted.deployment or wanted.task_definition)


def _unseen(wanted: Wanted, waited: float) -> Verdict:
    if waited < UNSEEN_SECONDS:
        return Verdict(WAITING)
    name = wanted.deployment or wanted.task_definition or "a deployment"
    return Verdict(FAILED, "not_seen", f"{name} is not what the service deploys: it was not seen in {waited:.0f} s")


def _timed_out(result: Result, timeout: float) -> Result:
    if result.verdict.settled:
        return result
    text = f"not stable after {timeout:.0f} s"
    elapsed, shortest = result.elapsed, result.shortest
    if elapsed is not None and shortest is not None and shortest > elapsed:
        text += f"; that is too short: this rollout takes at least {shortest:.0f} s, {shortest - elapsed:.0f} s more"
    return replace(result, verdict=Verdict(FAILED, "time_out", text))


def any_failed(results: Iterable[Result]) -> bool:
    """Say whether one of the services is not stable on what was waited for."""
    return any(row.verdict.outcome != STABLE for row in results)
