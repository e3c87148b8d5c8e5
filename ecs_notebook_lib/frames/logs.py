"""What containers printed, each line attributed to its revision: frames of CloudWatch Logs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from ecs_notebook_lib.examined import DeploymentHistory
from ecs_notebook_lib.frames.access_lines import seconds_of
from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, TRUTH, UTC_TIME, Column, FrameSchema, declared, texts
from ecs_notebook_lib.frames.line_meaning import ACCESS, DENIAL_PARTS, Meaning, harmless_ones, meanings_of, read_lines
from ecs_notebook_lib.frames.line_patterns import PatternMiner
from ecs_notebook_lib.frames.log_lines import LogLine
from ecs_notebook_lib.frames.stack_traces import trace_ids
from ecs_notebook_lib.knowledge.reading import TAIL_LINES

_NEEDS = ("ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "logs:GetLogEvents")

LOG_EVENTS = FrameSchema(
    "log_events",
    "logs:GetLogEvents",
    needs=_NEEDS,
    rows="One row a log line of the streams that were read, oldest first. Empty does not mean that none was printed.",
    columns=(
        Column("log_group", TEXT, "@params.logGroupName", "Log group."),
        Column("log_stream", TEXT, "@params.logStreamName", "`prefix/container/task id`."),
        Column("timestamp", COUNT, "events[].timestamp", "When the driver took the line. [ms since 1970]"),
        Column("logged_at", UTC_TIME, "", "The same as a time."),
        Column("message", TEXT, "events[].message", "The line, raw: it comes from a container and is untrusted."),
        Column("task_id", TEXT, "", "Last part of the stream's name."),
        Column("container", TEXT, "", "Middle part of the stream's name."),
        Column("revision", TEXT, "", "`family:number` that printed it; missing if that is not known."),
        Column(
            "revision_source",
            TEXT,
            "",
            "`task`; if ECS has forgotten it `deployment_window` (alone then) or `rollout_window` (begun then).",
        ),
        Column("level", TEXT, "", "FATAL, ERROR, WARN, INFO, DEBUG or TRACE; missing if the line names none."),
        Column("pattern", TEXT, "", "The line with its variable parts masked; of a JSON line, its message."),
        Column("harmless", TRUTH, "", "Whether the line is in `knowledge/harmless.toml`: it may look like an error."),
        Column("trace_id", TEXT, "", "Row of `stack_traces` that the line belongs to; missing for most."),
        Column("kind", TEXT, "", "What the line means, by `knowledge/messages`; missing if it is not known."),
        Column("error_kind", TEXT, "", "Of an access line that tells an error as well: what that means."),
        Column("method", TEXT, "", "Of an access line: method of the request."),
        Column("client", TEXT, "", "Of an access line: address of the client."),
        Column("path", TEXT, "", "Of an access line: path that was asked for."),
        Column("status", COUNT, "", "Of an access line: HTTP status."),
        Column("user_agent", TEXT, "", "Of an access line: user agent; missing if it is not told."),
        Column(
            "request_seconds",
            NUMBER,
            "",
            "Of an access line: how long it took; missing if not told, or no unit is. [s]",
        ),
        Column("principal", TEXT, "", "Of a denial: ARN of the session that was refused."),
        Column("action", TEXT, "", "Of a denial: IAM action."),
        Column("resource", TEXT, "", "Of a denial: ARN of the resource."),
    ),
)

LOG_STREAMS = FrameSchema(
    "log_streams",
    "",
    needs=_NEEDS,
    rows="One row a log stream that was read and held lines.",
    columns=(
        Column("log_group", TEXT, "", "Log group."),
        Column("log_stream", TEXT, "", "Name of the stream."),
        Column("task_id", TEXT, "", "Task that wrote it."),
        Column("revision", TEXT, "", "`family:number` of the task; missing if that is not known."),
        Column("revision_source", TEXT, "", "`task`, `deployment_window` or `rollout_window`."),
        Column("first_at", UTC_TIME, "", "First line that was read."),
        Column("last_at", UTC_TIME, "", "Last line that was read."),
        Column("line_count", COUNT, "", "Lines that were read."),
    ),
)

_LAST_MILLISECOND = 253_402_300_799_999
"""Of the year 9999; CloudWatch Logs takes events of the last 14 days only."""

_MESSAGE_PARTS = ("method", "client", "path", "status", "user_agent", *DENIAL_PARTS)


def log_events_frame(read: pd.DataFrame, tasks: pd.DataFrame, history: DeploymentHistory) -> pd.DataFrame:
    """Return `LOG_EVENTS` with its derived columns; overlapping reads of a stream count once.

    A line without a time is left out, and so is one of a time that no calendar has.
    """
    at_a_time = read["timestamp"].between(0, _LAST_MILLISECOND).fillna(value=False)
    events = read[at_a_time].drop_duplicates(["log_group", "log_stream", "timestamp", "message"])
    instants = pd.to_datetime(events["timestamp"], unit="ms", utc=True).astype("datetime64[us, UTC]")
    events = events.assign(logged_at=instants)
    events = events.sort_values(["logged_at", "log_stream"], kind="stable", ignore_index=True)
    names = events["log_stream"].str.rsplit("/", n=2)
    events = events.assign(task_id=names.str[-1], container=names.str[-2])
    events = _read(events.assign(message=events["message"].fillna("")))
    return declared(_attributed(events, tasks, history), LOG_EVENTS)


def _read(events: pd.DataFrame) -> pd.DataFrame:
    """Add what the lines say; equal ones are read once."""
    codes, distinct = pd.factorize(events["message"])
    messages = list(distinct)
    lines = read_lines(messages)
    found = meanings_of(lines, messages)
    columns: dict[str, Sequence[str | None]] = {
        "kind": [meaning.kind if meaning else None for meaning in found],
        "error_kind": [meaning.error_kind if meaning else None for meaning in found],
        "level": [line.level for line in lines],
        "pattern": _patterns(lines, found),
        **{part: [_part(meaning, part) for meaning in found] for part in _MESSAGE_PARTS},
    }
    for name, values in columns.items():
        events[name] = texts(values, pd.RangeIndex(len(values))).take(codes).set_axis(events.index)
    events["status"] = pd.to_numeric(events["status"], errors="coerce").astype("Int64")
    seconds = [_request_seconds(meaning) for meaning in found]
    events["request_seconds"] = pd.Series(pd.array(seconds, dtype="Float64").take(codes), index=events.index)
    harmless = pd.array(harmless_ones(lines, found), dtype="boolean")
    events["harmless"] = pd.Series(harmless.take(codes), index=events.index)
    return events.assign(trace_id=trace_ids(events, dict(zip(messages, lines, strict=True))))


def _patterns(lines: Sequence[LogLine], found: Sequence[Meaning | None]) -> list[str | None]:
    """Return the pattern of each line; those of another level or meaning are never put together."""
    told = ((meaning.error_kind or meaning.kind) if meaning else "" for meaning in found)
    scopes, names = pd.factorize(np.array([f"{line.level} {kind}" for line, kind in zip(lines, told, strict=True)]))
    texts_, miner = pa.array([line.text for line in lines], pa.large_string()), PatternMiner()
    numbers = np.empty(len(lines), dtype=np.int64)
    for number, scope in enumerate(names):
        rows = np.flatnonzero(scopes == number)
        numbers[rows] = miner.add(texts_.take(pa.array(rows)), str(scope))
    patterns = miner.patterns()
    return [patterns[number] for number in numbers]


def _request_seconds(meaning: Meaning | None) -> float | None:
    told = _part(meaning, "seconds") if meaning and meaning.kind == ACCESS else None
    return seconds_of(told, 1.0) if told else None


def told_kinds(log_events: pd.DataFrame) -> pd.Series:
    """Return what each line tells: of an access line with an error that error, else its kind."""
    return log_events["error_kind"].fillna(log_events["kind"])


def _part(meaning: Meaning | None, name: str) -> str | None:
    value = meaning.parts.get(name) if meaning else None
    return value.split(" ")[0] if value and name == "status" else value


def _attributed(events: pd.DataFrame, tasks: pd.DataFrame, history: DeploymentHistory) -> pd.DataFrame:
    """Add the revision: of the task, or, if ECS forgot it, the one that alone ran when it wrote a line, or began then.

    A stream that began while a rollout went on is of the revision that was rolled out, for an old task is replaced
    seldom in that time; only a stream that was read from its beginning tells when it began.
    """
    known = tasks.set_index("task_id")["revision"] if len(tasks) else pd.Series(dtype="string")
    of_task = events["task_id"].map(known)
    forgotten = events[of_task.isna()].groupby("log_stream")["logged_at"]
    alone = {str(stream): _revision_alone(instants, history) for stream, instants in forgotten}
    began = {str(stream): _revision_begun(instants, history) for stream, instants in forgotten}
    guess = {stream: alone[stream] or began[stream] for stream in alone}
    guessed = texts((guess.get(stream) for stream in events["log_stream"]), events.index)
    source = pd.Series("task", index=events.index, dtype="string").where(of_task.notna(), "deployment_window")
    begun = events["log_stream"].map({stream: not alone[stream] for stream in alone}).fillna(value=False).astype(bool)
    source = source.mask(of_task.isna() & begun, "rollout_window")
    revision = of_task.astype("string").fillna(guessed)
    return events.assign(revision=revision, revision_source=source.where(revision.notna()))


def _revision_alone(instants: pd.Series, history: DeploymentHistory) -> str | None:
    """Return the revision that alone was running at one of these instants: a task never changes its own."""
    known = (history.revision_at(instant.to_pydatetime()) for instant in instants)
    return next(filter(None, known), None)


def _revision_begun(instants: pd.Series, history: DeploymentHistory) -> str | None:
    """Return the revision whose rollout was going on when a stream began; None if that is not known."""
    if len(instants) >= TAIL_LINES or not len(instants):
        return None
    return history.rolled_out_at(instants.min().to_pydatetime()) or None


def log_streams_frame(log_events: pd.DataFrame) -> pd.DataFrame:
    """Return `LOG_STREAMS`, a summary of the lines that were read."""
    keys = ["log_group", "log_stream", "task_id", "revision", "revision_source"]
    summary = log_events.groupby(keys, dropna=False, sort=False)["logged_at"].agg(["min", "max", "size"]).reset_index()
    return declared(summary.rename(columns={"min": "first_at", "max": "last_at", "size": "line_count"}), LOG_STREAMS)
