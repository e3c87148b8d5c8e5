"""Incident reports: the notebooks composed, executed once by papermill, and rendered as one HTML page."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecs_notebook_lib.report.writing import Report, write_report

__all__ = ["Report", "write_report"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ecs_notebook_lib.report import writing

    return getattr(writing, name)
