"""The log lines of the examined revision, those that tell most first; and how its dead containers ended."""

import pandas as pd

from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.columns import texts
from ecs_notebook_lib.frames.log_patterns import pattern_lines
from ecs_notebook_lib.frames.logs import told_kinds
from ecs_notebook_lib.knowledge.harmless import speaks_of_an_error
from ecs_notebook_lib.knowledge.messages import error_kinds

ERRORS = ("FATAL", "ERROR")
LINES_SHOWN = 5

_NEAR_END = 30
"""Lines: what ended a process stands among its last ones."""

_VERY_END = 3
_RANKED = 50
_COLUMNS = ["logged_at", "revision", "container", "log_stream", "level", "message", "why"]
_WHY = (
    "a known error",
    "a stack trace",
    "an error that is new",
    "an error, or what sounds like one",
    "the last words of a container",
)
_SPOKEN, _LAST_WORDS, _NOTHING = 3, 4, 5
_NOT_ITSELF = frozenset({"traceback"})
_NO_MESSAGE = frozenset({"http_access", "listening"})


def of_examined(frames: Frames, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are about the examined revision."""
    return _of(frames.history.examined.revision if frames.history.examined else "", rows)


def _of(revision: str, rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["revision"].fillna("") == revision] if revision else rows.head(0)


def dead_streams(frames: Frames) -> list[str]:
    """Return the log streams of stopped tasks of the examined revision, the one that ended last first."""
    tasks = frames.tasks
    stopped = tasks["stop_code"].notna() | (tasks["last_status"].fillna("") == "STOPPED")
    lines = of_examined(frames, frames.log_events)
    named = tasks["task_id"].isin(lines["task_id"].dropna().unique())  # of few tasks lines were read
    lines = lines[lines["task_id"].isin(tasks.loc[stopped & named, "task_id"])]
    ends = lines.groupby("log_stream")["logged_at"].max()
    return [str(stream) for stream in ends.sort_values(ascending=False, kind="stable").index]


def telling_lines(frames: Frames) -> pd.DataFrame:
    """Return the lines of the examined revision that tell most, best first: one a pattern, never a harmless one.

    Where ECS has forgotten its tasks and nobody knows whose a line is, those lines are ranked, and their revision is
    missing.

    First come errors whose meaning is known, then what stack traces say, then errors that the last good revision
    never printed, then other errors, last what dead containers printed at the very end. Within each, what stands near
    the end of a dead container comes first, then what more streams hold, then what came last. What the last good
    revision printed as well counts as another error, and there what is known comes first.

    Returns
    -------
    pandas.DataFrame
        logged_at, revision, container, log_stream, level, message (raw, untrusted), why.
    """
    lines = _candidates(frames)
    order = {"tier": True, "strength": True, "far": True, "fewer_streams": True, "from_end": True, "logged_at": False}
    ranked = lines.sort_values([*order], ascending=[*order.values()], kind="stable")
    best = ranked.drop_duplicates("pattern").head(_RANKED)
    why = texts((_WHY[tier] for tier in best["tier"]), best.index)
    return best.assign(why=why)[_COLUMNS].reset_index(drop=True)


def _of_examined_or_unknown(frames: Frames, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about the examined revision; if no line of it is known, those whose revision nobody knows."""
    if len(of_examined(frames, frames.log_events)):
        return of_examined(frames, rows)
    return rows[rows["revision"].isna()]


def _candidates(frames: Frames) -> pd.DataFrame:
    """Return the lines of the examined revision: each stack trace as one, and known errors also inside of one."""
    events = _of_examined_or_unknown(frames, frames.log_events)
    events = events.assign(from_end=events.groupby("log_stream").cumcount(ascending=False))
    traces = _of_examined_or_unknown(frames, frames.stack_traces)
    ends = events.groupby("trace_id")["from_end"].min()
    traces = traces.assign(from_end=traces["trace_id"].map(ends), trace=True)
    events = events.assign(kind=told_kinds(events))
    known = events["kind"].isin(error_kinds() - _NOT_ITSELF)
    no_message = events["kind"].isin(_NO_MESSAGE) & ~events["level"].isin(ERRORS)
    plain = events[known | (events["trace_id"].isna() & ~no_message)].assign(trace=False)
    lines = pattern_lines(plain.assign(trace_id=None), traces, also=("from_end", "trace", "kind"))
    lines = lines[~lines["harmless"].fillna(value=False)]
    dead = lines["log_stream"].isin(dead_streams(frames))
    strength, new = _strength(lines), ~lines["pattern"].isin(_patterns_of_last_good(frames))
    last_words = dead & ((lines["from_end"] < _VERY_END) | (new & (lines["from_end"] < _NEAR_END)))
    tier = strength.mask(~new & (strength == _SPOKEN), _NOTHING).mask(~new & (strength < _SPOKEN), _SPOKEN)
    lines = lines.assign(
        tier=tier.mask((tier == _NOTHING) & last_words, _LAST_WORDS),
        strength=strength,
        far=~dead | (lines["from_end"] > _NEAR_END),
        fewer_streams=-lines.groupby("pattern")["log_stream"].transform("nunique"),
    )
    return lines[lines["tier"] < _NOTHING].reset_index(drop=True)


def _strength(lines: pd.DataFrame) -> pd.Series:
    """Return how much each line says by itself: its place in `_WHY`, or `_NOTHING`."""
    level = lines["level"].fillna("")
    spoken = pd.Series([speaks_of_an_error(text) for text in lines["message"]], index=lines.index, dtype=bool)
    strength = pd.Series(_NOTHING, index=lines.index, dtype="int64")
    strength = strength.mask(level.isin(("", "WARN")) & spoken, _SPOKEN).mask(level.isin(ERRORS), 2)
    return strength.mask(lines["trace"].astype(bool), 1).mask(lines["kind"].isin(error_kinds() - _NOT_ITSELF), 0)


def _patterns_of_last_good(frames: Frames) -> set[str]:
    good = frames.history.former_revision
    return {*_of(good, frames.log_events)["pattern"].dropna(), *_of(good, frames.stack_traces)["pattern"].dropna()}
