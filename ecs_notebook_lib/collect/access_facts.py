"""Roles, their policies, what they allow, and the resources' own policies: IAM, S3, Secrets Manager, KMS, ECR.

Only policy documents and verdicts are read; never a secret's or a parameter's value.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ecs_notebook_lib.arns import account_of
from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.collect.existence import existing_images, existing_secrets
from ecs_notebook_lib.knowledge.needs import Need, role_name


def collect_roles(caller: Caller, role_arns: Iterable[str]) -> None:
    """Read the roles, their trust policies, and every policy attached to or written into them."""
    names = dict.fromkeys(filter(None, map(role_name, role_arns)))
    about_role = [Request(operation, {"RoleName": name}) for name in names for operation in _ROLE_OPERATIONS]
    caller.follow(about_role, _policies)


_ROLE_OPERATIONS = ("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies")


def _policies(asked: Request, answer: Answer) -> Iterator[Request]:
    """Yield what an answer about a role makes it possible to ask: its policies, written, attached or its boundary."""
    for name in answer.items("PolicyNames"):
        yield Request("iam:GetRolePolicy", {"RoleName": asked.params["RoleName"], "PolicyName": name})
    for attached in answer.items("AttachedPolicies"):
        yield Request("iam:GetPolicy", {"PolicyArn": attached["PolicyArn"]})
    if boundary := (answer.get("Role") or {}).get("PermissionsBoundary"):
        yield Request("iam:GetPolicy", {"PolicyArn": boundary["PermissionsBoundaryArn"]})
    if policy := answer.get("Policy"):
        yield Request("iam:GetPolicyVersion", {"PolicyArn": policy["Arn"], "VersionId": policy["DefaultVersionId"]})


def collect_simulations(caller: Caller, needs: Iterable[Need], *, former_roles: Iterable[str] = ()) -> None:
    """Ask SimulatePrincipalPolicy what each role allows of what is needed; one call a role.

    Every action is simulated on every resource of the role's needs; the pairs that nobody needs are ignored later.
    `former_roles` are asked the same as the present ones, so that what was lost shows.
    """
    wanted = list(needs)
    by_role: dict[str, list[Need]] = defaultdict(list)
    for need in wanted:
        by_role[need.role_arn].append(need)
    for former in former_roles:
        by_role.setdefault(former, wanted)
    caller.gather(_simulation(role, of_role) for role, of_role in by_role.items())


def _simulation(role_arn: str, needs: list[Need]) -> Request:
    params = {
        "PolicySourceArn": role_arn,
        "ActionNames": sorted({need.action for need in needs}),
        "ResourceArns": sorted({need.resource for need in needs}),
    }
    return Request("iam:SimulatePrincipalPolicy", params)


def collect_resource_policies(caller: Caller, needs: Iterable[Need]) -> None:
    """Read the policies of the buckets, secrets, keys and repositories that are needed."""
    resources = dict.fromkeys(need.resource for need in needs)
    caller.follow((request for arn in resources for request in _policy_requests(arn)), _key_policy)


def _key_policy(_: Request, answer: Answer) -> Iterator[Request]:
    if key := answer.get("KmsKeyId"):
        yield Request("kms:GetKeyPolicy", {"KeyId": key, "PolicyName": "default"})


def collect_for_rollback(caller: Caller, definition: Mapping[str, Any]) -> None:
    """Ask whether the images and secrets of the last good revision still exist; its roles are read anyway."""
    caller.gather([*existing_images(definition), *existing_secrets(definition)])


def _policy_requests(arn: str) -> Iterator[Request]:
    service, resource = (arn.split(":", 5) + [""] * 6)[2:6:3]
    if service == "s3":
        yield Request("s3:GetBucketPolicy", {"Bucket": resource.partition("/")[0]})
    elif service == "secretsmanager":
        yield Request("secretsmanager:DescribeSecret", {"SecretId": arn})
        yield Request("secretsmanager:GetResourcePolicy", {"SecretId": arn})
    elif service == "ecr":
        account, name = account_of(arn), resource.partition("/")[2]
        yield Request("ecr:GetRepositoryPolicy", {"registryId": account, "repositoryName": name})
