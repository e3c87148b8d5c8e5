"""What an IAM action is asked of: which resource a statement must name for it."""

import re

from ecs_notebook_lib.knowledge.tables import read_table

_ACTION = re.compile(r"[a-z0-9][a-z0-9-]*:[A-Za-z0-9]+\Z")
_PLAIN_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):([^*?${}\x00-\x20\x7f-\uffff]+)\Z")
_SUFFIX = re.compile(r".*-[A-Za-z0-9]{6}\Z")
_ANY_SUFFIX = "-??????"


def is_plain_action(action: str) -> bool:
    """Say whether a text is one action of one service: no wildcard."""
    return bool(_ACTION.match(action))


def is_resource_free(action: str) -> bool:
    """Say whether an action takes no resource, so that only `*` allows it."""
    return action in read_table("actions")["resource_free"]


def gives_access(action: str) -> bool:
    """Say whether an action is one of a service that gives access to others."""
    return action.partition(":")[0] in read_table("actions")["giving"]


def in_managed_execution_policy(action: str) -> bool:
    """Say whether AmazonECSTaskExecutionRolePolicy allows an action."""
    return action in read_table("actions")["managed_execution"]


def resources_for(action: str, resource: str) -> tuple[str, ...]:
    """Return what a statement names so that it allows an action that was refused on `resource`; empty: not known.

    Log streams are named by a task, and objects come and go: those of the group and of the bucket are meant. A secret's
    ARN ends in six characters; where they are missing, any six stand for them. No other wildcard is made or taken.
    """
    if is_resource_free(action):
        return ("*",)
    service = action.partition(":")[0]
    if service == "s3":
        return _of_s3(action, resource)
    if service == "logs":
        return _of_logs(action, resource)
    if not _PLAIN_ARN.match(resource):
        return ()
    if service == "secretsmanager" and not _SUFFIX.match(resource):
        return (resource + _ANY_SUFFIX,)
    return (resource,)


def _of_s3(action: str, resource: str) -> tuple[str, ...]:
    head, _, path = resource.partition(":::")
    bucket = path.partition("/")[0]
    name = action.partition(":")[2]
    arn = f"{head}:::{bucket}"
    if not _PLAIN_ARN.match(arn) or ":s3" not in head:
        return ()
    of_objects = ("Object" in name and "Bucket" not in name) or action in read_table("actions")["of_objects"]
    return (f"{arn}/*",) if of_objects else (arn,)


def _of_logs(action: str, resource: str) -> tuple[str, ...]:
    parts = resource.split(":")
    group = ":".join(parts[:7])
    if len(parts) < 7 or parts[5] != "log-group" or not _PLAIN_ARN.match(group):
        return ()
    return (group, f"{group}:*") if action == "logs:CreateLogGroup" else (f"{group}:*",)
