"""A day of `ecs-notebook record` at simulated speed: `python -m benchmarks.endurance_record`.

A service in a crash loop is served over HTTP; each look of the recorder, a process of its own, lets 30 seconds pass
there, so that a day is 2,880 looks. Its memory (resident set) and its open files are read once an hour of the world.
The baseline is the recorder itself after two of these hours: what it must know of a day is there by then, for ECS
forgets a stopped task after about an hour, and all that grows afterwards grows without end. At the end the store holds
every task that there was, once in each of its states.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.recorder import FAULTS, LOOK, Killer, Place, judged, record
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.history.reading import rows_of_partition
from ecs_notebook_lib.history.store import open_store
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, begin, serve

LOOKS_AN_HOUR = 3600 // LOOK.seconds
SETTLED_HOURS = 2
MEMORY_LIMIT = 1.1
DEADLINE_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Reading:
    """The recorder at one moment: hours of the world, resident memory, open files."""

    hour: int
    mib: float
    handles: int


def reading(process: int, hour: int) -> Reading:
    """Return the recorder as the kernel has it (proc(5))."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return Reading(hour, kib / 1024, len(os.listdir(f"/proc/{process}/fd")))


class Watch:
    """The world's door, which notes the recorder's size once an hour and says when the day is over."""

    def __init__(self, door: Killer, hours: int) -> None:
        self._door, self._hours = door, hours
        self.readings: list[Reading] = []
        self.process = 0
        self.over = threading.Event()

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Answer a request."""
        answer = self._door(request)
        hour = self._door.looks // LOOKS_AN_HOUR
        if self.process and hour > len(self.readings):
            self.readings.append(reading(self.process, hour))
        if hour >= self._hours:
            self.over.set()
        return answer


def day_of(hours: int, folder: Path) -> tuple[list[Reading], dict[str, Any]]:
    """Return the readings of a day of recording, and what is wrong with what was kept."""
    world = begin("program-crashes", 30_000)
    door = Killer(world)
    watch, place = Watch(door, hours), Place(str(folder / "store"), folder)
    with serve(watch, "127.0.0.1") as server:
        process = record(server.url, world, place, "--quiet")
        watch.process = process.pid
        ended = watch.over.wait(DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        last = record(server.url, world, place, "--once", "--quiet")
        last.communicate()
    if not ended or process.returncode != 130:
        raise SystemExit(f"the recorder did not last: exit code {process.returncode}, {said[-500:]}")
    store = open_store(place.store)
    [partition] = store.partitions()
    return watch.readings, {"looks": door.looks, **judged(rows_of_partition(store, partition), door.ledger)}


def main() -> int:
    """Record a day, or fewer hours; print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=24)
    hours = parser.parse_args().hours
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it, and so does its child
    with tempfile.TemporaryDirectory() as folder:
        readings, kept = day_of(hours, Path(folder))
    settled, later = readings[SETTLED_HOURS - 1], readings[SETTLED_HOURS:]
    most, handles = max(row.mib for row in later), max(row.handles for row in later)
    wrong = sum(len(kept[name]) for name in FAULTS if name in kept)
    beside = f"itself after {SETTLED_HOURS} simulated hours"
    figures = [
        Figure("record for a day: peak memory after it has settled", most / settled.mib, MEMORY_LIMIT, beside),
        Figure("record for a day: more open files", handles - settled.handles, 0, beside, unit="files"),
        Figure("record for a day: tasks lost, invented or doubled", wrong, 0, "the world's own list", unit="tasks"),
    ]
    told = [{"hour": row.hour, "mib": round(row.mib, 1), "handles": row.handles} for row in readings]
    counts = {name: kept[name] for name in ("looks", "tasks", "states")}
    return report_figures("endurance_record", figures, {"simulated": True, **counts, "readings": told})


if __name__ == "__main__":
    sys.exit(main())
