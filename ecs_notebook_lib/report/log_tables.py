"""The tables of what containers printed: the lines that tell, what is new, stack traces, how containers died."""

import pandas as pd

from ecs_notebook_lib.diagnosis.telling import LINES_SHOWN, dead_streams, of_examined, telling_lines
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.log_lines import LEVELS
from ecs_notebook_lib.untrusted import visible

_NEWEST = 20
_DEAD, _FIRST, _LAST = 3, 3, 10
_LINE = 1000
_TRACES = 5


_NOT_TOLD = ("logged_at", "revision", "container")


def telling_lines_table(frames: Frames) -> pd.DataFrame:
    """Return the five log lines of the examined revision that tell most: when, container, level, line, why it is shown.

    The lines are untrusted; control characters are written out. A case file tells only the lines, not
    when they were printed, nor by which container.
    """
    lines = telling_lines(frames).head(LINES_SHOWN)
    shown = lines.assign(line=[visible(text, limit=_LINE) for text in lines["message"]])
    columns = ["logged_at", "revision", "container", "level", "line", "why"]
    return shown[[name for name in columns if not (frames.reported and name in _NOT_TOLD)]]


def new_patterns_table(frames: Frames) -> pd.DataFrame:
    """Return what the examined revision printed and the last good one never did, the gravest level first."""
    patterns = of_examined(frames, frames.log_patterns)
    new = patterns[patterns["new"].fillna(value=False) & ~patterns["harmless"].fillna(value=False)]
    gravity = new["level"].map({level: number for number, level in enumerate(LEVELS)}).fillna(len(LEVELS))
    new = new.assign(gravity=gravity).sort_values(["gravity", "line_count"], ascending=[True, False], kind="stable")
    columns = ["level", "line_count", "stream_count", "first_at", "last_at", "sample"]
    return new[columns].head(_NEWEST).reset_index(drop=True)


def stack_traces_table(frames: Frames) -> pd.DataFrame:
    """Return the stack traces of the examined revision, one a pattern, the newest first: what they say, how often."""
    traces = of_examined(frames, frames.stack_traces).iloc[::-1].drop_duplicates("pattern")
    columns = ["first_at", "container", "language", "exception", "message", "line_count", "same_count"]
    return traces[columns].head(_NEWEST).reset_index(drop=True)


def whole_traces(frames: Frames) -> list[str]:
    """Return the texts of those stack traces, line by line and untrusted, the newest five."""
    traces = of_examined(frames, frames.stack_traces).iloc[::-1].drop_duplicates("pattern").head(_TRACES)
    return [str(text) for text in traces["text"]]


def dead_containers_table(frames: Frames) -> pd.DataFrame:
    """Return the first and the last lines that the newest dead containers of the examined revision printed."""
    lines = frames.log_events[["log_stream", "container", "logged_at", "level", "message"]]
    parts = [_ends(lines[lines["log_stream"] == stream]) for stream in dead_streams(frames)[:_DEAD]]
    return pd.concat(parts, ignore_index=True) if parts else _ends(lines.head(0))


def _ends(lines: pd.DataFrame) -> pd.DataFrame:
    first = lines.head(_FIRST)
    last = lines.iloc[_FIRST:].tail(_LAST)
    ends = pd.concat([first.assign(end="first lines"), last.assign(end="last lines")])
    ends = ends.assign(task=ends["log_stream"].str.slice(-6))
    return ends[["container", "task", "end", "logged_at", "level", "message"]]
