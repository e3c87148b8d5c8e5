"""The same tests with many seeds, and AWS's own waiter for its ten minutes: `make soak`."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import changes, first_answer, report_time
from benchmarks import waiter as rollouts
from benchmarks.first_answer import environment
from benchmarks.results_file import write_result
from ecs_notebook_lib.simulate import build, paced, serve

SEEDS = 20
SEEDED = ["tests/test_diagnosis.py", "tests/test_telling.py", "tests/test_world.py", "tests/test_busy_account.py"]
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
    slow, late, impatient, overlooked = report_time.main(), first_answer.main(), rollouts.main([]), changes.main([])
    figures = {
        "seeds": SEEDS,
        "seeded_tests_exit_code": seeded,
        "report_ratio_exit_code": slow,
        "first_answer_exit_code": late,
        "wait_exit_code": impatient,
        "changes_exit_code": overlooked,
        "logs_tail": logs_tail(),
        "waiter": waiter(),
    }
    write_result("soak", figures)
    said = figures["waiter"]["said"]
    passed = (
        not (seeded or slow or late or impatient or overlooked)
        and figures["waiter"]["exit_code"] == 255
        and COMPLAINT in str(said)
    )
    print("soak:", "passed" if passed else "FAILED", figures)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
