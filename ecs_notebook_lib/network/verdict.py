"""The answer of one rule, or of several together: open, closed, or cannot tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a connection gets through; `cannot_tell` is never read as one of the others."""

    OPEN = "open"
    CLOSED = "closed"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the rule, route, group or endpoint that decides, and why in one plain sentence."""

    verdict: Verdict
    rule: str = ""
    reason: str = ""


def opened(rule: str, reason: str) -> Decision:
    """Return an open decision."""
    return Decision(Verdict.OPEN, rule, reason)


def closed(rule: str, reason: str) -> Decision:
    """Return a closed decision."""
    return Decision(Verdict.CLOSED, rule, reason)


def unknown(rule: str, reason: str) -> Decision:
    """Return a decision that cannot be made."""
    return Decision(Verdict.CANNOT_TELL, rule, reason)


def all_of(decisions: Iterable[Decision]) -> Decision:
    """Return what a connection meets that must pass every one of them: one that is closed closes it."""
    rows = list(decisions)
    for verdict in (Verdict.CLOSED, Verdict.CANNOT_TELL):
        found = next((row for row in rows if row.verdict is verdict), None)
        if found is not None:
            return found
    return rows[-1] if rows else unknown("", "Nothing on this way is known.")
