"""Forecasts beside what came true: when a rollout, or a rollback, was stable: `python -m benchmarks.forecast`.

Each world is looked at once, at a moment drawn between the begin and the end of its rollout, and then runs on until it
is stable as AWS's waiter sees it, with the deployment completed. The oracle is the same forecaster, told the true
distributions of pull and start times. A rollback begins at the complaint about a fault: ECS is told to stop, or the
last good revision is deployed; one that has not ended after hours, as the fault hurts the old revision too, is counted
apart.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf, isfinite
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.results_file import write_result
from benchmarks.simulated import WORKERS, collected
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.simulate import RECIPES, World, begin, build
from ecs_notebook_lib.treatment.forecast import forecast
from ecs_notebook_lib.treatment.laws import Between
from ecs_notebook_lib.treatment.pace import Pace, pace_of
from ecs_notebook_lib.treatment.under_way import Under

FIRST_SEED = 30_000
GOOD = ("varied-healthy", "slow-rollout")
SOON, SOON_SHARE = 60.0, 0.25
"""A quarter of the moments is drawn from the first minute: before the image is pulled, or any task is there."""

HALF_AN_HOUR, GIVEN_UP = 1800.0, 4 * 3600.0
LEAST, MOST, WIDEST = 0.75, 0.85, 1.5
"""What must hold: the share of truths in the band, and its median width as a multiple of the oracle's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One forecast, and what came true. Times in seconds from the moment of the forecast."""

    name: str
    seed: int
    under: str
    stage: str
    balanced: bool
    p10: float
    p50: float
    p90: float
    oracle_width: float
    within_1800_s: float
    before_waiter: float
    waiter_seconds_left: float
    forecast_seconds: float
    """How long it took to make one once the frames were read."""
    true_seconds: float | None
    """None: it was not stable when the wait for it was given up."""

    @property
    def held(self) -> bool:
        """Say whether the band holds the true time."""
        return self.true_seconds is not None and self.p10 <= self.true_seconds <= self.p90

    @property
    def width(self) -> float:
        """Return the width of the 10-90 % band."""
        return self.p90 - self.p10 if isfinite(self.p90) else inf

    def __str__(self) -> str:
        """Return the question, the band, and the truth."""
        truth = "not" if self.true_seconds is None else f"{self.true_seconds:.0f}"
        return f"{self.name}:{self.seed} {self.under} {self.stage} {self.p10:.0f}..{self.p90:.0f} s, true {truth}"


def stable(world: World) -> bool:
    """Say whether the service is stable: one deployment, completed, with as many tasks running as are desired."""
    shape = world.scheduler.services[world.service].shape
    [newest, *others] = shape["deployments"]
    return not others and shape["runningCount"] == shape["desiredCount"] and newest["rolloutState"] == "COMPLETED"


def stable_at(world: World) -> datetime | None:
    """Let time pass until the service is stable, and return when; None if it is not within hours."""
    until = world.now + timedelta(seconds=GIVEN_UP)
    while not stable(world):
        following = world.engine.next_at
        if following is None or following > until:
            return None
        world.run_until(following)
    return world.now


def all_knowing(world: World, pace: Pace, task_definition: str) -> Pace:
    """Return the pace with the true distributions of pull and start times."""
    definition = world.task_definitions[task_definition]
    program = world.programs[definition["containerDefinitions"][0]["image"]]
    slowness = max(1.0, program.script.cpu_units / float(definition["cpu"])) if program.script else 1.0
    low, high = program.startup_seconds
    return replace(pace, pull=Between(*program.pull_seconds), ready=Between(low * slowness, high * slowness))


def stage_of(frames: Frames, task_definition: str) -> str:
    """Return how much of the new revision was seen: no task, none that had its image, or more."""
    tasks = frames.tasks[frames.tasks["task_definition"] == task_definition]
    if not len(tasks):
        return "no_task_yet"
    return "seen" if tasks["pull_stopped_at"].notna().any() else "no_image_yet"


def judged(world: World, question: tuple[str, int], under: Under, act: Callable[[], object]) -> Outcome | None:
    """Forecast, act, and let time pass until the service is stable; None if there was nothing to forecast."""
    frames = Frames(collected(world))
    told = forecast(frames, under)
    if told is None:
        return None
    goal = told.standing.task_definition
    began = perf_counter()
    oracle = forecast(frames, under, pace=all_knowing(world, pace_of(frames, goal), goal))
    seconds = perf_counter() - began
    now = world.now
    act()
    end = stable_at(world)
    assert oracle is not None  # noqa: S101  the other one was not, and both know the same state
    return Outcome(
        *question,
        under=str(under),
        stage=stage_of(frames, goal),
        balanced=bool(len(frames.target_groups)),
        p10=told.quantile(0.1),
        p50=told.quantile(0.5),
        p90=told.quantile(0.9),
        oracle_width=oracle.quantile(0.9) - oracle.quantile(0.1),
        within_1800_s=told.within(HALF_AN_HOUR),
        before_waiter=told.within(told.waiter_seconds_left),
        waiter_seconds_left=told.waiter_seconds_left,
        forecast_seconds=seconds,
        true_seconds=(end - now).total_seconds() if end else None,
    )


def rollout(question: tuple[str, int]) -> Outcome | None:
    """Judge the forecast of a good rollout that goes on."""
    world, twin = begin(*question), begin(*question)
    began, end = world.now, stable_at(twin)
    if end is None:
        return None
    random = Random(f"forecast {question}")
    longest = (end - began).total_seconds()
    soon = random.random() < SOON_SHARE
    moment = random.uniform(0, min(SOON, longest) if soon else longest)
    world.run_until(began + timedelta(seconds=moment))
    return judged(world, question, Under.WAIT, lambda: None)


def rollback(question: tuple[str, int]) -> Outcome | None:
    """Judge the forecast of going back from a fault: by stopping the rollout, or with every other seed by hand."""
    world = build(*question)
    service = world.scheduler.services[world.service]
    newest, *older = service.deployments
    good = [row for row in older if row.shape["rolloutState"] == "COMPLETED"]
    going = newest.shape["rolloutState"] == "IN_PROGRESS" and service.shape["deployments"] and service.desired
    if not (good and going):
        return None
    stop = world.scheduler.rollout.stop
    if question[1] % 2 == 0:
        return judged(world, question, Under.STOP_DEPLOYMENT, lambda: stop(service))
    anew = good[0].shape["taskDefinition"]
    return judged(world, question, Under.ROLL_BACK, lambda: world.scheduler.rollout.begin(service, anew))


def _one(question: tuple[str, int]) -> Outcome | None:
    return rollout(question) if question[0] in GOOD else rollback(question)


def outcomes_of(questions: Sequence[tuple[str, int]], *, workers: int = WORKERS) -> list[Outcome]:
    """Return the outcome of each question that could be asked."""
    if workers == 1:
        return [row for row in map(_one, questions) if row]
    with ProcessPoolExecutor(workers) as pool:
        return [row for row in pool.map(_one, questions, chunksize=4) if row]


def rollouts(number: int, first_seed: int) -> list[tuple[str, int]]:
    """Return the questions about good rollouts: of both kinds, in turn."""
    return [(GOOD[n % 2], first_seed + n) for n in range(number)]


def figures(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the figures of outcomes whose truth is known."""
    rows = [row for row in outcomes if row.true_seconds is not None]
    if not rows:
        return {"n": 0}
    truths = [(row, row.true_seconds or 0.0) for row in rows]
    width, oracle = median(row.width for row in rows), median(row.oracle_width for row in rows)
    waiting = [(row, truth) for row, truth in truths if row.waiter_seconds_left > 0]
    return {
        "n": len(rows),
        "held": round(sum(row.held for row in rows) / len(rows), 3),
        "below": round(sum(truth < row.p10 for row, truth in truths) / len(rows), 3),
        "above": round(sum(truth > row.p90 for row, truth in truths) / len(rows), 3),
        "median_width_seconds": round(width, 1),
        "oracle_median_width_seconds": round(oracle, 1),
        "width_ratio": round(width / oracle, 3),
        "brier_within_1800_s": _brier([(row.within_1800_s, truth <= HALF_AN_HOUR) for row, truth in truths]),
        "brier_before_waiter": _brier(
            [(row.before_waiter, truth <= row.waiter_seconds_left) for row, truth in waiting]
        ),
        "asked_before_waiter_gave_up": len(waiting),
        "median_error_of_p50": round(median(abs(row.p50 - truth) / max(truth, 1.0) for row, truth in truths), 4),
    }


def _brier(pairs: Sequence[tuple[float, bool]]) -> float | None:
    return round(sum((told - came) ** 2 for told, came in pairs) / len(pairs), 4) if pairs else None


def _kinds(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Return the figures by how much was seen, by load balancer, and by scenario."""
    kinds: dict[str, list[Outcome]] = {}
    for row in outcomes:
        for kind in (row.stage, "load_balancer" if row.balanced else "no_load_balancer", row.name):
            kinds.setdefault(kind, []).append(row)
    return {kind: figures(rows) for kind, rows in sorted(kinds.items())}


def main(arguments: list[str] | None = None) -> int:
    """Judge all forecasts, print the figures, and write them; 1 if one misses."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--number", type=int, default=400, help="good rollouts")
    parser.add_argument("--seeds", type=int, default=4, help="seeds of each fault that is gone back from")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="3000 for calibration; writes no result")
    parser.add_argument("--workers", type=int, default=WORKERS)
    options = parser.parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    good = outcomes_of(rollouts(options.number, options.first_seed), workers=options.workers)
    back = outcomes_of(
        [(name, seed) for name in RECIPES if name not in GOOD for seed in seeds], workers=options.workers
    )
    result = {
        "rollouts": {**figures(good), "by_kind": _kinds(good)},
        "rollbacks": {str(under): _of_rollbacks([row for row in back if row.under == under]) for under in Under},
        "slowest_forecast_seconds": round(max(row.forecast_seconds for row in good), 3),
        "median_forecast_seconds": round(median(row.forecast_seconds for row in good), 3),
    }
    result["rollbacks"] = {name: row for name, row in result["rollbacks"].items() if row["n"]}
    print("forecast:", result)
    if options.first_seed == FIRST_SEED:
        missed = [str(row) for row in [*good, *back] if row.true_seconds is not None and not row.held]
        write_result("forecast", {**result, "missed": missed})
    whole = result["rollouts"]
    return 0 if LEAST <= whole["held"] <= MOST and whole["width_ratio"] <= WIDEST else 1


def _of_rollbacks(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    never = [f"{row.name}:{row.seed}" for row in outcomes if row.true_seconds is None]
    return {**figures(outcomes), "never_stable": never}


if __name__ == "__main__":
    sys.exit(main())
