"""`ecs-notebook fleet` on a simulated fleet of 2,000 services in 8 clusters: `python -m benchmarks.fleet`.

Three in a hundred fail for one of six shared causes; of the healthy ones a fifth look odd and are not. The command runs
as a process of its own, over HTTP, against fleets of 250, 500, 1,000 and 2,000 services. What it finds is compared
with what the fleet knows of itself: the failing services, and which of them fail for the same cause.

The calls of a healthy service are those that name no failing service, divided by the healthy ones; CloudTrail's and
those of IAM, EC2 and ELB, which only failing services are read by, are counted by the simulated AWS as theirs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.first_answer import COMMAND, environment
from benchmarks.measuring import growth_exponent
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.simulate import serve
from ecs_notebook_lib.simulate.fleet import build_fleet

SIZES = (250, 500, 1000, 2000)
CLUSTERS = 8
CALLS_LIMIT, EXPONENT_LIMIT = 0.35, 1.1
FIRST_LOOK = ("sts:", "ecs:")

Key = tuple[str, str, str, str]
Groups = set[frozenset[Key]]


def options_of(fleet: Any) -> list[str]:
    """Return the options that name every account and region of a fleet."""
    regions = dict.fromkeys(place.region for place in fleet.places)
    accounts = dict.fromkeys(place.account for place in fleet.places)
    options = [word for region in regions for word in ("--region", region)]
    return options + [word for one in accounts for word in ("--role-arn", f"arn:aws:iam::{one}:role/reader")]


def triaged(fleet: Any, folder: Path) -> tuple[dict[str, Any], float]:
    """Return the document of a run over a fleet, and how many seconds the command took."""
    with serve(fleet.respond, "127.0.0.1") as server:
        variables = environment(server.url) | {"AWS_DEFAULT_REGION": fleet.places[0].region}
        command = [sys.executable, "-c", COMMAND, "fleet", "--quiet", "--out", str(folder), *options_of(fleet)]
        began = time.perf_counter()
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
    if done.returncode != 3:
        raise SystemExit(f"fleet ended with {done.returncode}: {done.stderr[-1000:]}")
    return json.loads((folder / "fleet.json").read_text(encoding="utf-8")), seconds


def key_of(row: dict[str, Any]) -> Key:
    """Return which service a row of the document is about."""
    return row["account"], row["region"], row["cluster"], row["service"]


def found_groups(document: dict[str, Any]) -> Groups:
    """Return the groups of services that are said to fail for one cause."""
    return {frozenset(map(key_of, group["services"])) for group in document["groups"]}


def true_groups(fleet: Any) -> Groups:
    """Return the services that share a cause, and can: a gateway is of one network, a role of one account."""
    members = defaultdict(set)
    for key, truth in fleet.truth.items():
        members[truth.group].add(tuple(key))
    return {frozenset(keys) for keys in members.values()}


def calls_of_healthy(fleet: Any) -> float:
    """Return the calls of the first look for each healthy service, as the simulated AWS counted them."""
    own: dict[str, int] = defaultdict(int)
    for key, calls in fleet.calls_by_service.items():
        if key in fleet.truth:
            for operation, number in calls.items():
                own[operation] += number
    looked = sum(n - own[name] for name, n in fleet.calls.items() if name.startswith(FIRST_LOOK))
    return looked / (len(fleet.worlds) - len(fleet.truth))


def main() -> int:
    """Measure every size; print and write the figures of the largest, and how time grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sizes = []
    for services in options.services:
        fleet = build_fleet(options.seed, services=services, clusters=CLUSTERS)
        with tempfile.TemporaryDirectory() as folder:
            document, seconds = triaged(fleet, Path(folder))
        found = {key_of(row) for group in document["groups"] for row in group["services"]}
        truth = {tuple(key) for key in fleet.truth}
        row = {
            "services": services,
            "failing": len(truth),
            "missed": sorted(map(list, truth - found)),
            "accused": sorted(map(list, found - truth)),
            "groups_wrong": len(found_groups(document) ^ true_groups(fleet)),
            "undecided": len(document["not_decided"]),
            "calls_per_healthy_service": calls_of_healthy(fleet),
            "seconds": round(seconds, 2),
        }
        print({key: len(value) if isinstance(value, list) else value for key, value in row.items()}, flush=True)
        sizes.append(row)
    last = sizes[-1]
    slope = growth_exponent({row["services"]: row["seconds"] for row in sizes})
    name, beside = f"fleet of {last['services']}", "the simulated fleet's own list"
    figures = [
        Figure(f"{name}: failing services missed", len(last["missed"]), 0, beside, unit="services"),
        Figure(f"{name}: healthy services accused", len(last["accused"]), 0, beside, unit="services"),
        Figure(f"{name}: groups that are not those of the causes", last["groups_wrong"], 0, beside, unit="groups"),
        Figure(f"{name}: calls per healthy service", last["calls_per_healthy_service"], CALLS_LIMIT, "1", unit="calls"),
        Figure("fleet: growth of time with services (exponent)", slope, EXPONENT_LIMIT, "linear: 1", unit=""),
    ]
    return report_figures("fleet", figures, {"simulated": True, "seed": options.seed, "sizes": sizes})


if __name__ == "__main__":
    sys.exit(main())
