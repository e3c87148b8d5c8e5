"""Running a target's harness in a process of its own, and what it came to."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")
_REACHED = re.compile(r"cov: (\d+) ft: (\d+)")
_START_SECONDS = 120
"""For imports, the simulated incident and the first round of seeds, which libFuzzer's clock does not bound."""


@dataclass(frozen=True, slots=True)
class Run:
    """What fuzzing one target came to: inputs tried, edges of the library's code reached, and where it failed.

    `first_edges` are those that the seeds alone reached.
    """

    target: str
    executions: int
    first_edges: int
    edges: int
    failed: tuple[str, ...]

    def __str__(self) -> str:
        """Return a line, and one for each place at which an input failed."""
        reached = f"{self.edges} edges reached, {self.first_edges} of them by the seeds"
        lines = [f"{self.target}: {self.executions} inputs, {reached}, {len(self.failed)} places failed"]
        return "\n".join([*lines, *(f"  {place}" for place in self.failed)])


def fuzz(target: str, folder: Path, seconds: int) -> Run:
    """Return what fuzzing a target for some seconds came to; its corpus and failed inputs are kept under `folder`."""
    own = folder / target
    own.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.fuzz.harness", target, str(own), str(seconds)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, timeout=4 * seconds + _START_SECONDS
    )
    told = done.stdout + done.stderr
    edges = [int(match[1]) for match in _REACHED.finditer(told)]
    failed = [json.loads(path.read_bytes())["place"] for path in sorted((own / "failed").glob("*.json"))]
    failed += [f"{path.name}: it hung, or took too much memory" for path in own.glob("*-*") if path.is_file()]
    if done.returncode and not failed:
        failed = [f"the harness ended with {done.returncode}: {told[-300:]}"]
    executed = _EXECUTED.search(told)
    return Run(target, int(executed[1]) if executed else 0, *(edges[:1] or [0]), *(edges[-1:] or [0]), tuple(failed))
