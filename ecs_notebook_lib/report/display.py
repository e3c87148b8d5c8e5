"""What the notebooks show of an incident, as Markdown made from the findings."""

from collections.abc import Sequence

import pandas as pd
from IPython.display import Markdown

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.markdown import markdown_table
from ecs_notebook_lib.report.refused import show_refusal
from ecs_notebook_lib.untrusted import plain, visible

_COMMAND = 4000


class Table:
    """A frame as a notebook shows it: every cell whole, on one line, with nothing in it that is HTML or a control."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame.astype(object).where(frame.notna(), "").map(_cell) if len(frame) else frame

    def _repr_html_(self) -> str:
        if not len(self.frame):
            return "<p>No rows.</p>"
        with pd.option_context("display.max_colwidth", None):
            return str(self.frame.to_html(index=False, border=0))

    def __repr__(self) -> str:
        return str(self.frame.to_string(index=False)) if len(self.frame) else "No rows."


def _cell(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return visible(value)


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
    told = [*words.because(incident), state.chief_complaint, words.impact(incident), words.rollback(incident)]
    told += [words.prognosis(incident), words.what_changed(incident)]
    now = words.what_to_do(incident)
    told += [f"What to do now: {now}" if now else ""]
    return Markdown("\n\n".join([f"**{plain(words.verdict(incident))}**", *map(plain, filter(None, told))]))


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
    examined = diagnosis.state.examined.rpartition("/")[2]
    found = [(name, row) for name, row in diagnosis.findings_of(step) if row.revision in ("", examined)]
    others = len(diagnosis.findings_of(step)) - len(found)
    lines = [f"- **{name}** {plain(row.statement)}" for name, row in found] or ["- Nothing that speaks for a cause."]
    if others:
        lines.append(f"- {others} more about other revisions, which weigh nothing.")
    lines += [f"- Not checked: {plain(line)}" for line in words.unchecked(diagnosis, step)]
    return Markdown("\n".join(lines))
