"""Searching the log lines that were read."""

from functools import partial
from html import escape

import ipywidgets
import pandas as pd

from ecs_notebook_lib.report.log_search import MAX_CONTEXT, MOST_MATCHES, Found, LogSearch, highlighted, search
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn, Panel, choice, text_field

_GAP = '<tr><td colspan="5" style="text-align:left">⋯</td></tr>'
_HEAD = "".join(
    f'<th style="text-align:left">{name}</th>' for name in ("time [UTC]", "revision", "container", "level", "line")
)
_TEXT_LINES = 40
_TEXT_WIDTH = 140


def log_search(
    log_events: pd.DataFrame,
    *,
    text: str = "",
    regex: bool = False,
    level: str = "",
    revision: str = "",
    container: str = "",
    context: int = 0,
) -> Panel:
    """Return a search through the log lines that were read: what matches is marked, with lines around it.

    Parameters
    ----------
    text
        What to look for, literally; upper and lower case are the same. Empty for every line.
    regex
        Whether `text` is a regular expression (RE2).
    level, revision, container
        Only such lines; empty for all.
    context
        How many lines of the same stream to show before and after each match, up to 10.

    Raises
    ------
    ChoiceError
        If no line that was read has this level, revision or container.
    """
    chosen = {"level": level, "revision": revision, "container": container}
    lists = {
        name: choice(name.capitalize(), [("any", ""), *_values(log_events, name)], value)
        for name, value in chosen.items()
    }
    controls = {
        "text": text_field("Find", text, hint="text, then Enter"),
        "regex": ipywidgets.Checkbox(
            value=regex, description="regular expression", indent=False, layout=ipywidgets.Layout(width="auto")
        ),
        **lists,
        "context": ipywidgets.IntSlider(
            value=context, min=0, max=MAX_CONTEXT, description="Around", continuous_update=False
        ),
    }
    return Panel(controls, partial(_draw, log_events))


def _values(log_events: pd.DataFrame, name: str) -> list[tuple[str, str]]:
    return [(visible(value), value) for value in sorted(log_events[name].dropna().unique())]


def _draw(log_events: pd.DataFrame, **values: str | bool | int) -> Drawn:
    wanted = LogSearch(**values)  # type: ignore[arg-type]  # each control has the type of its field
    found = search(log_events, wanted)
    told = _told(found, len(log_events), wanted)
    if not len(found.lines):
        return Drawn(f"<p>{escape(told)}</p>", told)
    return Drawn(f"<p>{escape(told)}</p>{_html(found, wanted)}", f"{told}\n{_plain(found)}")


def _told(found: Found, read: int, wanted: LogSearch) -> str:
    if found.error:
        return f"This is no regular expression: {found.error}"
    asked = f" for {visible(wanted.text, limit=80)!r}" if wanted.text else ""
    newest = f", the newest {MOST_MATCHES} are shown" if found.matches > MOST_MATCHES else ""
    return f"{found.matches:,} of {read:,} lines match{asked}{newest}."


def _html(found: Found, wanted: LogSearch) -> str:
    lines = found.lines
    rows = []
    gaps = lines["group"].diff().fillna(0).ne(0) & (wanted.context > 0)
    for row, message, gap in zip(
        lines.itertuples(index=False), highlighted(lines["message"], wanted), gaps, strict=True
    ):
        cells = [
            f"{row.logged_at:%m-%d %H:%M:%S}",
            *(_cell(value) for value in (row.revision, row.container, row.level)),
        ]
        first = "<b>▸</b> " if row.is_match else "&nbsp;&nbsp;"
        small = "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells)
        rows.append(
            f'{_GAP if gap else ""}<tr>{small}<td style="text-align:left"><code>{first}{message}</code></td></tr>'
        )
    return f"<table><thead><tr>{_HEAD}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(value: object) -> str:
    return "" if pd.isna(value) else visible(value, limit=60)  # type: ignore[call-overload]  # a cell is a scalar


def _plain(found: Found) -> str:
    """Return the newest of these lines as text; a match begins with `>`."""
    shown = found.lines.tail(_TEXT_LINES)
    return "\n".join(
        f"{'>' if row.is_match else ' '} {row.logged_at:%m-%d %H:%M:%S} {_cell(row.container)} "
        f"{visible(row.message, limit=_TEXT_WIDTH)}"
        for row in shown.itertuples(index=False)
    )
