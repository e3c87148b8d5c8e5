"""Writing a result with the commit and the kind of machine that it was made on."""

import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure beside what it must be; `make bench` gathers them into one table.

    `value` is a ratio against `baseline`, both measured in one run, or a count, or a share; `unit` says which.
    """

    name: str
    value: float
    limit: float
    baseline: str
    bound: Literal["at most", "at least"] = "at most"
    unit: str = "x"

    @property
    def held(self) -> bool:
        """Say whether the figure is within its limit; what is not a number is not."""
        return self.value <= self.limit if self.bound == "at most" else self.value >= self.limit


def report_figures(name: str, figures: Sequence[Figure], details: Mapping[str, Any]) -> int:
    """Print figures, write them to `benchmarks/results/<name>.json` with `details`, and return the exit code."""
    rows = [asdict(figure) | {"value": _rounded(figure.value), "held": figure.held} for figure in figures]
    write_result(name, {"figures": rows, **details})
    for figure in figures:
        verdict = "held" if figure.held else "MISSED"
        told = f"{figure.value:.3g} {figure.unit}, {figure.bound} {figure.limit:g}; beside {figure.baseline}"
        print(f"{verdict}: {figure.name}: {told}")
    return int(not all(figure.held for figure in figures))


def _rounded(value: float) -> float | None:
    """Return a value as JSON can hold it: what is not a number was not measured."""
    return round(value, 4) if math.isfinite(value) else None


def write_result(name: str, figures: Mapping[str, Any]) -> Path:
    """Write `benchmarks/results/<name>.json` and return its path."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results"], check=False)
    document = {"commit": commit.stdout.strip() + "-changed" * changed.returncode, "machine": machine(), **figures}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Return the kind of machine: nothing that names it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = {"system": platform.system(), "architecture": platform.machine(), "python": platform.python_version()}
    return kind | {"cores": os.cpu_count(), "memory_gib": round(memory)}
