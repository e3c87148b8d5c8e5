"""Every figure of speed, scale and endurance, each beside its baseline and target: `make bench`.

Each topic is a program of its own (`python -m benchmarks.<topic>`) and runs alone, one after another; what it wrote to
`results/<topic>.json` is gathered into one table: on the terminal, in `results/bench.json`, and in the README between
two marks. A figure that misses is shown as missed; a program that ends without its figures is shown as not measured.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.results_file import RESULTS, machine, write_result

TOPICS = (
    "report_time",
    "start_up",
    "first_answer",
    "collecting",
    "frames_scale",
    "log_patterns",
    "fleet",
    "fleet_history",
    "faults",
    "endurance_input",
    "endurance_record",
)
README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- figures: begin, written by make bench -->", "<!-- figures: end -->"
Row = dict[str, Any]


def measure(topic: str) -> None:
    """Run the program of a topic; an old result does not stand for a new one."""
    (RESULTS / f"{topic}.json").unlink(missing_ok=True)
    began = time.monotonic()
    print(f"--- {topic}", flush=True)
    ended = subprocess.run([sys.executable, "-m", f"benchmarks.{topic}"], check=False)
    print(f"    exit code {ended.returncode} after {time.monotonic() - began:.0f} s", flush=True)


def rows_of(topics: Iterable[str]) -> Iterator[Row]:
    """Yield the figures of each topic; one row that says so if it left none."""
    for topic in topics:
        path = RESULTS / f"{topic}.json"
        document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for figure in document.get("figures") or [{"name": "not measured", "held": False}]:
            yield {"topic": topic, "commit": document.get("commit", ""), **figure}


def cells(row: Row) -> tuple[str, ...]:
    """Return a row of the table: topic, figure, value, target, baseline, verdict."""
    if "value" not in row:
        return row["topic"], row["name"], "", "", "", "NOT MEASURED"
    unit = "" if row["unit"] == "x" else f" {row['unit']}"
    target = f"{row['bound']} {row['limit']:g}{unit}"
    value = "not a number" if row["value"] is None else f"{row['value']:.3g}{unit}"
    return row["topic"], row["name"], value, target, row["baseline"], _verdict(row)


def _verdict(row: Row) -> str:
    return "held" if row["held"] else "MISSED"


_HEAD = ("topic", "figure", "measured", "target", "beside", "verdict")


def markdown(rows: Iterable[Row]) -> str:
    """Return the table for the README."""
    kind = machine()
    where = f"{kind['cores']} cores, {kind['memory_gib']} GiB, {kind['system']} {kind['architecture']}"
    lines = [
        f"Measured on {where}, Python {kind['python']}.",
        "",
        f"| {' | '.join(_HEAD)} |",
        "|---" * len(_HEAD) + "|",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(cell.replace('|', '/') for cell in cells(row))} |" for row in rows)])


def write_readme(rows: Iterable[Row]) -> None:
    """Put the table between the marks."""
    text = README.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"README.md has no marks {BEGIN!r} and {END!r}")
    README.write_text(f"{head}{BEGIN}\n{markdown(rows)}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Measure the topics that are named, or all; write and print the whole table; 1 if a figure misses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", nargs="*", choices=[*TOPICS, []], help="measure these only (default: all)")
    parser.add_argument("--gather", action="store_true", help="measure nothing: gather what was measured last")
    options = parser.parse_args()
    for topic in () if options.gather else options.topics or TOPICS:
        measure(topic)
    rows = list(rows_of(TOPICS))
    table = Table(*_HEAD, title="Figures")
    for row in rows:
        table.add_row(*cells(row), style="" if row["held"] else "bold red")
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    write_result("bench", {"rows": rows})
    write_readme(rows)
    return int(not all(row["held"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
