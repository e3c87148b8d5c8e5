"""Reading what a treatment wrote down: a line before and after each call, and one when it was followed to its end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ecs_notebook_lib.errors import EcsNotebookError

SCHEMA = "ecs-notebook/journal/1"
Row = Mapping[str, Any]
_MAX_BYTES = 64 << 20
"""A journal has some lines for each call; one that is larger is none."""


class JournalError(EcsNotebookError):
    """A file that is not the journal of a treatment, or one that is damaged."""

    def __init__(self, path: object, what: str) -> None:
        super().__init__(f"The journal {str(path)!r} cannot be read: {what}. Give a file that treat --apply wrote.")
        self.path = str(path)


def rows_of(path: Path) -> list[Row]:
    """Return the lines of a journal; a last line that was cut off is left out.

    Raises
    ------
    JournalError
        If it is no journal.
    """
    rows: list[Row] = []
    if path.stat().st_size > _MAX_BYTES:
        raise JournalError(path, f"it is larger than {_MAX_BYTES >> 20} MiB")
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            if number == len(lines) - 1:
                break
            raise JournalError(path, f"line {number + 1} is damaged") from error
    if not all(isinstance(row, dict) for row in rows) or not rows or rows[0].get("schema") != SCHEMA:
        raise JournalError(path, "it is no journal of a treatment")
    return rows


def steps_of(rows: list[Row]) -> dict[int, tuple[Row, Row | None]]:
    """Return intent and outcome of each call, by its number; None where no outcome was written."""
    intents = {row["step"]: row for row in rows if row["kind"] == "intent"}
    outcomes = {row["step"]: row for row in rows if row["kind"] == "outcome"}
    return {number: (intent, outcomes.get(number)) for number, intent in intents.items()}
