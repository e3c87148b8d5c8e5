"""How long `ecs-notebook wait` takes to begin, beside `aws --version`: `python -m benchmarks.start_up`.

Both are timed from the start of the process: `aws` until it has printed its version, ours until its first call to AWS
has come, which is later than anything that it prints. Rounds alternate; the medians are compared.
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.first_answer import COMMAND, environment
from benchmarks.results_file import write_result
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World, begin, serve

ROUNDS, LIMIT = 9, 1.0


class FirstCall:
    """A world's door that notes when it was first knocked at."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.at: float | None = None

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Answer a request."""
        self.at = self.at or time.perf_counter()
        return self._world.respond(request)


def seconds_to_first_call() -> float:
    """Return how long `wait` takes until it asks AWS for the first time."""
    world = begin("varied-healthy", 0)
    door = FirstCall(world)
    arguments = ["wait", "--cluster", world.cluster, "--services", world.service, "--timeout", "0", "--quiet"]
    with serve(door, "127.0.0.1") as server:
        variables = environment(server.url) | {"AWS_DEFAULT_REGION": world.region}
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", COMMAND, *arguments], env=variables, capture_output=True, check=False)
    if door.at is None:
        raise RuntimeError("it never asked")
    return door.at - began


def seconds_of(command: list[str]) -> float:
    """Return how long a command takes."""
    began = time.perf_counter()
    subprocess.run(command, env=environment(""), capture_output=True, check=True)
    return time.perf_counter() - began


def main() -> int:
    """Alternate, compare the medians, write the result."""
    aws = [str(Path(sys.executable).parent / "aws"), "--version"]
    version = [sys.executable, "-c", COMMAND, "--version"]
    rounds = [(seconds_to_first_call(), seconds_of(version), seconds_of(aws)) for _ in range(ROUNDS)]
    first, own, theirs = (median(column) for column in zip(*rounds, strict=True))
    figures = {"first_call_seconds": first, "version_seconds": own, "aws_version_seconds": theirs}
    write_result("start_up", {"rounds": ROUNDS, **figures, "ratio": first / theirs})
    print(
        f"start-up: {'held' if first / theirs <= LIMIT else 'FAILED'}: {first / theirs:.2f} of aws --version", figures
    )
    return int(first / theirs > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
