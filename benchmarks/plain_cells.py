"""The floor of a report: its cells in this one process, then the page: `python -m benchmarks.plain_cells SOURCE PAGE`.

No kernel, no papermill, no messages and no notebook files: IPython's shell runs the code cells of the composed notebook
one after another and keeps what they show, as PNG and SVG, too, and the page is made of that as `report` makes it.
Prints how many seconds the cells took.
"""

import sys
import time
from pathlib import Path
from typing import Any

from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from ecs_notebook_lib.notebook_files import notebooks_directory
from ecs_notebook_lib.report.composing import compose
from ecs_notebook_lib.report.jupyter import NotebookNode, nbformat
from ecs_notebook_lib.report.parameters import parameter_lines

BACKEND = "module://matplotlib_inline.backend_inline"
"""What MPLBACKEND must be: figures are shown after the cell that draws them, as ipykernel has it."""


class Shell:
    """IPython's shell, and what its cells have shown."""

    def __init__(self) -> None:
        self._shell = InteractiveShell.instance()
        self._published = CapturingDisplayPublisher()
        self._shell.display_pub = self._published
        self._shell.display_trap.hook = CapturingDisplayHook(shell=self._shell, outputs=self._published.outputs)

    def run(self, source: str) -> list[NotebookNode]:
        """Run a cell and return its outputs; an error of a cell is raised."""
        self._published.outputs.clear()
        self._shell.run_cell(source).raise_error()
        return [nbformat.v4.new_output("display_data", **_shown(row)) for row in self._published.outputs]

    def value(self, name: str) -> Any:
        """Return what the cells have named so."""
        return self._shell.user_ns[name]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {"data": row["data"], "metadata": row["metadata"] or {}}


def execute(notebook: NotebookNode, shell: Shell, source: str) -> float:
    """Run every code cell, fill in its outputs, and return how many seconds they took."""
    began = time.perf_counter()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = shell.run(cell.source)
        if "parameters" in cell.metadata.get("tags", ()):
            shell.run(parameter_lines({"source": source}))
    return time.perf_counter() - began


def main() -> int:
    """Run the cells of a report and write its page."""
    source, page = sys.argv[1:]
    notebook, shell = compose(notebooks_directory()), Shell()
    print(execute(notebook, shell, source))
    from ecs_notebook_lib.report.html import html_of  # after the cells, as they import most of it
    from ecs_notebook_lib.report.notes import read_notes

    html = html_of(notebook, shell.value("incident"), notes=read_notes(Path(page).with_suffix(".md")), checksum="")
    Path(page).write_text(html, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
