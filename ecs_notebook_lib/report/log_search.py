"""Looking through log lines: which match, what stands around them, and where in each line it matches."""

import re
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ecs_notebook_lib.untrusted import visible

MOST_MATCHES = 100
MAX_CONTEXT = 10
_LINE = 500
_BEFORE = 120
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_OPEN, _CLOSE = "\x02", "\x03"
"""Around what is highlighted: text that went through `visible` holds neither."""


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What is looked for: a text, literally or as a regular expression, in lines of a level, revision, container.

    An empty value asks for nothing. `context` is how many lines of the same stream are shown before and after a match.
    """

    text: str = ""
    regex: bool = False
    level: str = ""
    revision: str = ""
    container: str = ""
    context: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The newest matching lines with those around them, oldest first; `matches` counts all, `error` tells why none.

    `lines` has the columns of `log_events` and `is_match`, and `group`: lines of one group stood one after the other.
    """

    lines: pd.DataFrame
    matches: int
    error: str = ""


def search(log_events: pd.DataFrame, wanted: LogSearch) -> Found:
    """Return the lines that match, at most `MOST_MATCHES` of them, with their context.

    Upper and lower case are the same. Regular expressions are RE2's: no pattern takes longer than the text is long.
    """
    try:
        hits = _matching(log_events["message"], wanted) & _chosen(log_events, wanted)
    except pa.ArrowInvalid as error:
        return Found(_no_lines(log_events), 0, _reason(error))
    count = int(hits.sum())
    newest = np.flatnonzero(hits)[-MOST_MATCHES:]
    order, streams = _by_stream(log_events)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    around = _around(places[newest], streams, min(max(wanted.context, 0), MAX_CONTEXT))
    lines = log_events.iloc[order[around]].assign(
        is_match=np.isin(order[around], newest), group=_groups(around, streams)
    )
    first = lines.groupby("group")["logged_at"].transform("min")
    lines = lines.assign(first=first).sort_values(["first", "group"], kind="stable").drop(columns="first")
    return Found(lines.reset_index(drop=True), count)


def _no_lines(log_events: pd.DataFrame) -> pd.DataFrame:
    return log_events.head(0).assign(is_match=pd.Series(dtype=bool), group=pd.Series(dtype=int))


def _reason(error: Exception) -> str:
    return visible(str(error).rpartition("Invalid regular expression: ")[2].partition(". Detail:")[0], limit=200)


def _pattern(wanted: LogSearch) -> str:
    return wanted.text if wanted.regex else _PUNCTUATION.sub(r"\\\g<0>", wanted.text)


def _matching(messages: pd.Series, wanted: LogSearch) -> np.ndarray:
    if not wanted.text:
        return np.ones(len(messages), dtype=bool)
    texts = pa.array(messages, type=pa.large_string(), from_pandas=True)
    look = pc.match_substring_regex if wanted.regex else pc.match_substring
    return np.asarray(
        look(texts, pattern=wanted.text, ignore_case=True).fill_null(False).to_numpy(zero_copy_only=False)
    )


def _chosen(log_events: pd.DataFrame, wanted: LogSearch) -> np.ndarray:
    chosen = np.ones(len(log_events), dtype=bool)
    for name in ("level", "revision", "container"):
        if value := getattr(wanted, name):
            chosen &= (log_events[name] == value).fillna(False).to_numpy(dtype=bool)
    return chosen


def _by_stream(log_events: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the lines, stream after stream, and the stream of each of these."""
    codes = log_events.groupby(["log_group", "log_stream"], dropna=False, sort=False).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    return order, codes[order]


def _around(places: np.ndarray, streams: np.ndarray, context: int) -> np.ndarray:
    """Return these places and those up to `context` before and after, in the same stream, each once, in order."""
    offsets = np.arange(-context, context + 1)
    near = (places[:, None] + offsets).ravel()
    own = np.repeat(streams[places], len(offsets))
    inside = (near >= 0) & (near < len(streams))
    near, own = near[inside], own[inside]
    return np.unique(near[streams[near] == own])


def _groups(around: np.ndarray, streams: np.ndarray) -> np.ndarray:
    """Return a number for each run of lines that stood one after the other in one stream."""
    if not len(around):
        return np.zeros(0, dtype=int)
    breaks = (np.diff(around) != 1) | (np.diff(streams[around]) != 0)
    return np.concatenate([[0], np.cumsum(breaks)])


def highlighted(lines: pd.Series, wanted: LogSearch) -> list[str]:
    """Return lines as HTML in which nothing is markup but the marks around what was looked for."""
    shown = pa.array([_excerpt(line, wanted) for line in lines], type=pa.string())
    if wanted.text:
        replacement = f"{_OPEN}\\1{_CLOSE}"
        shown = pc.replace_substring_regex(shown, pattern=f"(?i)({_pattern(wanted)})", replacement=replacement)
    marked = (escape(str(line)) for line in shown.to_pylist())
    return [line.replace(f"{_OPEN}{_CLOSE}", "").replace(_OPEN, "<mark>").replace(_CLOSE, "</mark>") for line in marked]


def _excerpt(line: str, wanted: LogSearch) -> str:
    """Return a line as far as it is shown: from its beginning, or of a long one from a little before the match."""
    if len(line) <= _LINE or not wanted.text:
        return visible(line, limit=_LINE)
    at = pc.find_substring_regex(pa.array([line], type=pa.large_string()), pattern=_pattern(wanted), ignore_case=True)
    begin = max(0, len(line.encode("utf-8", "replace")[: max(0, at[0].as_py())].decode("utf-8", "ignore")) - _BEFORE)
    return ("... " if begin else "") + visible(line[begin : begin + _LINE + 1], limit=_LINE)
