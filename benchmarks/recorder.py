"""`ecs-notebook record` killed at random, again and again: what is in the store then? `python -m benchmarks.recorder`.

A world is served over HTTP; each look of the recorder lets 30 seconds of it pass. The process gets SIGKILL after a
random number of answers, at once or some milliseconds later, so in the middle of a look or of writing, and is started
again. In the end every task of the world must be in the store, each of its states once, and nothing else; and whatever
a line on stderr told as kept must be there.
"""

import argparse
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.dataset as ds

from benchmarks.first_answer import COMMAND, environment
from benchmarks.results_file import write_result
from benchmarks.simulated import operation_of
from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.history.reading import rows_of_partition
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import Partition, Store, open_store
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World, begin, serve

LOOK = timedelta(seconds=30)
MOST_ANSWERS, MOST_MILLISECONDS = 30, 40
_KEPT = re.compile(r"(\d+) (?:states of tasks|state of a task)\b")


class Killer:
    """A world's door: it lets time pass at each look, and kills the recorder after so many answers."""

    def __init__(self, world: World, step: timedelta = LOOK) -> None:
        self._world = world
        self._step = step
        self.ledger = Ledger(world)
        self._left = 0
        self._kill: Callable[[], None] | None = None
        self.looks = 0

    def arm(self, answers: int, kill: Callable[[], None]) -> None:
        """Let `kill` be called when so many more answers were given."""
        self._left, self._kill = answers, kill

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one request."""
        if operation_of(request) == "ListServices":
            self.looks += 1
            self._world.run_until(self._world.now + self._step)
            self.ledger.look()
        answer = self._world.respond(request)
        self._left -= 1
        if self._left <= 0 and self._kill is not None:
            self._kill, kill = None, self._kill
            kill()
        return answer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recorder keeps its rows and its key, and where S3 is, if the rows are there."""

    store: str
    state: Path
    s3: str = ""

    def environment(self, url: str, region: str) -> dict[str, str]:
        """Return the variables of a recorder."""
        elsewhere = {"AWS_ENDPOINT_URL_S3": self.s3} if self.s3 else {}
        return {**environment(url), "XDG_STATE_HOME": str(self.state), "AWS_DEFAULT_REGION": region, **elsewhere}


def record(url: str, world: World, place: Place, *options: str) -> "subprocess.Popen[str]":
    """Start a recorder that looks without a pause."""
    command = [sys.executable, "-c", COMMAND, "record", "--cluster", world.cluster, "--store", place.store]
    return subprocess.Popen(
        [*command, "--poll", "0.01", *options],
        env=place.environment(url, world.region),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def killed(name: str, seed: int, place: Place, *, kills: int) -> dict[str, Any]:
    """Record a world with so many kills; return what the store holds beside what there was."""
    world, rng = begin(name, seed), Random(f"kills:{seed}")
    began, door = world.now, Killer(world)
    told: Counter[str] = Counter()
    with serve(door, "127.0.0.1") as server:
        for _ in range(kills):
            process = record(server.url, world, place)
            delay = rng.choice([0.0, rng.uniform(0, MOST_MILLISECONDS) / 1000])
            door.arm(rng.randint(1, MOST_ANSWERS), lambda p=process, s=delay: _kill(p, s))  # type: ignore[misc]
            _count(process.communicate()[1], told)
            assert process.returncode == -signal.SIGKILL, process.returncode  # noqa: S101
        last = record(server.url, world, place, "--once")
        _count(last.communicate()[1], told)
    opened = open_store(
        place.store, Clients(simulated_session(world.region), endpoint_url=place.s3) if place.s3 else None
    )
    [partition] = opened.partitions()
    rows = rows_of_partition(opened, partition)
    hours = (world.now - began) / timedelta(hours=1)
    lost = {"told_but_not_there": max(0, told["task"] - task_states_in(opened, partition))}
    return {"kills": kills, "looks": door.looks, "hours": hours} | judged(rows, door.ledger) | lost


def _kill(process: "subprocess.Popen[str]", delay: float) -> None:
    threading.Timer(delay, os.kill, (process.pid, signal.SIGKILL)).start() if delay else process.kill()


def _count(said: str, told: Counter[str]) -> None:
    told["task"] += sum(int(number) for number in _KEPT.findall(said))


class Ledger:
    """What there was: every task that the world ever had, and the newest version of those that lived meanwhile."""

    def __init__(self, world: World) -> None:
        self._world, self._began = world, world.now
        self.lived: dict[str, int] = {}
        self.all: set[str] = set()
        self.look()

    def look(self) -> None:
        """Write down what there is; the world forgets tasks, as ECS does."""
        for arn, task in self._world.tasks.by_arn.items():
            self.all.add(arn)
            stopped = task.shape.get("stoppedAt")
            if stopped is None or stopped > self._began:
                self.lived[arn] = task.shape["version"]


def task_states_in(store: Store, partition: Partition) -> int:
    """Return how many states of tasks were written, those included that a new day tells once more."""
    return int(store.dataset(partition, store.days(partition)).count_rows(filter=ds.field("kind") == "task"))


def judged(rows: list[Row], ledger: Ledger) -> dict[str, Any]:
    """Return what is wrong with what is in a store: lost, invented and doubled tasks.

    Tasks that ended before the recorder ran may be there: ECS lists them for an hour.
    """
    ledger.look()
    tasks, seen = ledger.lived, [row for row in rows if row.kind == "task"]
    newest = {row.key: row.version for row in seen}
    times = Counter((row.key, row.version) for row in seen)
    return {
        "tasks": len(tasks),
        "states": len(seen),
        "lost": sorted(arn for arn in tasks if arn not in newest),
        "not_the_last_state": sorted(arn for arn in tasks if arn in newest and newest[arn] != tasks[arn]),
        "invented": sorted(arn for arn in newest if arn not in ledger.all),
        "twice": sorted(str(key) for key, number in times.items() if number > 1),
    }


FAULTS = ("lost", "not_the_last_state", "invented", "twice", "told_but_not_there")


@contextmanager
def moto() -> Iterator[str]:
    """Run moto's server; yield its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def main(arguments: list[str] | None = None) -> int:
    """Kill 200 times on a folder and 200 times on S3 as moto's server has it; write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args(arguments)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, moto() as url:
        simulated_session("us-east-1").client("s3", endpoint_url=url).create_bucket(Bucket="history")
        here, there = Place(f"{folder}/store", Path(folder)), Place("s3://history/ecs", Path(folder), url)
        figures["folder"] = killed("program-crashes", 30_000, here, kills=options.kills)
        figures["s3"] = killed("task-role-refused", 30_001, there, kills=options.kills)
    write_result("recorder", figures)
    wrong = {place: [name for name in FAULTS if row[name]] for place, row in figures.items()}
    print({place: {key: row[key] for key in ("kills", "looks", "tasks", "states")} for place, row in figures.items()})
    print("record:", "FAILED" if any(wrong.values()) else "held", wrong)
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
