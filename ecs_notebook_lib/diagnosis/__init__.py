"""Frames → findings → differential → plan. Pure: no network, no clock.

Lazy, for `explain` asks only for what a message weighs, and that needs no frames.
"""

from typing import TYPE_CHECKING

from ecs_notebook_lib.lazily import lazily

if TYPE_CHECKING:
    from ecs_notebook_lib.diagnosis.diagnosis import Diagnosis, diagnose
    from ecs_notebook_lib.diagnosis.findings import CheckResult, Finding, Outcome

_HOMES = {
    "CheckResult": "findings",
    "Diagnosis": "diagnosis",
    "Finding": "findings",
    "Outcome": "findings",
    "diagnose": "diagnosis",
}

__all__ = ["CheckResult", "Diagnosis", "Finding", "Outcome", "diagnose"]

__getattr__ = lazily(__name__, _HOMES)
