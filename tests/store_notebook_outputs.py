"""Execute the notebooks on the demo incident and store their outputs: `make notebooks`; with names, only these."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from ecs_notebook_lib.report.composing import failures
from ecs_notebook_lib.report.executing import execute
from ecs_notebook_lib.report.jupyter import nbformat

FOLDER = Path(__file__).parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def main(names: list[str]) -> int:
    """Rewrite the notebooks in place; nothing is stored of one that fails."""
    paths = [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        with tempfile.TemporaryDirectory() as work:
            executed = execute(path, Path(work) / path.name, {}, folder=FOLDER)
        if failures(executed):
            sys.stderr.write(f"{path.name}: {failures(executed)}\n")
            return 1
        stored = nbformat.read(path, as_version=4)
        for cell, run in zip(stored.cells, executed.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [_lasting(output) for output in run.outputs], run.execution_count
        nbformat.write(stored, path)
        sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")
    return 0


def _lasting(output: Any) -> Any:
    """Return an output without what means nothing once the kernel is gone: its widget, and when it was made."""
    output.get("metadata", {}).pop("execution", None)
    output.get("data", {}).pop(WIDGET, None)
    return output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
