"""Every read operation of an incident with every fault of AWS or the network: what becomes of the diagnosis.

Each run collects and diagnoses a simulated incident over HTTP with unmodified boto3, while one operation goes wrong in
one way (`ecs_notebook_lib.simulate.Injected`). Pauses and time-outs are shortened by botocore's own configuration, and
the longest run is held against the bound that follows from that configuration.

    python -m benchmarks.faults [INCIDENT …]
"""

import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import boto3
from botocore.config import Config

from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.collect import Clients, collect_incident
from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.operations import operations
from ecs_notebook_lib.simulate import Injected, Injecting, World, build, serve
from ecs_notebook_lib.source import LiveSource

INCIDENTS = ("clarity-backend", "instances-full", "file-system-unreachable")
"""Three truths, in three families: the whole matrix runs on each."""

FURTHER = {
    "autoscaling:DescribeAutoScalingGroups": "empty-provider",
    "ecs:DescribeCapacityProviders": "empty-provider",
    "ssm:DescribeParameters": "parameter-absent",
    "ecr:DescribePullThroughCacheRules": "tag-missing",
    "service-quotas:ListServiceQuotas": "quota-reached",
}
"""Who asks for the operations that none of these does."""

NEVER_ASKED = frozenset({"ecs:ListServices", "ecs:ListClusters", "kms:GetKeyPolicy", "servicediscovery:GetService"})
"""Names to suggest for a wrong one, and what no simulated incident names."""

READ_IN_PART = frozenset({"cloudtrail:LookupEvents"})
"""Of this two pages at most are read, whatever its tokens say: one that repeats hides nothing more."""

NO_OPERATION = "none:None"
WORKERS = 2
HIGHEST_WRONG = 0.5
_SLOW_ANSWER_SECONDS = 3
"""The time-out of the runs in which an answer does not come; far more than an answer of the simulated AWS takes."""

_FAILURES_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: the incident, the operation that goes wrong, and how."""

    incident: str
    operation: str
    fault: Injected

    def __str__(self) -> str:
        return f"{self.incident}, {self.operation}, {self.fault}"


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a run. `hits` are the answers that went wrong; `error` is a line, or a traceback of a bug."""

    cell: Cell
    hits: int
    seconds: float
    call_seconds: float
    """How long one call can take under the run's configuration."""
    status: str = ""
    told: str = ""
    """The gap as the coverage names it: status, error and what it hides; empty if it names none."""
    wrong: float = 0.0
    """Probability of the most likely wrong family."""
    error: str = ""
    is_bug: bool = False

    @property
    def hides(self) -> bool:
        """Say whether the fault hid something, so that a gap must be named."""
        if not self.hits or self.cell.fault is Injected.THROTTLED_A_WHILE:
            return False
        return self.cell.fault is not Injected.REPEATED_TOKEN or self.cell.operation not in READ_IN_PART

    @property
    def is_told(self) -> bool:
        """Say whether a gap is named if something is hidden, and only then; by one line if nothing came at all."""
        return bool(self.told or (self.error and not self.is_bug)) == self.hides


@cache
def world_of(incident: str) -> World:
    """Return the world of an incident; reading does not change it."""
    return build(incident)


def configuration(fault: Injected) -> Config:
    """Return botocore's settings for a run: as in production, but that nobody waits for what will not come."""
    tries = {"mode": "standard", "total_max_attempts": 3 if fault is Injected.THROTTLED_A_WHILE else 1}
    return Config(retries=tries, read_timeout=_SLOW_ANSWER_SECONDS if fault is Injected.SILENT else 30)


def session_of(world: World) -> boto3.Session:
    """Return a session of boto3's own that calls a world over HTTP."""
    return boto3.Session(
        region_name=world.region,
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",  # noqa: S106
    )


def run(cell: Cell) -> Run:
    """Collect and diagnose with one fault."""
    world = world_of(cell.incident)
    door = Injecting(world, cell.operation, cell.fault)
    with serve(door.respond, "127.0.0.1") as server:
        clients = Clients(session_of(world), endpoint_url=server.url, config=configuration(cell.fault))
        began = time.monotonic()
        try:
            incident = Incident(collect_incident(clients, LiveSource(world.cluster, world.service)))
            document = incident.diagnosis.to_json()
        except EcsNotebookError as error:
            seconds = time.monotonic() - began
            return Run(cell, door.hits, seconds, clients.longest_call_seconds, error=str(error))
        except Exception:
            seconds, told = time.monotonic() - began, traceback.format_exc()
            return Run(cell, door.hits, seconds, clients.longest_call_seconds, error=told, is_bug=True)
        seconds = time.monotonic() - began
    true = {cause.partition(".")[0] for cause in world.truth} | {"none_of_these"}
    return Run(
        cell,
        door.hits,
        seconds,
        clients.longest_call_seconds,
        status=document["status"],
        told=gap_of(incident.frames, cell.operation),
        wrong=max(share for family, share in document["families"].items() if family not in true),
    )


def gap_of(frames: Frames, operation: str) -> str:
    """Return what the coverage says of a hidden operation: how, why, and what that hides; `""` if nothing is hidden."""
    rows = frames.coverage[(frames.coverage["operation"] == operation) & (frames.coverage["hides"] != "")]
    return "; ".join(f"{row.status}: {row.error}: {row.hides}" for row in rows.itertuples())


@cache
def asked_of(incident: str) -> tuple[str, ...]:
    """Return the operations that an incident asks for, in the order of the table, when nothing goes wrong."""
    world = world_of(incident)
    door = Injecting(world, NO_OPERATION, Injected.DENIED)
    with serve(door.respond, "127.0.0.1") as server:
        clients = Clients(session_of(world), endpoint_url=server.url)
        snapshot = collect_incident(clients, LiveSource(world.cluster, world.service))
    return tuple(name for name in operations() if name in snapshot.operations)


def matrix(incidents: Sequence[str] = INCIDENTS) -> Iterator[Cell]:
    """Yield every cell: all operations of each incident, and the further ones where they are asked for."""
    rows = [(incident, operation) for incident in incidents for operation in asked_of(incident)]
    rows += [(incident, operation) for operation, incident in FURTHER.items()]
    return (Cell(incident, operation, fault) for incident, operation in rows for fault in Injected)


def bound_of(row: Run, undisturbed: float) -> float:
    """Return how long a run may take: as long as an undisturbed one, and two calls in a row that are given up."""
    return undisturbed + _FAILURES_IN_A_ROW * row.call_seconds


def main(arguments: Sequence[str] = ()) -> int:
    """Run the matrix, print the figures, and store them."""
    cells = list(matrix(arguments or INCIDENTS))
    with ProcessPoolExecutor(WORKERS) as pool:
        rows = list(pool.map(run, cells, chunksize=4))
    return judge(rows)


def judge(rows: Sequence[Run]) -> int:
    """Print and store what the runs come to; return the exit code."""
    undisturbed = max(row.seconds for row in rows if not row.hits)
    ends = {
        "traceback": [str(row.cell) for row in rows if row.is_bug],
        "gap_not_named": [str(row.cell) for row in rows if not row.is_told and not row.is_bug],
        "wrong_family": [f"{row.cell}: {row.wrong:.2f}" for row in rows if row.wrong > HIGHEST_WRONG],
    }
    share = max(row.seconds / bound_of(row, undisturbed) for row in rows)
    longest = max(rows, key=lambda row: row.seconds)
    names = sorted({row.cell.operation for row in rows})
    beside = f"{len(rows)} runs: {len(names)} operations, {len(Injected)} faults"
    figures = [
        Figure("runs that end in a traceback", len(ends["traceback"]), 0, beside, unit="runs"),
        Figure("runs that do not name the gap", len(ends["gap_not_named"]), 0, beside, unit="runs"),
        Figure("runs with a wrong family above 0.5", len(ends["wrong_family"]), 0, beside, unit="runs"),
        Figure("longest run", share, 1.0, "the slowest undisturbed run + 2 calls given up"),
    ]
    details = {
        "runs": len(rows),
        "operations_not_asked": sorted(set(operations()) - set(names)),
        "runs_that_hid_something": sum(row.hides for row in rows),
        "runs_told_in_one_line": sum(bool(row.error) and not row.is_bug for row in rows),
        "longest_run_seconds": round(longest.seconds, 1),
        "longest_run": str(longest.cell),
        "slowest_undisturbed_seconds": round(undisturbed, 1),
        **ends,
    }
    for row in rows:
        if row.is_bug:
            sys.stderr.write(f"{row.cell}\n{row.error}\n")
    return report_figures("faults", figures, details)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
