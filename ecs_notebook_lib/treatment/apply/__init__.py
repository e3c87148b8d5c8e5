"""Carrying a treatment out and taking it back: the only part of the kit that writes to the account."""

from ecs_notebook_lib.treatment.apply.carrying_out import Applied, Hands, apply_action, check
from ecs_notebook_lib.treatment.apply.errors import HalfDoneError, NotAppliedError
from ecs_notebook_lib.treatment.apply.guards import refuse_source
from ecs_notebook_lib.treatment.apply.settling import refuse_unsettled, settled
from ecs_notebook_lib.treatment.apply.undoing import undo

__all__ = [
    "Applied",
    "HalfDoneError",
    "Hands",
    "NotAppliedError",
    "apply_action",
    "check",
    "refuse_source",
    "refuse_unsettled",
    "settled",
    "undo",
]
