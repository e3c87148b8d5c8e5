"""Private keys that were logged line by line: each event holds a line of one, and none looks like a key by itself."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_notebook_lib.redact.pseudonyms import MARK

_BEGIN = re.compile(r"-----BEGIN[^-\n\"']{0,40}PRIVATE KEY")
_END = re.compile(r"-----END[^-\n\"']{0,50}PRIVATE KEY[^-\n\"']{0,10}-----")
_MOST_LINES = 400
_MESSAGE, _STREAM = "message", "logStreamName"


class KeyLines:
    """Follows the streams of one list of log events, and takes out the lines after the first of a key."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    @classmethod
    def of(cls, rows: Sequence[Any]) -> "KeyLines | None":
        """Return what follows these rows; None if they are no log events, or none of them begins a key."""
        texts = (row.get(_MESSAGE) for row in rows if isinstance(row, Mapping))
        return cls() if any(isinstance(text, str) and _BEGIN.search(text) for text in texts) else None

    def without(self, row: Any) -> Any:
        """Return an event, with a mark in place of its message if that is a line of a key."""
        if not isinstance(row, Mapping) or not isinstance(row.get(_MESSAGE), str):
            return row
        stream, text = str(row.get(_STREAM, "")), row[_MESSAGE]
        left = self._open.pop(stream, 0)
        begins, ends = _BEGIN.search(text), _END.search(text)
        if begins and not (ends and ends.start() > begins.start()):
            self._open[stream] = _MOST_LINES
            return row
        if not left:
            return row
        if not ends and left > 1:
            self._open[stream] = left - 1
        return {**row, _MESSAGE: f"{MARK}private-key" + (text[ends.end() :] if ends else "")}
