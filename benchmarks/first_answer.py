"""How long the first answer takes, with 50 ms added to every call, against the shortest chain of calls it needs.

Baseline: a script that does nothing but DescribeServices, ListTasks, DescribeTasks and DescribeTargetHealth, one after
the other, with boto3. Both are timed from the start of the process.
"""

import math
import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, build, serve

DELAY_SECONDS, ROUNDS, LIMIT = 0.05, 7, 2.0
CHAIN = """
import boto3
where = {"cluster": "clarity-backend-cluster"}
ecs = boto3.client("ecs")
service = ecs.describe_services(**where, services=["clarity-backend"])["services"][0]
arns = ecs.list_tasks(**where, serviceName="clarity-backend", desiredStatus="STOPPED")["taskArns"]
ecs.describe_tasks(**where, tasks=arns[:100])
group = service["loadBalancers"][0]["targetGroupArn"]
boto3.client("elbv2").describe_target_health(TargetGroupArn=group)
"""
COMMAND = "import sys; from ecs_notebook_lib.cli import main; sys.exit(main())"
ARGUMENTS = ["diagnose", "live:clarity-backend-cluster/clarity-backend"]


def environment(url: str) -> dict[str, str]:
    """Return what boto3 needs to call a served world."""
    names = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", "HOME": os.devnull}
    return names | {"AWS_ACCESS_KEY_ID": "simulated", "AWS_SECRET_ACCESS_KEY": "simulated", "PATH": os.environ["PATH"]}


def seconds_of_chain(url: str) -> float:
    """Return how long the baseline takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", CHAIN], env=environment(url), check=True)
    return time.perf_counter() - began


def seconds_to_first_answer(url: str) -> tuple[float, float]:
    """Return when the first answer was told, and when the whole answer was there."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *ARGUMENTS],
        env=environment(url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = 0.0
    for line in process.stderr or ():
        if line.startswith("... first answer"):
            first = time.perf_counter() - began
    process.wait()
    return first, time.perf_counter() - began


def main() -> int:
    """Measure in turns, print the ratio, and store it."""
    world = build("clarity-backend")

    def slow(request: HTTPRequest) -> HTTPResponse:
        time.sleep(DELAY_SECONDS)
        return world.respond(request)

    chains, firsts, wholes = [], [], []
    with serve(slow, "127.0.0.1") as server:
        for _ in range(ROUNDS):
            chains.append(seconds_of_chain(server.url))
            first, whole = seconds_to_first_answer(server.url)
            firsts.append(first)
            wholes.append(whole)
    ratio = median(firsts) / median(chains) if min(firsts) > 0 else math.nan
    beside = "a boto3 script: services, tasks, target health"
    details = {
        "delay_ms": round(DELAY_SECONDS * 1000),
        "rounds": ROUNDS,
        "chain_seconds": round(median(chains), 3),
        "first_answer_seconds": round(median(firsts), 3),
        "whole_answer_seconds": round(median(wholes), 3),
    }
    return report_figures("first_answer", [Figure("first answer: time, 50 ms a call", ratio, LIMIT, beside)], details)


if __name__ == "__main__":
    sys.exit(main())
