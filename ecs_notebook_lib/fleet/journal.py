"""The journal of a run over a fleet, from which it is gone on with: JSON lines, each whole before the next step."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from ecs_notebook_lib.errors import FleetJournalError
from ecs_notebook_lib.fleet.model import Examined, Triaged, Unread
from ecs_notebook_lib.fleet.result import Fleet
from ecs_notebook_lib.fleet.sweep import Swept
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.source import parse_instant

SCHEMA = "ecs-notebook/fleet-journal/1"
NAME = "fleet.jsonl"


class Journal:
    """The journal in a folder, open for writing at its end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / NAME).open("ab")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, kind: str, **members: Any) -> None:
        self._file.write(orjson.dumps({"kind": kind, **members}, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()

    def begin(self, at: datetime, question: Mapping[str, Any]) -> None:
        """Write what is asked, so that the run can be gone on with."""
        self._write("begun", schema=SCHEMA, at=utc_text(at), question=dict(question))

    def swept(self, where: str, swept: Swept) -> None:
        """Write what the first look at a cluster came to."""
        unread = [[row.where, row.reason] for row in swept.unread]
        rows = [row.to_json() for row in swept.services]
        self._write("swept", where=where, services=rows, unread=unread, calls=swept.calls)

    def examined(self, examined: Examined) -> None:
        """Write what the diagnosis of a service came to."""
        self._write("examined", **examined.to_json())


def read(folder: Path) -> tuple[dict[str, Any], Fleet, set[str]]:
    """Return the question of a run, what it came to so far, and where (`account region cluster`) it has looked.

    A line that a killed run left half written is left out: what it told is asked again.

    Raises
    ------
    FleetJournalError
        If there is no journal in the folder, or it is not one of ours.
    """
    path = folder / NAME
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise FleetJournalError(path, error.strerror or str(error)) from error
    whole = lines[:-1]
    try:
        begun, *rows = [orjson.loads(line) for line in whole]
        if begun["schema"] != SCHEMA:
            raise FleetJournalError(path, f"its schema is {begun['schema']!r}, not {SCHEMA!r}")
        fleet, done = Fleet(parse_instant(begun["at"])), set()
        for row in rows:
            if row["kind"] == "swept":
                done.add(str(row["where"]))
                triaged = [Triaged.from_json(one) for one in row["services"]]
                fleet.triaged |= {one.name: one for one in triaged}
                fleet.unread += [Unread(*one) for one in row["unread"]]
                fleet.calls += int(row["calls"])
            elif row["kind"] == "examined":
                examined = Examined.from_json(row)
                fleet.examined[examined.name] = examined
        return dict(begun["question"]), fleet, done
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FleetJournalError(path, f"it is not one of ours ({type(error).__name__}: {error})") from error


def mend(folder: Path) -> None:
    """Take away a last line that is not whole, so that the next one begins a line of its own."""
    path = folder / NAME
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
