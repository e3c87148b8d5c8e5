"""What containers printed, each line attributed to its revision: frames of CloudWatch Logs."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from ecs_notebook_lib.examined import DeploymentHistory
from ecs_notebook_lib.frames.access_lines import (
    access_of_named_fields,
    access_of_text,
    may_be_access,
    plain_client,
    seconds_of,
)
from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, TRUTH, UTC_TIME, Column, FrameSchema, declared, texts
from ecs_notebook_lib.frames.line_patterns import PatternMiner
from ecs_notebook_lib.frames.log_lines import LogLine, read_line
from ecs_notebook_lib.frames.stack_traces import trace_ids
from ecs_notebook_lib.knowledge.harmless import harmless_reason
from ecs_notebook_lib.knowledge.messages import Message, error_kinds, find_in_log
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

_LAST_LINES = 200
_DENIAL_PARTS = ("principal", "action", "resource")
_MESSAGE_PARTS = ("method", "client", "path", "status", "user_agent", *_DENIAL_PARTS)
_ACCESS = "http_access"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a line means, and the parts of it that are columns; an access line may tell an error as well."""

    kind: str
    parts: Mapping[str, str]
    error_kind: str | None = None

    @property
    def is_error(self) -> bool:
        return (self.error_kind or self.kind) in error_kinds()


def log_events_frame(read: pd.DataFrame, tasks: pd.DataFrame, history: DeploymentHistory) -> pd.DataFrame:
    """Return `LOG_EVENTS` with its derived columns; overlapping reads of a stream count once."""
    events = read.dropna(subset=["timestamp"]).drop_duplicates(["log_group", "log_stream", "timestamp", "message"])
    instants = pd.to_datetime(events["timestamp"], unit="ms", utc=True).astype("datetime64[us, UTC]")
    events = events.assign(logged_at=instants)
    events = events.sort_values(["logged_at", "log_stream"], kind="stable", ignore_index=True)
    names = events["log_stream"].str.rsplit("/", n=2)
    events = events.assign(task_id=names.str[-1], container=names.str[-2])
    events = _read(events.assign(message=events["message"].fillna("")))
    return declared(_attributed(events, tasks, history), LOG_EVENTS)


def _read(events: pd.DataFrame) -> pd.DataFrame:
    """Add what the lines say; equal ones are read once."""
    lines = {text: read_line(text) for text in events["message"].unique()}
    found = {text: _meaning(line, text) for text, line in lines.items()}
    meanings = [found[text] for text in events["message"]]
    events["kind"] = texts((meaning.kind if meaning else None for meaning in meanings), events.index)
    events["error_kind"] = texts((meaning.error_kind if meaning else None for meaning in meanings), events.index)
    events["request_seconds"] = _request_seconds(meanings, events.index)
    for part in _MESSAGE_PARTS:
        events[part] = texts((_part(meaning, part) for meaning in meanings), events.index)
    events["status"] = pd.to_numeric(events["status"], errors="coerce").astype("Int64")
    events["level"] = texts((lines[text].level for text in events["message"]), events.index)
    patterns = _patterns(lines, found)
    events["pattern"] = texts((patterns[text] for text in events["message"]), events.index)
    harmless = {text for text, line in lines.items() if _harmless(line, found[text])}
    events["harmless"] = events["message"].isin(harmless).astype("boolean")
    return events.assign(trace_id=trace_ids(events, lines))


def _patterns(lines: Mapping[str, LogLine], found: Mapping[str, _Meaning | None]) -> dict[str, str]:
    """Return the pattern of each message; those of another level or meaning are never put together."""
    miner = PatternMiner()
    by_scope: dict[str, list[str]] = {}
    for text, line in lines.items():
        meaning = found[text]
        told = (meaning.error_kind or meaning.kind) if meaning else ""
        by_scope.setdefault(f"{line.level} {told}", []).append(text)
    numbers = {
        text: number
        for scope, members in by_scope.items()
        for text, number in zip(
            members, miner.add(pa.array([lines[text].text for text in members], pa.string()), scope), strict=True
        )
    }
    patterns = miner.patterns()
    return {text: patterns[number] for text, number in numbers.items()}


def _meaning(line: LogLine, message: str) -> _Meaning | None:
    """Return what a line means: it is an access line if it has a method and a status, whatever else it tells."""
    looked = line.text == message and message.startswith("{")
    likely = not looked and may_be_access(line.text)
    access = line.access or (access_of_named_fields(line.text) if likely else None)
    if access is not None:
        error = _known(line, message) if line.level in _GRAVE or access["status"] >= "500" else None
        if error is None or error.kind not in error_kinds():
            return _Meaning(_ACCESS, access)
        denial = {part: error.parts[part] for part in _DENIAL_PARTS if part in error.parts}
        return _Meaning(_ACCESS, {**denial, **access}, error.kind)
    known = _known(line, message)
    if known is None:
        told = access_of_text(line.text) if likely else None
        return _Meaning(_ACCESS, told) if told else None
    if known.kind == _ACCESS and "client" in known.parts:
        return _Meaning(_ACCESS, {**known.parts, "client": plain_client(known.parts["client"])})
    return _Meaning(known.kind, known.parts)


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


def _harmless(line: LogLine, meaning: _Meaning | None) -> bool:
    known = meaning is not None and meaning.is_error
    return not known and line.level != "FATAL" and harmless_reason(line.text) != ""


def _request_seconds(meanings: list[_Meaning | None], index: pd.Index) -> pd.Series:
    told = (_part(meaning, "seconds") if meaning and meaning.kind == _ACCESS else None for meaning in meanings)
    return pd.Series([seconds_of(text, 1.0) if text else None for text in told], index=index, dtype="Float64")


def told_kinds(log_events: pd.DataFrame) -> pd.Series:
    """Return what each line tells: of an access line with an error that error, else its kind."""
    return log_events["error_kind"].fillna(log_events["kind"])


def _part(meaning: _Meaning | None, name: str) -> str | None:
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
