"""Why a treatment was not carried out, or not taken back."""

from ecs_notebook_lib.errors import EcsNotebookError


class NotAppliedError(EcsNotebookError):
    """A treatment was refused before anything was written; the message says why, and what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Nothing was changed: {why}.")
        self.why = why


class HalfDoneError(EcsNotebookError):
    """A call was made, and it is not known, or not right, what came of it; the journal has the rest."""
