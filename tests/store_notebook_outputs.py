"""Execute every notebook on the demo incident and store its outputs: `make notebooks`."""

import sys
import tempfile
from pathlib import Path

from ecs_notebook_lib.report.composing import failures
from ecs_notebook_lib.report.executing import execute
from ecs_notebook_lib.report.jupyter import nbformat

FOLDER = Path(__file__).parent.parent / "notebooks"


def main() -> int:
    """Rewrite the notebooks in place; nothing is stored of one that fails."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as work:
            executed = execute(path, Path(work) / path.name, {}, folder=FOLDER)
        if failures(executed):
            sys.stderr.write(f"{path.name}: {failures(executed)}\n")
            return 1
        stored = nbformat.read(path, as_version=4)
        for cell, run in zip(stored.cells, executed.cells, strict=True):
            if cell.cell_type == "code":
                skipped = "interactive" in cell.metadata.get("tags", ())
                cell.outputs = [] if skipped else run.outputs
                cell.execution_count = None if skipped else run.execution_count
                for output in cell.outputs:
                    output.get("metadata", {}).pop("execution", None)
        nbformat.write(stored, path)
        sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
