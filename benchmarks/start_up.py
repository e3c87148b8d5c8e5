"""How long the commands take that people wait for, beside what everybody has: `python -m benchmarks.start_up`.

All are timed from the start of the process, run as the installed programs, with compiled modules kept as they are for
users. `wait` counts until its first call to AWS has come, which is later than anything that it prints; all others until
they have ended. Rounds alternate; the medians are compared:

- `--help`, `wait` until its first call, and `explain TEXT`, each with `aws --version`;
- `diagnose SNAPSHOT`, of the demo incident, as text, with `python -c 'import pandas'`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.first_answer import environment
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World, begin, serve

ROUNDS, AS_AWS, OF_PANDAS = 9, 1.0, 1.6
FAILING = 3
"""Exit code of `diagnose` where a deployment fails, as the demo's does."""

PROGRAMS = Path(sys.executable).parent
OURS = str(PROGRAMS / "ecs-notebook")
TEXT = "Task failed ELB health checks in (target-group tg/web)"
AWS, PANDAS = "aws --version", "python -c 'import pandas'"


class FirstCall:
    """A world's door that notes when it was first knocked at."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.at: float | None = None

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Answer a request."""
        self.at = self.at or time.perf_counter()
        return self._world.respond(request)


def variables(url: str) -> dict[str, str]:
    """Return what a command needs to call a served world, and where our package lies if not where it is installed."""
    return environment(url) | {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}


def seconds_to_first_call() -> float:
    """Return how long `wait` takes until it asks AWS for the first time."""
    world = begin("varied-healthy", 0)
    door = FirstCall(world)
    arguments = ["wait", "--cluster", world.cluster, "--services", world.service, "--timeout", "0", "--quiet"]
    with serve(door, "127.0.0.1") as server:
        where = variables(server.url) | {"AWS_DEFAULT_REGION": world.region}
        began = time.perf_counter()
        subprocess.run([OURS, *arguments], env=where, capture_output=True, check=False)
    if door.at is None:
        raise RuntimeError("it never asked")
    return door.at - began


def seconds_of(*command: str) -> float:
    """Return how long a command takes."""
    began = time.perf_counter()
    done = subprocess.run(command, env=variables(""), capture_output=True, check=False)
    if done.returncode not in (0, FAILING):
        raise RuntimeError(f"{command}: {done.stderr.decode()}")
    return time.perf_counter() - began


def main() -> int:
    """Alternate, compare the medians, write the result."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        snapshot = f"{folder}/snapshot.zip"
        seconds_of(OURS, "collect", "demo:clarity-backend", "--out", snapshot, "--quiet")
        for _ in range(ROUNDS):
            for name, seconds in {
                AWS: seconds_of(str(PROGRAMS / "aws"), "--version"),
                "--help": seconds_of(OURS, "--help"),
                "wait": seconds_to_first_call(),
                "explain": seconds_of(OURS, "explain", TEXT),
                PANDAS: seconds_of(sys.executable, "-c", "import pandas"),
                "diagnose": seconds_of(OURS, "diagnose", snapshot),
            }.items():
                times.setdefault(name, []).append(seconds)
    middle = {name: median(values) for name, values in times.items()}
    figures = [
        Figure("--help", middle["--help"] / middle[AWS], AS_AWS, AWS),
        Figure("wait, until its first call", middle["wait"] / middle[AWS], AS_AWS, AWS),
        Figure("explain TEXT", middle["explain"] / middle[AWS], AS_AWS, AWS),
        Figure("diagnose SNAPSHOT", middle["diagnose"] / middle[PANDAS], OF_PANDAS, PANDAS),
    ]
    return report_figures("start_up", figures, {"rounds": ROUNDS, "median_seconds": middle})


if __name__ == "__main__":
    sys.exit(main())
