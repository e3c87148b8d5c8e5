"""Case files: a diagnosis from what somebody has in hand, and its evaluation on labelled ones (DESIGN 6)."""

from ecs_notebook_lib.cases.case import Case, load_case, load_cases
from ecs_notebook_lib.cases.evaluation import Evaluation, evaluate
from ecs_notebook_lib.cases.observation import snapshot_of

__all__ = ["Case", "Evaluation", "evaluate", "load_case", "load_cases", "snapshot_of"]
