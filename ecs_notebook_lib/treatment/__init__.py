"""Diagnosis → what to do, and what will come of it. Pure, but for `apply`, which alone may write to the account."""

from ecs_notebook_lib.treatment.action import Action, Call, Fragment
from ecs_notebook_lib.treatment.forecast import Forecast, forecast
from ecs_notebook_lib.treatment.prognosis import Prognosis, prognosis_of
from ecs_notebook_lib.treatment.proposing import Treatment, propose
from ecs_notebook_lib.treatment.under_way import Under

__all__ = [
    "Action",
    "Call",
    "Forecast",
    "Fragment",
    "Prognosis",
    "Treatment",
    "Under",
    "forecast",
    "prognosis_of",
    "propose",
]
