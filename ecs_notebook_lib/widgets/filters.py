"""Choosing rows of a table: by the value of a column, and by a text in any of them."""

import pandas as pd

from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn, Panel, choice, text_field

_MOST = 50
_UNKNOWN = "unknown"


def event_filter(events: pd.DataFrame, *, kind: str = "", text: str = "") -> Panel:
    """Return a choice of the kind of service event and a field for a text, above the events, newest first.

    Parameters
    ----------
    kind
        What the sentence means, as in the frame `events`; `unknown` for sentences that this version does not know.
    text
        What must stand in the sentence; upper and lower case are the same.

    Raises
    ------
    ChoiceError
        If there is no event of this kind.
    """
    table = events.assign(kind=events["kind"].fillna(_UNKNOWN))[["created_at", "kind", "message"]]
    return _filter(table, "kind", name="kind", chosen=kind, text=text)


def row_filter(table: pd.DataFrame, *, by: str, chosen: str = "", text: str = "") -> Panel:
    """Return a choice of a value of the column `by` and a field for a text, above the rows that have both.

    Parameters
    ----------
    chosen
        Value of the column to begin with; empty for every one.
    text
        What must stand in one of the cells; upper and lower case are the same.

    Raises
    ------
    ChoiceError
        If no row has this value.
    """
    return _filter(table, by, name="chosen", chosen=chosen, text=text)


def _filter(table: pd.DataFrame, by: str, *, name: str, chosen: str, text: str) -> Panel:
    """Return the panel whose choice of a value is the parameter `name`."""
    counts = table[by].dropna().astype(str).value_counts().sort_index()
    options = [("any", ""), *((f"{visible(value, limit=60)} ({count})", str(value)) for value, count in counts.items())]
    controls = {
        name: choice(by.replace("_", " ").capitalize(), options, chosen, width="340px"),
        "text": text_field("Contains", text, hint="text, then Enter"),
    }
    return Panel(controls, lambda **values: _draw(table, by, values[name], values["text"]))


def _draw(table: pd.DataFrame, by: str, chosen: str, text: str) -> Drawn:
    rows = table[table[by].astype(str) == chosen] if chosen else table
    if text and len(rows):
        whole = rows.astype(object).where(rows.notna(), "").astype(str).agg("\n".join, axis=1)
        rows = rows[whole.str.contains(text, case=False, regex=False)]
    told = f"{len(rows)} of {len(table)} rows" + (f", the first {_MOST} are shown" if len(rows) > _MOST else "")
    shown = Table(rows.head(_MOST))
    return Drawn(f"<p>{told}</p>{shown._repr_html_()}", f"{told}\n{shown!r}")
