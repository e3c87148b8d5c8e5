"""The table of read operations: all that collectors may call, and what each one shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table


@dataclass(frozen=True, slots=True)
class Operation:
    """One read operation of AWS.

    `name` is botocore's `service:Operation`; `iam` the action a policy must allow; `hides` what a refusal hides;
    `after` the operations whose answers it needs; `batch` the list parameter of which one call takes `batch_size`;
    `absent` the error codes that are an answer; `record` says that recording needs it, and no incident does.
    """

    name: str
    iam: str
    steps: tuple[str, ...]
    hides: str
    after: tuple[str, ...] = ()
    batch: str = ""
    batch_size: int = 0
    absent: frozenset[str] = frozenset()
    record: bool = False

    @property
    def service(self) -> str:
        """Return botocore's name of the service."""
        return self.name.partition(":")[0]

    @property
    def action(self) -> str:
        """Return botocore's name of the operation, without the service."""
        return self.name.partition(":")[2]


@cache
def every_operation() -> Mapping[str, Operation]:
    """Return every read operation by its name, in the order of the table."""
    return {name: _operation(name, row) for name, row in read_table("operations").items()}


@cache
def operations() -> Mapping[str, Operation]:
    """Return the read operations that an incident is collected with, in the order of the table."""
    return {name: operation for name, operation in every_operation().items() if not operation.record}


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
        record=row.get("record", False),
    )


def least_policy(*, record: bool = False) -> dict[str, Any]:
    """Return the least IAM policy that lets a role run every collector, and with `record` the recording, too.

    `Resource` is `*`: the incident's roles, buckets and log groups are known only when it is read, and many of these
    actions take no narrower resource (Service Authorization Reference).
    """
    allowed = every_operation() if record else operations()
    actions = sorted({operation.iam for operation in allowed.values()})
    statement = {"Sid": "EcsNotebookRead", "Effect": "Allow", "Action": actions, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
