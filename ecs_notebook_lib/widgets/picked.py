"""An incident that somebody has yet to pick."""

from typing import Any

from ecs_notebook_lib.errors import NotPickedError
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.snapshot import Snapshot


class PickedIncident(Incident):
    """An incident whose snapshot is there once it has been picked; it may be picked anew."""

    def __init__(self, *, task_definition: str = "") -> None:
        self._partial = False
        self._asked_for = self._candidate = task_definition

    def __getattr__(self, name: str) -> Any:
        """Raise what is to be done, where the snapshot is asked for and is not there yet."""
        if name == "snapshot":
            raise NotPickedError
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def take(self, snapshot: Snapshot) -> None:
        """Become the incident of this snapshot: what was made of another one is forgotten."""
        for name in [name for name in vars(self) if not name.startswith("_")]:
            delattr(self, name)
        self.snapshot = snapshot
        self._candidate = self._asked_for or snapshot.candidate
