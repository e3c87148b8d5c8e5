"""Collecting one incident with 50 ms added to every call: its time, its number of calls, and how fast they follow.

Baselines, all from the same run:

- The longest chain. A call can be made as soon as the identifiers in its parameters are known (`dependencies.py`): the
  longest chain of such calls, made one after another with boto3 and clients that are there already, is the least time
  that any collection takes. Making our own clients, choosing, masking and recording is not in it.
- The fewest calls. What was asked, by operation, in the largest batches that `knowledge/operations.toml` allows, and
  AWS's own pages.
- A quarter of AWS's token buckets (`knowledge/rates.toml`), of which CloudTrail's is told apart.

CloudTrail is asked one name a call under a deadline: it refuses in the runs that are compared with the chain, and what
it takes is told apart. There the simulated AWS makes each answer once, before anything is timed, and then gives it
again: it answers one call after another, which AWS does not, and its own work is not what is measured.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.dependencies import CHOICES, Call, calls_of, fewest, longest_chain
from benchmarks.first_answer import environment
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.knowledge.rates import bucket_of
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World, build, serve
from ecs_notebook_lib.simulate.door import Respond
from ecs_notebook_lib.snapshot import load_snapshot

DELAY_SECONDS, ROUNDS = 0.05, 7
TRAIL = "cloudtrail:LookupEvents"
COLLECT = """
import json, sys, time
from pathlib import Path
from ecs_notebook_lib.cli.opening import look_for_cycles_seldom
from ecs_notebook_lib.collect import Access, collect_incident, open_clients
from ecs_notebook_lib.collect.rates import Rates
from ecs_notebook_lib.snapshot import save_snapshot
from ecs_notebook_lib.source import LiveSource

class Recorded(Rates):
    calls = []
    def wait(self, operation, region):
        came = time.perf_counter()
        super().wait(operation, region)
        self.calls.append((operation, region, time.perf_counter(), time.perf_counter() - came))

look_for_cycles_seldom()
cluster, service, path = sys.argv[1:]
began, first = time.perf_counter(), []
clients = open_clients(Access(), rates=Recorded())
look = lambda _: first.append(time.perf_counter() - began)
snapshot = collect_incident(clients, LiveSource(cluster, service), first_look=look)
whole = time.perf_counter() - began
save_snapshot(snapshot, Path(path))
print(json.dumps({"first_look": first[0], "whole": whole, "calls": Recorded.calls, "cpu": time.process_time()}))
"""
"""One collection in a process of its own, as the commands do it, from opening the session to the finished snapshot."""

CHAIN = """
import json, sys, time
import boto3
from botocore import xform_name
rows = json.load(sys.stdin)
services = dict.fromkeys(row["operation"].partition(":")[0] for row in rows)
clients = {service: boto3.client(service) for service in services}
began = time.perf_counter()
for row in rows:
    service, _, action = row["operation"].partition(":")
    params, method = dict(row["params"]), getattr(clients[service], xform_name(action))
    for _ in range(row["pages"]):
        answer = method(**params)
        params |= {"nextToken": answer.get("nextToken")}
print(time.perf_counter() - began)
"""
"""The chain, bare: one call after the other, the clients made before."""


def slow(of: World, *, once: bool = False) -> Respond:
    """Return a door that answers each request after 50 ms; with `once` it asks the world once for each request."""
    made: dict[tuple[str, ...], HTTPResponse] = {}

    def respond(request: HTTPRequest) -> HTTPResponse:
        time.sleep(DELAY_SECONDS)
        key = (request.url, request.headers.get("X-Amz-Target", ""), request.body.decode("latin-1"))
        if not once or key not in made:
            made[key] = of.respond(request)
        return made[key]

    return respond


def collected(url: str, world: World, path: Path) -> dict[str, Any]:
    """Return what a collection in a process of its own took, and the snapshot at `path`."""
    arguments = [sys.executable, "-c", COLLECT, world.cluster, world.service, str(path)]
    done = subprocess.run(arguments, env=environment(url), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout)) | {"stderr": done.stderr}


def seconds_of_chain(url: str, chain: Sequence[Call]) -> float:
    """Return how long the calls of a chain take one after another."""
    rows = []
    for _, pages in groupby(chain, key=lambda call: call.question):
        calls = [*pages]
        rows.append({"operation": calls[0].operation, "params": calls[0].params, "pages": len(calls)})
    arguments = [sys.executable, "-c", CHAIN]
    done = subprocess.run(
        arguments, env=environment(url), input=json.dumps(rows), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def most_used(calls: Iterable[tuple[str, str, float, float]]) -> dict[str, float]:
    """Return for each bucket how much of our share of it the calls took, at the worst stretch of time: 1 is all."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    rows = {}
    for operation, region, at, _ in calls:
        row = bucket_of(operation)
        rows[row.name] = row
        times[row.name, "" if row.everywhere else region].append(at)
    used: dict[str, float] = defaultdict(float)
    for (name, _), moments in times.items():
        row, ordered = rows[name], sorted(moments)
        for first, begin in enumerate(ordered):
            for count, end in enumerate(ordered[first:], start=1):
                allowed = max(1.0, row.burst * row.share) + (end - begin) * row.rate * row.share
                used[name] = max(used[name], count / allowed)
    return dict(used)


def main() -> int:
    """Measure in turns, print the figures, and store them."""
    world = build("clarity-backend")
    quiet = build("clarity-backend")
    quiet.refused.add(TRAIL)

    wholes, chains, strict_chains, loads = [], [], [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(slow(quiet, once=True), "127.0.0.1") as server,
        serve(slow(world), "127.0.0.1") as all_of_it,
    ):
        path = Path(folder) / "incident.zip"
        with_trail = collected(all_of_it.url, world, path)
        run = collected(server.url, world, path)
        calls = calls_of(load_snapshot(path), without=[TRAIL])
        said = (world.cluster, world.service)
        strict, chain = longest_chain(calls, known=said), longest_chain(calls, known=said, choices=CHOICES)
        for _ in range(ROUNDS):
            strict_chains.append(seconds_of_chain(server.url, strict))
            run = collected(server.url, world, path)
            wholes.append(run["whole"])
            loads.append(run["cpu"])
            chains.append(seconds_of_chain(server.url, chain))
    made = Counter(operation for operation, *_ in run["calls"] if operation != TRAIL)
    needed = fewest(calls)
    used = most_used(with_trail["calls"])
    trail = used.pop("CloudTrail lookup", 0.0)
    ratio, strict_ratio = median(wholes) / median(chains), median(wholes) / median(strict_chains)
    figures = [
        Figure("collecting, 50 ms added to every call", ratio, 1.3, "the longest chain of calls that need each other"),
        Figure("calls of one incident", made.total() / sum(needed.values()), 1.1, "the fewest that batches allow"),
        Figure("share of a quarter of AWS's rates", max(used.values()), 1.0, "a quarter of each token bucket"),
        Figure("share of CloudTrail's rate", trail, 1.0, "AWS's two a second, under a deadline of 15 s"),
    ]
    details = {
        "delay_ms": round(DELAY_SECONDS * 1000),
        "rounds": ROUNDS,
        "whole_seconds": round(median(wholes), 3),
        "process_cpu_seconds": round(median(loads), 3),
        "chain_seconds": round(median(chains), 3),
        "chain": [call.operation for call in chain],
        "ratio_to_chain_of_identifiers_only": round(strict_ratio, 3),
        "chain_of_identifiers_only": [call.operation for call in strict],
        "calls_made": made.total(),
        "calls_needed": sum(needed.values()),
        "more_than_needed": {
            name: [made[name], needed.get(name, 0)] for name in made if made[name] > needed.get(name, 0)
        },
        "with_cloudtrail_seconds": round(with_trail["whole"], 3),
        "waited_for_rates_seconds": round(sum(waited for *_, waited in run["calls"]), 3),
        "most_used": dict(sorted(used.items(), key=lambda row: -row[1])[:5]),
        "warnings": run["stderr"].splitlines()[-3:],
    }
    code = report_figures("collecting", figures, details)
    print(json.dumps(details, indent=2))
    return code


if __name__ == "__main__":
    sys.exit(main())
