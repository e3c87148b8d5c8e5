"""What each revision prints, by pattern; and which patterns the last good one never printed."""

import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, TEXT, TRUTH, UTC_TIME, Column, FrameSchema, declared
from ecs_notebook_lib.frames.log_lines import LEVELS
from ecs_notebook_lib.frames.stack_traces import STACK_TRACES

LOG_PATTERNS = FrameSchema(
    "log_patterns",
    "",
    needs=STACK_TRACES.needs,
    rows="One row a pattern and revision, in the lines that were read; a stack trace counts as the line that tells.",
    columns=(
        Column("revision", TEXT, "", "`family:number` that printed it; missing if that is not known."),
        Column("pattern", TEXT, "", "The line with its variable parts masked."),
        Column("level", TEXT, "", "Its gravest level; missing if it names none. A stack trace is an ERROR."),
        Column("line_count", COUNT, "", "Lines of this pattern."),
        Column("stream_count", COUNT, "", "Streams that hold one."),
        Column("first_at", UTC_TIME, "", "First such line."),
        Column("last_at", UTC_TIME, "", "Last such line."),
        Column("sample", TEXT, "", "The last such line, raw and untrusted."),
        Column(
            "new", TRUTH, "", "Whether the last good revision never printed it; missing if none of its lines was read."
        ),
        Column("harmless", TRUTH, "", "Whether every such line is in `knowledge/harmless.toml`."),
    ),
)


def log_patterns_frame(log_events: pd.DataFrame, stack_traces: pd.DataFrame, last_good: str) -> pd.DataFrame:
    """Return `LOG_PATTERNS`; `last_good` is the revision to compare with, `""` if there is none."""
    lines = pattern_lines(log_events, stack_traces).sort_values("logged_at", kind="stable")
    lines = lines.assign(gravity=lines["level"].map({level: n for n, level in enumerate(LEVELS)}))
    groups = lines.groupby(["revision", "pattern"], dropna=False, sort=False)
    frame = groups.agg(
        gravity=("gravity", "min"),
        line_count=("message", "size"),
        stream_count=("log_stream", "nunique"),
        first_at=("logged_at", "min"),
        last_at=("logged_at", "max"),
        sample=("message", "last"),
        harmless=("harmless", "all"),
    ).reset_index()
    frame["level"] = frame["gravity"].map(dict(enumerate(LEVELS)))
    known = set(frame.loc[frame["revision"] == last_good, "pattern"])
    new = (~frame["pattern"].isin(known)).astype("boolean")
    frame["new"] = new.where(frame["revision"].notna() & bool(known))
    return declared(frame.sort_values("first_at", kind="stable"), LOG_PATTERNS)


def pattern_lines(log_events: pd.DataFrame, stack_traces: pd.DataFrame, *, also: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the log lines with each stack trace as one ERROR, the line that tells. `also` names more columns."""
    plain = log_events[~log_events["trace_id"].isin(stack_traces["trace_id"])]
    traces = stack_traces.assign(
        logged_at=stack_traces["first_at"],
        level=pd.Series("ERROR", index=stack_traces.index, dtype="string"),
        harmless=pd.Series(False, index=stack_traces.index, dtype="boolean"),
    )
    columns = ["log_stream", "task_id", "container", "revision", "logged_at", "message", "pattern", "level", "harmless"]
    columns += also
    return pd.concat([plain.reindex(columns=columns), traces.reindex(columns=columns)], ignore_index=True)
