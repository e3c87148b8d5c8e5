"""What a task definition names and does not exist, as a resource to create; and references that name it wrongly."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.needs import secret_id
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.definition_forms import definition
from ecs_notebook_lib.treatment.texts.rendering import cloudformation, json_text, terraform

RETENTION_DAYS = 30
_PARTS, _WHOLE = 7, 10
"""Parts of a secret's ARN; with key, stage and version (ECS developer guide, "Specifying sensitive data")."""

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z")
_VERSION = re.compile(r"[A-Za-z0-9-]{32,64}\Z")
_NO_KEY = re.compile(r"did not contain json key (\S{1,200})")
_NO_JSON = re.compile(r"invalid character '[^\n]{0,80}(?:in literal|looking for beginning)")


@dataclass(frozen=True, slots=True)
class ResourceText:
    """One thing to create: `kind` is secret, parameter or log_group, `name` what AWS calls it. Never a value."""

    kind: str
    name: str
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class ReferenceChange:
    """One `secrets` entry of a container, before and after; `after` is empty if the right one is not known."""

    container: str
    variable: str
    before: str
    after: str
    why: str
    fragment: Fragment


def _gone(diagnosis: Diagnosis, kind: str) -> list[str]:
    things = diagnosis.frames.named_things
    rows = things[(things["kind"] == kind) & things["exists"].eq(other=False).fillna(value=False)]
    return sorted(rows["name"].unique())


def log_group_missing(diagnosis: Diagnosis) -> tuple[ResourceText, ...]:
    """Return each log group that the examined revision names and does not exist."""
    return tuple(ResourceText("log_group", name, _log_group(name)) for name in _gone(diagnosis, "log_group"))


def _log_group(name: str) -> Fragment:
    return Fragment(
        f"Log group {name}",
        json_text({"logGroupName": name}),
        terraform("aws_cloudwatch_log_group", name, {"name": name, "retention_in_days": RETENTION_DAYS}),
        cloudformation("AWS::Logs::LogGroup", name, {"LogGroupName": name, "RetentionInDays": RETENTION_DAYS}),
    )


def secret_missing(diagnosis: Diagnosis) -> tuple[ResourceText, ...]:
    """Return each secret that does not exist, without a value: whoever knows it puts it in.

    One whose reference lacks the suffix may well exist under its full ARN: `secret_reference` tells.
    """
    names = {_secret_name(arn) for arn in _gone(diagnosis, "secret") if _SUFFIX.search(arn) or ":" not in arn}
    return tuple(ResourceText("secret", name, _secret(name)) for name in sorted(names))


def _secret_name(arn: str) -> str:
    return _SUFFIX.sub("", arn.partition(":secret:")[2] or arn)


def _secret(name: str) -> Fragment:
    return Fragment(
        f"Secret {name}",
        json_text({"Name": name}),
        terraform("aws_secretsmanager_secret", name, {"name": name}),
        cloudformation("AWS::SecretsManager::Secret", name, {"Name": name}),
    )


def parameter_missing(diagnosis: Diagnosis) -> tuple[ResourceText, ...]:
    """Return each parameter that does not exist. CloudFormation cannot make a SecureString, so that form is empty."""
    return tuple(
        ResourceText("parameter", name, _parameter(name)) for name in map(_path, _gone(diagnosis, "parameter"))
    )


def _path(reference: str) -> str:
    name = reference.partition(":parameter/")[2]
    return reference if not name else f"/{name}" if "/" in name else name


def _parameter(name: str) -> Fragment:
    variable = "Its value comes from a variable that is marked sensitive: never from a file in git."
    members = {"name": name, "type": "SecureString", "value_wo": "put the value in by hand", "value_wo_version": 1}
    return Fragment(
        f"Parameter {name}. {variable}",
        json_text({"Name": name, "Type": "SecureString"}),
        terraform("aws_ssm_parameter", name, members),
    )


def secret_reference(diagnosis: Diagnosis) -> tuple[ReferenceChange, ...]:
    """Return each reference to a secret that is written wrongly, and how it is written right; empty: none is known."""
    frames = diagnosis.frames
    examined = frames.history.examined
    if examined is None:
        return ()
    rows = frames.secrets[frames.secrets["task_definition"] == examined.task_definition]
    return tuple(change for row in rows.to_dict("records") for change in _wrong(frames, row))


def _described(frames: Frames) -> dict[str, str]:
    """Return the full ARN of each secret that DescribeSecret knows, by what it was asked by."""
    pages = frames.snapshot.records("secretsmanager:DescribeSecret")
    return {str(page["params"]["SecretId"]): str(page["response"]["ARN"]) for page in pages if page["response"]}


def _wrong(frames: Frames, row: dict[Any, Any]) -> Iterator[ReferenceChange]:
    before = str(row["value_from"])
    arn = secret_id(before)
    if not arn:
        return
    after, whys = _mended(before, _described(frames).get(arn) or _by_name(frames, arn)), []
    if not _SUFFIX.search(arn):
        shown = f"aws secretsmanager describe-secret --secret-id {shlex.quote(_secret_name(arn))} --query ARN"
        whys.append(f"its ARN lacks the six characters that Secrets Manager adds ({shown})")
    parts = before.split(":")
    if _PARTS < len(parts) < _WHOLE:
        whys.append("key, stage and version need all three colons")
    if len(parts) == _WHOLE and parts[9] and not _VERSION.match(parts[9]):
        whys.append("its last part is no id of a version")
    told = " ".join(frames.tasks["stopped_reason"].dropna().unique())[:20_000] if len(parts) > _PARTS else ""
    absent = {match[1] for match in _NO_KEY.finditer(told)}
    if len(parts) > _PARTS and parts[7] and parts[7] in absent:
        whys.append(f"the secret has no key {parts[7]}: add it to the secret, or name one that it has")
    elif len(parts) > _PARTS and parts[7] and _NO_JSON.search(told):
        whys.append("the secret is no JSON, so no key of it can be asked for: name the secret alone")
        after = ":".join(after.split(":")[:_PARTS])
    if whys:
        given = "" if after == before or not _SUFFIX.search(secret_id(after)) else after
        yield _change(row, before, given, why="; ".join(whys))


def _by_name(frames: Frames, arn: str) -> str:
    """Return the full ARN of the secret that `arn` names, told by AWS or by another revision; empty if not known."""
    named = [secret_id(one) for one in frames.secrets["value_from"].dropna()]
    known = {*_described(frames).values(), *(one for one in named if _SUFFIX.search(one))}
    found = [one for one in known if _SUFFIX.sub("", one) == arn]
    return found[0] if len(found) == 1 else ""


def _mended(before: str, arn: str) -> str:
    """Return a reference with the right ARN, if it is known, all its colons, and no version that is none."""
    parts = before.split(":")
    head, tail = arn or ":".join(parts[:_PARTS]), parts[_PARTS:_WHOLE]
    if not tail:
        return head
    key, stage, version = [*tail, "", "", ""][:3]
    return ":".join((head, key, stage, version if _VERSION.match(version) else ""))


def _change(row: dict[Any, Any], before: str, after: str, *, why: str) -> ReferenceChange:
    container, variable = str(row["container"]), str(row["name"])
    title = f"secrets of the container {container}: {variable}"
    if not after:
        return ReferenceChange(container, variable, before, after, why, Fragment(title))
    fragment = definition(title, container={"name": container, "secrets": [{"name": variable, "valueFrom": after}]})
    return ReferenceChange(container, variable, before, after, why, fragment)
