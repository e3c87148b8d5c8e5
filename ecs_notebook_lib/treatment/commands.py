"""A write call as people type it: for the `aws` command, and in Python."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.knowledge.treatments import write_operations

READ_ONLY_MEMBERS = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
)
"""What DescribeTaskDefinition tells of a definition and RegisterTaskDefinition does not take (ECS_FACTS 10.2)."""


def shell_command(operation: str, params: Mapping[str, Any], edits: Mapping[str, Any]) -> str:
    """Return the `aws` command of a write call, quoted for a POSIX shell; a registration reads the definition first."""
    if edits:
        return _registering(params, edits)
    row = write_operations()[operation]
    words = ["aws", row.service, _dashed(row.action)]
    for name, value in params.items():
        words += _option(name, value)
    return " ".join(map(shlex.quote, words))


def boto3_call(operation: str, params: Mapping[str, Any], edits: Mapping[str, Any]) -> str:
    """Return the call in Python, with boto3."""
    row = write_operations()[operation]
    name = _dashed(row.action).replace("-", "_")
    if not edits:
        given = ", ".join(f"{key}={value!r}" for key, value in params.items())
        return f'boto3.client("{row.service}").{name}({given})'
    lines = [
        'ecs = boto3.client("ecs")',
        f"new = ecs.describe_task_definition(taskDefinition={params['taskDefinition']!r})['taskDefinition']",
        *(f"new{_subscript(path)} = {value!r}" for path, value in edits.items()),
        f"ecs.register_task_definition(**{{k: v for k, v in new.items() if k not in {list(READ_ONLY_MEMBERS)}}})",
    ]
    return "\n".join(lines)


def _registering(params: Mapping[str, Any], edits: Mapping[str, Any]) -> str:
    changed = " | ".join(f"{_jq(path)} = {json.dumps(value)}" for path, value in edits.items())
    gone = ", ".join(f".{name}" for name in READ_ONLY_MEMBERS)
    described = f"aws ecs describe-task-definition --task-definition {shlex.quote(params['taskDefinition'])}"
    program = shlex.quote(f"{changed} | del({gone})")
    return (
        f"{described} --query taskDefinition | jq {program} > new-task-definition.json && "
        "aws ecs register-task-definition --cli-input-json file://new-task-definition.json"
    )


def parts_of(path: str) -> list[tuple[str, str]]:
    """Return (member, name of the container or empty) of each part of a path: `containerDefinitions[web].image`."""
    return [(part.partition("[")[0], part.partition("[")[2].rstrip("]")) for part in path.split(".")]


def _jq(path: str) -> str:
    named = (
        f".{member}" + (f"[] | select(.name == {json.dumps(name)})" if name else "") for member, name in parts_of(path)
    )
    first, *rest = named
    joined = first + "".join(f" | {part}" if "select" in first else part for part in rest)
    return f"({joined})" if "select" in joined else joined


def _subscript(path: str) -> str:
    text = ""
    for member, name in parts_of(path):
        text += f"[{member!r}]"
        if name:
            text = f"[{member!r}][[c['name'] for c in new{text}].index({name!r})]"
    return text


def _option(name: str, value: Any) -> list[str]:
    option = f"--{_dashed(name)}"
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [option, *value] if value else [option, "[]"]
    if isinstance(value, dict | list):
        return [option, json.dumps(value)]
    return [option, str(value)]


def _dashed(name: str) -> str:
    """Return an API name as botocore's xform_name and the AWS CLI write it: `TargetGroupArn` → `target-group-arn`."""
    text = ""
    for number, letter in enumerate(name):
        begins = (
            letter.isupper()
            and number > 0
            and (not name[number - 1].isupper() or name[number + 1 : number + 2].islower())
        )
        text += ("-" if begins else "") + letter.lower()
    return text
