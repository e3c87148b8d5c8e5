"""What a revision needs from IAM: actions on resources, by role, each with the reason for asking.

Sources: the task definition (image, log options, secrets, ARNs in the environment) and denials seen in logs and in
stopped reasons. Execution-role needs: Amazon ECS developer guide, "Amazon ECS task execution IAM role".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ecs_notebook_lib.arns import account_of, service_of
from ecs_notebook_lib.knowledge.tables import read_table


class RoleKind(StrEnum):
    """Which of a task definition's two roles makes a call."""

    TASK = "task"
    EXECUTION = "execution"


class Because(StrEnum):
    """Why a need is asked for: AWS denied it, the task definition requires it, or a variable names the resource."""

    DENIED = "denied"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One action on one resource that a revision's task needs; `named_by` is the variable, secret or log behind it."""

    role: RoleKind
    role_arn: str
    action: str
    resource: str
    because: Because
    named_by: str


@dataclass(frozen=True, slots=True, order=True)
class Denial:
    """An access denial as AWS worded it: who was refused what, on which resource (`""` if it was not told)."""

    principal: str
    action: str
    resource: str
    named_by: str


def needs_of(task_definition: Mapping[str, Any], denials: Iterable[Denial] = ()) -> tuple[Need, ...]:
    """Return what one revision needs, sorted and without repeats.

    Parameters
    ----------
    task_definition
        `taskDefinition` of DescribeTaskDefinition, values masked: ARNs are kept plain.
    denials
        Denials seen in the logs and stopped reasons; those of other principals than this revision's roles are left out.
    """
    roles = {kind: task_definition.get(f"{kind}RoleArn") or "" for kind in RoleKind}
    wanted = [*_denied(roles, denials), *_named(task_definition), *_required(task_definition)]
    needs = {
        Need(kind, roles[kind], action, resource, because, named_by)
        for kind, action, resource, because, named_by in wanted
        if roles[kind]
    }
    return tuple(sorted(needs))


_Wanted = tuple[RoleKind, str, str, Because, str]


def _denied(roles: Mapping[RoleKind, str], denials: Iterable[Denial]) -> Iterator[_Wanted]:
    for denial in denials:
        for kind, arn in roles.items():
            if denial.action and arn and role_name(denial.principal) == role_name(arn):
                yield kind, denial.action, denial.resource or "*", Because.DENIED, denial.named_by


def role_name(principal: str) -> str:
    """Return the name of the role in the ARN of a role or of one of its sessions; `""` if it is neither."""
    resource = principal.partition(":iam::")[2] or principal.partition(":sts::")[2]
    kind, _, rest = resource.partition(":")[2].partition("/")
    if kind == "assumed-role":
        return rest.partition("/")[0]
    return rest.rpartition("/")[2] if kind == "role" else ""


def _named(task_definition: Mapping[str, Any]) -> Iterator[_Wanted]:
    table = read_table("needs")["named"]
    for container in task_definition.get("containerDefinitions") or ():
        for variable in container.get("environment") or ():
            arn = str(variable.get("value") or "")
            row = table.get(service_of(arn), {})
            for action in row.get("actions", ()):
                resource = arn + row.get("suffix", "") if "/" not in arn else arn
                yield RoleKind.TASK, action, resource, Because.NAMED, str(variable.get("name"))


def _required(task_definition: Mapping[str, Any]) -> Iterator[_Wanted]:
    table = read_table("needs")["execution"]
    for container in task_definition.get("containerDefinitions") or ():
        for feature, resource, named_by in _features(container, task_definition.get("taskDefinitionArn", "")):
            for action in table[feature]:
                yield RoleKind.EXECUTION, action, resource, Because.REQUIRED, named_by


def _features(container: Mapping[str, Any], task_definition_arn: str) -> Iterator[tuple[str, str, str]]:
    """Yield (feature, resource ARN, what names it) for all that ECS does for a container before it runs."""
    repository = ecr_repository_arn(container.get("image", ""))
    if repository:
        yield "registry", "*", "image"
        yield "repository", repository, "image"
    logging = container.get("logConfiguration") or {}
    options = logging.get("options") or {}
    if logging.get("logDriver") == "awslogs" and options.get("awslogs-group"):
        group = _sibling_arn(task_definition_arn, "logs", f"log-group:{options['awslogs-group']}")
        yield "log_stream", f"{group}:*", "awslogs-group"
        if options.get("awslogs-create-group") == "true":
            yield "log_group", f"{group}:*", "awslogs-create-group"
    for secret in container.get("secrets") or ():
        yield _secret(str(secret.get("valueFrom", "")), str(secret.get("name", "")), task_definition_arn)
    credentials = (container.get("repositoryCredentials") or {}).get("credentialsParameter")
    if credentials:
        yield _secret(credentials, "repositoryCredentials", task_definition_arn)


def _secret(value_from: str, name: str, task_definition_arn: str) -> tuple[str, str, str]:
    """Return the feature and ARN behind `valueFrom`: a secret's ARN may carry a key, a stage and a version after it."""
    if secret_id(value_from):
        return "secretsmanager", secret_id(value_from), name
    if value_from.startswith("arn:"):
        return "ssm", value_from, name
    return "ssm", _sibling_arn(task_definition_arn, "ssm", f"parameter/{value_from.lstrip('/')}"), name


def _sibling_arn(arn: str, service: str, resource: str) -> str:
    """Return the ARN of a resource in the same partition, region and account."""
    parts = (arn.split(":") + [""] * 5)[:5]
    return f"arn:{parts[1]}:{service}:{parts[3]}:{parts[4]}:{resource}"


def ecr_repository_arn(image: str) -> str:
    """Return the ARN of the private ECR repository that an image reference names; `""` for other registries."""
    host, _, path = image.partition("/")
    account, marker, rest = host.partition(".dkr.ecr.")
    if not (marker and path and account.isdecimal()):
        return ""
    partition = "aws-cn" if host.endswith(".cn") else "aws"
    name = path.partition("@")[0]
    name = name.rpartition(":")[0] if ":" in name else name
    return f"arn:{partition}:ecr:{rest.partition('.')[0]}:{account}:repository/{name}"


def ecr_image(image: str) -> dict[str, object] | None:
    """Return the parameters of ECR's DescribeImages for an image reference; None for other registries."""
    arn = ecr_repository_arn(image)
    if not arn:
        return None
    path, _, digest = image.partition("/")[2].partition("@")
    tag = path.rpartition(":")[2] if ":" in path else "latest"
    identifier = {"imageDigest": digest} if digest else {"imageTag": tag}
    return {
        "registryId": account_of(arn),
        "repositoryName": arn.partition(":repository/")[2],
        "imageIds": [identifier],
    }


def secret_id(value_from: str) -> str:
    """Return the ARN of the secret that `valueFrom` names, without key, stage and version; `""` for a parameter."""
    return ":".join(value_from.split(":")[:7]) if ":secretsmanager:" in value_from else ""
