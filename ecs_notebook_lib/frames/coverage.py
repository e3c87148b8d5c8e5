"""What was asked of AWS, what came of it, and what is hidden by what did not come."""

from collections.abc import Mapping
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, TEXT, Column, FrameSchema, rows_frame
from ecs_notebook_lib.knowledge.error_codes import NOT_ASKED, Kind, kind_of
from ecs_notebook_lib.knowledge.operations import Operation, operations
from ecs_notebook_lib.snapshot import Snapshot, each_line

COVERAGE = FrameSchema(
    "coverage",
    "",
    rows="One row a read operation of the kit.",
    columns=(
        Column("operation", TEXT, "", "`service:Operation`."),
        Column(
            "status", TEXT, "", "ok, denied, throttled, failed, or skipped: nothing asked for it, or it was given up."
        ),
        Column("calls", COUNT, "", "Answers and refusals that came."),
        Column("error", TEXT, "", "AWS's code and the operation, if it was refused."),
        Column("message", TEXT, "", "AWS's own sentence, if it was refused."),
        Column("hides", TEXT, "", "What cannot be seen; empty if nothing is hidden."),
        Column("left_out", TEXT, "", "What was not asked for, to keep to a budget; empty if nothing was left out."),
    ),
)

_NO_ERROR = b',"error":null,"response":'
"""As `snapshot` writes a page; inside of a JSON string the quotes would be escaped."""


def coverage_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return what became of each read operation.

    An operation that nobody asked is `skipped`; it hides something only if that is because another was refused.
    """
    rows: dict[str, dict[str, object]] = {}
    for name, operation in operations().items():
        rows[name] = _row(snapshot, operation, rows)
    return rows_frame(rows.values(), COVERAGE)


def _row(snapshot: Snapshot, operation: Operation, before: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    lines = list(each_line(snapshot.lines(operation.name)))
    whole = snapshot.records(operation.name) if operation.always else ()
    errors = [page["error"] for page in whole] if operation.always else list(map(_error, lines))
    refused = [error for error in errors if error and error["code"] not in operation.absent]
    unasked = [error for error in refused if error["code"] == NOT_ASKED]
    row: dict[str, object] = {"operation": operation.name, "status": "ok", "calls": len(lines) - len(unasked)}
    row |= {"hides": "", "left_out": ""}
    if len(refused):
        first = next((error for error in refused if error["code"] != NOT_ASKED), refused[0])
        code = str(first["code"])
        error = {"error": f"{code}: {operation.action}", "message": first.get("message")}
        return row | error | {"status": _status(code), "hides": operation.hides}
    if len(errors):
        return row
    blocked = [name for name in operation.after if before.get(name, {}).get("hides")]
    if blocked:
        return row | {"status": "skipped", "error": before[blocked[0]]["error"], "hides": operation.hides}
    return row | {"status": "skipped"}


def _error(page: bytes) -> Mapping[str, Any] | None:
    """Return the error of a page; a page without one, which may be long, is not parsed."""
    if _NO_ERROR in page:
        return None
    error: Mapping[str, Any] | None = orjson.loads(page).get("error")
    return error


def with_logs_left_out(coverage: pd.DataFrame, tasks: pd.DataFrame, read: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage with what the budget of the logs left out.

    Parameters
    ----------
    tasks
        The frame `tasks`; those that reached RUNNING have printed something, perhaps.
    read
        `log_stream` and `task_id` of the streams that were asked for.
    """
    ran = tasks.loc[tasks["started_at"].notna(), "task_id"]
    skipped = int((~ran.isin(read["task_id"])).sum())
    if not skipped or not len(read):
        return coverage
    text = f"the logs of {skipped} of {len(ran)} tasks that ran: of each way of stopping the newest are read"
    return with_left_out(coverage, "logs:GetLogEvents", text)


def with_left_out(coverage: pd.DataFrame, operation: str, text: str) -> pd.DataFrame:
    """Return the coverage with what was left out of an operation; nothing if the text is empty."""
    if not text:
        return coverage
    return coverage.assign(left_out=coverage["left_out"].mask(coverage["operation"] == operation, text))


def _status(code: str) -> str:
    if code == NOT_ASKED:
        return "skipped"
    kind = kind_of(code)
    return str(kind) if kind in (Kind.THROTTLED, Kind.DENIED) else "failed"


def unread(snapshot: Snapshot, schemas: Mapping[str, FrameSchema]) -> dict[str, str]:
    """Return for each frame of a snapshot that is still being read what it waits for."""
    asked = set(snapshot.operations)
    waiting = {name: [o for o in schema.required if o not in asked] for name, schema in schemas.items()}
    return {name: f"not read yet: {missing[-1]}" for name, missing in waiting.items() if missing}


def gaps_of(coverage: pd.DataFrame, schemas: Mapping[str, FrameSchema]) -> dict[str, str]:
    """Return for each frame that a refusal leaves incomplete AWS's reason: `AccessDeniedException: ListTasks`."""
    hidden = coverage[coverage["hides"] != ""].set_index("operation")["error"]
    return {
        name: str(hidden[operation])
        for name, schema in schemas.items()
        for operation in schema.required[::-1]
        if operation in hidden.index
    }
