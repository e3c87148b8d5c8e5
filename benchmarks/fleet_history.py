"""Fifty million changes of state on 1, 2 and 4 Dask workers, and with one killed: `python -m benchmarks.fleet_history`.

A simulated organisation's store is reduced to a row a service. Each worker is a process of one thread that its nanny
ends at `MEMORY_LIMIT`. Every run must give the same table; in the last one a worker gets SIGKILL when half of the days
are read. DuckDB counts the stopped tasks of the same store in one process, on both cores, as an oracle.
"""

import argparse
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from distributed import LocalCluster
from distributed.diagnostics.plugin import SchedulerPlugin

from benchmarks.fleet_store import Written, fill
from benchmarks.measuring import peak_bytes
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.fleet.history import OrganisationHistory, summary
from ecs_notebook_lib.fleet.parts import StorePlace
from ecs_notebook_lib.fleet.schedulers import connected

ROWS = 50_000_000
MEMORY_LIMIT = 2 << 30
"""Bytes of one worker."""

_STOPPED = """
    SELECT account, cluster, service, count(DISTINCT key) AS tasks_stopped
    FROM read_parquet('{}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)
    WHERE kind = 'task' AND json_extract_string(state, '$.stoppedAt') IS NOT NULL
    GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Run:
    """A summary, how long it took, each worker's peak memory, all workers' CPU, and how many were killed on the way."""

    table: pd.DataFrame
    seconds: float
    peaks: tuple[int, ...]
    cpu_seconds: float
    killed: int = 0

    @property
    def changes(self) -> int:
        """Return how many changes of state were counted."""
        return int(self.table["changes"].sum())


class _Killer(SchedulerPlugin):
    """Kills one worker's process once so many days are read."""

    def __init__(self, pid: int, days: int) -> None:
        self._pid, self._left = pid, days
        self.killed = 0

    def transition(self, key: Any, start: str, finish: str, *_arguments: Any, **_options: Any) -> None:
        """Count a task that is done."""
        if finish != "memory" or start != "processing" or not str(key).startswith("_told"):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(self._pid, signal.SIGKILL)
            self.killed += 1


@contextmanager
def cluster_of(workers: int) -> Iterator[LocalCluster]:
    """Run a scheduler, and so many processes with one thread each."""
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=MEMORY_LIMIT,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as made:
        made.wait_for_workers(workers)
        yield made


def reduced(folder: Path, workers: int, *, kill: bool = False) -> Run:
    """Return the summary as so many workers make it; with `kill`, one of them dies when half of the days are read."""
    with cluster_of(workers) as made, connected(made.scheduler_address) as client:
        pids = list(client.run(os.getpid).values())
        client.run(_warm_up)
        spent = sum(client.run(time.process_time).values())
        began = time.perf_counter()
        history = OrganisationHistory(StorePlace(str(folder)))
        killer = _Killer(pids[0], len(history.days) // 2)
        if kill:
            made.scheduler.add_plugin(killer)
        table = summary(history)
        seconds = time.perf_counter() - began
        spent = sum(client.run(time.process_time).values()) - spent
        return Run(table, seconds, tuple(client.run(peak_bytes).values()), spent, killer.killed)


def _warm_up() -> None:
    """Import what a worker needs, as one that has been running has."""
    import ecs_notebook_lib.fleet.history  # noqa: F401
    from ecs_notebook_lib.knowledge.messages import templates

    templates()


def counted_by_duckdb(folder: Path) -> Run:
    """Return how many tasks of each service stopped, as one process counts them that knows no frames."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_counted, (folder,))


def _counted(folder: Path) -> Run:
    began = time.perf_counter()
    with duckdb.connect() as connection:
        connection.sql("SET enable_progress_bar = false")
        table = connection.sql(_STOPPED.format(folder)).df()
    return Run(table.assign(changes=0), time.perf_counter() - began, (peak_bytes(),), time.process_time())


def differences(one: pd.DataFrame, other: pd.DataFrame) -> int:
    """Return how many cells of two tables are not equal; all, if they have not the same rows."""
    if one.shape != other.shape:
        return one.size
    return int(((one != other) & ~(one.isna() & other.isna())).fillna(True).to_numpy().sum())


def figures_of(written: Written, runs: dict[str, Run], oracle: Run) -> list[Figure]:
    """Return what the issue asks for, and the oracle's verdict."""
    one, two, four, killed = (runs[name] for name in ("1", "2", "4", "2, one killed"))
    keys = ["account", "cluster", "service"]
    stopped = one.table.set_index(keys)["tasks_stopped"].sub(oracle.table.set_index(keys)["tasks_stopped"])
    differing = max(differences(one.table, run.table) for run in runs.values())
    lost = max(abs(written.changes - run.changes) for run in runs.values())
    peak = max(max(run.peaks) for run in runs.values())
    return [
        Figure("cells that differ between 1, 2 and 4 workers, and with one killed", differing, 0, "1 worker", unit=""),
        Figure("changes of state lost or counted twice, in any run", lost, 0, "those that were written", unit=""),
        Figure("workers killed in the middle", killed.killed, 1, "SIGKILL at half of the days", "at least", ""),
        Figure("services whose stopped tasks DuckDB counts otherwise", int((stopped != 0).sum()), 0, "DuckDB", unit=""),
        Figure("peak memory of a worker", peak / MEMORY_LIMIT, 1, f"its limit of {MEMORY_LIMIT >> 20} MiB"),
        Figure("speed of 2 workers", one.seconds / two.seconds, 1.7, "1 worker; the machine has 2 cores", "at least"),
        Figure("time of 4 workers", four.seconds / two.seconds, 1.2, "2 workers; the machine has 2 cores"),
        Figure("time with a worker killed", killed.seconds / two.seconds, 1.5, "2 workers that live"),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write the store, reduce it in every way, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="changes of state, about (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        written = fill(folder, options.rows)
        print(f"simulated store: {written}, written in {time.perf_counter() - began:.0f} s", flush=True)
        runs: dict[str, Run] = {}
        for workers in (1, 2, 4):
            runs[str(workers)] = _told(f"{workers} workers", reduced(folder, workers))
        runs["2, one killed"] = _told("2 workers, one killed", reduced(folder, 2, kill=True))
        oracle = _told("DuckDB", counted_by_duckdb(folder))
    details = {
        "simulated": True,
        "changes": written.changes,
        "rows_in_files": written.rows,
        "days": written.days,
        "memory_limit_mib": MEMORY_LIMIT >> 20,
        "seconds": {name: round(run.seconds, 1) for name, run in {**runs, "DuckDB": oracle}.items()},
        "cpu_seconds_of_workers": {name: round(run.cpu_seconds, 1) for name, run in runs.items() if not run.killed},
        "peak_mib": {name: [peak >> 20 for peak in run.peaks] for name, run in {**runs, "DuckDB": oracle}.items()},
        "changes_a_second": {name: round(written.changes / run.seconds) for name, run in runs.items()},
    }
    return report_figures("fleet_history", figures_of(written, runs, oracle), details)


def _told(what: str, run: Run) -> Run:
    print(
        f"{what}: {run.seconds:.1f} s, CPU {run.cpu_seconds:.1f} s, peaks {[peak >> 20 for peak in run.peaks]} MiB",
        flush=True,
    )
    return run


if __name__ == "__main__":
    sys.exit(main())
