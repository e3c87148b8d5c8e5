"""Incident reports: the notebooks composed, executed once by papermill, and rendered as one HTML page."""

from typing import TYPE_CHECKING

from ecs_notebook_lib.lazily import lazily

if TYPE_CHECKING:
    from ecs_notebook_lib.report.writing import Report, write_report

__all__ = ["Report", "write_report"]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "writing"))
