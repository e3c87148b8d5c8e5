"""The table of read operations: all that collectors may call, and what each one shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.aws_operation import AwsOperation
from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.knowledge.treatments import write_operations


@dataclass(frozen=True, slots=True)
class Operation(AwsOperation):
    """One read operation of AWS.

    `name` is botocore's `service:Operation`; `iam` the action a policy must allow; `hides` what a refusal hides;
    `after` the operations whose answers it needs; `batch` the list parameter of which one call takes `batch_size`;
    `absent` the error codes that are an answer; `always` the members of its answer without which the list element that
    holds them, or the whole answer, is of no use; `documents` the members that hold a JSON document as text; `record`
    and `treat` say that recording, or acting, needs it, and no incident does.
    """

    iam: str
    steps: tuple[str, ...]
    hides: str
    after: tuple[str, ...] = ()
    batch: str = ""
    batch_size: int = 0
    absent: frozenset[str] = frozenset()
    always: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    record: bool = False
    treat: bool = False


@cache
def every_operation() -> Mapping[str, Operation]:
    """Return every read operation by its name, in the order of the table."""
    return {name: _operation(name, row) for name, row in read_table("operations").items()}


@cache
def operations() -> Mapping[str, Operation]:
    """Return the read operations that an incident is collected with, in the order of the table."""
    return {name: row for name, row in every_operation().items() if not (row.record or row.treat)}


def _operation(name: str, row: Mapping[str, Any]) -> Operation:
    return Operation(
        name=name,
        iam=row.get("iam", name),
        steps=tuple(row["steps"]),
        hides=row["hides"],
        after=tuple(row.get("after", ())),
        batch=row.get("batch", ""),
        batch_size=row.get("batch_size", 0),
        absent=frozenset(row.get("absent", ())),
        always=tuple(row.get("always", ())),
        documents=tuple(row.get("documents", ())),
        record=row.get("record", False),
        treat=row.get("treat", False),
    )


def least_policy(*, record: bool = False, treat: bool = False) -> dict[str, Any]:
    """Return the least IAM policy that lets a role run every collector; with `record` and `treat` those, too.

    `Resource` is `*`: the incident's roles, buckets and log groups are known only when it is read, and many of these
    actions take no narrower resource (Service Authorization Reference). What writes stands in a statement of its own,
    so that it can be left out, or put on fewer resources; what `--allow` asks for in another.
    """
    rows = every_operation().values()
    read = sorted({row.iam for row in rows if (record or not row.record) and (treat or not row.treat)})
    statements = [_allowing("EcsNotebookRead", read)]
    if treat:
        by_flag = {flag: set[str]() for flag in (False, True)}
        for operation in write_operations().values():
            by_flag[bool(operation.flag)] |= set(operation.iam)
        statements.append(_allowing("EcsNotebookTreat", sorted(by_flag[False])))
        statements.append(_allowing("EcsNotebookTreatWithAllow", sorted(by_flag[True])))
    return {"Version": "2012-10-17", "Statement": statements}


def _allowing(sid: str, actions: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"}
