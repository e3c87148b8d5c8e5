"""What to do, as tables and as text to be copied; and what was done, from a treatment's journal."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import Markdown

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report.action_words import CELL, because, how, short
from ecs_notebook_lib.treatment import Action, prognosis_of
from ecs_notebook_lib.treatment.documents import command_of
from ecs_notebook_lib.treatment.journals import rows_of
from ecs_notebook_lib.treatment.under_way import Under
from ecs_notebook_lib.untrusted import plain, visible

_COMMAND = 20_000
_DONE = ["at", "what", "result"]


def actions_table(actions: Iterable[Action]) -> pd.DataFrame:
    """Return one row an action: what, why, how, its risk, what it touches, its undo, and how it is seen to work."""
    rows = [
        {
            "step": number,
            "what": row.kind.title,
            "because": because(row),
            "how": how(row),
            "risk": row.kind.risk,
            "touches": row.kind.radius,
            "undo": row.undo or row.kind.undo,
            "it worked when": row.kind.verify,
        }
        for number, row in enumerate(actions, start=1)
    ]
    columns = ["step", "what", "because", "how", "risk", "touches", "undo", "it worked when"]
    return pd.DataFrame(rows, columns=columns)


def before_after_table(actions: Iterable[Action]) -> pd.DataFrame:
    """Return one row a member that an action changes: what it is, and what it is to be."""
    rows = [
        {
            "action": made.name,
            "what": row.resource,
            "member": row.member,
            "before": short(row.before),
            "after": short(row.after),
        }
        for made in actions
        for row in made.changes
    ]
    return pd.DataFrame(rows, columns=["action", "what", "member", "before", "after"])


def show_actions(actions: Iterable[Action]) -> Markdown:
    """Return each action's command, its call in Python, and its fragments, as blocks that can be copied."""
    lines = []
    for made in actions:
        lines.append(f"**{plain(made.kind.title)}.** {plain(made.kind.what)}")
        lines += [f"Needs first: {plain(row)}." for row in made.needs_first]
        lines += _block("bash", command_of(made))
        lines += _block("python", "\n".join(call.code for call in made.calls))
        for fragment in made.fragments:
            lines.append(plain(fragment.title))
            lines += [*_block("json", fragment.json), *_block("hcl", fragment.terraform)]
            lines += _block("yaml", fragment.cloudformation)
    return Markdown("\n\n".join(lines) or "Nothing has to be done.")


def _block(language: str, text: str) -> list[str]:
    if not text:
        return []
    shown = "\n".join(visible(line, limit=_COMMAND) for line in text.split("\n")).replace("~~~", r"\~~~")
    return [f"~~~~ {language}\n{shown}\n~~~~"]


def done_table(journal: str) -> pd.DataFrame:
    """Return what a treatment's journal tells: each call with what came of it, and how it went on; none: no rows."""
    if not journal:
        return pd.DataFrame([], columns=_DONE)
    return pd.DataFrame([_done(row) for row in rows_of(Path(journal))], columns=_DONE)


def _done(row: Any) -> dict[str, str]:
    kind = str(row["kind"])
    if kind == "begin":
        what, result = f"{row['action']} of {row['service']} by {row['caller']}", ""
    elif kind == "intent":
        what, result = f"{row['operation']}: {short(row['params'])}", "about to be made"
    elif kind == "outcome":
        later = " (found when it was looked for later)" if row.get("found_later") else ""
        what, result = (
            f"call {row['step'] + 1}",
            f"{str(row['result']).replace('_', ' ')}{later} {row.get('error', '')}",
        )
    else:
        what, result = kind, str(row.get("statement", ""))
    return {"at": str(row["at"]), "what": visible(what, limit=CELL), "result": visible(result.strip())}


_UNDER = {
    Under.WAIT: "nothing is done",
    Under.STOP_DEPLOYMENT: "the rollout is stopped, and ECS goes back",
    Under.ROLL_BACK: "the last good revision is deployed",
    Under.DEPLOY_AGAIN: "the cause is mended and it is deployed again",
}


def forecasts_table(incident: Incident) -> pd.DataFrame:
    """Return one row an action: `p10`, `p50`, `p90` in minutes from now, and probabilities; missing: not known."""
    state = incident.diagnosis.state
    rows = []
    for under, words in _UNDER.items():
        told = prognosis_of(incident.frames, state, under=under).to_json()
        minutes = {name: told[name] / 60 if told[name] is not None else None for name in ("p10", "p50", "p90")}
        chances = {"within 30 min": told["within_1800_s"], "before the waiter gives up": told["before_waiter"]}
        rows.append({"action": words, **minutes, **chances})
    return pd.DataFrame(rows).round(2)


def prognosis_table(document: dict[str, Any]) -> pd.DataFrame:
    """Return the prognosis, one row a figure, from its document."""
    minutes = {
        "at best": "minimum_seconds_to_stable",
        "one in ten is faster than (p10)": "p10",
        "as likely sooner as later (p50)": "p50",
        "one in ten is slower than (p90)": "p90",
        "AWS's waiter gives up after": "waiter_seconds",
    }
    rows = [(what, _minutes(document.get(name))) for what, name in minutes.items()]
    rows += [("within 30 minutes", _percent(document.get("within_1800_s")))]
    rows += [("before AWS's waiter gives up", _percent(document.get("before_waiter")))]
    rows += [(f"assumes {number}", text) for number, text in enumerate(document.get("assumes") or (), start=1)]
    return pd.DataFrame(rows, columns=["what", "value"])


def _minutes(seconds: Any) -> str:
    return "not known" if seconds is None else f"{seconds / 60:.1f} min"


def _percent(share: Any) -> str:
    return "not known" if share is None else f"{share * 100:.0f} %"
