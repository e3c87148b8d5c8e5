"""Text in pieces → the JSON objects in it, however they were laid out.

They may stand one a line, over many lines, in an array, or one after another without a line end, as Data Firehose
writes them. What is damaged ends where the next object can be told apart: at a string that is broken by a line end,
at a brace where JSON has none, or at a line that begins a whole event. Memory is bounded by the longest object.
"""

import re
from collections.abc import Iterable, Iterator

import orjson

_TOKEN = re.compile(rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+["\n]|["{}\n]')
"""A string up to its end, or to a line end, which breaks it; a brace; a line end. A lone quote: not read to its end."""

_WRAPPER = re.compile(rb'\{\s*"\w+"\s*:\s*\[[\s,]*')
_BETWEEN = b"[], \t\r\n\xef\xbb\xbf}"
_BEFORE_OBJECT = b":[,"
_MARKS = (b'"detail-type"', b'"message"')
_LONGEST = 64 << 20
"""Bytes of one object: what the aws command prints is one, however many events are in it."""

_SHOWN = 200


def split_objects(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each JSON object, and each line in which there is none; what is damaged is yielded as it stands."""
    splitter = _Splitter()
    for piece in pieces:
        yield from splitter.feed(piece)
    yield from splitter.finish()


class _Splitter:
    def __init__(self) -> None:
        self._text = b""
        self._at = 0
        """Where the next token is looked for."""
        self._told = 0
        """Up to where everything was told."""
        self._line = 0
        """Where the line begins."""
        self._depth = 0
        self._inner: list[tuple[int, int]] = []
        """Objects that begin a line inside of the open one: where, and how deep."""
        self._wrapped = False
        """Whether what comes between objects belongs to a wrapper of them."""
        self._out: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        self._text += piece
        while token := _TOKEN.search(self._text, self._at):
            if token[0] == b'"':
                break
            self._at = token.end()
            self._take(token[0][:1], token[0][-1:], token.start())
        else:
            self._at = len(self._text)
        self._bound()
        return self._flush()

    def finish(self) -> list[bytes]:
        self._at = len(self._text)
        self._tell_line(self._at)
        return self._flush()

    def _take(self, first: bytes, last: bytes, start: int) -> None:
        if first == b"{":
            self._open(start)
        elif first == b"}":
            self._close()
        elif last == b"\n":
            if first == b'"' or not self._depth:
                self._tell_line(self._at)
            self._line = self._at

    def _open(self, start: int) -> None:
        if self._depth and self._text[max(self._told, start - _SHOWN) : start].rstrip()[-1:] not in _BEFORE_OBJECT:
            self._tell_line(start)
        if not self._depth:
            self._told = start
        elif self._line > self._told and not self._text[self._line : start].strip():
            self._inner.append((start, self._depth))
        self._depth += 1

    def _close(self) -> None:
        if not self._depth:
            self._wrapped = False
            return
        self._depth -= 1
        if self._inner and self._inner[-1][1] == self._depth:
            start, _ = self._inner.pop()
            if _is_whole(self._text[start : self._at]):
                self._begin_anew(start)
        if not self._depth:
            self._tell(self._at)

    def _begin_anew(self, start: int) -> None:
        """Take an object inside of the open one for a whole: what is around it is a wrapper, or damaged."""
        if _WRAPPER.fullmatch(self._text[self._told : start]):
            self._wrapped = True
        else:
            self._tell(start)
        self._told, self._depth = start, 0

    def _tell_line(self, end: int) -> None:
        """Tell what is open, or was not told yet, as it stands; nothing if there are only marks between objects."""
        if self._text[self._told : end].strip(_BETWEEN) and not self._wrapped:
            self._tell(end)
        self._told, self._depth = end, 0
        self._inner.clear()

    def _tell(self, end: int) -> None:
        self._out.append(self._text[self._told : end])
        self._told = end
        self._inner.clear()

    def _bound(self) -> None:
        if len(self._text) - self._told > (_LONGEST if self._depth else _SHOWN << 10):
            self._text = self._text[: self._told + _SHOWN]
            self._at = len(self._text)
            self._tell_line(self._at)

    def _flush(self) -> list[bytes]:
        self._text = self._text[self._told :]
        self._at, self._line = self._at - self._told, max(0, self._line - self._told)
        self._inner = [(start - self._told, depth) for start, depth in self._inner]
        self._told = 0
        told, self._out = self._out, []
        return told


def _is_whole(text: bytes) -> bool:
    """Say whether an object is an event, or an entry of a log that may hold one."""
    if not any(mark in text for mark in _MARKS):
        return False
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return "detail-type" in value or {"message", "timestamp"} <= value.keys()
