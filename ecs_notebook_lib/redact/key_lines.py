"""Private keys that were logged line by line: each event holds a line of one, and none looks like a key by itself."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ecs_notebook_lib.redact.pseudonyms import MARK

_BEGIN = re.compile(r"-----BEGIN[^-\n\"']{0,40}PRIVATE KEY")
_END = re.compile(r"-----END[^-\n\"']{0,50}PRIVATE KEY[^-\n\"']{0,10}-----")
_BODY = re.compile(
    r"\s*(?:[A-Za-z0-9+/]{4,}={0,2})?\s*|.{0,200}\s[A-Za-z0-9+/]{48,}={0,2}\s*|\s*(?:Proc-Type|DEK-Info):.*", re.DOTALL
)
"""A line of base64, by itself or behind what a logger puts before it."""
_MESSAGE, _STREAM = "message", "logStreamName"


class KeyLines:
    """Follows log events in their order, by stream and across pages, and takes out those that are lines of a key."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def without_keys(self, rows: Iterable[Any]) -> Iterable[Any]:
        """Return rows; of those that are log events, with a mark in place of a message that is a line of a key."""
        return [self._without(row) if isinstance(row, Mapping) and _MESSAGE in row else row for row in rows]

    def _without(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        stream, text = str(row.get(_STREAM, "")), row[_MESSAGE]
        if not isinstance(text, str):
            return row
        begins, ends = _BEGIN.search(text), _END.search(text)
        if begins:
            if not ends or ends.start() < begins.start():
                self._open.add(stream)
            return row
        if stream not in self._open:
            return row
        if ends or not _BODY.fullmatch(text):
            self._open.discard(stream)
        if ends:
            return {**row, _MESSAGE: f"{MARK}private-key{text[ends.end() :]}"}
        return {**row, _MESSAGE: f"{MARK}private-key"} if stream in self._open else row
