"""Frames → findings → differential → plan. Pure: no network, no clock."""

from ecs_notebook_lib.diagnosis.diagnosis import Diagnosis, diagnose
from ecs_notebook_lib.diagnosis.findings import CheckResult, Finding, Outcome

__all__ = ["CheckResult", "Diagnosis", "Finding", "Outcome", "diagnose"]
