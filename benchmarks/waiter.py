"""`ecs-notebook wait` beside AWS's waiter, over HTTP, on the same simulated rollouts: `python -m benchmarks.waiter`.

Time is the world's: a sleep of either waiter lets it pass, so ten minutes take a second, and equal seeds give equal
figures. Good rollouts are those in which nothing is broken, and those whose fault somebody mends after the first failed
task. Of a fault that lasts it is told how long after the second failed attempt the wait ended (after the first, where
AWS's message decides), and whether the differential names the cause first.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from benchmarks.results_file import write_result
from benchmarks.simulated import WORKERS, operation_of
from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.simulate import RECIPES, HTTPRequest, HTTPResponse, World, begin, serve
from ecs_notebook_lib.simulate.door import Respond
from ecs_notebook_lib.wait import Result, Wanted, Watch, wait_for
from ecs_notebook_lib.wait.waiting import Clock, Patience

POLL, GRACE = 15.0, 5.0
ECS_READS = ("DescribeServices", "ListTasks", "DescribeTasks", "DescribeTaskDefinition", "DescribeServiceDeployments")
QUARTER = 20 / 4
"""Calls a second: a quarter of what AWS sustains of each kind of read (ECS_FACTS 9.4)."""

LONG = 4 * 3600.0
FIRST_SEED = 20_000
MENDED = ("exec-format-error", "program-crashes", "no-way-out", "program-ends", "other-port", "heap-full")
PASSES = {"capacity", "aws_service", "dependency"}
"""Families of faults that may pass by themselves: there is nothing that a waiter may conclude from them."""

DECIDES = {"image.missing", "secrets_config", "permissions.execution_role"}
"""Causes, or families, of which AWS's message tells at the first attempt."""

OTHERWISE = {
    "image.rate_limit",
    "network.zone",
    "deployment_config.superseded",
    "deployment_config.waiter_shorter_than_rollout",
    "deployment_config.controller",
    "deployment_config.desired_zero",
    "deployment_config.scale_in_protection",
    "resources.memory",
}
"""Causes that may pass, too, or that no failed task of the rollout shows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rollout: by our waiter and by AWS's, in seconds of the world's time."""

    name: str
    seed: int
    outcome: str
    code: str
    seconds: float
    late: float | None
    """Seconds from the attempt that was enough to the end of the wait; None where no task failed."""
    cause_first: bool | None
    completed: bool
    """Whether ECS itself completes the deployment, if one only waits: what is true of it."""
    aws: str
    aws_seconds: float
    looks: int
    calls: dict[str, int]
    most_calls: int
    """Calls of the busiest look that count against ECS's limits."""


def lasting() -> list[str]:
    """Return the recipes whose fault lasts."""
    return [
        name
        for name, recipe in RECIPES.items()
        if recipe.cause not in OTHERWISE and recipe.cause.partition(".")[0] not in PASSES
    ]


class Counted:
    """A world's door that counts calls, look by look: `looks` has the operations of each."""

    def __init__(self, world: World) -> None:
        self._respond = world.respond
        self.looks: list[Counter[str]] = [Counter()]

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Count a request, and let the world answer it."""
        self.looks[-1][operation_of(request)] += 1
        return self._respond(request)


@contextmanager
def clients_of(world: World, respond: Respond | None = None) -> Iterator[Clients]:
    """Serve a world over HTTP, and give clients that ask it there."""
    with serve(respond or world.respond, "127.0.0.1") as server:
        yield Clients(simulated_session(world.region), endpoint_url=server.url)


def mend(world: World) -> None:
    """Mend the newest revision once one of its tasks has failed, as somebody would who does not deploy again."""
    service = world.scheduler.services[world.service]
    newest, good = service.deployments[0], [row for row in service.past if row.record["status"] == "SUCCESSFUL"]
    if good and any(task.deployment is newest and task.shape.get("stopCode") for task in world.tasks.by_arn.values()):
        world.hitches[newest.shape["taskDefinition"]] = []
        images = [
            world.task_definitions[row.shape["taskDefinition"]]["containerDefinitions"][0]["image"]
            for row in (newest, good[-1])
        ]
        world.programs[images[0]] = world.programs[images[1]]


def let_pass(world: World, seconds: float, before: Callable[[World], None]) -> None:
    """Let time pass from one thing that happens to the next, for somebody may act at once."""
    end = world.now + timedelta(seconds=seconds)
    before(world)
    while world.now < end:
        world.run_until(min(end, world.engine.next_at or end))
        before(world)


def ours(
    world: World, *, timeout: float, before: Callable[[World], None]
) -> tuple[Result, bool | None, list[Counter[str]]]:
    """Wait with ours; return the result, whether the differential names a true cause first, and the calls by look."""
    counted = Counted(world)

    def sleep(seconds: float) -> None:
        counted.looks.append(Counter())
        let_pass(world, seconds, before)

    with clients_of(world, counted) as clients:
        watch = Watch(clients, world.cluster, [world.service])
        clock = Clock(now=lambda: world.now.timestamp(), sleep=sleep)
        result = wait_for(watch, Wanted(), Patience(timeout, POLL), clock=clock)[world.service]
        looks = [Counter(row) for row in counted.looks]
        if result.verdict.outcome != "failed":
            return result, None, looks
        diagnosis = diagnose(Frames(watch.snapshot(world.service, lambda _step: None)))
    return result, diagnosis.differential[0].cause in world.truth, looks


def theirs(world: World, before: Callable[[World], None]) -> tuple[str, float]:
    """Wait with AWS's waiter; return what it says and after how many seconds."""
    began = world.now
    sleep = patch("botocore.waiter.time.sleep", lambda seconds: let_pass(world, seconds, before))
    with clients_of(world) as clients, sleep:
        try:
            clients.get("ecs").get_waiter("services_stable").wait(cluster=world.cluster, services=[world.service])
            said = "stable"
        except Exception as error:
            said = str(error)
    return said, (world.now - began).total_seconds()


def enough(world: World, result: Result) -> datetime | None:
    """Return when the attempt ended after which the fault is known to last, by the world's own tasks; None if none did.

    That is the first failed attempt where a message about an image, a secret or a denial decides, else the second:
    a task that was created after another had failed.
    """
    identifier = result.followed.deployment if result.followed else ""
    tasks = [task.shape for task in world.tasks.by_arn.values() if task.shape.get("startedBy") == identifier]
    failed = [row for row in tasks if row.get("stopCode") and "Scaling activity" not in row.get("stoppedReason", "")]
    decides = any(cause in DECIDES or cause.partition(".")[0] in DECIDES for cause in world.truth)
    first = [row["stoppingAt"] for row in failed if decides and row["stopCode"] == "TaskFailedToStart"]
    second = [row["stoppingAt"] for row in failed if any(one["stoppingAt"] <= row["createdAt"] for one in failed)]
    return min([*first, *second], default=None)


def completes(world: World, before: Callable[[World], None]) -> bool:
    """Say whether ECS completes the newest deployment within an hour from now; it may give up, or roll back."""
    newest = world.scheduler.services[world.service].past[-1]
    let_pass(world, 3600.0, before)
    return bool(newest.record["status"] == "SUCCESSFUL")


def run_one(question: tuple[str, int, float, bool]) -> Outcome:
    """Run one rollout twice: with our waiter and with AWS's."""
    name, seed, timeout, mended = question
    before = mend if mended else lambda _world: None
    world = begin(name, seed)
    began = world.now
    result, right, looks = ours(world, timeout=timeout, before=before)
    known = enough(world, result)
    ended = result.seen.at if result.seen else world.now
    completed = completes(world, before)
    said, seconds = theirs(begin(name, seed), before)
    return Outcome(
        name=name,
        seed=seed,
        outcome=result.verdict.outcome,
        code=result.verdict.code,
        seconds=(ended - began).total_seconds(),
        late=(ended - known).total_seconds() if known else None,
        cause_first=right,
        completed=completed,
        aws=said,
        aws_seconds=seconds,
        looks=len(looks),
        calls=dict(sum(looks, Counter())),
        most_calls=max(sum(row[name] for name in ECS_READS) for row in looks),
    )


def figures(good: list[Outcome], faults: list[Outcome]) -> dict[str, Any]:
    """Return the figures of both halves.

    A mended rollout that ECS gave up all the same was no good one, and a fault that shows after ECS has completed the
    rollout is none of the rollout: both are counted apart.
    """
    good, given_up = _parted(good, lambda row: not row.completed)
    faults, unseen = _parted(faults, lambda row: row.outcome == "stable" and row.completed)
    late = [row for row in faults if row.late is not None and row.late > POLL + GRACE]
    wrong = [row for row in faults if row.cause_first is False]
    not_failed = [row for row in faults if row.outcome != "failed"]
    ended = sorted(row.seconds for row in faults)
    aws = sorted(row.aws_seconds for row in faults)
    return {
        "poll_seconds": POLL,
        "calls_per_look": _per_look([*good, *faults]),
        "busiest_look": max(row.most_calls for row in [*good, *faults]),
        "allowed_calls_per_look": QUARTER * POLL,
        "good": {
            "n": len(good),
            "failed": [f"{row.name}:{row.seed} {row.code}" for row in good if row.outcome != "stable"],
            "given_up_by_ecs": [f"{row.name}:{row.seed} {row.code}" for row in given_up],
            "aws_failed": sum(row.aws != "stable" for row in good),
        },
        "faults": {
            "n": len(faults),
            "not_failed": [f"{row.name}:{row.seed} {row.code}" for row in not_failed],
            "after_the_rollout": [f"{row.name}:{row.seed} {row.code}" for row in unseen],
            "late": [f"{row.name}:{row.seed} {row.code} {row.late:.0f} s" for row in late],
            "cause_first": round(1 - len(wrong) / max(1, len(faults)), 4),
            "wrong_cause": [f"{row.name}:{row.seed} {row.code}" for row in wrong],
            "median_seconds": ended[len(ended) // 2],
            "aws_median_seconds": aws[len(aws) // 2],
            "aws_stable": sum(row.aws == "stable" for row in faults),
        },
    }


def _parted(outcomes: list[Outcome], apart: Callable[[Outcome], bool]) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes that stay, and those that are counted apart."""
    return [row for row in outcomes if not apart(row)], [row for row in outcomes if apart(row)]


def _per_look(outcomes: list[Outcome]) -> dict[str, float]:
    """Return how many calls of each operation a look at one service took on average."""
    calls = sum((Counter(row.calls) for row in outcomes), Counter())
    looks = sum(row.looks for row in outcomes)
    return {name: round(count / looks, 3) for name, count in sorted(calls.items())}


def main(arguments: list[str] | None = None) -> int:
    """Run the rollouts on all cores, print the figures, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--good", type=int, default=200, help="good rollouts")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each fault")
    options = parser.parse_args(arguments)
    quarter = options.good // 4
    good = [("varied-healthy", FIRST_SEED + n, LONG, False) for n in range(options.good - 2 * quarter)]
    good += [("slow-rollout", FIRST_SEED + n, LONG, False) for n in range(quarter)]
    mended = quarter + quarter // 4  # some of them ECS gives up before they are mended
    good += [(MENDED[n % len(MENDED)], FIRST_SEED + n, LONG, True) for n in range(mended)]
    faults = [(name, FIRST_SEED + n, LONG, False) for name in lasting() for n in range(options.seeds)]
    with ProcessPoolExecutor(WORKERS) as pool:
        outcomes = list(pool.map(run_one, [*good, *faults], chunksize=4))
    result = figures(outcomes[: len(good)], outcomes[len(good) :])
    result["rollouts"] = [asdict(row) for row in outcomes[len(good) :]]
    write_result("waiter", result)
    shown = {name: value for name, value in result.items() if name != "rollouts"}
    print("waiter:", shown)
    return 1 if shown["good"]["failed"] or shown["faults"]["not_failed"] or shown["faults"]["late"] else 0


if __name__ == "__main__":
    sys.exit(main())
