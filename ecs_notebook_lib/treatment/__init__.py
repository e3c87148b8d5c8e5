"""Diagnosis → what to do, and what will come of it. Pure, but for `apply`, which alone may write to the account."""

from ecs_notebook_lib.treatment.action import Action, Call, Fragment
from ecs_notebook_lib.treatment.prognosis import Prognosis, prognosis_of
from ecs_notebook_lib.treatment.proposing import Treatment, propose

__all__ = ["Action", "Call", "Fragment", "Prognosis", "Treatment", "prognosis_of", "propose"]
