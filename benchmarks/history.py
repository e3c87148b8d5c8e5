"""A month of history, five million changes of state: what opening one service's incident costs.

Two stores are made of one recording of a simulated world, written many times over for other services and days: a small
one of two days and a large one of thirty. One service's window of a day is opened from each in its own process, and
its time and the peak of its memory are told, beside a scan that reads all rows and keeps those of the service, as who
knows nothing of days and services must: `python -m benchmarks.history`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.results_file import write_result
from ecs_notebook_lib.history.recorder import Recorder
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import SCHEMA, Partition, Store, open_store, parquet_of, table_of
from ecs_notebook_lib.incident import simulated_clients
from ecs_notebook_lib.simulate import begin

ROWS, DAYS = 5_000_000, 30
FIRST = date(2026, 1, 1)
SERVICE = "service-0001"
WHERE = Partition("111122223333", "us-east-1", "prod")
MOST_MEMORY = 1.25
"""The large store may take so many times the memory of the small one: it must not grow with the store."""

_TOLD = """
import resource
seconds, mib = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rows": len(rows), "seconds": seconds, "mib": mib}))
"""
OPENED = f"""
import json, sys, time
from datetime import datetime
from ecs_notebook_lib.history.reading import rows_of_service
from ecs_notebook_lib.history.replay import pages_of
from ecs_notebook_lib.history.store import Partition, open_store
folder, service, begin, end, *where = sys.argv[1:]
window = datetime.fromisoformat(begin), datetime.fromisoformat(end)
began = time.perf_counter()
rows = rows_of_service(open_store(folder), Partition(*where), service, window)
pages = pages_of(rows, where[-1])
{_TOLD}"""
SCANNED = f"""
import json, sys, time
import pyarrow.dataset as ds
folder, service, begin, end, *_ = sys.argv[1:]
began, rows = time.perf_counter(), []
for batch in ds.dataset(folder, format="parquet", partitioning="hive").to_batches():
    names, states, days = (batch[name].to_pylist() for name in ("service", "state", "day"))
    rows += [row for row in zip(names, days, states) if row[0] == service and begin[:10] <= str(row[1]) <= end[:10]]
{_TOLD}"""


class _Sink:
    """A store that remembers rows instead of writing them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def keep(self, rows: list[Row]) -> None:
        """Remember rows."""
        self.rows += rows

    def last_states(self, *_arguments: Any, **_options: Any) -> Iterator[Any]:
        """Know nothing."""
        return iter(())


def recording() -> pa.Table:
    """Return the rows of one service's bad evening, as a recorder keeps them."""
    world, sink = begin("program-crashes", 40_000), _Sink()
    recorder = Recorder(simulated_clients(world), sink, world.cluster, [world.service])  # type: ignore[arg-type]
    for _ in range(120):
        recorder.poll()
        world.run_until(world.now + timedelta(seconds=30))
    return table_of(row for row in sink.rows if row.kind != "service_event" or row.at > world.now - timedelta(hours=2))


def fill(store: Store, model: pa.Table, *, days: int, rows_a_day: int) -> int:
    """Write days of history, sorted by service as a day is when it is compacted; return the rows."""
    services = max(1, round(rows_a_day / len(model)))
    first = min(model["changed_at"].to_pylist())
    written = 0
    for number in range(days):
        day = FIRST + timedelta(days=number)
        shift = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) - first
        times = pa.array([at + shift for at in model["changed_at"].to_pylist()], SCHEMA.field("changed_at").type)
        parts = []
        for index in range(services):
            keys = pa.array([f"{key}-{index}-{number}" for key in model["key"].to_pylist()])
            columns = {**dict(zip(model.column_names, model.columns, strict=True)), "changed_at": times, "key": keys}
            columns["service"] = pa.array([f"service-{index:04d}"] * len(model))
            parts.append(pa.table(columns, SCHEMA))
        table = pa.concat_tables(parts)
        store.files.put(f"{WHERE.day(day)}/day-{number:02d}.parquet", parquet_of(table))
        written += len(table)
    return written


def asked(code: str, folder: str) -> dict[str, Any]:
    """Return what one process found, how long it took and how much memory at its peak."""
    last = datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC) + timedelta(days=1)
    window = [(last - timedelta(days=1)).isoformat(), last.isoformat()]
    arguments = [folder, SERVICE, *window, WHERE.account, WHERE.region, WHERE.cluster]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return {**json.loads(done.stdout), "process_seconds": time.perf_counter() - began}


def main(arguments: list[str] | None = None) -> int:
    """Make the stores, open them, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args(arguments)
    model, a_day = recording(), options.rows // DAYS
    with tempfile.TemporaryDirectory() as folder:
        small, large = (str(Path(folder) / name) for name in ("small", "large"))
        written = {
            "small": fill(open_store(small), model, days=2, rows_a_day=a_day),
            "large": fill(open_store(large), model, days=DAYS, rows_a_day=a_day),
        }
        size = sum(path.stat().st_size for path in Path(large).rglob("*.parquet"))
        opened = {"small": asked(OPENED, small), "large": asked(OPENED, large)}
        scan = asked(SCANNED, large)
    figures = {
        "rows": written,
        "mib_on_disk": size / 2**20,
        "opened": opened,
        "full_scan": scan,
        "memory_ratio": opened["large"]["mib"] / opened["small"]["mib"],
        "time_against_scan": opened["large"]["seconds"] / scan["seconds"],
        "memory_against_scan": opened["large"]["mib"] / scan["mib"],
    }
    write_result("history", figures)
    held = figures["memory_ratio"] <= MOST_MEMORY and opened["small"]["rows"] == opened["large"]["rows"] > 0
    print("history:", "held" if held else "FAILED", figures)
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
