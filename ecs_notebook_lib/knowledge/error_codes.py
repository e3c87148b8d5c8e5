"""What an error code says about a call: asked too often, not allowed, the session is over, the clock is wrong."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

NOT_ASKED = "NotAsked"
"""The code under which a question is kept that was not asked, since others like it were not answered."""


class Kind(StrEnum):
    """What an error says; the rows of `error_codes.toml`."""

    THROTTLED = "throttled"
    DENIED = "denied"
    SESSION_OVER = "session_over"
    NOT_ACCEPTED = "not_accepted"
    CLOCK = "clock"
    NO_ANSWER = "no_answer"
    OTHER = "other"


@cache
def _rows() -> Mapping[Kind, Mapping[str, Any]]:
    return {Kind(name): row for name, row in read_table("error_codes").items()}


def kind_of(code: str, message: str = "") -> Kind:
    """Return what an error says; its message is needed to know a wrong clock from a wrong signature."""
    if any(text in message for text in _rows()[Kind.CLOCK]["messages"]):
        return Kind.CLOCK
    for kind, row in _rows().items():
        if code in row.get("codes", ()) or code.startswith(tuple(row.get("begin", ()))):
            return kind
    return Kind.OTHER
