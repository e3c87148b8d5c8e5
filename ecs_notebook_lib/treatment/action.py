"""What to do, as values: calls of AWS's API with every parameter filled in, and text for whoever owns the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_notebook_lib.knowledge.treatments import Kind, write_operations
from ecs_notebook_lib.treatment.commands import boto3_call, shell_command

REGISTERED = "ARN-OF-THE-NEW-REVISION"
"""Stands in a call for what the registration before it returns."""


@dataclass(frozen=True, slots=True)
class Call:
    """One write call: botocore's `service:Operation` and its parameters.

    `edits` is for RegisterTaskDefinition alone. A snapshot holds no values of variables, so the definition that
    `edits` change is read when it is registered: `params` then names it (`taskDefinition`), and `edits` maps paths
    in it (`memory`, `containerDefinitions[web].image`) to new values. `wait_for` is what must be so before the next
    call: `no_tasks` or `stable`.
    """

    operation: str
    params: Mapping[str, Any]
    edits: Mapping[str, Any] = field(default_factory=dict)
    wait_for: str = ""

    @property
    def iam(self) -> tuple[str, ...]:
        """Return the IAM actions that the caller needs for it."""
        return write_operations()[self.operation].iam

    @property
    def flag(self) -> str:
        """Return what this call must be allowed by (`--allow FLAG`), beside its action; empty if by nothing."""
        return "scale-to-zero" if self.params.get("desiredCount") == 0 else write_operations()[self.operation].flag

    @property
    def command(self) -> str:
        """Return the `aws` command, quoted for a POSIX shell."""
        return shell_command(self.operation, self.params, self.edits)

    @property
    def code(self) -> str:
        """Return the call in Python, with boto3."""
        return boto3_call(self.operation, self.params, self.edits)


def flags_of(calls: Iterable[Call], *others: str) -> tuple[str, ...]:
    """Return each flag once that these calls must be allowed by, after others that are asked for."""
    return tuple(dict.fromkeys(filter(None, (*others, *(call.flag for call in calls)))))


@dataclass(frozen=True, slots=True)
class Fragment:
    """Text to change where a cause lives in code, policy or infrastructure; a form that does not apply is empty."""

    title: str
    json: str = ""
    terraform: str = ""
    cloudformation: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One member: what it is, and what it is to be."""

    resource: str
    member: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `findings` are the numbers behind it, `calls` are made in order; without calls it is text."""

    kind: Kind
    treats: str
    findings: tuple[str, ...]
    because: str
    calls: tuple[Call, ...] = ()
    changes: tuple[Change, ...] = ()
    fragments: tuple[Fragment, ...] = ()
    needs_first: tuple[str, ...] = ()
    """What must be true, or there, before it can work."""
    command: str = ""
    """What to run where it is no write call of AWS: `ecs-notebook wait …`."""
    undo: str = ""
    """In words; where it is empty, the kind's own."""

    @property
    def name(self) -> str:
        """Return the word that `--apply` takes."""
        return self.kind.name

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what `--allow` must name before its calls are made."""
        return flags_of(self.calls, self.kind.flag)
