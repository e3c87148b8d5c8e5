"""Answers of IAM, STS, S3, Secrets Manager, KMS and ECR: policies and verdicts, never a value."""

import json
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.access import Decision, Document, ManagedPolicy, Role, condition_keys, simulate
from ecs_notebook_lib.simulate.answers import Handler, named
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_DEFAULT_KEY = "aws/secretsmanager"


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations about access that this world answers."""
    api = _Access(world)
    return {
        "ecr:DescribeImages": api.describe_images,
        "ecr:DescribeRepositories": api.describe_repositories,
        "ecr:GetRepositoryPolicy": api.get_repository_policy,
        "iam:GetPolicy": api.get_policy,
        "iam:GetPolicyVersion": api.get_policy_version,
        "iam:GetRole": api.get_role,
        "iam:GetRolePolicy": api.get_role_policy,
        "iam:ListAttachedRolePolicies": api.list_attached_role_policies,
        "iam:ListRolePolicies": api.list_role_policies,
        "iam:ListRoles": api.list_roles,
        "iam:SimulatePrincipalPolicy": api.simulate_principal_policy,
        "kms:GetKeyPolicy": api.get_key_policy,
        "s3:GetBucketPolicy": api.get_bucket_policy,
        "secretsmanager:DescribeSecret": api.describe_secret,
        "secretsmanager:GetResourcePolicy": api.get_resource_policy,
        "sts:GetCallerIdentity": api.get_caller_identity,
    }


def _paged(call: Call, rows: list[Any], member: str) -> dict[str, Any]:
    """Return one page in IAM's way: Marker, MaxItems, IsTruncated."""
    marker = call.params.get("Marker", "0")
    if not marker.isdecimal():
        raise AWSError("ValidationError", "Invalid Marker.")
    end = int(marker) + call.params.get("MaxItems", 100)
    more = {"Marker": str(end)} if end < len(rows) else {}
    return {member: rows[int(marker) : end], "IsTruncated": end < len(rows), **more}


class _Access:
    def __init__(self, world: "World") -> None:
        self._world = world
        self._tables = world.access

    def get_caller_identity(self, _call: Call) -> dict[str, Any]:
        return {"UserId": "AROAEXAMPLEINVESTIGATE:session", "Account": self._world.account, "Arn": self._world.caller}

    def _role(self, name: str) -> Role:
        if name not in self._tables.roles:
            raise AWSError("NoSuchEntity", f"The role with name {name} cannot be found.", status=404)
        return self._tables.roles[name]

    def _policy(self, arn: str) -> ManagedPolicy:
        if arn not in self._tables.policies:
            raise AWSError("NoSuchEntity", f"Policy {arn} was not found.", status=404)
        return self._tables.policies[arn]

    def get_role(self, call: Call) -> dict[str, Any]:
        return {"Role": self._role_row(self._role(call.params["RoleName"]))}

    def _role_row(self, role: Role) -> dict[str, Any]:
        row = {
            "Path": "/" + role.arn.partition(":role/")[2].removesuffix(role.name),
            "RoleName": role.name,
            "RoleId": role.role_id,
            "Arn": role.arn,
            "CreateDate": role.created_at,
            "AssumeRolePolicyDocument": role.trust,
            "MaxSessionDuration": 3600,
        }
        if role.boundary is None:
            return row
        return row | {
            "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": role.boundary}
        }

    def list_roles(self, call: Call) -> dict[str, Any]:
        return _paged(call, [self._role_row(role) for _, role in sorted(self._tables.roles.items())], "Roles")

    def list_role_policies(self, call: Call) -> dict[str, Any]:
        return _paged(call, sorted(self._role(call.params["RoleName"]).inline), "PolicyNames")

    def list_attached_role_policies(self, call: Call) -> dict[str, Any]:
        arns = self._role(call.params["RoleName"]).attached
        rows = [{"PolicyName": self._policy(arn).name, "PolicyArn": arn} for arn in arns]
        return _paged(call, rows, "AttachedPolicies")

    def get_role_policy(self, call: Call) -> dict[str, Any]:
        role, name = self._role(call.params["RoleName"]), call.params["PolicyName"]
        if name not in role.inline:
            raise AWSError("NoSuchEntity", f"The role policy with name {name} cannot be found.", status=404)
        return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": role.inline[name]}

    def get_policy(self, call: Call) -> dict[str, Any]:
        policy = self._policy(call.params["PolicyArn"])
        row = {
            "PolicyName": policy.name,
            "PolicyId": policy.policy_id,
            "Arn": policy.arn,
            "Path": "/",
            "DefaultVersionId": policy.default_version,
            "AttachmentCount": sum(policy.arn in role.attached for role in self._tables.roles.values()),
            "IsAttachable": True,
            "CreateDate": policy.created_at,
            "UpdateDate": policy.created_at,
        }
        return {"Policy": row}

    def get_policy_version(self, call: Call) -> dict[str, Any]:
        policy, version = self._policy(call.params["PolicyArn"]), call.params["VersionId"]
        if version not in policy.versions:
            raise AWSError("NoSuchEntity", f"Policy {policy.arn} version {version} does not exist.", status=404)
        row = {
            "Document": policy.versions[version],
            "VersionId": version,
            "IsDefaultVersion": version == policy.default_version,
            "CreateDate": policy.created_at,
        }
        return {"PolicyVersion": row}

    def simulate_principal_policy(self, call: Call) -> dict[str, Any]:
        """Answer for a role's own policies; AWS never looks at resource policies here, and refuses one for a role."""
        params = call.params
        if ":role/" not in params["PolicySourceArn"]:
            raise AWSError("InvalidInput", "Invalid Entity Arn: only roles live in this simulated account.")
        if "ResourcePolicy" in params:
            raise AWSError("InvalidInput", "Simulation of resource-based policies isn't supported for IAM roles.")
        role = self._role(named(params["PolicySourceArn"]))
        if role.arn != params["PolicySourceArn"]:
            raise AWSError("NoSuchEntity", f"The role {params['PolicySourceArn']} cannot be found.", status=404)
        context = {
            row["ContextKeyName"]: row["ContextKeyValues"][0]
            for row in params.get("ContextEntries", ())
            if row.get("ContextKeyValues")
        }
        resources = params.get("ResourceArns") or ["*"]
        rows = [self._evaluation(role, action, resources, context) for action in params["ActionNames"]]
        return _paged(call, rows, "EvaluationResults")

    def _evaluation(self, role: Role, action: str, resources: list[str], context: dict[str, str]) -> dict[str, Any]:
        decisions = [(resource, simulate(self._tables, role, action, resource, context)) for resource in resources]
        missing = sorted(key for _, _, d in self._tables.policies_of(role) for key in condition_keys(d) - set(context))
        first = decisions[0][1]
        row = {
            "EvalActionName": action,
            "EvalResourceName": resources[0],
            "EvalDecision": _overall([decision.verdict for _, decision in decisions]),
            "MatchedStatements": self._matched(role, first),
            "MissingContextValues": missing if resources == ["*"] else [],
        }
        if resources == ["*"]:
            return row
        specific = [
            {
                "EvalResourceName": resource,
                "EvalResourceDecision": decision.verdict,
                "MatchedStatements": self._matched(role, decision),
                "MissingContextValues": missing,
            }
            for resource, decision in decisions
        ]
        return row | {"ResourceSpecificResults": specific}

    def _matched(self, role: Role, decision: Decision) -> list[dict[str, Any]]:
        documents = {(name, kind): document for name, kind, document in self._tables.policies_of(role)}
        return [
            {"SourcePolicyId": name, "SourcePolicyType": kind, **_position(documents[name, kind], statement)}
            for name, kind, statement in decision.matched
        ]

    def get_bucket_policy(self, call: Call) -> dict[str, Any]:
        bucket = call.params["Bucket"]
        if bucket not in self._tables.buckets:
            raise AWSError("NoSuchBucket", "The specified bucket does not exist", status=404)
        policy = self._tables.buckets[bucket]
        if policy is None:
            raise AWSError("NoSuchBucketPolicy", "The bucket policy does not exist", status=404)
        return {"Policy": json.dumps(policy)}

    def describe_secret(self, call: Call) -> dict[str, Any]:
        secret = self._secret(call.params["SecretId"])
        row = {"ARN": secret.arn, "Name": secret.name, "CreatedDate": secret.created_at}
        return row if secret.kms_key_id is None else row | {"KmsKeyId": secret.kms_key_id}

    def get_resource_policy(self, call: Call) -> dict[str, Any]:
        secret = self._secret(call.params["SecretId"])
        row = {"ARN": secret.arn, "Name": secret.name}
        return row if secret.policy is None else row | {"ResourcePolicy": json.dumps(secret.policy)}

    def _secret(self, identifier: str) -> Any:
        for secret in self._tables.secrets.values():
            if identifier in (secret.arn, secret.name):
                return secret
        raise AWSError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

    def get_key_policy(self, call: Call) -> dict[str, Any]:
        key = next((arn for arn in self._tables.keys if call.params["KeyId"] in (arn, named(arn))), None)
        if key is None:
            raise AWSError("NotFoundException", f"Key '{call.params['KeyId']}' does not exist")
        return {"Policy": json.dumps(self._tables.keys[key]), "PolicyName": "default"}

    def _repository(self, name: str) -> Document | None:
        if name not in self._tables.repositories:
            text = f"The repository with name '{name}' does not exist in the registry with id '{self._world.account}'"
            raise AWSError("RepositoryNotFoundException", text)
        return self._tables.repositories[name]

    def describe_images(self, call: Call) -> dict[str, Any]:
        name = call.params["repositoryName"]
        self._repository(name)
        prefix = f"{self._world.registry}/{name}:"
        pushed = [image for image in self._world.programs if image not in self._world.holdings.unpushed]
        stored = {image.removeprefix(prefix): image for image in pushed if image.startswith(prefix)}
        details = {tag: self._image_row(name, tag, image) for tag, image in stored.items()}
        wanted = call.params.get("imageIds")
        if wanted is None:
            return {"imageDetails": list(details.values())}
        return {"imageDetails": [self._image(name, identifier, details) for identifier in wanted]}

    def _image_row(self, name: str, tag: str, image: str) -> dict[str, Any]:
        digest = self._world.image_digest(image)
        return {"registryId": self._world.account, "repositoryName": name, "imageDigest": digest, "imageTags": [tag]}

    def _image(self, name: str, identifier: dict[str, str], details: dict[str, dict[str, Any]]) -> dict[str, Any]:
        for tag, row in details.items():
            known = {"imageDigest": row["imageDigest"], "imageTag": tag}
            if known | identifier == known:
                return row
        digest, tag = (f"'{identifier[key]}'" if key in identifier else "null" for key in ("imageDigest", "imageTag"))
        raise AWSError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:{digest}, imageTag:{tag}}} does not exist within the repository "
            f"with name '{name}' in the registry with id '{self._world.account}'",
        )

    def describe_repositories(self, call: Call) -> dict[str, Any]:
        names = call.params.get("repositoryNames") or sorted(self._tables.repositories)
        return {"repositories": [self._repository_row(name) for name in names if self._repository(name) or True]}

    def _repository_row(self, name: str) -> dict[str, Any]:
        world = self._world
        uri = f"{world.registry}/{name}"
        arn = world.arn("ecr", f"repository/{name}")
        return {"repositoryArn": arn, "registryId": world.account, "repositoryName": name, "repositoryUri": uri}

    def get_repository_policy(self, call: Call) -> dict[str, Any]:
        name = call.params["repositoryName"]
        policy = self._repository(name)
        if policy is None:
            text = f"Repository policy does not exist for the repository with name '{name}'"
            raise AWSError("RepositoryPolicyNotFoundException", text)
        return {"registryId": self._world.account, "repositoryName": name, "policyText": json.dumps(policy)}


def _overall(verdicts: list[str]) -> str:
    return next((verdict for verdict in ("explicitDeny", "implicitDeny") if verdict in verdicts), "allowed")


def _position(document: Document, statement: Document) -> dict[str, Any]:
    """Return where a statement stands in its document as AWS stores it: on one line."""
    text, part = json.dumps(document), json.dumps(statement)
    start = text.find(part)
    return {
        "StartPosition": {"Line": 1, "Column": start + 1},
        "EndPosition": {"Line": 1, "Column": start + len(part) + 1},
    }
