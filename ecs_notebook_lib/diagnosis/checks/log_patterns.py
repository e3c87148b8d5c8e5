"""What only the examined revision prints: new errors, and the exceptions that its dead containers ended with."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, keys_of, most_common
from ecs_notebook_lib.diagnosis.telling import ERRORS, dead_streams, of_examined
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.comparing import beginning
from ecs_notebook_lib.knowledge.messages import find_in_log
from ecs_notebook_lib.knowledge.weights import reading_of

_LAST_WORDS = 60
"""An exception that ends a process stands among its last lines; one further up was survived."""

_SHOWN = 200

_STOPPED_FROM_OUTSIDE = ("ServiceSchedulerInitiated", "UserInitiated", "SpotInterruption", "TerminationNotice")


def new_log_patterns(frames: Frames) -> Iterator[Finding]:
    """Errors that the examined revision printed, and the last good one, in the lines that were read, never did.

    Other traffic, or another start, may bring out an error that the old revision has as well.
    """
    patterns = of_examined(frames, frames.log_patterns)
    if not len(patterns):
        raise NothingToExamineError("no log line of the examined revision was read")
    if patterns["new"].isna().all():
        raise NothingToExamineError("no log line of the last good revision was read, to compare with")
    new = patterns[patterns["new"].fillna(value=False) & patterns["level"].isin(ERRORS) & ~patterns["harmless"]]
    if not len(new):
        return
    new = new.assign(plain=~new["pattern"].isin(frames.stack_traces["pattern"]), rare=-new["line_count"])
    most = new.sort_values(["plain", "rare"], kind="stable").iloc[0]
    yield Finding(
        kind="new_error_pattern",
        check="new_log_patterns",
        statement=f"{most['revision']} prints {counted(len(new), 'kind')} of error that the last good revision never "
        f"printed: {beginning(most['sample'], _SHOWN)}",
        frame="log_patterns",
        rows=keys_of(new, "pattern"),
        revision=str(most["revision"]),
        weighs=not all(map(_is_known, new["sample"])),
    )


def _is_known(text: object) -> bool:
    """Say whether a line has a finding of its own, which then counts in place of this one."""
    message = find_in_log(str(text))
    return message is not None and bool(reading_of(message.kind, where="log_line"))


def exceptions_of_dead_tasks(frames: Frames) -> Iterator[Finding]:
    """Containers of the examined revision that died by themselves with a stack trace among their last lines.

    A task that ECS or somebody stopped may print one while it shuts down: that says nothing.
    """
    dead = dead_streams(frames)
    if not dead:
        raise NothingToExamineError("no log line of a dead task of the examined revision was read")
    last_words = _last_words(frames.log_events, dead)
    stopped = frames.tasks.loc[frames.tasks["stop_code"].isin(_STOPPED_FROM_OUTSIDE), "task_id"]
    traces = frames.stack_traces[frames.stack_traces["trace_id"].isin(last_words)]
    traces = traces[~traces["task_id"].isin(stopped)]
    if not len(traces):
        return
    revision = most_common(traces["revision"])
    message = most_common(traces["message"])
    yield Finding(
        kind="uncaught_exception_in_log",
        check="exceptions_of_dead_tasks",
        statement=f"{counted(traces['log_stream'].nunique(), 'dead container')} of {revision} printed a stack trace "
        f"at the end: {beginning(message, _SHOWN)}",
        frame="stack_traces",
        rows=keys_of(traces, "trace_id"),
        revision=revision,
        parts={"exception": most_common(traces["exception"]), "language": most_common(traces["language"])},
        weighs=not set(traces["trace_id"]) <= _known_traces(frames.log_events),
    )


def _known_traces(log_events: pd.DataFrame) -> set[str]:
    """Return the stack traces in which a line has a finding of its own."""
    inside = log_events[log_events["trace_id"].notna() & log_events["kind"].notna()]
    known = [bool(reading_of(str(kind), where="log_line")) for kind in inside["kind"]]
    return set(inside.loc[known, "trace_id"])


def _last_words(log_events: pd.DataFrame, streams: list[str]) -> set[str]:
    """Return the ids of the stack traces that reach into the last lines of these streams."""
    lines = log_events[log_events["log_stream"].isin(streams)]
    last = lines.groupby("log_stream", sort=False).tail(_LAST_WORDS)
    return set(last["trace_id"].dropna())
