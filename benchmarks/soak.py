"""The same tests with many seeds, and AWS's own waiter for its ten minutes: `make soak`."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    changes,
    first_answer,
    forecast,
    history,
    recorder,
    report_time,
    start_up,
    treatment_kills,
    treatments,
)
from benchmarks import waiter as rollouts
from benchmarks.first_answer import environment
from benchmarks.results_file import write_result
from ecs_notebook_lib.simulate import build, paced, serve

SEEDS = 20
SEEDED = ["tests"]
"""All of them: the cases that `make test` samples run here."""

MEASURED: dict[str, Callable[[], int]] = {
    "report_time": report_time.main,
    "first_answer": first_answer.main,
    "start_up": start_up.main,
    "wait": lambda: rollouts.main([]),
    "record": lambda: recorder.main([]),
    "history": lambda: history.main([]),
    "changes": lambda: changes.main([]),
    "treatments": lambda: treatments.main([]),
    "treatment_kills": lambda: treatment_kills.main([]),
    "forecast": lambda: forecast.main([]),
}
COMPLAINT = "Waiter ServicesStable failed: Max attempts exceeded"


def waiter() -> dict[str, Any]:
    """Return what `aws ecs wait services-stable` says, with time passing as fast as ours."""
    world = build("clarity-backend")
    aws = str(Path(sys.executable).parent / "aws")
    began = time.perf_counter()
    with serve(paced(world, 1.0), "127.0.0.1") as server:
        command = [aws, "ecs", "wait", "services-stable", "--cluster", world.cluster, "--services", world.service]
        done = subprocess.run(command, env=environment(server.url), capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines()[-1:]
    return {"exit_code": done.returncode, "seconds": round(time.perf_counter() - began), "said": said}


def logs_tail() -> dict[str, Any]:
    """Return what `aws logs tail` prints; only version 2 of the AWS CLI has it, and it may not be there."""
    aws = shutil.which("aws", path="/usr/bin:/usr/local/bin")
    if aws is None:
        return {"lines": None, "why": "there is no AWS CLI version 2 on this machine"}
    world = build("clarity-backend")
    with serve(world.respond, "127.0.0.1") as server:
        since = f"{world.now.replace(minute=0):%Y-%m-%dT%H:%M:%S}"
        command = [aws, "logs", "tail", "/ecs/clarity-backend", "--since", since, "--endpoint-url", server.url]
        done = subprocess.run(command, env=environment(server.url), capture_output=True, text=True, check=False)
    denied = sum("AccessDeniedException" in line for line in done.stdout.splitlines())
    return {"exit_code": done.returncode, "lines": len(done.stdout.splitlines()), "access_denied": denied}


def main() -> int:
    """Run all of it and write the result; a failure does not hide the rest."""
    seeded = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-q", "--seeds", str(SEEDS), *SEEDED], check=False
    ).returncode
    failed = {name: measure() for name, measure in MEASURED.items()}
    figures = {
        "seeds": SEEDS,
        "seeded_tests_exit_code": seeded,
        "exit_codes": failed,
        "logs_tail": logs_tail(),
        "waiter": waiter(),
    }
    write_result("soak", figures)
    stock = figures["waiter"]
    passed = not (seeded or any(failed.values())) and stock["exit_code"] == 255 and COMPLAINT in str(stock["said"])
    print("soak:", "passed" if passed else "FAILED", figures)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
