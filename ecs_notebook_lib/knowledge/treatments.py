"""Kinds of treatment, and the write operations that carry them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ecs_notebook_lib.knowledge.aws_operation import AwsOperation
from ecs_notebook_lib.knowledge.tables import read_table

STOP_HARM, TREAT, PREVENT = "stop_harm", "treat", "prevent"
STAGES = (STOP_HARM, TREAT, PREVENT)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of treatment.

    `name` is what `--apply` takes; `stage` is `stop_harm`, `treat` or `prevent`; `outage` says that it takes healthy
    tasks away; `flag` is what its calls must be allowed by (`--allow FLAG`), beside what single operations ask for.
    """

    name: str
    title: str
    what: str
    stage: str
    risk: str
    radius: str
    undo: str
    verify: str
    source: str
    outage: bool = False
    flag: str = ""
    in_place: bool = False
    """It takes effect on the rollout that goes on, without touching what serves."""


@dataclass(frozen=True, slots=True)
class WriteOperation(AwsOperation):
    """One write operation of AWS; `read` is the operation that shows afterwards whether it was done."""

    iam: tuple[str, ...]
    read: str
    flag: str = ""


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of treatment by its name, in the order of the table."""
    return {name: Kind(name=name, **row) for name, row in read_table("treatments").items()}


@cache
def write_operations() -> Mapping[str, WriteOperation]:
    """Return every write operation by its name, in the order of the table."""
    rows = read_table("write_operations").items()
    return {name: WriteOperation(name, tuple(row["iam"]), row["read"], row.get("flag", "")) for name, row in rows}
