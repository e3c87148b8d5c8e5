"""Executing a notebook by papermill's Python API: its command guesses the types of parameters."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ecs_notebook_lib.errors import ParameterError
from ecs_notebook_lib.report.jupyter import Config, NotebookNode, PapermillExecutionError, nbformat, papermill

_MARKER = "papermill-error-cell-tag"

_LOCAL = {"KernelManager": {"transport": "ipc"}}
"""Sockets of the file system: no port is opened, and ipykernel does not warn of TCP without encryption."""


def execute(notebook: Path, output: Path, parameters: Mapping[str, str], *, folder: Path) -> NotebookNode:
    """Execute a notebook in `folder` and return it, also if cells that may fail have failed.

    Raises
    ------
    ParameterError
        If the notebook has no such parameter: papermill would run on with the default.
    """
    known = papermill.inspect_notebook(str(notebook))
    for name in parameters:
        if name not in known:
            raise ParameterError(name, notebook=notebook.name, available=known)
    with suppress(PapermillExecutionError):  # the error stands in the output, which is whole
        papermill.execute_notebook(
            str(notebook),
            str(output),
            parameters=dict(parameters),
            cwd=str(folder),
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            request_save_on_cell_execute=False,  # it would write the whole notebook twice a cell
            config=Config(_LOCAL),
        )
    executed: NotebookNode = nbformat.read(output, as_version=4)
    executed.cells = [cell for cell in executed.cells if _MARKER not in cell.metadata.get("tags", ())]
    return executed
