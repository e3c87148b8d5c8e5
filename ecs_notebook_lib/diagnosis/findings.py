"""What a check states: one fact with the rows that it rests on, or that it found nothing, or that it could not look."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ecs_notebook_lib.diagnosis import words

if TYPE_CHECKING:
    import pandas as pd

    from ecs_notebook_lib.examined import Deployment
    from ecs_notebook_lib.frames import Frames


class Outcome(StrEnum):
    """What came of a check; `clear` needs complete data."""

    FOUND = "found"
    CLEAR = "clear"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation. `rows` are the key values of the frame's rows, `parts` what was seen in them.

    `revision` is the one that it is about; empty if it is about the service. One about another revision than the
    examined one is shown and weighs nothing (DESIGN, rule 3).
    """

    kind: str
    check: str
    statement: str
    frame: str
    rows: tuple[str, ...]
    revision: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    weighs: bool = True

    def __repr__(self) -> str:
        return words.told(self)

    def _repr_markdown_(self) -> str:
        return words.as_markdown([words.told(self)])


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one check, with AWS's reason if it could not be made."""

    check: str
    step: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    refused: bool = False
    """Whether something that it needs was not read, rather than that there was nothing to look at."""


class NothingToExamineError(Exception):
    """Raised by a check when the data is complete but has nothing in it that the question could be asked of."""


def examined_of(frames: "Frames") -> "Deployment":
    """Return the examined deployment.

    Raises
    ------
    NothingToExamineError
        If no deployment is known.
    """
    if frames.history.examined is None:
        raise NothingToExamineError("no deployment is known")
    return frames.history.examined


Examine = Callable[["Frames"], Iterator[Finding]]


def keys_of(rows: "pd.DataFrame", column: str) -> tuple[str, ...]:
    """Return the key values of rows, as text."""
    return tuple(rows[column].astype("string").tolist())


def most_common(values: "pd.Series") -> str:
    """Return the value that occurs most often; `""` if there is none."""
    counts = values.dropna().value_counts()
    return str(counts.index[0]) if len(counts) else ""


def listing(values: "pd.Series", *, limit: int = 4) -> str:
    """Return the distinct values in words: `a, b and 3 more`."""
    distinct = [str(value) for value in values.dropna().unique()]
    shown = distinct[:limit]
    return ", ".join(shown) + (f" and {len(distinct) - limit} more" if len(distinct) > limit else "")


def counted(number: int, noun: str) -> str:
    """Return `1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
