"""A treatment killed at random, again and again: `python -m benchmarks.treatment_kills`.

Is the half-done action found, its state told, and nothing done twice? A world is served over HTTP; the process gets
SIGKILL around a write: before the account has seen it, after, or some requests later. Then the same command runs again
until it has nothing more to do.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.first_answer import COMMAND, environment
from benchmarks.results_file import write_result
from benchmarks.simulated import operation_of
from ecs_notebook_lib.knowledge.treatments import write_operations
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World, build, serve
from ecs_notebook_lib.treatment.journals import rows_of, steps_of

WORLDS = (
    ("no-room", 1, "percentages"),
    ("check-needs-shell", 1, "former_container_check"),
    ("clarity-network", 0, "roll_back"),
    ("dropped-check-port", 1, "health_check_port"),
    ("secret-refused", 2, "execution_role_policy"),
    ("log-group-missing", 2, "log_group"),
)
WRITES = frozenset(row.action for row in write_operations().values())
AGAIN = 4
"""How often the command is run again at most."""


class Gate:
    """A world's door that kills a process around a write: before it, after it, or at a read some requests later."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world = world
        self._when = rng.choice(["before", "after", "later"])
        self._write = rng.randint(1, 2)
        self._later = rng.randint(1, 4)
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one request, unless it is the one at which the process dies."""
        count = len(self._world.writes)
        if self._when == "later" and self.process is not None and count >= self._write:
            self._later -= 1
            if self._later == 0:
                self._kill()
        is_the_one = operation_of(request) in WRITES and count + 1 == self._write
        if self._when == "before" and self.process is not None and is_the_one:
            self._kill()
            raise ConnectionAbortedError
        answer = self._world.respond(request)
        if len(self._world.writes) == self._write > count and self._when == "after":
            self._kill()
        return answer

    def _kill(self) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            process.send_signal(signal.SIGKILL)
            process.wait()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One treatment that was killed, and how it went on."""

    name: str
    killed: bool
    half_done: bool
    """Its journal had a call without an outcome."""
    told: bool | None
    """The next run told its state, and told it rightly; None if there was none."""
    twice: int
    """Calls with the same parameters that the account saw more than once."""
    applied: bool
    """In the end everything is done."""


def treat(url: str, world: World, folder: Path, action: str) -> "subprocess.Popen[str]":
    """Start a treatment."""
    command = [sys.executable, "-c", COMMAND, "treat", f"live:{world.cluster}/{world.service}", "--quiet"]
    command += ["--journal", str(folder), "--confirm", world.service, "--apply", action, "--allow", "iam"]
    variables = {**environment(url), "AWS_DEFAULT_REGION": world.region, "AWS_REGION": world.region}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=variables, stdout=pipe, stderr=pipe, text=True)


def run_one(number: int) -> Outcome:
    """Kill one treatment, and let it be carried out again."""
    rng = Random(f"treatment-kills:{number}")
    name, seed, action = WORLDS[number % len(WORLDS)]
    world = build(name, seed)
    gate = Gate(world, rng)
    with serve(gate, "127.0.0.1") as server, tempfile.TemporaryDirectory() as folder:
        gate.process = first = treat(server.url, world, Path(folder), action)
        first.communicate(timeout=300)
        gate.process = None
        intents = _half_done(Path(folder))
        seen = [operation for operation, _ in world.writes]
        told, applied = None, False
        for turn in range(AGAIN):
            again = treat(server.url, world, Path(folder), action)
            said = again.communicate(timeout=300)[1]
            if turn == 0 and intents:
                told = _is_told(said, intents, seen)
            if again.returncode == 0 or "is not proposed" in said:
                applied = True
                break
    calls = Counter(json.dumps([operation, params], default=str, sort_keys=True) for operation, params in world.writes)
    twice = sum(count - 1 for count in calls.values())
    return Outcome(name, first.returncode == -signal.SIGKILL, bool(intents), told, twice, applied)


def _half_done(folder: Path) -> list[str]:
    """Return the operations of which a journal tells no outcome."""
    steps = [step for path in folder.glob("*.jsonl") for step in steps_of(rows_of(path)).values()]
    return [str(intent["operation"]) for intent, outcome in steps if outcome is None]


def _is_told(said: str, intents: list[str], seen: list[str]) -> bool:
    return all(f"{name} of" in said and ("has been done" in said) == (name in seen) for name in intents)


def main(arguments: list[str] | None = None) -> int:
    """Kill so many treatments, print the figures, and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--no-result", action="store_true", help="print only")
    options = parser.parse_args(arguments)
    outcomes = [run_one(number) for number in range(options.kills)]
    figures: dict[str, Any] = {
        "treatments": len(outcomes),
        "killed": sum(row.killed for row in outcomes),
        "half_done": sum(row.half_done for row in outcomes),
        "told_rightly": sum(row.told is True for row in outcomes),
        "done_twice": sum(row.twice for row in outcomes),
        "applied_in_the_end": sum(row.applied for row in outcomes),
    }
    if not options.no_result:
        write_result("treatment_kills", figures)
    print("treatment_kills:", figures)
    wrong = figures["half_done"] != figures["told_rightly"] or figures["done_twice"]
    return 1 if wrong or figures["applied_in_the_end"] != len(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
