"""Putting tables together for a panel."""

from collections.abc import Sequence
from html import escape

from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn


def joined(parts: Sequence[tuple[str, Table]]) -> Drawn:
    """Return tables one below the other, each under its heading."""
    html = "".join(f"<p><b>{escape(visible(title))}</b></p>{table._repr_html_()}" for title, table in parts)
    return Drawn(html, "\n\n".join(f"{visible(title)}\n{table!r}" for title, table in parts))
