"""The table of ECS's events: what each detail-type tells of, and what it is kept as."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ecs_notebook_lib.knowledge.tables import read_table

TASK_STATE_CHANGE = "ECS Task State Change"


@dataclass(frozen=True, slots=True)
class EventType:
    """One detail-type; `operation` and `member` are where the API tells the same thing, empty if it does not."""

    detail_type: str
    kind: str
    key: str = ""
    operation: str = ""
    member: str = ""


@cache
def event_types() -> Mapping[str, EventType]:
    """Return every documented type of ECS event by its detail-type, in the order of the table."""
    members = ("kind", "key", "operation", "member")
    return {
        name: EventType(name, **{member: row.get(member, "") for member in members})
        for name, row in read_table("event_types").items()
    }
