"""The forms in which a policy or a resource is written down, by what owns it."""

import shlex
from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.rendering import Encoded, cloudformation, commented, json_text, terraform

Document = Mapping[str, Any]


def role_policy(title: str, role: str, *, name: str, document: Document, marks: tuple[str, ...] = ()) -> Fragment:
    """Return an inline policy of a role; `marks` are comments for Terraform, the other forms have none."""
    resource = terraform("aws_iam_role_policy", f"{role} {name}", _policy({"name": name, "role": role}, document))
    properties = {"RoleName": role, "PolicyName": name, "PolicyDocument": document}
    return Fragment(
        title,
        json_text(document),
        commented(resource, marks),
        cloudformation("AWS::IAM::RolePolicy", f"{role} {name}", properties),
    )


def _policy(members: Mapping[str, Any], document: Document, *, member: str = "policy") -> dict[str, Any]:
    return {**members, member: Encoded(document)}


def managed_policy(title: str, arn: str, document: Document) -> Fragment:
    """Return a managed policy, by its ARN."""
    name = arn.rpartition("/")[2]
    return Fragment(
        title,
        json_text(document),
        terraform("aws_iam_policy", name, _policy({"name": name}, document)),
        cloudformation("AWS::IAM::ManagedPolicy", name, {"ManagedPolicyName": name, "PolicyDocument": document}),
    )


def resource_policy(title: str, service: str, name: str, document: Document) -> Fragment:
    """Return the policy of a bucket, secret, key, repository or VPC endpoint (`service` ec2)."""
    kind, member, of_policy = _TERRAFORM[service]
    form, property_, of_document = _CLOUDFORMATION[service]
    short = name.rpartition(":")[2]
    given = name.rpartition("/")[2] if service == "kms" else name
    return Fragment(
        title,
        json_text(document),
        terraform(kind, short, _policy({member: given}, document, member=of_policy)),
        cloudformation(form, short, ({property_: name} if property_ else {}) | {of_document: document}),
    )


_TERRAFORM = {
    "s3": ("aws_s3_bucket_policy", "bucket", "policy"),
    "secretsmanager": ("aws_secretsmanager_secret_policy", "secret_arn", "policy"),
    "kms": ("aws_kms_key_policy", "key_id", "policy"),
    "ecr": ("aws_ecr_repository_policy", "repository", "policy"),
    "ec2": ("aws_vpc_endpoint_policy", "vpc_endpoint_id", "policy"),
}
_CLOUDFORMATION = {
    "s3": ("AWS::S3::BucketPolicy", "Bucket", "PolicyDocument"),
    "secretsmanager": ("AWS::SecretsManager::ResourcePolicy", "SecretId", "ResourcePolicy"),
    "kms": ("AWS::KMS::Key", "", "KeyPolicy"),
    "ecr": ("AWS::ECR::Repository", "RepositoryName", "RepositoryPolicyText"),
    "ec2": ("AWS::EC2::VPCEndpoint", "", "PolicyDocument"),
}
_OWNERS = {"s3": "bucket", "secretsmanager": "secret", "kms": "key", "ecr": "repository", "ec2": "VPC endpoint"}
_READ = {
    "s3": "aws s3api get-bucket-policy --bucket {} --query Policy --output text",
    "secretsmanager": "aws secretsmanager get-resource-policy --secret-id {}",
    "kms": "aws kms get-key-policy --key-id {} --policy-name default --query Policy --output text",
    "ecr": "aws ecr get-repository-policy --repository-name {} --query policyText --output text",
    "ec2": "aws ec2 describe-vpc-endpoints --vpc-endpoint-ids {}",
}


def owner_of(resource: str) -> tuple[str, str]:
    """Return (service, name) of what has a policy of its own, by the ARN of what was denied; empty if nothing has."""
    service, path = (resource.split(":", 5) + [""] * 6)[2:6:3]
    if service not in _READ or service == "ec2":
        return "", ""
    return service, {"s3": path.partition("/")[0], "ecr": path.partition("/")[2]}.get(service, resource)


def owner_words(service: str, name: str) -> str:
    """Return what has the policy, in words."""
    return f"the {_OWNERS[service]} {name}"


def read_command(service: str, name: str) -> str:
    """Return the command that shows the policy."""
    return _READ[service].format(shlex.quote(name))
