"""What would become of a revision, in words: for the terminal and for Markdown."""

import pandas as pd

from ecs_notebook_lib.diagnosis.preflight import Answer, Preflight
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.markdown import markdown_table
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import plain

_SAID = {
    Answer.WOULD_FAIL: "would fail",
    Answer.WARNING: "warning",
    Answer.NOT_CHECKED: "not checked",
    Answer.OK: "ok",
}
"""How an outcome is told, what matters most first."""


def heading(incident: Incident) -> str:
    """Return which revision is judged for which service, and when it was read."""
    preflight, name = incident.preflight, incident.snapshot.incident
    beside = f" beside {preflight.running}" if preflight.running else ""
    when = utc_text(incident.snapshot.as_of)
    return f"{preflight.candidate.revision}{beside} for {name.service} in {name.cluster}, {name.region}, as of {when}"


def verdict(preflight: Preflight) -> str:
    """Return the answer in one sentence."""
    revision = preflight.candidate.revision
    failing = [row.question.name for row in preflight.rows if row.outcome is Answer.WOULD_FAIL]
    open_ = [row.question.name for row in preflight.rows if row.leaves_open]
    warned = sum(row.outcome is Answer.WARNING for row in preflight.rows)
    if failing:
        return f"{revision} would fail: {', '.join(dict.fromkeys(failing))}."
    if open_:
        return f"Whether {revision} would come up cannot be said: {', '.join(dict.fromkeys(open_))} could not be read."
    noted = "" if not warned else f" {warned} {'warning' if warned == 1 else 'warnings'}."
    return f"Nothing that was checked would stop {revision}.{noted}"


def preflight_table(preflight: Preflight) -> pd.DataFrame:
    """Return a row for each answer: what would fail first, then warnings, what was not checked, and what is fine."""
    rows = sorted(preflight.rows, key=lambda row: list(_SAID).index(row.outcome))
    return pd.DataFrame(
        {
            "outcome": [_SAID[row.outcome] for row in rows],
            "question": [row.question.name.replace("_", " ") for row in rows],
            "answer": [row.statement for row in rows],
            "it would be": [row.cause for row in rows],
        }
    )


def markdown_of(incident: Incident) -> str:
    """Return the answer as Markdown."""
    preflight = incident.preflight
    parts = [
        f"# Before deploying {plain(preflight.candidate.revision)}",
        f"> {words.SIMULATED}" if incident.simulated else "",
        plain(heading(incident)),
        f"**{plain(verdict(preflight))}**",
        markdown_table(preflight_table(preflight)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
