"""CloudTrail's events as they were read: who called what, and what was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.frames.columns import TEXT, UTC_TIME, Column, FrameSchema
from ecs_notebook_lib.frames.comparing import at
from ecs_notebook_lib.knowledge.change_events import OPERATION, ChangeEvent, change_events

_EVENT = "Events[]."
TRAIL_EVENTS = FrameSchema(
    "trail_events",
    OPERATION,
    rows="One row a management event since the last good deployment, of the names in `knowledge/change_events`. Empty: "
    "refused, not asked as the deployment is well, or nobody changed anything.",
    key=("event_id",),
    columns=(
        Column("event_id", TEXT, f"{_EVENT}EventId", "Id of the event."),
        Column("event_name", TEXT, f"{_EVENT}EventName", "The call, e.g. PutRolePolicy."),
        Column("event_source", TEXT, f"{_EVENT}EventSource", "Host of the service that was called."),
        Column("event_at", UTC_TIME, f"{_EVENT}EventTime", "When it was called."),
        Column("username", TEXT, f"{_EVENT}Username", "Who called; of a role's session the name of the session."),
        Column("body", TEXT, f"{_EVENT}CloudTrailEvent", "What is kept of the event, as JSON; values are masked."),
    ),
)


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One event with its body read; `row` is what the table of events says of its name."""

    id: str
    row: ChangeEvent
    at: pd.Timestamp
    who: str
    asked: Mapping[str, Any]
    answered: Mapping[str, Any]

    @property
    def resource(self) -> str:
        """Return the name or ARN of what was changed, as the caller gave it."""
        return str(at(self.asked, self.row.resource) or "")


def events_of(frame: pd.DataFrame) -> list[TrailEvent]:
    """Return the events that changed something, oldest first: a call that AWS refused did not."""
    timed = frame.dropna(subset=["event_at"])
    events = filter(None, map(_event, timed.sort_values(["event_at", "event_id"]).to_dict("records")))
    return list(events)


def _event(record: Mapping[Any, Any]) -> TrailEvent | None:
    row = change_events().get(record["event_name"])
    body = _body(record["body"])
    if row is None or body.get("errorCode") or body.get("eventSource") != f"{row.source}.amazonaws.com":
        return None
    members = (body.get(name) for name in ("requestParameters", "responseElements"))
    asked, answered = (member if isinstance(member, dict) else {} for member in members)
    who = str(record["username"]) if pd.notna(record["username"]) else session_of(at(body, "userIdentity.arn"))
    return TrailEvent(str(record["event_id"]), row, record["event_at"], who, asked, answered)


def _body(text: Any) -> Mapping[str, Any]:
    try:
        body = orjson.loads(text) if isinstance(text, str) else {}
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def session_of(arn: Any) -> str:
    """Return who an ARN names: the session of a role, else the user; empty if there is none."""
    return str(arn).rpartition("/")[2] if isinstance(arn, str) else ""


Pages = Sequence[Mapping[str, Any]]


def names_not_asked(pages: Pages) -> list[str]:
    """Return the names of events that were not asked for, or refused, most telling first."""
    answered = {_name_of(page) for page in pages if page["error"] is None}
    return [name for name in change_events() if name not in answered]


def names_cut_off(pages: Pages) -> list[str]:
    """Return the names of which CloudTrail had more events than were read: the last page still led on."""
    last = {_name_of(page): page["response"] or {} for page in pages if page["error"] is None}
    return [name for name, response in last.items() if response.get("NextToken")]


def left_out(pages: Pages, home: str) -> str:
    """Return what was not asked of CloudTrail, to keep to its deadline; empty if nothing was left out.

    `home` is the region of the service: what a region refused was not left out.
    """
    refused = {page["region"] for page in pages if page["error"]}
    late = (
        [name for name in names_not_asked(pages) if change_events()[name].region(home) not in refused] if pages else []
    )
    cut = names_cut_off(pages)
    texts = [
        f"not asked in time: {', '.join(late)}" if late else "",
        f"only the newest: {', '.join(cut)}" if cut else "",
    ]
    return "; ".join(text for text in texts if text)


def _name_of(page: Mapping[str, Any]) -> str:
    return next((str(row.get("AttributeValue")) for row in page["params"].get("LookupAttributes", ())), "")
