"""Patterns of log lines beside drain3's: how fast, how right, in how much memory. `python -m benchmarks.log_patterns`.

Speed is that of one core on the same lines, the two alternating, in seconds of processor time, so that others on the
machine count little. Grouping accuracy is that of Zhu et al. (2019, "Tools
and benchmarks for automated log parsing") on LogHub-2k with corrected labels (Khan et al., 2022): a line counts as
right if its group holds exactly the lines of its true group. No setting depends on the set. The sets are not in this
repository: `--loghub FOLDER` or LOGHUB names the folder of their CSV files. drain3 is unmaintained and no dependency:
`--drain3 PYTHON` names an interpreter that has it; without, an environment of its own is made in a temporary folder.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pyarrow as pa

from benchmarks.log_lines import made_lines, snapshot_of_lines
from benchmarks.measuring import growth_exponent, peak_bytes
from benchmarks.results_file import Figure, report_figures
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.access_lines import access_of_text
from ecs_notebook_lib.frames.line_masks import pattern_of
from ecs_notebook_lib.frames.line_patterns import PatternMiner, patterns_of
from ecs_notebook_lib.frames.log_lines import read_line
from ecs_notebook_lib.knowledge.harmless import harmless_reason
from ecs_notebook_lib.knowledge.messages import find_in_log

ROUNDS = 3
_AT_ONCE = 16_384
_ABSENT = math.nan


def main() -> int:
    """Measure, print the figures, write them down."""
    options = _options()
    if options.child:
        print(json.dumps(_CHILDREN[options.child](options)))
        return 0
    with _drain3(options.drain3) as python:
        accuracy, sets = _accuracies(Path(options.loghub), python)
        speed, timed = _speed(options.lines, python)
    scale, scaled = _scale(options.lines)
    details = {"lines": options.lines, "grouping_accuracy": sets, "speed": timed, "scale": scaled}
    return report_figures("log_patterns", [speed, *accuracy, *scale], details)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    beside = Path(__file__).parent.parent.parent / "shared" / "loghub"
    parser.add_argument("--loghub", default=os.environ.get("LOGHUB", beside), help="folder of LogHub-2k's CSV files")
    parser.add_argument("--drain3", default="", help="a Python that has drain3; without, an environment is made")
    parser.add_argument("--lines", type=int, default=1_000_000, help="how many lines are mined")
    parser.add_argument("--child", choices=[*_CHILDREN], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    return parser.parse_args()


@contextmanager
def _drain3(python: str) -> Iterator[str]:
    """Yield a Python that has drain3; `""`, and a line that says so, if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        if not python:
            python = str(Path(folder) / "bin" / "python")
            try:
                venv.create(folder, with_pip=True)
                subprocess.run([python, "-m", "pip", "install", "--quiet", "drain3"], check=True)
            except (subprocess.CalledProcessError, OSError) as error:
                print(f"drain3 could not be installed ({error}): figures beside it are missed; give --drain3 PYTHON")
                python = ""
        yield python


def _on_one_core(command: Sequence[str]) -> Any:
    def hold() -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=hold)
    return json.loads(run.stdout)


def _ours(child: str, path: Path, lines: int) -> Any:
    command = [sys.executable, "-m", "benchmarks.log_patterns", "--child", child, "--file", str(path)]
    return _on_one_core([*command, "--lines", str(lines)])


def _theirs(python: str, masks: str, path: Path) -> Any:
    return _on_one_core([python, str(Path(__file__).with_name("drain3_oracle.py")), masks, str(path)])


@contextmanager
def _file_of(lines: Iterator[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
        yield path


def _speed(lines: int, python: str) -> tuple[Figure, dict[str, Any]]:
    """Mine the same lines in turn; of each the median of the rounds counts."""
    with _file_of(message for _, message in made_lines(lines)) as path:
        rounds = [
            (
                _ours("mine", path, lines)["seconds"],
                _theirs(python, "masked", path)["seconds"] if python else _ABSENT,
            )
            for _ in range(ROUNDS)
        ]
    ours, theirs = (median(column) for column in zip(*rounds, strict=True))
    told = {"ours_lines_per_second": lines / ours, "drain3_masked_lines_per_second": lines / theirs, "rounds": rounds}
    name = f"patterns of {lines:,} log lines: lines per second"
    return Figure(name, theirs / ours, 10, "drain3 with masking, one core", "at least"), told


def grouping_accuracy(groups: Sequence[object], labels: Sequence[object]) -> float:
    """Return the share of lines whose group holds exactly the lines of their label."""
    labels_of: dict[object, set[object]] = defaultdict(set)
    for group, label in zip(groups, labels, strict=True):
        labels_of[group].add(label)
    sizes, wanted = Counter(groups), Counter(labels)
    pairs = zip(groups, labels, strict=True)
    right = [len(labels_of[group]) == 1 and sizes[group] == wanted[label] for group, label in pairs]
    return fmean(right)


def _accuracies(folder: Path, python: str) -> tuple[list[Figure], dict[str, dict[str, float]]]:
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        print(f"no LogHub set is in {folder.name!r}: grouping accuracy is missed; give --loghub FOLDER")
    sets = {path.stem: _accuracies_of(path, python) for path in paths}
    means = {
        who: fmean(of_set[who] for of_set in sets.values()) if sets else _ABSENT for who in ("ours", "masked", "plain")
    }
    figures = [
        Figure(
            f"grouping accuracy, mean of {len(sets)} LogHub-2k sets, beyond drain3's {words}",
            means["ours"] - means[who],
            0,
            f"ours {means['ours']:.3f}, drain3 {means[who]:.3f}",
            "at least",
            "accuracy",
        )
        for who, words in (("masked", "with its masks"), ("plain", "without masks"))
    ]
    return figures, sets


def _accuracies_of(path: Path, python: str) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines, labels = [row["Content"] for row in rows], [row["EventTemplate"] for row in rows]
    found = {"ours": grouping_accuracy(patterns_of(pa.array(lines, pa.string())).to_pylist(), labels)}
    with _file_of(iter(lines)) as contents:
        for masks in ("masked", "plain"):
            groups = _theirs(python, masks, contents)["groups"] if python else []
            found[masks] = grouping_accuracy(groups, labels) if groups else _ABSENT
    return found


def _scale(lines: int) -> tuple[list[Figure], dict[str, Any]]:
    """Mine, and build the frames of, a hundredth, a tenth and all of the lines."""
    counts = [lines // 100, lines // 10, lines]
    with _file_of(message for _, message in made_lines(lines)) as path:
        mined = [_ours("mine", path, count) for count in counts]
        held = [_ours("hold", path, count) for count in counts[1:]]
        built = [_ours("frames", path, count) for count in counts]
        apart = _ours("apart", path, counts[1])["seconds"]
    small, large = (round_["peak_bytes"] for round_ in held)
    span = f"from {counts[0]:,} to {lines:,} lines"
    figures = [
        Figure(f"patterns: exponent of the cost {span}", _exponent(counts, mined), 1.1, "1: linear", unit="exponent"),
        Figure(f"log frames: exponent of the cost {span}", _exponent(counts, built), 1.1, "1: linear", unit="exponent"),
        Figure(f"patterns: peak memory of {lines:,} lines", large / small, 1.2, f"that of {counts[1]:,} lines"),
        Figure(
            f"log_events and log_patterns of {counts[1]:,} lines",
            built[1]["seconds"] / apart,
            1.0,
            "reading and masking each line by itself, no frame made",
        ),
    ]
    return figures, {"counts": counts, "patterns": mined, "memory": held, "frames": built}


def _exponent(counts: Sequence[int], runs: Sequence[dict[str, Any]]) -> float:
    return growth_exponent({count: run["seconds"] for count, run in zip(counts, runs, strict=True)})


def _mine(options: argparse.Namespace) -> dict[str, Any]:
    """Mine the lines of a file, held as Python's strings, as drain3 gets them."""
    lines = Path(options.file).read_text(encoding="utf-8").split("\n")[: options.lines]
    pa.set_cpu_count(1)
    begin = time.process_time()
    patterns = patterns_of(pa.array(lines, pa.string()))
    return {"seconds": time.process_time() - begin, "patterns": len(patterns.dictionary)}


def _hold(options: argparse.Namespace) -> dict[str, Any]:
    """Mine the lines of a file as they come, and keep none."""
    pa.set_cpu_count(1)
    miner = PatternMiner()
    with Path(options.file).open(encoding="utf-8") as file:
        rest = islice(file, options.lines)
        while part := [line.rstrip("\n") for line in islice(rest, _AT_ONCE)]:
            miner.add(pa.array(part, pa.string()))
    patterns = len(set(miner.patterns()))
    return {"peak_bytes": peak_bytes(), "patterns": patterns}


def _frames(options: argparse.Namespace) -> dict[str, Any]:
    """Build the frames of log lines from a snapshot in memory."""
    pa.set_cpu_count(1)
    snapshot = snapshot_of_lines(options.lines)
    frames = Frames(snapshot)
    begin = time.process_time()
    patterns = len(frames.log_patterns)
    seconds = time.process_time() - begin
    return {"seconds": seconds, "patterns": patterns, "peak_bytes": peak_bytes()}


def _apart(options: argparse.Namespace) -> dict[str, Any]:
    """Read and mask the lines of a file, each by itself."""
    lines = Path(options.file).read_text(encoding="utf-8").split("\n")[: options.lines]
    begin = time.process_time()
    for message in dict.fromkeys(lines):
        line = read_line(message)
        if find_in_log(line.text) is None:
            access_of_text(line.text)
        harmless_reason(line.text)
        pattern_of(line.text)
    return {"seconds": time.process_time() - begin}


_CHILDREN: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "mine": _mine,
    "hold": _hold,
    "frames": _frames,
    "apart": _apart,
}

if __name__ == "__main__":
    sys.exit(main())
