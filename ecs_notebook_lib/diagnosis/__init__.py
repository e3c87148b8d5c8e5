"""Frames → findings → differential → plan. Pure: no network, no clock.

Lazy, for `explain` asks only for what a message weighs, and that needs no frames.
"""

from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
