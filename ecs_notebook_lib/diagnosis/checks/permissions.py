"""What the roles allow of what the examined revision needs, and what the resources' own policies deny."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, examined_of, listing
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.ends import is_partial_secret

_DENIED = ("implicit_deny", "explicit_deny")


def _keys(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(rows["action"] + " " + rows["resource"])


def _revision(frames: Frames) -> str:
    examined = frames.history.examined
    return examined.revision if examined else ""


def role_permissions(frames: Frames) -> Iterator[Finding]:
    """Whether the roles do not allow what the examined revision needs.

    Which calls an application makes is not known: a resource that a variable names counts only if the task role may
    do nothing at all with it, or if AWS was seen to refuse the call.
    """
    access = frames.access.dropna(subset=["identity_verdict"])
    if not len(access):
        raise NothingToExamineError("no permission that this revision needs was simulated")
    task = access[access["role"] == "task"]
    refused = task[(task["because"] == "denied") & task["identity_verdict"].isin(_DENIED)]
    for (action, resource), rows in refused.groupby(["action", "resource"], sort=True):
        statement = f"SimulatePrincipalPolicy agrees: {_role(rows)} does not allow {action} on {resource}."
        yield _finding("role_lacks_refused_action", statement, rows, frames)
    yield from _named(task, frames)
    yield from _lost(task, frames)
    execution = access[(access["role"] == "execution") & access["identity_verdict"].isin(_DENIED)]
    asked = zip(execution["action"], execution["resource"], strict=True)
    partial = pd.Series([is_partial_secret(*pair) for pair in asked], index=execution.index, dtype=bool)
    if partial.any():
        named = execution[partial]
        statement = (
            f"The task definition names {listing(named['resource'])} without the suffix of its ARN: the execution role "
            "allows secrets by their full ARNs."
        )
        yield _finding("secret_reference_partial", statement, named, frames)
    execution = execution[~partial]
    if len(execution):
        pairs = listing(execution["action"] + " on " + execution["resource"])
        statement = (
            f"The execution role {_name(execution)} does not allow what ECS needs before the container runs: {pairs}."
        )
        yield _finding("execution_role_lacks_required_action", statement, execution, frames)


def _named(task: pd.DataFrame, frames: Frames) -> Iterator[Finding]:
    named = task[task["because"] == "named"]
    for (variable, resource), rows in named.groupby(["named_by", "resource"], sort=True):
        if rows["identity_verdict"].isin(_DENIED).all() and not rows["resource_verdict"].eq("allowed").any():
            actions = listing(rows["action"])
            statement = f"{_role(rows)} allows none of {actions} on {resource}, which the variable {variable} names."
            yield _finding("role_lacks_every_action_on_named_resource", statement, rows, frames)


def _lost(task: pd.DataFrame, frames: Frames) -> Iterator[Finding]:
    lost = task[(task["former_verdict"] == "allowed") & task["identity_verdict"].isin(_DENIED)]
    if len(lost):
        former = str(lost["former_role_arn"].iloc[0]).rpartition("/")[2]
        pairs = listing(lost["action"])
        statement = f"The last good revision's role {former} allows what {_role(lost)} does not: {pairs}."
        yield _finding("task_role_lost_action", statement, lost, frames)


def _role(rows: pd.DataFrame) -> str:
    return f"the task role {_name(rows)}"


def _name(rows: pd.DataFrame) -> str:
    return str(rows["role_arn"].iloc[0]).rpartition("/")[2]


def _finding(kind: str, statement: str, rows: pd.DataFrame, frames: Frames) -> Finding:
    return Finding(
        kind=kind,
        check="role_permissions",
        statement=statement[0].upper() + statement[1:],
        frame="access",
        rows=_keys(rows),
        revision=_revision(frames),
        parts={
            "role": str(rows["role_arn"].iloc[0]),
            "actions": " ".join(sorted(rows["action"].unique())),
            "resources": " ".join(sorted(rows["resource"].unique())),
        },
    )


def roles_exist(frames: Frames) -> Iterator[Finding]:
    """Whether the roles that the examined revision names exist."""
    examined = examined_of(frames)
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == examined.task_definition]
    if not len(definition):
        raise NothingToExamineError("the task definition of the examined revision is not known")
    things = frames.named_things
    gone = things[(things["kind"] == "role") & things["exists"].eq(other=False).fillna(value=False)]
    for role, detail in gone.groupby("name", sort=True)["detail"].first().items():
        arn, told = str(role), "" if pd.isna(detail) else f": {detail}"
        statement = f"The role {arn} that {examined.revision} names does not exist{told}."
        yield Finding(
            "role_missing", "roles_exist", statement, "named_things", (arn,), examined.revision, {"role": arn}
        )


def resource_policies(frames: Frames) -> Iterator[Finding]:
    """Which policies of buckets, keys, secrets and repositories deny the examined revision's roles."""
    if not len(frames.resource_policies):
        raise NothingToExamineError("nothing that this revision uses has a policy of its own that was read")
    denied = frames.access[frames.access["resource_verdict"] == "explicit_deny"]
    for (resource, decided_by), rows in denied.groupby(["resource", "statement"], sort=True):
        role = str(rows["role_arn"].iloc[0]).rpartition("/")[2]
        statement = f"The policy of {resource} denies {listing(rows['action'])} to {role}, by {decided_by}."
        yield Finding(
            "resource_policy_denies",
            "resource_policies",
            statement,
            "access",
            _keys(rows),
            _revision(frames),
            {"resource": str(resource), "statement": str(decided_by)},
        )
