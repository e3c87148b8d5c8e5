"""Executing a notebook by papermill's Python API: its command guesses the types of parameters."""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from ecs_notebook_lib.errors import ParameterError
from ecs_notebook_lib.report.jupyter import (
    Engine,
    NotebookNode,
    PapermillExecutionError,
    PapermillNotebookClient,
    nbformat,
    papermill,
    papermill_engines,
)
from ecs_notebook_lib.report.kernel import Kernel, started_kernel

_MARKER = "papermill-error-cell-tag"


def execute(
    notebook: Path, output: Path, parameters: Mapping[str, str], *, folder: Path, kernel: Kernel | None = None
) -> NotebookNode:
    """Execute a notebook in `folder` and return it, also if cells that may fail have failed.

    Parameters
    ----------
    kernel
        One that was started earlier and has executed nothing; it ends with the notebook. By default one is started.

    Raises
    ------
    ParameterError
        If the notebook has no such parameter: papermill would run on with the default.
    """
    known = papermill.inspect_notebook(str(notebook))
    for name in parameters:
        if name not in known:
            raise ParameterError(name, notebook=notebook.name, available=known)
    with nullcontext(kernel) if kernel else started_kernel() as running:
        running.work_in(folder)
        with suppress(PapermillExecutionError):  # the error stands in the output, which is whole
            papermill.execute_notebook(
                str(notebook),
                str(output),
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                log_output=False,
                request_save_on_cell_execute=False,  # it would write the whole notebook twice a cell
                engine_name=_OnStartedKernel.NAME,
                started=running,
            )
    executed: NotebookNode = nbformat.read(output, as_version=4)
    executed.cells = [cell for cell in executed.cells if _MARKER not in cell.metadata.get("tags", ())]
    return executed


class _OnStartedKernel(Engine):  # type: ignore[misc]  # papermill has no types
    """papermill's own way of executing, on a kernel that runs already: its own engine would leave that one open."""

    NAME = "ecs-notebook"

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, started: Kernel, **_unused: Any) -> None:
        """Execute the notebook, and end the kernel."""
        client = PapermillNotebookClient(
            nb_man, km=started.manager, kernel_name=kernel_name, shutdown_kernel="immediate"
        )
        client.execute(cleanup_kc=True)


papermill_engines.register(_OnStartedKernel.NAME, _OnStartedKernel)
