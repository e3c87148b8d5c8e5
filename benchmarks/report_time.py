"""The report beside its floor and beside stock papermill, all three with HTML: `python -m benchmarks.report_time`.

All of them start from one snapshot of the demo incident, so that no one's time is hidden behind the simulation, and in
each round they run one after another; of the rounds the median counts. The measures are:

- *report*: `ecs-notebook report SNAPSHOT`, from the start of its process to its end.
- *floor*: the code cells of the same composed notebook in one plain Python process, without Jupyter, and the page by
  the same exporter (`benchmarks/plain_cells.py`), from the start of the process to its end.
- *stock*: for each of the notebooks that the report is composed of `papermill`, then `jupyter nbconvert --to html`.
- *overhead per notebook*: what a run takes beyond the cells, over the number of notebooks. The report's cells count
  as long as they take in the floor's process; of stock as papermill itself has timed each.
- *peak memory*: the largest sum, over a process and all that descend from it, of the memory that is theirs (Linux: PSS,
  in which shared pages count once), looked at every 50 ms in a round of its own that is not timed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import psutil

from benchmarks.plain_cells import BACKEND
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.report.jupyter import nbformat

ROUNDS = 3
OVER_FLOOR, OVER_STOCK, OVERHEAD, MEMORY = 1.2, 0.35, 0.25, 1.5
LOOK_SECONDS = 0.05
SOURCE = "demo:clarity-backend"
PROGRAMS = Path(sys.executable).parent
NOTEBOOKS = sorted(notebooks_directory().glob("*.ipynb"))

Commands = Sequence[Sequence[str]]


def environment() -> dict[str, str]:
    """Return the variables of a user: compiled modules are kept, and figures are those of a notebook."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | {"MPLBACKEND": BACKEND}


def report_of(snapshot: Path) -> Commands:
    """Return what makes the report."""
    return [[str(PROGRAMS / "ecs-notebook"), "report", str(snapshot), "--out", "report", "--quiet"]]


def floor_of(snapshot: Path) -> Commands:
    """Return what runs the same cells without Jupyter."""
    return [[sys.executable, "-m", "benchmarks.plain_cells", str(snapshot), "page.html"]]


def stock_of(snapshot: Path) -> Commands:
    """Return what runs the notebooks and converts them, with what everybody has."""
    options = ["-p", "source", str(snapshot), "-k", "python3", "--no-progress-bar"]
    return [
        command
        for path in NOTEBOOKS
        for command in (
            [str(PROGRAMS / "papermill"), str(path), path.name, *options],
            [str(PROGRAMS / "jupyter"), "nbconvert", "--to", "html", path.name],
        )
    ]


def seconds_of(commands: Commands, folder: Path) -> tuple[float, str]:
    """Return how long these commands take, one after another, and what the last one printed."""
    printed = ""
    began = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True, text=True)
        printed = done.stdout
    return time.perf_counter() - began, printed


def peak_of(commands: Commands, folder: Path) -> int:
    """Return the largest memory of any of these commands with its descendants, in bytes."""
    return max(max(_memory(command, folder), default=0) for command in commands)


def _memory(command: Sequence[str], folder: Path) -> Iterator[int]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            yield _of_tree(process.pid)
            time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _of_tree(pid: int) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            told = process.memory_full_info()
            total += getattr(told, "pss", told.rss)
    except psutil.NoSuchProcess:  # one has ended in between; the next look tells of the others
        return 0
    return total


def seconds_of_cells(folder: Path) -> float:
    """Return how long the cells of the notebooks took that papermill has left in a folder."""
    notebooks = [nbformat.read(folder / path.name, as_version=4) for path in NOTEBOOKS]
    return float(sum(cell.metadata.get("papermill", {}).get("duration") or 0 for nb in notebooks for cell in nb.cells))


def main() -> int:
    """Alternate, compare the medians, write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot = folder / "snapshot.zip"
        collect = [str(PROGRAMS / "ecs-notebook"), "collect", SOURCE, "--out", str(snapshot), "--quiet"]
        subprocess.run(collect, check=True, capture_output=True, env=environment())
        peaks = {kind.__name__: peak_of(kind(snapshot), folder) for kind in (report_of, stock_of)}
        times: dict[str, list[float]] = {"report": [], "floor": [], "stock": [], "floor_cells": [], "stock_cells": []}
        for _ in range(ROUNDS):
            times["report"].append(seconds_of(report_of(snapshot), folder)[0])
            floor, printed = seconds_of(floor_of(snapshot), folder)
            times["floor"].append(floor)
            times["floor_cells"].append(float(printed))
            times["stock"].append(seconds_of(stock_of(snapshot), folder)[0])
            times["stock_cells"].append(seconds_of_cells(folder))
    middle = {kind: median(values) for kind, values in times.items()}
    overhead = {
        "report": (middle["report"] - middle["floor_cells"]) / len(NOTEBOOKS),
        "stock": (middle["stock"] - middle["stock_cells"]) / len(NOTEBOOKS),
    }
    stock = "stock papermill and nbconvert, a notebook after another"
    figures = [
        Figure("report: time", middle["report"] / middle["floor"], OVER_FLOOR, "the same cells in one plain process"),
        Figure("report: time beside papermill", middle["report"] / middle["stock"], OVER_STOCK, stock),
        Figure("report: overhead per notebook", overhead["report"] / overhead["stock"], OVERHEAD, stock),
        Figure("report: peak memory", peaks["report_of"] / peaks["stock_of"], MEMORY, stock),
    ]
    details = {"seconds": times, "overhead_seconds_per_notebook": overhead, "peak_bytes": peaks, "rounds": ROUNDS}
    return report_figures("report_time", figures, details)


if __name__ == "__main__":
    sys.exit(main())
