"""The rows that findings rest on, each finding linked with its rows and back; and what could be known when."""

from functools import lru_cache
from html import escape

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis, Finding
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.columns import TEXT, UTC_TIME
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.weights import finding_kinds
from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible

_ROWS, _COLUMNS, _WEIGHTS = 5, 8, 4
_OBSERVED = ("first_seen_at", "last_seen_at")
"""When the kit looked, which is not when something happened."""

_SHOWN = {
    "tasks": ("task_arn", "revision", "created_at", "started_at", "stopped_at", "stop_code", "stopped_reason"),
    "containers": ("task_arn", "container", "last_status", "exit_code", "reason"),
    "events": ("created_at", "kind", "message"),
    "log_events": ("logged_at", "revision", "container", "level", "message"),
    "log_patterns": ("revision", "level", "line_count", "first_at", "last_at", "sample"),
    "stack_traces": ("first_at", "revision", "container", "exception", "message"),
    "access": ("role", "action", "resource", "verdict", "reason"),
    "network_path": ("path", "passes", "verdict", "rule", "reason"),
    "targets": ("address", "port", "revision", "state", "reason", "description"),
    "service_deployments": ("created_at", "revision", "status", "status_reason", "finished_at"),
    "changes": ("changed_at", "subject", "resource", "member", "before", "after", "who"),
    "named_things": ("kind", "name", "named_by", "exists", "detail", "reason"),
}
"""What is shown of a frame's row; of other frames the first columns that are not empty."""


def rows_of(frames: Frames, finding: Finding) -> pd.DataFrame:
    """Return the rows of its frame that a finding rests on, those first that hold what was seen in them."""
    frame = frames.rows(finding.frame)
    schema = SCHEMAS[finding.frame]
    keys = {
        column.name: frame[column.name].astype("string")
        for column in schema.columns
        if column.dtype in (TEXT, UTC_TIME)
    }
    if {"action", "resource"} <= keys.keys():
        keys["action, resource"] = keys["action"] + " " + keys["resource"]
    named = {name: values.isin(finding.rows) for name, values in keys.items()}
    best = max(named, key=lambda name: keys[name][named[name]].nunique(), default="")
    rows = frame[named[best]] if best else frame.head(0)
    if finding.revision and "revision" in rows:
        own = rows[rows["revision"] == finding.revision]
        rows = own if len(own) else rows
    return rows.iloc[_relevance(rows, finding).argsort(kind="stable")[::-1]]


@lru_cache(maxsize=1)
def _all_rows(incident: Incident) -> dict[str, pd.DataFrame]:
    """Return the rows of every finding; the page, its plain text and the order in time ask for the same ones."""
    return {name: rows_of(incident.frames, finding) for name, finding in incident.diagnosis.findings}


def _relevance(rows: pd.DataFrame, finding: Finding) -> pd.Series:
    """Return for each row how many of the finding's parts stand in it; rows that are alike keep their order."""
    seen = [part for part in finding.parts.values() if part]
    texts = rows.astype("string").fillna("").agg(" ".join, axis="columns") if len(rows) else pd.Series(dtype="string")
    counts = sum((texts.str.contains(part, regex=False).astype(int) for part in seen), pd.Series(0, index=rows.index))
    order = pd.Series(range(len(rows), 0, -1), index=rows.index)
    return (counts * (len(rows) + 1) + order).reset_index(drop=True)


def _shown(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    filled = [column for column in rows if rows[column].notna().any()]
    wanted = [column for column in _SHOWN.get(name, ()) if column in filled] or filled[:_COLUMNS]
    return rows[wanted].head(_ROWS)


class Evidence:
    """Every finding with the rows that it rests on, from which call they are, and what it weighs."""

    def __init__(self, incident: Incident) -> None:
        self._incident = incident
        self._diagnosis = incident.diagnosis

    def _repr_html_(self) -> str:
        return "".join(self._block(name, finding) for name, finding in self._diagnosis.findings) or "<p>No finding.</p>"

    def __repr__(self) -> str:
        lines = []
        for name, finding in self._diagnosis.findings:
            rows = _all_rows(self._incident)[name]
            lines += [f"{name} {visible(finding.statement)}", _meta(self._diagnosis, finding, len(rows))]
            lines += [repr(self._table(rows, finding)), ""]
        return "\n".join(lines) or "No finding."

    def _block(self, name: str, finding: Finding) -> str:
        rows = _all_rows(self._incident)[name]
        told = escape(_meta(self._diagnosis, finding, len(rows)))
        back = f'<p><a href="#finding-{name}">Back to {name} in the list of findings</a></p>'
        title = f'<h3 id="rows-{name}">{name} {escape(visible(finding.statement))}</h3>'
        return f"<section>{title}<p>{told}</p>{self._table(rows, finding)._repr_html_()}{back}</section>"

    def _table(self, rows: pd.DataFrame, finding: Finding) -> Table:
        return Table(_shown(rows, finding.frame), since=self._incident.began_at)


def _meta(diagnosis: Diagnosis, finding: Finding, count: int) -> str:
    """Return where a finding's rows are from, when they were read, and what it weighs for which causes."""
    operation = SCHEMAS[finding.frame].required[-1]
    at = diagnosis.frames.snapshot.read_at(operation)
    read = f"{operation}, read at {at}" if at else "what was reported"
    shown = f"{min(count, _ROWS)} of {count} rows" if count > _ROWS else f"{count} {'row' if count == 1 else 'rows'}"
    about = f" About {finding.revision}." if finding.revision else ""
    told = f"{shown} of frame {finding.frame}, from {read}.{about} {_weighs(diagnosis, finding)}"
    return visible(told.rstrip())


def _weighs(diagnosis: Diagnosis, finding: Finding) -> str:
    """Return what a finding weighs for the causes that it moves most; that it weighs nothing, if it is of others."""
    if finding.revision not in ("", diagnosis.state.examined_revision):
        return "It weighs nothing: another revision is examined."
    weights = sorted(finding_kinds()[finding.kind].weights.items(), key=lambda item: -abs(item[1]))[:_WEIGHTS]
    told = ", ".join(f"{cause} {weight:+.1f}" for cause, weight in weights)
    return f"In decibans: {told}." if told and finding.weighs else ""


def known_when_table(incident: Incident) -> pd.DataFrame:
    """Return the findings in the order in which each could first have been made: at, id, finding, read from.

    `at` is the first time at which something had happened that the finding rests on; missing where its rows tell no
    time, such as the answer of a policy simulation: that could be known at any time.
    """
    rows = [
        {
            "at": _first_at(_all_rows(incident)[name]),
            "id": name,
            "finding": visible(finding.statement),
            "read from": SCHEMAS[finding.frame].required[-1],
        }
        for name, finding in incident.diagnosis.findings
    ]
    table = pd.DataFrame(rows, columns=["at", "id", "finding", "read from"])
    return table.astype({"at": UTC_TIME}).sort_values("at", kind="stable", ignore_index=True)


def _first_at(rows: pd.DataFrame) -> pd.Timestamp | None:
    times = [name for name in rows.columns if str(rows[name].dtype) == UTC_TIME and name not in _OBSERVED]
    if not times or not rows[times].notna().any(axis=None):
        return None
    return pd.Timestamp(rows[times].max(axis="columns").min())


def provenance_table(incident: Incident) -> pd.DataFrame:
    """Return what a reviewer asks of a report months later: when and by what was read, what answered, what did not."""
    snapshot, coverage = incident.snapshot, incident.coverage
    asked = coverage[coverage["status"] != "skipped"]
    statuses = asked["status"].value_counts()
    begin, end = (utc_text(moment) for moment in snapshot.incident.window)
    rows = [
        ("read", utc_text(snapshot.as_of)),
        ("window", f"{begin} to {end}"),
        ("collected by", f"ecs-notebook {snapshot.tool_version}"),
        ("simulated", f"{snapshot.simulated.scenario}, seed {snapshot.simulated.seed}" if snapshot.simulated else "no"),
        ("redacted for sharing", "yes: names and numbers are pseudonyms" if snapshot.redacted else "no"),
        ("operations asked", f"{len(asked)} of {len(coverage)}, {int(asked['calls'].sum())} answers"),
        *((f"of these {status}", str(count)) for status, count in sorted(statuses.items())),
    ]
    return pd.DataFrame(rows, columns=["what", "value"])
