"""The tables about what changed: what most likely brought the failure first, then all of it in time, as a diff."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ecs_notebook_lib.frames.trail import names_cut_off, names_not_asked
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.change_events import OPERATION, change_events
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible

_RANKED = 8
_SCORE_SHOWN = 0.0005
_TEXT = 160
_NOT_YET = pd.Timedelta(minutes=15)
"""How far behind CloudTrail's LookupEvents may be (ECS_FACTS 9.2)."""


def changes_table(incident: Incident) -> pd.DataFrame:
    """Return the changes that can have brought the failure, the likeliest first, each with why."""
    rows = {row["change_id"]: row for row in incident.frames.changes.to_dict("records")}
    ranked = [row for row in incident.diagnosis.changes if row.score >= _SCORE_SHOWN][:_RANKED]
    table = [
        {
            "rank": number,
            "changed_at": f"{rows[row.change_id]['changed_at']:%Y-%m-%d %H:%M}",
            "what": _what(rows[row.change_id]),
            "who": _known(rows[row.change_id]["who"]),
            "score": f"{row.score:.3f}",
            "because": row.because,
        }
        for number, row in enumerate(ranked, start=1)
    ]
    return pd.DataFrame(table, columns=["rank", "changed_at", "what", "who", "score", "because"])


def _what(row: Mapping[Any, Any]) -> str:
    return f"{row['subject'].replace('_', ' ')} {row['resource'].rpartition('/')[2]}: {row['member']}"


def _known(value: Any) -> str:
    return "not known" if pd.isna(value) else str(value)


def diff_table(incident: Incident) -> pd.DataFrame:
    """Return every change in time: what it was and what it became, one line each; unrelated ones are only counted."""
    changes = incident.frames.changes
    shown = changes[changes["related"].fillna(value=True)]
    texts = {name: shown[name].map(lambda text: visible(text, limit=_TEXT)) for name in ("before", "after")}
    what = [_what(row) for row in shown.to_dict("records")]
    columns = ["changed_at", "what", "before", "after", "who", "known_from"]
    return shown.assign(what=what, **texts)[columns].reset_index(drop=True)


def between_table(incident: Incident) -> pd.DataFrame:
    """Return what is compared with what, which time CloudTrail was asked for, and what of it nobody can see."""
    frames = incident.frames
    history, changes = frames.history, frames.changes
    rows = [
        ("last good revision", history.last_good.revision if history.last_good else "none is known"),
        ("all was well at", utc_text(frames.well_since) if frames.well_since else "not known"),
        ("examined revision", history.examined.revision if history.examined else "none is known"),
        ("its first failure", utc_text(frames.first_failure) if frames.first_failure else "none is known"),
        ("changes of things that neither uses", int((~changes["related"].fillna(value=True)).sum())),
        *_asked(incident),
    ]
    return pd.DataFrame([(what, str(value)) for what, value in rows], columns=["what", "value"])


def line_of(incident: Incident) -> dict[str, Any]:
    """Return what `plot_changes` draws beside the frame: the likeliest change, and the two ends of the line."""
    good, failed = incident.frames.well_since, incident.frames.first_failure
    ranked = [row.change_id for row in incident.diagnosis.changes if row.score > 0]
    return {
        "changes": incident.frames.changes,
        "likeliest": ranked[0] if ranked else "",
        "good_at": pd.Timestamp(good) if good else None,
        "failed_at": pd.Timestamp(failed) if failed else None,
    }


def _asked(incident: Incident) -> list[tuple[str, str]]:
    """Return what was asked of CloudTrail, what was not, and what it cannot show yet."""
    pages = incident.snapshot.records(OPERATION)
    if not pages:
        return [("CloudTrail", "not asked: the deployment is well, or there is no last good one")]
    refused = sorted({f"{page['error']['code']} in {page['region']}" for page in pages if page["error"]})
    until = max(pd.Timestamp(page["params"]["EndTime"]) for page in pages)
    late = until > incident.as_of - _NOT_YET
    missing, cut = names_not_asked(pages), names_cut_off(pages)
    return [
        ("CloudTrail was asked for", f"{len(change_events()) - len(missing)} kinds of calls"),
        ("refused", ", ".join(refused) or "nothing"),
        ("not asked in time, or refused", ", ".join(missing) or "nothing"),
        ("only the newest were read of", ", ".join(cut) or "nothing"),
        (
            "not yet visible",
            f"calls after {utc_text((incident.as_of - _NOT_YET).to_pydatetime())}" if late else "nothing",
        ),
    ]
