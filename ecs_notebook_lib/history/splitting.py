"""Text in pieces → the JSON objects in it, however they were laid out.

They may stand one a line, over many lines, in an array, or one after another without a line end, as Data Firehose
writes them. What is damaged ends where the next object can be told apart: at a string that is broken by a line end,
at a brace where JSON has none, or at a line that begins a whole event. Memory is bounded by the longest object.
"""

import re
from collections.abc import Iterable, Iterator

import orjson

_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_TOKEN = re.compile(rb'(?:[^"{}\n]+|%b")*+(["{}\n])?' % _STRING)
"""What needs no look, then a brace, a line end, or the quote of a string that has no end here; or nothing more."""

_BROKEN = re.compile(rb"%b(\\?\n)?" % _STRING)
"""A string up to the line end that breaks it: JSON allows none. Without one, its rest has not come yet."""

_WRAPPER = re.compile(rb'\{\s*"\w+"\s*:\s*\[[\s,]*')
_BETWEEN = b"[], \t\r\n\xef\xbb\xbf}"
_BEFORE_OBJECT = b":[,"
_MARKS = (b'"detail-type"', b'"message"', b'"actionSourceId"')
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
        while self._advance():
            pass
        self._bound()
        return self._flush()

    def _advance(self) -> bool:
        """Go on to the next token and take it; return whether there was one."""
        token = _TOKEN.match(self._text, self._at)
        mark = token and token[1]
        self._at = token.end() if token else self._at
        if mark == b"{":
            self._open(self._at - 1)
        elif mark == b"}":
            self._close()
        elif mark == b"\n":
            self._end_line(is_broken=False)
        elif mark == b'"':
            broken = _BROKEN.match(self._text, self._at - 1)
            if not (broken and broken[1]):
                self._at -= 1
                return False
            self._at = broken.end()
            self._end_line(is_broken=True)
        return mark is not None

    def finish(self) -> list[bytes]:
        self._at = len(self._text)
        self._tell_line(self._at)
        return self._flush()

    def _end_line(self, *, is_broken: bool) -> None:
        if is_broken or not self._depth:
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
    """Say whether an object is an event, an entry of an action log, or one of a log that may hold an event."""
    if not any(mark in text for mark in _MARKS):
        return False
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return "detail-type" in value or "actionSourceId" in value or {"message", "timestamp"} <= value.keys()
