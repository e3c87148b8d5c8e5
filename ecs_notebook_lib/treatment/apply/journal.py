"""What is about to be done, and what came of it: written down before and after each call, so that no call is lost.

One file a treatment, JSON lines, each flushed to the disk before the next step. `intent` stands before a call,
`outcome` after it; an intent without an outcome is a call of which nobody knows what came of it.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ecs_notebook_lib.snapshot.disk import names_to_disk
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.treatment.apply.errors import NotAppliedError
from ecs_notebook_lib.treatment.journals import SCHEMA, JournalError, rows_of, steps_of


@dataclass(frozen=True, slots=True)
class Heading:
    """What a journal is about."""

    action: str
    treats: str
    cluster: str
    service: str
    account: str
    region: str
    caller: str
    undoes: str = ""
    """The journal that this one takes back, if it does."""


class Journal:
    """One journal, open for writing; nobody else can write to it meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise NotAppliedError(f"another treatment is writing to {path}; wait until it has ended") from error

    def write(self, kind: str, at: datetime, **members: Any) -> None:
        """Add a line, and do not return before it is on the disk."""
        row = {"kind": kind, "at": utc_text(at), **members}
        self._file.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let others write to it."""
        self._file.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def begin(folder: Path, heading: Heading, at: datetime) -> Journal:
    """Return a new journal whose first line tells what it is about."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{heading.service}-{at:%Y%m%dT%H%M%SZ}-{heading.action}"
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'-{number}'}.jsonl").exists():
        number += 1
    journal = Journal(path)
    told = {name: getattr(heading, name) for name in heading.__slots__}
    journal.write("begin", at, schema=SCHEMA, **told)
    names_to_disk(folder)
    return journal


def half_done(folder: Path, *, account: str, region: str, cluster: str, service: str) -> Iterator[Path]:
    """Yield the journals of a service in which a call has no outcome, oldest first."""
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        try:
            rows = rows_of(path)
        except JournalError:
            continue
        place = tuple(rows[0].get(name) for name in ("account", "region", "cluster", "service"))
        same = place == (account, region, cluster, service)
        if same and any(outcome is None for _, outcome in steps_of(rows).values()):
            yield path
