"""A figure that shows itself sharply, and says in words what it shows: for who cannot see it, and for a diff."""

from io import StringIO
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ecs_notebook_lib.plots.describing import describe

PNG, SVG, TEXT = "image/png", "image/svg+xml", "text/plain"
_AS_SVG: dict[Any, Any] = {"svg.hashsalt": "ecs-notebook", "svg.fonttype": "path"}
"""The same figure gives the same bytes; glyphs are drawn, so that no font of the reader is asked for."""


_wanted = {PNG}


def draw_as_svg() -> None:
    """Let figures be shown as SVG, too, from now on: for a page that is zoomed and printed.

    Notebooks that are stored do without: it is several times as large, and JupyterLab shows it in trusted ones only.
    Nobody changes a figure of a page, so that none is drawn before it is shown, as pyplot does after each cell.
    """
    _wanted.add(SVG)
    plt.switch_backend(mpl.get_backend())  # connects pyplot's hook, if that is still to come
    plt.uninstall_repl_displayhook()


class DescribedFigure(Figure):
    """A figure which notebooks show with its description as plain and as alternative text."""

    def svg(self) -> str:
        """Return the figure as SVG; nothing in it tells when or by whom it was made."""
        written = StringIO()
        with mpl.rc_context(_AS_SVG):
            self.savefig(written, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        return written.getvalue()

    def __repr__(self) -> str:
        return describe(self)

    def _repr_mimebundle_(self, **_asked: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """Return what a notebook shows, beside the PNG that its backend makes, and the alternative text of it."""
        told = describe(self)
        drawn = {SVG: self.svg()} if SVG in _wanted else {}
        return {TEXT: told, **drawn}, {kind: {"alt": told} for kind in _wanted}
