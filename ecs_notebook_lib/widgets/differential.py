"""Switching findings off, to see what the ranking rests on."""

from collections.abc import Collection

import ipywidgets

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.considering import counting, without
from ecs_notebook_lib.errors import ChoiceError
from ecs_notebook_lib.report.differential_tables import ranking_table
from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn, Panel

_STATEMENT = 150


def differential_browser(diagnosis: Diagnosis, *, off: Collection[str] = ()) -> Panel:
    """Return a box for each finding that counts, above the ranking without those that are switched off.

    Parameters
    ----------
    off
        Findings that are switched off at first, by their names (`F3`).

    Raises
    ------
    ChoiceError
        If no finding that counts has such a name.
    """
    counted = counting(diagnosis)
    for name in off:
        if name not in counted:
            raise ChoiceError("finding that counts", name, counted)
    boxes = {name: _box(name, diagnosis, on=name not in off) for name in counted}
    everything = ipywidgets.Button(description="All on", tooltip="Let every finding count again")

    def draw(**on: bool) -> Drawn:
        ranked = without(diagnosis, [name for name, counts in on.items() if not counts])
        table = Table(ranking_table(ranked, before=diagnosis.differential))
        left_out = [name for name, counts in on.items() if not counts]
        told = f"Switched off: {', '.join(left_out)}" if left_out else f"All of {', '.join(on)} count"
        return Drawn(f"<p>{told}.</p>{table._repr_html_()}", f"{told}.\n{table!r}")

    panel = Panel(boxes, draw, below=[everything], flow="column")
    everything.on_click(lambda _button: panel.set(**dict.fromkeys(boxes, True)))
    return panel


def _box(name: str, diagnosis: Diagnosis, *, on: bool) -> ipywidgets.Checkbox:
    statement = visible(diagnosis.finding(name).statement, limit=_STATEMENT)
    layout = ipywidgets.Layout(width="auto")
    return ipywidgets.Checkbox(value=on, description=f"{name} {statement}", indent=False, layout=layout)
