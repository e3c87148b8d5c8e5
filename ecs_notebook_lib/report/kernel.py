"""A kernel that starts, and imports what the notebooks import, while the incident is still being collected."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

_HISTORY_IN_MEMORY = "--HistoryManager.hist_file=:memory:"
_IMPORTED_AHEAD = (
    "import ecs_notebook_lib.collect.access, ecs_notebook_lib.diagnosis.diagnosis, ecs_notebook_lib.plots, "
    "ecs_notebook_lib.report.display, ecs_notebook_lib.treatment, ecs_notebook_lib.widgets"
)
"""Only loads modules: no name of the notebooks is defined by it, and an error is left to the cell that meets it."""


class Kernel:
    """A running kernel; `manager` is what papermill executes on."""

    def __init__(self, manager: AsyncKernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client
        self._ask(_IMPORTED_AHEAD)

    def work_in(self, folder: Path) -> None:
        """Wait until the kernel has started, and make `folder` its working directory.

        Raises
        ------
        RuntimeError
            If the kernel has died.
        """
        asked = self._ask(f"import os; os.chdir({str(folder.absolute())!r})")
        while self._next_answered() != asked:
            pass

    def _ask(self, code: str) -> str:
        return str(self._client.execute(code, silent=True, store_history=False))

    def _next_answered(self) -> str:
        while True:
            try:
                return str(self._client.get_shell_msg(timeout=1)["parent_header"].get("msg_id"))
            except Empty:
                if not run_sync(self.manager.is_alive)():
                    raise RuntimeError("the kernel died before it was asked anything") from None


@contextmanager
def started_kernel() -> Iterator[Kernel]:
    """Start a kernel without waiting for it; it ends with the block, at once, for it has nothing to keep.

    It talks over sockets of the file system: no port is opened, and ipykernel does not warn of TCP without encryption.
    """
    manager = AsyncKernelManager(kernel_name="python3", transport="ipc")
    run_sync(manager.start_kernel)(extra_arguments=[_HISTORY_IN_MEMORY])
    client = manager.blocking_client()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        if manager.has_kernel:
            run_sync(manager.shutdown_kernel)(now=True)
