"""What log lines say, many at once: levels, meanings, and whether they are harmless.

Lines that differ only in numbers and identifiers are looked at once where that tells as much: for the level, and for
whether a line can mean anything that is known. Only those of which that is so are read one by one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecs_notebook_lib.frames.access_lines import access_of_named_fields, access_of_text, may_be_access, plain_client
from ecs_notebook_lib.frames.line_masks import LINES_AT_ONCE, MOST_TEXTS, alike, without_numbers
from ecs_notebook_lib.frames.log_lines import MAX_TEXT, LogLine, level_of, read_line
from ecs_notebook_lib.knowledge.harmless import harmless_reason, may_be_harmless
from ecs_notebook_lib.knowledge.messages import MAX_TEXT as MAX_MESSAGE
from ecs_notebook_lib.knowledge.messages import Message, error_kinds, find_in_log, may_be_in_log

ACCESS = "http_access"
DENIAL_PARTS = ("principal", "action", "resource")
_LAST_LINES = 200


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a line means, and the parts of it that are columns; an access line may tell an error as well."""

    kind: str
    parts: Mapping[str, str]
    error_kind: str | None = None

    @property
    def is_error(self) -> bool:
        """Say whether it speaks of a cause."""
        return (self.error_kind or self.kind) in error_kinds()


def read_lines(messages: Sequence[str]) -> list[LogLine]:
    """Return what each log event says: the same as `read_line`, which it calls for each that is not plain text."""
    lines: list[LogLine] = []
    for start in range(0, len(messages), LINES_AT_ONCE):
        part = messages[start : start + LINES_AT_ONCE]
        levels = _levels(["" if _needs_reading(message) else message for message in part])
        lines += [
            read_line(message) if _needs_reading(message) else LogLine(message, level)
            for message, level in zip(part, levels, strict=True)
        ]
    return lines


def _needs_reading(message: str) -> bool:
    return message.startswith("{") or len(message) > MAX_TEXT or "\x1b" in message


def _levels(texts: Sequence[str]) -> Iterator[str | None]:
    """Yield the level of each text: no level depends on which digit or which identifier a line has."""
    plain = alike(pa.array(texts, pa.large_string()))
    levels = [level_of(text) for text in plain.dictionary.to_pylist()]
    return (levels[number] for number in plain.indices.to_pylist())


def meanings_of(lines: Sequence[LogLine], messages: Sequence[str]) -> list[Meaning | None]:
    """Return what each line means, given with the log event that it was read from; None if it is not known."""
    texts = [line.text for line in lines]
    raw = ["" if text == message else message for text, message in zip(texts, messages, strict=True)]
    likely = _that_may(texts, _may_mean) | _that_may(raw, _may_mean)
    likely |= np.array(
        [
            bool(line.trace) or line.access is not None or len(text) > MAX_MESSAGE
            for line, text in zip(lines, messages, strict=True)
        ],
        dtype=np.bool_,
    )
    found: list[Meaning | None] = [None] * len(lines)
    for number in np.flatnonzero(likely).tolist():
        found[number] = _meaning(lines[number], messages[number])
    return found


def harmless_ones(lines: Sequence[LogLine], found: Sequence[Meaning | None]) -> list[bool]:
    """Say of each line whether it is in `knowledge/harmless.toml`, and neither fatal nor a known error."""
    likely = _that_may([line.text for line in lines], may_be_harmless)
    return [bool(may) and _is_harmless(line, meaning) for may, line, meaning in zip(likely, lines, found, strict=True)]


def _may_mean(text: str) -> bool:
    return may_be_access(text) or may_be_in_log(text)


def _that_may(texts: Sequence[str], test: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    """Say of each text whether it passes a test that does not look at numbers."""
    known: dict[str, bool] = {}
    passed = [np.empty(0, dtype=np.bool_)]
    for start in range(0, len(texts), LINES_AT_ONCE):
        plain = without_numbers(pa.array(texts[start : start + LINES_AT_ONCE], pa.large_string()))
        distinct = plain.dictionary.to_pylist()
        known |= {text: test(text) for text in distinct if text not in known}
        passed.append(np.array([known[text] for text in distinct], dtype=np.bool_)[plain.indices.to_numpy()])
        if len(known) > MOST_TEXTS:
            known.clear()
    return np.concatenate(passed)


def _meaning(line: LogLine, message: str) -> Meaning | None:
    """Return what a line means: it is an access line if it has a method and a status, whatever else it tells."""
    looked = line.text == message and message.startswith("{")
    likely = not looked and may_be_access(line.text)
    access = line.access or (access_of_named_fields(line.text) if likely else None)
    if access is not None:
        error = _known(line, message) if line.level in _GRAVE or access["status"] >= "500" else None
        if error is None or error.kind not in error_kinds():
            return Meaning(ACCESS, access)
        denial = {part: error.parts[part] for part in DENIAL_PARTS if part in error.parts}
        return Meaning(ACCESS, {**denial, **access}, error.kind)
    known = _known(line, message)
    if known is None:
        told = access_of_text(line.text) if likely else None
        return Meaning(ACCESS, told) if told else None
    if known.kind == ACCESS and "client" in known.parts:
        return Meaning(ACCESS, {**known.parts, "client": plain_client(known.parts["client"])})
    return Meaning(known.kind, known.parts)


_GRAVE = ("FATAL", "ERROR", "WARN")


def _known(line: LogLine, message: str) -> Message | None:
    """Return the message in a line; of several lines in one, a stack trace, the last that speaks of a cause."""
    several = line.lines[-_LAST_LINES:]
    if len(several) > 1:
        each = (find_in_log(text) for text in reversed(several))
        causes = (found for found in each if found and found.kind in error_kinds() and found.kind != "traceback")
        cause = next(causes, None)
        if cause is not None:
            return cause
    return find_in_log(line.text) or find_in_log(message)


def _is_harmless(line: LogLine, meaning: Meaning | None) -> bool:
    known = meaning is not None and meaning.is_error
    return not known and line.level != "FATAL" and harmless_reason(line.text) != ""
