"""Proposals beside the service: what the account lacks, or what of it refuses."""

import json
from typing import Any

from ecs_notebook_lib.treatment import texts
from ecs_notebook_lib.treatment.action import Action, Call, Change, Fragment
from ecs_notebook_lib.treatment.making import action
from ecs_notebook_lib.treatment.situation import Situation
from ecs_notebook_lib.treatment.texts.denials import policies_of


def log_group(s: Situation) -> Action | None:
    """Create the log groups that the task definition names and that do not exist."""
    absent = texts.log_group_missing(s.diagnosis)
    if not absent:
        return None
    calls = tuple(Call("logs:CreateLogGroup", {"logGroupName": row.name}) for row in absent)
    changes = tuple(Change(f"log group {row.name}", "exists", False, True) for row in absent)
    fragments = tuple(row.fragment for row in absent)
    because = f"{absent[0].name} does not exist in this region."
    return action(s, "log_group", because, calls=calls, changes=changes, fragments=fragments)


def task_role_policy(s: Situation) -> Action | None:
    """Allow the task role what AWS refuses it now."""
    return _role_policy(s, "task", "task_role_policy")


def execution_role_policy(s: Situation) -> Action | None:
    """Allow the execution role what AWS refuses it now."""
    return _role_policy(s, "execution", "execution_role_policy")


def _role_policy(s: Situation, role: str, name: str) -> Action | None:
    """Return PutRolePolicy with what is denied now; what the last good role had is text beside it."""
    text = texts.allow_statement(s.diagnosis, role)
    if text is None:
        return None
    present = dict(policies_of(s.frames, text.role_name)).get(text.policy_name)
    params = {
        "RoleName": text.role_name,
        "PolicyName": text.policy_name,
        "PolicyDocument": json.dumps(text.least_document),
    }
    what = f"policy {text.policy_name} of the role {text.role_name}"
    change = Change(what, "Statement", _loaded(present), text.least_document["Statement"])
    because = f"AWS refuses it {', '.join(text.statement_actions)}, and nothing allows it."
    given = {"changes": (change,), "fragments": (text.fragment,), "needs_first": _left_out(text)}
    return action(s, name, because, calls=(Call("iam:PutRolePolicy", params),), **given)


def _loaded(document: Any) -> Any:
    return json.loads(document)["Statement"] if isinstance(document, str) and document else None


def _left_out(text: texts.PolicyText) -> tuple[str, ...]:
    return tuple(f"{row.action} on {row.resource} is not in it: {row.why}" for row in text.left_out)


def role_trust(s: Situation) -> Action | None:
    """Let ECS tasks assume the roles of the revision that exist; one that does not is text."""
    found = texts.trust_policy(s.diagnosis)
    if not found:
        return None
    existing = [row for row in found if row.before is not None]
    calls = tuple(
        Call("iam:UpdateAssumeRolePolicy", {"RoleName": row.role_name, "PolicyDocument": json.dumps(row.after)})
        for row in existing
    )
    changes = tuple(
        Change(f"role {row.role_name}", "AssumeRolePolicyDocument", row.before, row.after) for row in existing
    )
    missing = [row.role_name for row in found if row.before is None]
    because = "ECS may not assume it." if existing else f"The role {missing[0]} does not exist."
    fragments = tuple(row.fragment for row in found)
    return action(s, "role_trust", because, calls=calls, changes=changes, fragments=fragments)


def resource_policy(s: Situation) -> Action | None:
    """Change the statement that denies, in words: the policy is its owner's."""
    changes = texts.deny_change(s.diagnosis)
    endpoints = texts.endpoint_policy(s.diagnosis)
    fragments = (*(row.fragment for row in changes), *(row.fragment for row in endpoints))
    if not fragments:
        return None
    because = changes[0].how if changes else "The endpoint's policy leaves out the bucket of ECR's layers."
    before_after = tuple(
        Change(f"policy of {row.name}", "Statement", list(row.before), list(row.after)) for row in changes if row.after
    )
    return action(s, "resource_policy", because, changes=before_after, fragments=fragments)


def load_balancer_rule(s: Situation) -> Action | None:
    """Let the load balancer in to the tasks; what a network ACL denies is text."""
    rules = texts.ingress_permission(s.diagnosis)
    if rules:
        return _rules(s, "load_balancer_rule", "No rule lets it in.", rules, "ec2:AuthorizeSecurityGroupIngress")
    fragments = tuple(row.fragment for row in texts.acl_entries(s.diagnosis))
    if not fragments:
        return None
    return action(s, "load_balancer_rule", "A network ACL denies it.", fragments=fragments)


def outbound_rule(s: Situation) -> Action | None:
    """Let the tasks out on 443."""
    rules = texts.egress_permission(s.diagnosis)
    if not rules:
        return None
    return _rules(s, "outbound_rule", "No rule lets them out.", rules, "ec2:AuthorizeSecurityGroupEgress")


def _rules(s: Situation, name: str, because: str, rules: tuple[texts.GroupRule, ...], operation: str) -> Action:
    calls = tuple(Call(operation, {"GroupId": row.group_id, "IpPermissions": [dict(row.permission)]}) for row in rules)
    changes = tuple(
        Change(f"security group {row.group_id}", row.direction, None, dict(row.permission)) for row in rules
    )
    return action(s, name, because, calls=calls, changes=changes, fragments=tuple(row.fragment for row in rules))


def way_out(s: Situation) -> Action | None:
    """Give the subnets a way out, in words: routes and endpoints are the VPC's."""
    found = texts.ways_out(s.diagnosis)
    if found is None:
        return None
    lacking = ", ".join(name for name, _ in found.endpoints) or "the internet"
    because = f"The subnets {', '.join(found.subnets)} have no way to {lacking}."
    return action(s, "way_out", because, fragments=(found.fragment,))


def secret_missing(s: Situation) -> Action | None:
    """Create the secret or parameter, in words: its value is nobody's but its owner's."""
    absent = (*texts.secret_missing(s.diagnosis), *texts.parameter_missing(s.diagnosis))
    if not absent:
        return None
    fragments: tuple[Fragment, ...] = tuple(row.fragment for row in absent)
    return action(s, "secret_missing", f"{absent[0].name} does not exist.", fragments=fragments)
