"""Stack traces in the log lines, one row each, and the lines that make one up."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, TEXT, UTC_TIME, Column, FrameSchema, rows_frame, texts
from ecs_notebook_lib.frames.line_masks import pattern_of
from ecs_notebook_lib.frames.log_lines import LogLine, bounded, read_line
from ecs_notebook_lib.frames.trace_text import find_traces

MAX_TEXT_LINES = 200
_MAX_TEXT = 20_000
_MAX_LINES_OF_EVENT = 2000

STACK_TRACES = FrameSchema(
    "stack_traces",
    "",
    needs=("ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "logs:GetLogEvents"),
    rows="One row a stack trace in the log lines that were read, oldest first, chained ones together.",
    columns=(
        Column("trace_id", TEXT, "", "Stream and number; the lines have the same in `log_events`."),
        Column("log_stream", TEXT, "", "Stream that it stands in."),
        Column("task_id", TEXT, "", "Task that printed it."),
        Column("container", TEXT, "", "Container that printed it."),
        Column("revision", TEXT, "", "`family:number` that printed it; missing if that is not known."),
        Column("first_at", UTC_TIME, "", "When its first line was taken."),
        Column("language", TEXT, "", "python, java, node, go or dotnet."),
        Column("exception", TEXT, "", "Its type; of chained Python ones the last, of Java ones the first."),
        Column("message", TEXT, "", "The line that tells: Python's last, Java's first and last cause. Untrusted."),
        Column("pattern", TEXT, "", "The message with its variable parts masked."),
        Column("line_count", COUNT, "", "Lines that it has."),
        Column("same_count", COUNT, "", "Traces of this revision with the same pattern, this one included."),
        Column("text", TEXT, "", "The trace: at most 200 lines, from its beginning and its end. Untrusted."),
    ),
)


def trace_ids(events: pd.DataFrame, lines: dict[str, LogLine]) -> pd.Series:
    """Return for each log event the trace that it belongs to; missing for most.

    `lines` maps messages to what was read of them. Each line of a trace may be an event of its own, as the awslogs
    driver sends it; or one event, or one member of a JSON line, holds all of them.
    """
    ids: dict[object, str] = {}
    for stream, rows in events.groupby("log_stream", sort=False):
        owners, texts_ = _unfolded(rows["message"], lines)
        for number, trace in enumerate(find_traces(texts_), start=1):
            for owner in owners[trace.start : trace.end]:
                ids.setdefault(owner, f"{stream}#{number}")
    return texts((ids.get(label) for label in events.index), events.index)


def _unfolded(messages: pd.Series, lines: dict[str, LogLine]) -> tuple[list[object], list[str]]:
    """Return the lines of the events, and for each line the event that it comes from."""
    owners: list[object] = []
    unfolded: list[str] = []
    for label, message in messages.items():
        of_event = lines[message].lines[:_MAX_LINES_OF_EVENT]
        owners += [label] * len(of_event)
        unfolded += of_event
    return owners, unfolded


def stack_traces_frame(log_events: pd.DataFrame) -> pd.DataFrame:
    """Return `STACK_TRACES` from the lines that carry a `trace_id`."""
    in_traces = log_events[log_events["trace_id"].notna()]
    groups = (_row(str(name), rows) for name, rows in in_traces.groupby("trace_id", sort=False))
    frame = rows_frame((row for row in groups if row), STACK_TRACES)
    same = frame.groupby(["revision", "pattern"], dropna=False)["trace_id"].transform("size")
    return frame.assign(same_count=same.astype("Int64"))


def _row(trace_id: str, rows: pd.DataFrame) -> dict[str, object] | None:
    lines = list(_lines_of(rows["message"]))
    found = find_traces(lines)
    if not found:
        return None
    trace, first = found[0], rows.iloc[0]
    whole = lines[trace.start : trace.end]
    half = MAX_TEXT_LINES // 2
    shown = whole if len(whole) <= MAX_TEXT_LINES else [*whole[:half], *whole[-half:]]
    return {
        "trace_id": trace_id,
        **{name: first[name] for name in ("log_stream", "task_id", "container", "revision")},
        "first_at": first["logged_at"],
        "language": trace.language,
        "exception": trace.exception or None,
        "message": trace.message,
        "pattern": pattern_of(trace.message),
        "line_count": len(whole),
        "text": bounded("\n".join(shown), _MAX_TEXT),
    }


def _lines_of(messages: pd.Series) -> Iterator[str]:
    for message in messages:
        yield from read_line(message).lines[:_MAX_LINES_OF_EVENT]
