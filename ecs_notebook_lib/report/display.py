"""What the notebooks show of an incident, as Markdown made from the findings."""

from collections.abc import Sequence
from html import escape
from itertools import starmap

import pandas as pd
from IPython.display import Markdown

from ecs_notebook_lib.diagnosis.words import because, verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import cells, words
from ecs_notebook_lib.report.markdown import markdown_table
from ecs_notebook_lib.report.refused import show_refusal
from ecs_notebook_lib.untrusted import plain, visible

_COMMAND = 4000


_STYLE = (
    "<style>div.table[role] table :is(th, td) { text-align: left; vertical-align: top } "
    "div.table time { white-space: nowrap }</style>"
)
"""JupyterLab would set cells to the right, and in the middle; a date is not broken."""


class Table:
    """A frame as a notebook shows it: nothing in it is HTML or a control, long text is folded, severity has a sign.

    Parameters
    ----------
    frame
        What is shown; every row of it.
    since
        Times are followed by what had passed since then: the begin of the deployment, as a rule.
    linked
        Make each finding's number a link to the rows that it rests on, and its `id` the place to come back to.
    """

    def __init__(self, frame: pd.DataFrame, *, since: pd.Timestamp | None = None, linked: bool = False) -> None:
        self.frame = frame
        self._since = since
        self._linked = linked

    def _repr_html_(self) -> str:
        if not len(self.frame):
            return "<p>No rows.</p>"
        heads = "".join(cells.head_html(str(name)) for name in self.frame.columns)
        rows = "".join(self._row(row) for row in self.frame.astype(object).itertuples(index=False, name=None))
        table = f"{_STYLE}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        return f'<div class="table" tabindex="0" role="group" aria-label="{self._label()}">{table}</div>'

    def _row(self, row: Sequence[object]) -> str:
        return f"<tr>{''.join(starmap(self._cell, zip(self.frame.columns, row, strict=True)))}</tr>"

    def _cell(self, name: object, value: object) -> str:
        inside = cells.html(value, str(name), since=self._since, linked=self._linked)
        anchor = f' id="finding-{escape(str(value))}"' if self._linked and name == "id" else ""
        return f"<td{anchor}>{inside}</td>"

    def _label(self) -> str:
        count = len(self.frame)
        return f"Table: {count} {'row' if count == 1 else 'rows'} of {escape(', '.join(map(str, self.frame.columns)))}"

    def __repr__(self) -> str:
        if not len(self.frame):
            return "No rows."
        shown = self.frame.astype(object).map(lambda value: cells.text(value, since=self._since))
        return str(shown.rename(columns=lambda name: cells.heading(str(name))).to_string(index=False))


def show_source(incident: Incident) -> Markdown:
    """Return which incident this is, whether it is simulated, and what could not be collected."""
    gaps = words.gaps_table(incident)
    gaps = gaps[gaps["hides"] != ""].drop(columns="left_out")
    lines = [
        f"**{words.SIMULATED}**" if incident.simulated else "",
        show_refusal(incident),
        f"{plain(words.heading(incident))}.",
        markdown_table(gaps) if len(gaps) else "Every call that was made was answered.",
    ]
    return Markdown("\n\n".join(line for line in lines if line))


def show_traces(texts: Sequence[str]) -> Markdown:
    """Return stack traces whole, each in a block in which nothing is Markdown or HTML."""
    blocks = ("\n".join(f"    {visible(line)}" for line in text.split("\n")) for text in texts)
    return Markdown("\n\n---\n\n".join(blocks) or "No stack trace was read.")


def show_verdict(incident: Incident) -> Markdown:
    """Return the verdict, the complaint, who is hurt, and whether going back is possible."""
    state = incident.diagnosis.state
    told = [*because(incident.diagnosis), state.chief_complaint, words.impact(incident), words.rollback(incident)]
    told += [words.prognosis(incident), words.what_changed(incident)]
    now = words.what_to_do(incident)
    told += [f"What to do now: {now}" if now else ""]
    return Markdown("\n\n".join([f"**{plain(verdict(incident.diagnosis))}**", *map(plain, filter(None, told))]))


def show_commands(incident: Incident) -> Markdown:
    """Return the story's diagnostic plan with this incident's ids, each command as a block that can be copied."""
    lines = []
    for row in incident.diagnosis.commands:
        command = visible(row.command, limit=_COMMAND).replace("~", r"\~") or "# an id that it takes is not known"
        lines.append(f"{plain(row.title)}\n\n~~~~ bash\n{command}\n~~~~")
    return Markdown("\n\n".join(lines))


def show_step(incident: Incident, step: str) -> Markdown:
    """Return what one step found, and what it could not check."""
    diagnosis = incident.diagnosis
    examined = diagnosis.state.examined_revision
    found = [(name, row) for name, row in diagnosis.findings_of(step) if row.revision in ("", examined)]
    others = len(diagnosis.findings_of(step)) - len(found)
    lines = [f"- **{name}** {plain(row.statement)}" for name, row in found] or ["- Nothing that speaks for a cause."]
    if others:
        lines.append(f"- {others} more about other revisions, which weigh nothing.")
    lines += [f"- Not checked: {plain(line)}" for line in words.unchecked(diagnosis, step)]
    return Markdown("\n".join(lines))
