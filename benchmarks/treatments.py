"""Every fault treated over HTTP: `python -m benchmarks.treatments`.

A world is asked and written to through HTTP, as AWS is. The proposals are carried out in their order, each after a
fresh look, until the service is stable or they are used up. Then, on the same seed again: without each of the actions
that were carried out (was it needed?), with the second cause wrongly treated first (does anything get worse?), and
everything taken back (is the configuration as before, field by field?).
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.results_file import write_result
from benchmarks.simulated import WORKERS
from benchmarks.waiter import clients_of
from ecs_notebook_lib.collect import Clients, collect_incident
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE
from ecs_notebook_lib.simulate import RECIPES, World, build
from ecs_notebook_lib.source import LiveSource
from ecs_notebook_lib.treatment import Action
from ecs_notebook_lib.treatment.apply import HalfDoneError, Hands, NotAppliedError, apply_action, undo
from ecs_notebook_lib.treatment.journals import rows_of, steps_of
from ecs_notebook_lib.treatment.proposing import propose_for

FIRST_SEED = 40_000
SEEDS = 5
PATIENCE = timedelta(minutes=45)
"""How long one action is given, at most: the 15 minutes of ECS's longest pause, and a slow rollout."""

TRIES = 2
"""So many times the wanted seeds are tried of a fault: some worlds mend themselves, and some have no good revision."""

_TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"/[^/]+/")
"""Folders of journals: no path of a machine belongs into a result."""

FLAGS = ("iam", "security-groups", "scale-to-zero", "deletion")
Wanted = Callable[[Action], bool]


def is_stable(world: World) -> bool:
    """Say whether ECS calls the newest deployment completed, alone, with as many tasks as are wanted."""
    service = world.scheduler.services[world.service]
    [newest, *others] = service.deployments
    steady = service.shape["runningCount"] == service.desired > 0 and newest.shape["rolloutState"] == "COMPLETED"
    return bool(steady and not others)


class Observed:
    """A world under observation: whether a healthy task was ever taken away while no more than at the start served."""

    def __init__(self, world: World) -> None:
        self.world = world
        service = world.scheduler.services[world.service]
        self.start = min(len(self._healthy()), service.desired)
        self.lowest = self.start
        self.taken: list[str] = []

    def _healthy(self) -> dict[str, Any]:
        service = self.world.scheduler.services[self.world.service]
        return {task.id: task for task in service.tasks if self.world.scheduler.healthy(task)}

    def run_until(self, end: datetime, *, done: Callable[[], bool]) -> bool:
        """Let time pass from one thing that happens to the next, until it is over; say whether it is done."""
        while self.world.now < end and not done():
            before = self._healthy()
            self.world.run_until(min(end, self.world.engine.next_at or end))
            self._compare(before, self._healthy())
        return done()

    def _compare(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        self.lowest = min(self.lowest, len(now))
        if len(now) < min(self.start, len(before)):
            gone = [before[name] for name in before.keys() - now.keys()]
            self.taken += [task.id for task in gone if _was_taken(task)]


def _was_taken(task: Any) -> bool:
    """Say whether a task was healthy until ECS took it away, rather than ended or failed by itself."""
    reason = str(task.shape.get("stoppedReason", ""))
    return bool(task.draining or reason.startswith("Scaling activity"))


@dataclass(slots=True)
class Treated:
    """One world treated. Times in minutes of the world's time."""

    name: str
    seed: int
    proposed: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    stable: bool = False
    minutes: float = 0.0
    by_itself: bool = False
    """The world becomes stable without anything being done, within the time that the treated one took."""
    not_needed: list[str] = field(default_factory=list)
    taken: int = 0
    outage_declared: bool = False
    undone: bool | None = None
    worse: str = ""
    """What got worse by treating the second cause first; empty if nothing did."""
    wrong: list[str] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A world on the table: how it is asked, and how it is written to."""

    world: World
    clients: Clients
    hands: Hands

    def incident(self) -> Incident:
        """Return the incident as it is now."""
        return Incident(collect_incident(self.clients, LiveSource(self.world.cluster, self.world.service)))

    def apply(self, action: Action, incident: Incident) -> Path:
        """Carry an action out; return its journal."""
        name = self.world.service
        done = apply_action(
            action, incident.snapshot, self.hands, typed=lambda: name, tell=lambda _text: None, allowed=FLAGS
        )
        return done.journal

    def take_back(self, journal: Path) -> None:
        """Take a treatment back."""
        undo(journal, self.hands, typed=lambda: self.world.service, tell=lambda _text: None, allowed=FLAGS)


@contextmanager
def laid_out(name: str, seed: int) -> Iterator[Table]:
    """Serve a world at the moment of its complaint."""
    world = build(name, seed)
    with clients_of(world) as clients, tempfile.TemporaryDirectory() as folder:

        def sleep(seconds: float) -> None:
            world.run_until(world.now + timedelta(seconds=seconds))

        yield Table(world, clients, Hands(clients, Path(folder), sleep=sleep))


def treat(table: Table, wanted: Wanted, observed: Observed) -> tuple[list[str], list[str], list[Path]]:
    """Carry out what is proposed and wanted, in order; return what was proposed and applied, and the journals."""
    incident = table.incident()
    plan = [row for row in incident.treatment.immediate if row.calls]
    proposed, applied, journals = [row.name for row in incident.treatment.immediate], [], []
    for number, planned in enumerate(plan):
        if is_stable(table.world):
            break
        if not wanted(planned):
            continue
        fresh = incident if number == 0 else table.incident()
        action = planned if number == 0 else fresh.treatment.action(planned.name)
        if action is None:
            continue
        journals.append(table.apply(action, fresh))
        applied.append(action.name)
        follow_up = [row.name for row in plan[number + 1 :]]
        patience = timedelta(minutes=1) if follow_up[:1] == ["new_deployment"] else PATIENCE
        observed.run_until(table.world.now + patience, done=lambda: is_stable(table.world))
    return proposed, applied, journals


def configuration(world: World) -> dict[str, Any]:
    """Return everything that a treatment may change, plain."""
    service = world.scheduler.services[world.service].shape
    members = ("taskDefinition", "desiredCount", "deploymentConfiguration", "networkConfiguration")
    members += ("healthCheckGracePeriodSeconds", "placementConstraints", "placementStrategy", "loadBalancers")
    roles = {row.name: [row.inline, row.attached, row.trust] for row in world.access.roles.values()}
    found = {
        "service": {name: service.get(name) for name in members},
        "groups": {arn: [row.shape, row.attributes] for arn, row in world.balancer.groups.items()},
        "security_groups": world.network.security_groups,
        "roles": roles,
        "log_groups": sorted(world.log_groups),
    }
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str, sort_keys=True))
    return plain


def run_one(question: tuple[str, int]) -> Treated:
    """Treat one world, and ask it everything else."""
    result = Treated(*question)
    try:
        _treat_and_take_back(result)
        if result.applied:
            _ask_without(result)
        _ask_wrongly(result)
    except (NotAppliedError, HalfDoneError) as error:
        result.error = _TEMPORARY.sub("", str(error))[:300]
    return result


def run_fault(question: tuple[str, int, int]) -> list[Treated]:
    """Treat worlds of one fault until so many had a treatment through AWS's API, or twice as many were tried."""
    name, first, seeds = question
    rows: list[Treated] = []
    while len(rows) < TRIES * seeds and sum(bool(row.applied and not row.by_itself) for row in rows) < seeds:
        rows.append(run_one((name, first + len(rows))))
        if len(rows) == seeds and not any(row.applied for row in rows):
            break
    return rows


def _treat_and_take_back(result: Treated) -> None:
    with laid_out(result.name, result.seed) as table:
        before, began = configuration(table.world), table.world.now
        observed = Observed(table.world)
        if is_stable(table.world):
            result.stable = result.by_itself = True
            return
        result.proposed, result.applied, journals = treat(table, lambda _action: True, observed)
        result.stable = is_stable(table.world)
        result.minutes = (table.world.now - began).total_seconds() / 60
        result.taken = len(observed.taken)
        for journal in reversed(journals):
            if _can_be_taken_back(journal):
                table.take_back(journal)
        result.undone = configuration(table.world) == before if journals else None


def _can_be_taken_back(journal: Path) -> bool:
    """Say whether there is something to take back: not the protection of tasks that are gone since."""
    intents = [intent for intent, _ in steps_of(rows_of(journal)).values()]
    return any(row["undo"] for row in intents) and not journal.stem.endswith("task_protection")


def _ask_without(result: Treated) -> None:
    """Leave out each action in turn, and give the world as long as the treated one took and as much again."""
    for left_out in result.applied:
        with laid_out(result.name, result.seed) as table:
            began = table.world.now
            observed = Observed(table.world)
            others = [name for name in result.applied if name != left_out]
            if others:
                treat(table, lambda action, names=others: action.name in names, observed)  # type: ignore[misc]
            end = began + timedelta(minutes=2 * result.minutes + 5)
            if observed.run_until(max(end, table.world.now), done=lambda t=table: is_stable(t.world)):  # type: ignore[misc]
                result.not_needed.append(left_out)
    if result.not_needed and len(result.applied) == 1:
        result.by_itself, result.not_needed = True, []


def _ask_wrongly(result: Treated) -> None:
    """Treat the second cause as if it were the first, and compare with the world that is left alone."""
    with laid_out(result.name, result.seed) as table:
        incident = table.incident()
        causes = [row.cause for row in incident.diagnosis.differential if row.cause != NONE_OF_THESE]
        actions = [row for row in propose_for(incident.diagnosis, causes[1]) if row.calls][:1]
        observed = Observed(table.world)
        for action in actions:
            table.apply(action, incident)
            result.wrong.append(action.name)
            observed.run_until(table.world.now + timedelta(minutes=30), done=lambda: False)
        if not actions:
            return
        serving, outage = len(observed._healthy()), any(row.kind.outage for row in actions)
    left_alone = build(result.name, result.seed)
    alone = Observed(left_alone)
    alone.run_until(left_alone.now + timedelta(minutes=30), done=lambda: False)
    if len(observed.taken) > len(alone.taken) and not outage:
        result.worse = f"{len(observed.taken)} healthy tasks were taken away, {len(alone.taken)} without it"
    elif serving < min(observed.start, len(alone._healthy())):
        result.worse = f"{serving} tasks serve, {len(alone._healthy())} without it"


def figures(rows: Sequence[Treated]) -> dict[str, Any]:
    """Return the figures: of the worlds that have a treatment through AWS's API, and of the others how many."""
    treated = [row for row in rows if row.applied and not row.by_itself]
    stable = [row for row in treated if row.stable]
    undone = [row for row in rows if row.undone is not None]
    wrongly = [row for row in rows if row.wrong]
    return {
        "n": len(rows),
        "without_a_call": dict(Counter(row.name for row in rows if not row.applied and not row.by_itself)),
        "stable_by_themselves": sum(row.by_itself for row in rows),
        "treated": len(treated),
        "faults": len({row.name for row in treated}),
        "fewer_seeds": {name: count for name, count in Counter(row.name for row in treated).items() if count < SEEDS},
        "stable": round(len(stable) / max(1, len(treated)), 4),
        "not_stable": [f"{row.name}:{row.seed} {row.applied}" for row in treated if not row.stable],
        "not_needed": [f"{row.name}:{row.seed} {row.not_needed} of {row.applied}" for row in treated if row.not_needed],
        "taken_away": [f"{row.name}:{row.seed} {row.applied} {row.taken}" for row in rows if row.taken],
        "undone": round(sum(bool(row.undone) for row in undone) / max(1, len(undone)), 4),
        "not_undone": [f"{row.name}:{row.seed} {row.applied}" for row in undone if not row.undone],
        "wrongly_treated": len(wrongly),
        "worse": [f"{row.name}:{row.seed} {row.wrong}: {row.worse}" for row in rows if row.worse],
        "errors": [f"{row.name}:{row.seed} {row.error}" for row in rows if row.error],
        "actions": dict(Counter(name for row in treated for name in row.applied)),
        "median_minutes": sorted(row.minutes for row in stable)[len(stable) // 2] if stable else None,
    }


def main(arguments: list[str] | None = None) -> int:
    """Treat the worlds on all cores, print the figures, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="treated seeds of each fault")
    parser.add_argument("--only", nargs="+", default=list(RECIPES), help="these faults")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--no-result", action="store_true", help="print only")
    options = parser.parse_args(arguments)
    questions = [(name, options.first, options.seeds) for name in options.only]
    with ProcessPoolExecutor(options.workers) as pool:
        rows = [row for group in pool.map(run_fault, questions) for row in group]
    result = figures(rows)
    if not options.no_result:
        write_result("treatments", result | {"worlds": [asdict(row) for row in rows]})
    print(json.dumps(result, indent=1))
    bad = ("not_needed", "taken_away", "not_undone", "worse", "errors")
    return 1 if result["stable"] < 0.95 or any(result[name] for name in bad) else 0


if __name__ == "__main__":
    sys.exit(main())
