"""What a snapshot holds: a page for each answer of AWS, in a fixed order, as JSON lines."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import orjson

from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.snapshot.whole import whole, whole_record, without_nulls


@dataclass(frozen=True, slots=True)
class IncidentName:
    """Which service, where, and in which window; times are aware and in UTC."""

    cluster: str
    service: str
    region: str
    account: str
    window: tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Simulated:
    """The scenario and seed that a simulated incident was made from."""

    scenario: str
    seed: int


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of AWS, or its refusal.

    `operation` is `service:Operation` in botocore's names, `at` is AWS's own time of the answer, `page` counts from 0.
    `error` is `{"code", "message", "status"}` or None; `response` is None when there is an error.
    """

    operation: str
    at: datetime
    region: str
    params: Mapping[str, Any]
    page: int = 0
    origin: str = "live"
    error: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None

    def line(self, account: str) -> bytes:
        """Return this page as one JSON line; members that have no order of their own are sorted."""
        record = {
            "at": utc_text(self.at),
            "account": account,
            "region": self.region,
            "params": dict(sorted(self.params.items())),
            "page": self.page,
            "origin": self.origin,
            "error": self.error,
            "response": self.response,
        }
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything collected about one incident.

    `members` maps an operation to its pages as JSON lines; nothing in it is ever edited. `candidate` is the task
    definition, as it was asked for, that was read in place of the examined one, to be judged before it is deployed.
    """

    incident: IncidentName
    as_of: datetime
    simulated: Simulated | None
    redacted: bool
    tool_version: str
    members: Mapping[str, bytes] = field(repr=False)
    candidate: str = ""

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the operations that were called, in alphabetical order."""
        return tuple(sorted(self.members))

    def lines(self, operation: str) -> bytes:
        """Return the pages of an operation as JSON lines; empty if it was never called."""
        return self.members.get(operation, b"")

    def records(self, operation: str) -> list[dict[str, Any]]:
        """Return the pages of an operation as dicts, for what no frame is made of; of each what can be used.

        A row without a member that AWS always sends is not in it, and `error` tells so (`snapshot.whole`).
        """
        return [_record(operation, line) for line in each_line(self.lines(operation))]

    def read_at(self, operation: str) -> str | None:
        """Return when an operation's last page was read, without parsing the others; None if it was never called."""
        lines = self.lines(operation)
        return str(orjson.loads(lines[lines.rfind(b"\n", 0, -1) + 1 :])["at"]) if lines else None


def each_line(lines: bytes) -> Iterator[bytes]:
    """Return the lines one after another, each with its end: `splitlines` would hold a second copy of all of them."""
    return BytesIO(lines)


def usable(page: Page) -> Page:
    """Return a page with what can be used of its answer; what that lacks is its error."""
    if page.response is None:
        return page
    response, lacking = whole(page.operation, page.response)
    return replace(page, response=response, error=page.error or lacking)


def _record(operation: str, line: bytes) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads(line)
    if operation not in every_operation():
        return record
    if line.count(b"null") > 1:  # one stands for the error, or for the answer
        record |= {name: without_nulls(record[name]) for name in ("params", "response")}
    return whole_record(operation, record)


def of_last_answers(lines: bytes) -> list[bool]:
    """Return for each page whether it belongs to the last answer to its question: what came before is out of date.

    A question is an operation with its parameters; who waits or records asks it again and again.
    """
    pages = [_question_and_number(line) for line in each_line(lines)]
    begins: dict[bytes, int] = {}
    for index, (question, number) in enumerate(pages):
        if number == b"0":
            begins[question] = index
    return [index >= begins.get(question, 0) for index, (question, _) in enumerate(pages)]


def _question_and_number(line: bytes) -> tuple[bytes, bytes]:
    """Return the parameters and the number of a page without reading the rest of it, which may be long."""
    begin, end = line.find(b',"params":'), line.find(b',"page":')
    return line[begin:end], line[end + 8 : line.find(b",", end + 8)]


def members_of(pages: Iterable[Page], account: str) -> dict[str, bytes]:
    """Return the pages as JSON lines by operation: in time, then by parameters, so that threads leave no trace."""
    by_operation: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for page in pages:
        params = orjson.dumps(page.params, option=orjson.OPT_SORT_KEYS, default=str)
        by_operation[page.operation].append((page.at, params, page.page, page.line(account)))
    return {name: b"".join(line for *_, line in sorted(rows)) for name, rows in sorted(by_operation.items())}


def utc_text(instant: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC, ending in `Z`."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
