"""Lines that look like errors and are none: the table `harmless.toml`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

_MAX_TEXT = 2000
_ASSIGNED = re.compile(r"[\"']?\s{0,2}([:=])\s{0,2}[\"']?")
_TELLING = re.compile(
    r"error|exception|fatal|fail|panic|denied|refused|forbidden|unauthorized|timed? ?out|cannot|can't|unable|abort"
    r"|killed|unreachable|not found|no such|invalid|missing|out of memory|crash|corrupt|unavailable"
)


@dataclass(frozen=True, slots=True)
class HarmlessLine:
    """One row: texts that all stand in the line; a `whole` one is harmless whatever else the line says."""

    phrases: tuple[str, ...]
    whole: bool
    reason: str
    sample: str


@cache
def harmless_rows() -> tuple[HarmlessLine, ...]:
    """Return all rows of the table."""
    return tuple(_row(row) for row in read_table("harmless")["harmless"])


def _row(row: Mapping[str, Any]) -> HarmlessLine:
    phrases = tuple(_plain(phrase).strip() for phrase in row["all"])
    return HarmlessLine(phrases, row.get("whole", False), row["reason"], row["sample"])


def harmless_reason(text: str) -> str:
    """Return why a line that may look like an error is none; `""` if no row of the table says so.

    What a row names is taken out of the line. If the rest still speaks of an error, the line is not harmless:
    `error_count: 0, fatal: no connection`.
    """
    plain = _plain(text)
    reason = ""
    for row in [row for row in harmless_rows() if row.phrases[0] in plain]:
        spans = [_find(plain, phrase) for phrase in row.phrases]
        if any(span is None for span in spans):
            continue
        if row.whole:
            return row.reason
        reason = reason or row.reason
        for phrase in row.phrases:
            while (span := _find(plain, phrase)) is not None:
                plain = f"{plain[: span[0]]} {plain[span[1] :]}"
    return "" if reason and speaks_of_an_error(plain) else reason


def may_be_harmless(text: str) -> bool:
    """Say whether a row may be in lines that are this one, but for their numbers; each is a `0` here."""
    plain = _plain(text)
    return any(phrase in plain for phrase in _first_phrases())


@cache
def _first_phrases() -> frozenset[str]:
    return frozenset(re.sub("[0-9]+", "0", row.phrases[0]) for row in harmless_rows())


def speaks_of_an_error(text: str) -> bool:
    """Say whether a text holds a word such as error, failed or denied."""
    return _TELLING.search(text[:_MAX_TEXT].lower()) is not None


def _plain(text: str) -> str:
    """Return a text in lower case, `"name": 0` as `name=0`."""
    return _ASSIGNED.sub("=", text[:_MAX_TEXT].lower())


def _find(text: str, phrase: str) -> tuple[int, int] | None:
    """Return where a phrase stands on its own: `0 errors` is not in `10 errors`."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        if _begins(text[:start], phrase) and _ends(text[end : end + 2], phrase):
            return start, end
        start = text.find(phrase, start + 1)
    return None


def _begins(before: str, phrase: str) -> bool:
    if phrase[0].isdigit():
        return not before or not (before[-1].isalnum() or before[-1] in ".,_-/")
    return not before or not (phrase[0].isalnum() and before[-1].isalnum())


def _ends(after: str, phrase: str) -> bool:
    if not after or not phrase[-1].isalnum():
        return True
    fraction = len(after) > 1 and after[0] in ".," and after[1].isdigit() and phrase[-1].isdigit()
    return not (after[0].isalnum() or after[0] == "_" or fraction)
