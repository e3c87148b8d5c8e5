"""Whether a task definition would come up, judged before it is deployed. Pure: no network, no clock."""

from ecs_notebook_lib.diagnosis.preflight.judging import Preflight, preflight_of
from ecs_notebook_lib.diagnosis.preflight.row import Answer, Row

__all__ = ["Answer", "Preflight", "Row", "preflight_of"]
