"""The report against the same notebooks run by stock papermill one by one: `python -m benchmarks.report_time`."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results_file import write_result
from ecs_notebook_lib import notebooks_directory

LIMIT = 0.7
ROUNDS = 3


def seconds(*commands: list[str], folder: str) -> float:
    """Return how long these commands take, one after another."""
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> int:
    """Measure both, alternating, and write the medians and their ratio."""
    programs = Path(sys.executable).parent
    report = [str(programs / "ecs-notebook"), "report", "demo:clarity-backend", "--quiet"]
    ours, stock = [], []
    with tempfile.TemporaryDirectory() as folder:
        baseline = [
            [str(programs / "papermill"), str(path), f"{folder}/{path.name}", "-k", "python3", "--no-progress-bar"]
            for path in sorted(notebooks_directory().glob("*.ipynb"))
        ]
        for _ in range(ROUNDS):
            stock.append(seconds(*baseline, folder=folder))
            ours.append(seconds(report, folder=folder))
    ratio = statistics.median(ours) / statistics.median(stock)
    figures = {"report_s": ours, "stock_papermill_s": stock, "ratio": round(ratio, 3), "limit": LIMIT}
    print(f"report / stock papermill one by one: {ratio:.2f} (limit {LIMIT})")
    write_result("report_time", figures)
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
