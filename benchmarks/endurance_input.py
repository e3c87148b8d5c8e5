"""Hostile and incomplete input: what was tried, and what failed: `python -m benchmarks.endurance_input`.

Simulated incidents lose any of the members of AWS's answers, at rest and live; answers are made up from AWS's shapes;
what strangers write is fuzzed by coverage (with atheris, installed into a folder of its own); the cost of every
regular expression is measured on texts that are made to be dear.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random

from benchmarks.expressions import LONG, expressions, growth_of
from benchmarks.fuzz.running import Run, fuzz
from benchmarks.fuzz.targets import TARGETS
from benchmarks.incomplete import Generator, IncompleteAWS, everything, places_of, short, without
from benchmarks.results_file import Figure, report_figures
from benchmarks.simulated import collected
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.simulate import SCENARIOS, build
from ecs_notebook_lib.snapshot import Snapshot

_LOST = (0.01, 0.05, 0.2)
"""Shares of the places that lose their member."""
_MADE_UP = 8
_MOST_EXPONENT = 2.2
_MOST_SECONDS = 0.1
_TELLING_SECONDS = 0.001
"""Below this the growth of a cost is noise."""


class _Tried:
    """Counts trials and where they failed."""

    def __init__(self) -> None:
        self.count = 0
        self.failed: Counter[str] = Counter()

    def __call__(self, work: Callable[[], object]) -> None:
        """Try one thing."""
        self.count += 1
        try:
            work()
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.failed[f"{Path(last.filename).name}:{last.lineno} {type(error).__name__}"] += 1


def main() -> int:
    """Print the figures and write `benchmarks/results/endurance_input.json`; 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance_input", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="trials of each kind")
    parser.add_argument("--seconds", type=int, default=120, help="seconds of fuzzing for each target")
    options = parser.parse_args()
    tried = {kind: _Tried() for kind in ("incomplete snapshots", "incomplete live answers", "answers made up")}
    for kind, work in _trials(options.rounds):
        tried[kind](work)
    figures = [
        Figure(f"tracebacks in {row.count} {kind}", row.failed.total(), 0, "every one told of", unit="tracebacks")
        for kind, row in tried.items()
    ]
    runs = _fuzzed(options.seconds)
    figures += [figure for name in TARGETS for figure in _of_run(name, runs.get(name))]
    grown = sorted(map(growth_of, *zip(*expressions().items(), strict=True)), key=lambda row: -row.seconds)
    exponent = max((row.exponent for row in grown if row.seconds > _TELLING_SECONDS), default=1.0)
    costs = f"{len(grown)} regular expressions on {LONG} letters made to be dear"
    figures += [
        Figure(f"largest exponent of cost of {costs}", exponent, _MOST_EXPONENT, "1, linear", unit=""),
        Figure(f"largest cost of {costs}", grown[0].seconds, _MOST_SECONDS, "nothing", unit="s"),
    ]
    details = {
        "failed": {kind: dict(row.failed) for kind, row in tried.items()},
        "fuzzed": {
            name: {"edges": run.edges, "by_seeds": run.first_edges, "failed": run.failed} for name, run in runs.items()
        },
        "dearest_expressions": {row.place: [round(row.seconds, 4), round(row.exponent, 2)] for row in grown[:5]},
    }
    return report_figures("endurance_input", figures, details)


def _trials(rounds: int) -> Iterator[tuple[str, Callable[[], object]]]:
    chance = Random(8)
    whole: dict[str, Snapshot] = {}
    for _ in range(rounds):
        name = chance.choice(list(SCENARIOS))
        snapshot = whole.setdefault(name, short(collected(build(name))))
        share, every = chance.choice(_LOST), chance.choice((1, 2, 3))
        lost = [place for place in places_of(snapshot) if chance.random() < share]
        cut = without(snapshot, lost, every=every, null=chance.random() < 0.3)
        made = Generator(snapshot, chance).snapshot(chance.sample(sorted(every_operation()), _MADE_UP))
        yield "incomplete snapshots", lambda cut=cut: everything(cut)
        aws = IncompleteAWS(build(name), lost, every=every)
        yield "incomplete live answers", lambda aws=aws: everything(collected(aws))
        yield "answers made up", lambda made=made: everything(made)


def _fuzzed(seconds: int) -> dict[str, Run]:
    with tempfile.TemporaryDirectory() as folder, atheris_beside(Path(folder) / "atheris") as found:
        return {name: fuzz(name, Path(folder), seconds) for name in TARGETS if found}


@contextmanager
def atheris_beside(folder: Path) -> Iterator[bool]:
    """Let what is run meanwhile find atheris, in a folder of its own; say whether there is one, and why not."""
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(folder),
    ]
    before = os.environ.get("PYTHONPATH")
    try:
        if find_spec("atheris") is None:
            subprocess.run([*install, "atheris"], check=True)
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), before)))
        yield True
    except subprocess.CalledProcessError as error:
        print(f"atheris could not be installed ({error}): nothing is fuzzed")
        yield False
    finally:
        os.environ.pop("PYTHONPATH", None)
        os.environ.update({"PYTHONPATH": before} if before is not None else {})


def _of_run(name: str, run: Run | None) -> list[Figure]:
    """Return the figures of one fuzzed target; one that was not fuzzed is missed."""
    inputs = run.executions if run else 0
    edges, seeds = (run.edges, run.first_edges) if run else (0, 0)
    failed = len(run.failed) if run else float("nan")
    return [
        Figure(f"{name}: places that failed in {inputs} inputs", failed, 0, "every one told of", unit="places"),
        Figure(f"{name}: edges of the code reached", edges, max(seeds, 1), "its seeds alone", "at least", "edges"),
    ]


if __name__ == "__main__":
    sys.exit(main())
