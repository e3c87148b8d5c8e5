"""What the tasks need from IAM, and what their roles and the resources' own policies answer."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.arns import partition_of
from ecs_notebook_lib.frames.columns import TEXT, TRUTH, UTC_TIME, Column, FrameSchema, rows_frame, texts
from ecs_notebook_lib.frames.logs import told_kinds
from ecs_notebook_lib.frames.sentences import samples
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.knowledge.needs import Denial, Need, needs_of, role_name
from ecs_notebook_lib.policy import (
    Decision,
    Principal,
    combine,
    evaluate_resource_policy,
    evaluate_trust,
    identity_decision,
)
from ecs_notebook_lib.snapshot import IncidentName, Snapshot

_ROLES = ("ecs:DescribeTaskDefinition", "iam:GetRole")
_RESOURCE_POLICIES = (
    "s3:GetBucketPolicy",
    "secretsmanager:GetResourcePolicy",
    "kms:GetKeyPolicy",
    "ecr:GetRepositoryPolicy",
)

ROLES = FrameSchema(
    "roles",
    "iam:GetRole",
    needs=_ROLES,
    rows="One row a role of the examined or the last good revision. One not here does not exist, or was refused.",
    key=("role_arn",),
    columns=(
        Column("role_arn", TEXT, "Role.Arn", "Full ARN, with the path."),
        Column("role_name", TEXT, "Role.RoleName", "Name without the path."),
        Column("role_id", TEXT, "Role.RoleId", "`AROA…`: another one once the role was made anew."),
        Column("created_at", UTC_TIME, "Role.CreateDate", "When it was created."),
        Column("boundary_arn", TEXT, "Role.PermissionsBoundary.PermissionsBoundaryArn", "Its permissions boundary."),
        Column("trust_document", TEXT, "Role.AssumeRolePolicyDocument", "Its trust policy, as JSON."),
        Column("trust_verdict", TEXT, "", "Whether ECS may assume it for a task: allowed, implicit_deny, …"),
        Column("trust_reason", TEXT, "", "What of the trust policy decides that."),
    ),
)

_RESULT = "EvaluationResults[]."
_SPECIFIC = f"{_RESULT}ResourceSpecificResults[]."

SIMULATED_ACCESS = FrameSchema(
    "simulated_access",
    "iam:SimulatePrincipalPolicy",
    needs=("ecs:DescribeServices", "ecs:DescribeTaskDefinition", "iam:SimulatePrincipalPolicy"),
    rows="One row an action on a resource, as SimulatePrincipalPolicy sees it: the role's own policies only.",
    key=("role_arn", "action", "resource"),
    columns=(
        Column("role_arn", TEXT, "@params.PolicySourceArn", "Role that was simulated."),
        Column("action", TEXT, f"{_RESULT}EvalActionName", "IAM action."),
        Column("resource", TEXT, f"{_SPECIFIC}EvalResourceName", "ARN of the resource."),
        Column("decision", TEXT, f"{_SPECIFIC}EvalResourceDecision", "allowed, explicitDeny or implicitDeny."),
    ),
)

SIMULATED_OVERALL = FrameSchema(
    "simulated_overall",
    "iam:SimulatePrincipalPolicy",
    needs=SIMULATED_ACCESS.needs,
    rows="One row an action: the verdict where it was asked without resources.",
    key=("role_arn", "action", "resource"),
    columns=(
        Column("role_arn", TEXT, "@params.PolicySourceArn", "Role that was simulated."),
        Column("action", TEXT, f"{_RESULT}EvalActionName", "IAM action."),
        Column("resource", TEXT, f"{_RESULT}EvalResourceName", "`*`, or the first resource."),
        Column("decision", TEXT, f"{_RESULT}EvalDecision", "allowed, explicitDeny or implicitDeny."),
    ),
)

POLICIES = FrameSchema(
    "policies",
    "",
    needs=(
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
    ),
    rows="One row a policy of a role of the examined or the last good revision.",
    columns=(
        Column("role_name", TEXT, "", "Name of the role."),
        Column("policy", TEXT, "", "Name of the inline policy, or ARN of the managed one."),
        Column("inline", TRUTH, "", "Whether it is written into the role."),
        Column("document", TEXT, "", "The policy, as JSON."),
    ),
)

RESOURCE_POLICIES = FrameSchema(
    "resource_policies",
    "",
    needs=("ecs:DescribeTaskDefinition", *_RESOURCE_POLICIES),
    rows="One row a resource whose own policy was read. An empty document: it has none.",
    columns=(
        Column("service", TEXT, "", "s3, secretsmanager, kms or ecr."),
        Column("resource", TEXT, "", "Bucket, ARN of the secret, key, or repository."),
        Column("document", TEXT, "", "The policy, as JSON; empty if there is none."),
    ),
)

ACCESS = FrameSchema(
    "access",
    "",
    needs=SIMULATED_ACCESS.needs,
    rows="One row an action on a resource that the examined revision needs.",
    columns=(
        Column("role", TEXT, "", "task or execution."),
        Column("role_arn", TEXT, "", "ARN of the role."),
        Column("action", TEXT, "", "IAM action."),
        Column("resource", TEXT, "", "ARN of the resource."),
        Column("because", TEXT, "", "denied: AWS refused it; required: ECS does it; named: a variable names it."),
        Column("named_by", TEXT, "", "The variable, secret or place that says so."),
        Column("identity_verdict", TEXT, "", "What the role's own policies say; missing if it was not simulated."),
        Column("resource_verdict", TEXT, "", "What the resource's own policy says; missing if none was read."),
        Column("statement", TEXT, "", "The resource policy's statement that decided."),
        Column("reason", TEXT, "", "Why it decided so, or what is not known."),
        Column("verdict", TEXT, "", "Both together: allowed, explicit_deny, implicit_deny or undecided."),
        Column("former_role_arn", TEXT, "", "Task role of the last good revision."),
        Column("former_verdict", TEXT, "", "What the former role's own policies say; missing if not simulated."),
    ),
)


def roles_frame(read: pd.DataFrame, incident: IncidentName) -> pd.DataFrame:
    """Return `ROLES` with what their trust policies answer to ECS in the incident's account and region."""
    decisions = [
        evaluate_trust(document, account=incident.account, region=incident.region, partition=partition_of(arn))
        for arn, document in zip(read["role_arn"], read["trust_document"].fillna(""), strict=True)
    ]
    verdicts = texts((str(decision.verdict) for decision in decisions), read.index)
    return read.assign(
        trust_verdict=verdicts, trust_reason=texts((decision.reason for decision in decisions), read.index)
    )


def policies_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `POLICIES` from what IAM answered about roles and their policies."""
    rows: list[dict[str, object]] = [
        {
            "role_name": page["response"]["RoleName"],
            "policy": page["response"]["PolicyName"],
            "inline": True,
            "document": _text(page["response"].get("PolicyDocument")),
        }
        for page in _answered(snapshot, "iam:GetRolePolicy")
    ]
    documents = {
        page["params"]["PolicyArn"]: _text(page["response"]["PolicyVersion"].get("Document"))
        for page in _answered(snapshot, "iam:GetPolicyVersion")
    }
    rows += [
        {"role_name": page["params"]["RoleName"], "policy": arn, "inline": False, "document": documents.get(arn)}
        for page in _answered(snapshot, "iam:ListAttachedRolePolicies")
        for arn in (policy["PolicyArn"] for policy in page["response"].get("AttachedPolicies") or ())
    ]
    return rows_frame(rows, POLICIES)


def _answered(snapshot: Snapshot, operation: str) -> list[dict[str, Any]]:
    return [page for page in snapshot.records(operation) if page["response"] is not None]


def _text(document: object) -> str:
    return document if isinstance(document, str) else orjson.dumps(document).decode()


def resource_policies_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `RESOURCE_POLICIES` from what S3, Secrets Manager, KMS and ECR answered."""
    places = {
        "s3:GetBucketPolicy": ("Bucket", "Policy"),
        "secretsmanager:GetResourcePolicy": ("SecretId", "ResourcePolicy"),
        "kms:GetKeyPolicy": ("KeyId", "Policy"),
        "ecr:GetRepositoryPolicy": ("repositoryName", "policyText"),
    }
    rows = [
        {
            "service": operation.partition(":")[0],
            "resource": page["params"][parameter],
            "document": (page["response"] or {}).get(member) or "",
        }
        for operation, (parameter, member) in places.items()
        for page in snapshot.records(operation)
        if page["response"] is not None or "Policy" in str(page["error"]["code"])
    ]
    return rows_frame(rows, RESOURCE_POLICIES)


def access_frame(
    definition: Mapping[str, Any] | None,
    *,
    denials: Iterable[Denial],
    former_role_arn: str,
    simulated: pd.DataFrame,
    resources: tuple[pd.DataFrame, pd.DataFrame],
) -> pd.DataFrame:
    """Return `ACCESS`: what `definition` needs, and what is known of it.

    Parameters
    ----------
    definition
        `taskDefinition` of the examined revision; None if it was refused.
    resources
        The frames `resource_policies` and `roles`.
    """
    decisions = simulated.set_index(["role_arn", "action", "resource"])["decision"].to_dict()
    policies, roles = resources
    keys = zip(policies["service"], policies["resource"], strict=True)
    documents: dict[tuple[str, str], str] = dict(zip(keys, policies["document"], strict=True))
    role_ids = dict(zip(roles["role_arn"], roles["role_id"].fillna(""), strict=True))
    needs = needs_of(definition, denials) if definition else ()
    rows: list[dict[str, object]] = []
    for need in needs:
        identity = decisions.get((need.role_arn, need.action, need.resource))
        principal = Principal(need.role_arn, role_id=role_ids.get(need.role_arn, ""))
        resource = _resource_decision(documents, need, principal)
        both = combine(identity_decision(identity), resource, action=need.action)
        former = decisions.get((former_role_arn, need.action, need.resource)) if need.role == "task" else None
        rows.append(
            {
                "role": str(need.role),
                "role_arn": need.role_arn,
                "action": need.action,
                "resource": need.resource,
                "because": str(need.because),
                "named_by": need.named_by,
                "identity_verdict": str(identity_decision(identity).verdict) if identity else None,
                "resource_verdict": str(resource.verdict) if resource else None,
                "statement": resource.statement if resource else None,
                "reason": both.reason,
                "verdict": str(both.verdict),
                "former_role_arn": former_role_arn or None,
                "former_verdict": str(identity_decision(former).verdict) if former else None,
            }
        )
    return rows_frame(rows, ACCESS)


def _resource_decision(documents: Mapping[tuple[str, str], str], need: Need, principal: Principal) -> Decision | None:
    """Return what the resource's own policy says; None if it has none, or was not read."""
    service, resource = (need.resource.split(":", 5) + [""] * 6)[2:6:3]
    name = {"s3": resource.partition("/")[0], "ecr": resource.partition("/")[2]}.get(service, need.resource)
    document = documents.get((service, name))
    if not document:
        return None
    return evaluate_resource_policy(document, principal=principal, action=need.action, resource=need.resource)


def denials_of(log_events: pd.DataFrame, tasks: pd.DataFrame) -> list[Denial]:
    """Return the denials that the logs and the stopped reasons tell of."""
    told = log_events[told_kinds(log_events) == "access_denied"].dropna(subset=["principal", "action"])
    rows = told[["principal", "action", "resource"]].fillna("").drop_duplicates()
    denials = [Denial(str(row[0]), str(row[1]), str(row[2]), "log_line") for row in rows.to_numpy()]
    for reason in samples(tasks["stopped_reason"]):
        message = recognise(reason, where="stopped_reason")
        if message and message.innermost.parts.get("principal") and role_name(message.innermost.parts["principal"]):
            parts = message.innermost.parts
            denials.append(Denial(parts["principal"], parts["action"], parts.get("resource", ""), "stopped_reason"))
    return denials
