"""What each write call changes: how it is read, what it is to be afterwards, and how it is taken back.

One row of `THINGS` an operation. What a thing is, is plain JSON, so that a journal can keep it; no row holds a value
of a variable, for a task definition is known here by its ARN and the members that change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.exceptions import ClientError

from ecs_notebook_lib.treatment.apply.registering import edited, to_register
from ecs_notebook_lib.treatment.apply.whole import Reads
from ecs_notebook_lib.treatment.apply.written import plain_json

Params = Mapping[str, Any]
State = Mapping[str, Any]
"""What of the account a call changes, as it is at a moment."""

SERVICE_MEMBERS = (
    "status",
    "taskDefinition",
    "desiredCount",
    "deploymentConfiguration",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "availabilityZoneRebalancing",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
    "deploymentController",
)
"""The configuration of a service: what people set, and nothing of what ECS counts."""


@dataclass(frozen=True, slots=True)
class Thing:
    """How one operation's effect is known.

    `observe` reads the state, `expected` is what it is to be after the call, `undo` the calls that take it back, as
    (operation, params), given the state before.
    """

    observe: Callable[[Reads, Params], State]
    expected: Callable[[State, Params], State]
    undo: Callable[[State, Params], list[tuple[str, Params]]]
    is_done: Callable[[State, State, Params], bool] | None = None
    """(before, now, params); by default: the state is what was expected."""

    def done(self, before: State, now: State, params: Params) -> bool:
        """Say whether the call has had its effect."""
        if self.is_done is not None:
            return self.is_done(before, now, params)
        return bool(comparable(self.expected(before, params)) == comparable(now))


# The service.


def configuration_of(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service's configuration, plain; members that AWS leaves out are left out."""
    kept = {name: service[name] for name in SERVICE_MEMBERS if service.get(name) not in (None, [], {})}
    found: dict[str, Any] = plain_json(kept)
    return found


def comparable(state: Any) -> Any:
    """Return a state in which lists of words, whose order means nothing, are sorted."""
    if isinstance(state, Mapping):
        return {name: comparable(value) for name, value in state.items()}
    if isinstance(state, list):
        rows = [comparable(row) for row in state]
        return sorted(rows) if all(isinstance(row, str) for row in rows) else rows
    return state


def service_of(reader: Reads, cluster: str, name: str) -> dict[str, Any]:
    """Return a service as AWS describes it now, with its tags."""
    answer = reader.read("ecs:DescribeServices", cluster=cluster, services=[name], include=["TAGS"])
    rows = answer.get("services") or [{}]
    return dict(rows[0])


def primary_of(service: Mapping[str, Any]) -> str:
    """Return the id of a service's PRIMARY deployment; empty if it lists none."""
    rows = [row for row in service.get("deployments") or () if row.get("status") == "PRIMARY"]
    return str(rows[0]["id"]) if rows else ""


def _observe_service(reader: Reads, params: Params) -> State:
    service = service_of(reader, params["cluster"], params["service"])
    return {"configuration": configuration_of(service), "primary": primary_of(service)}


_OPTIONS = frozenset({"cluster", "service", "forceNewDeployment"})


def _expected_service(before: State, params: Params) -> State:
    given = {name: value for name, value in params.items() if name not in _OPTIONS}
    return {**before, "configuration": configuration_of({**before["configuration"], **given})}


def _service_is_done(before: State, now: State, params: Params) -> bool:
    wanted = _expected_service(before, params)["configuration"]
    pairs = ((now["configuration"].get(name), wanted.get(name)) for name in params if name not in _OPTIONS)
    same = all(comparable(one) == comparable(other) for one, other in pairs)
    return same and (not params.get("forceNewDeployment") or now["primary"] != before["primary"])


_WHEN_ABSENT: Mapping[str, Any] = {
    "healthCheckGracePeriodSeconds": 0,
    "placementConstraints": [],
    "placementStrategy": [],
    "capacityProviderStrategy": [],
}
"""What takes a member away again that was not there before (ECS API reference, UpdateService)."""


def _undo_service(before: State, params: Params) -> list[tuple[str, Params]]:
    names = [name for name in params if name not in _OPTIONS]
    known = before["configuration"]
    former = {name: known.get(name, _WHEN_ABSENT.get(name)) for name in names}
    former = {name: value for name, value in former.items() if value is not None}
    place = {"cluster": params["cluster"], "service": params["service"]}
    return [("ecs:UpdateService", {**place, **former})] if former else []


# A service deployment.


def _observe_deployment(reader: Reads, params: Params) -> State:
    arn = params["serviceDeploymentArn"]
    cluster, name = arn.split("/")[1:3]
    rows = reader.read("ecs:DescribeServiceDeployments", serviceDeploymentArns=[arn]).get("serviceDeployments") or [{}]
    service = service_of(reader, cluster, name)
    return {"status": rows[0].get("status", ""), "configuration": configuration_of(service), "service": [cluster, name]}


def _stop_is_done(before: State, now: State, params: Params) -> bool:  # noqa: ARG001
    return now["status"].startswith("ROLLBACK_") or now["status"] in ("STOPPED", "STOP_REQUESTED")


def _undo_stop(before: State, params: Params) -> list[tuple[str, Params]]:  # noqa: ARG001
    cluster, name = before["service"]
    members = ("taskDefinition", "networkConfiguration")
    former = {m: before["configuration"][m] for m in members if m in before["configuration"]}
    return [("ecs:UpdateService", {"cluster": cluster, "service": name, **former})]


# Target groups.


def _observe_group(reader: Reads, params: Params) -> State:
    groups = reader.read("elbv2:DescribeTargetGroups", TargetGroupArns=[params["TargetGroupArn"]])["TargetGroups"]
    return {name: value for name, value in plain_json(groups[0]).items() if name != "LoadBalancerArns"}


def _expected_group(before: State, params: Params) -> State:
    return {**before, **plain_json(params)}


def _undo_group(before: State, params: Params) -> list[tuple[str, Params]]:
    former = {name: before[name] for name in params if name in before}
    return [("elbv2:ModifyTargetGroup", {"TargetGroupArn": params["TargetGroupArn"], **former})]


def _observe_attributes(reader: Reads, params: Params) -> State:
    answer = reader.read("elbv2:DescribeTargetGroupAttributes", TargetGroupArn=params["TargetGroupArn"])
    return {row["Key"]: row["Value"] for row in answer["Attributes"]}


def _expected_attributes(before: State, params: Params) -> State:
    return {**before, **{row["Key"]: row["Value"] for row in params["Attributes"]}}


def _undo_attributes(before: State, params: Params) -> list[tuple[str, Params]]:
    rows = [{"Key": row["Key"], "Value": before[row["Key"]]} for row in params["Attributes"] if row["Key"] in before]
    given = {"TargetGroupArn": params["TargetGroupArn"], "Attributes": rows}
    return [("elbv2:ModifyTargetGroupAttributes", given)]


# Log groups.


def _observe_log_group(reader: Reads, params: Params) -> State:
    rows = reader.read("logs:DescribeLogGroups", logGroupNamePrefix=params["logGroupName"]).get("logGroups") or ()
    return {"exists": any(row.get("logGroupName") == params["logGroupName"] for row in rows)}


# Tasks.


def _observe_protection(reader: Reads, params: Params) -> State:
    """Return whether each of the tasks that still are to run is protected; one that goes has nothing to protect."""
    place = {"cluster": params["cluster"], "tasks": list(params["tasks"])}
    rows = reader.read("ecs:DescribeTasks", **place).get("tasks") or ()
    living = {row["taskArn"] for row in rows if row.get("desiredStatus") == "RUNNING"}
    protected = reader.read("ecs:GetTaskProtection", **place).get("protectedTasks") or ()
    return {row["taskArn"]: bool(row.get("protectionEnabled")) for row in protected if row["taskArn"] in living}


def _protection_is_done(before: State, now: State, params: Params) -> bool:  # noqa: ARG001
    return all(value == params["protectionEnabled"] for value in now.values())


def _undo_protection(before: State, params: Params) -> list[tuple[str, Params]]:
    changed = [arn for arn, value in before.items() if value != params["protectionEnabled"]]
    given = {"cluster": params["cluster"], "tasks": changed, "protectionEnabled": not params["protectionEnabled"]}
    return [("ecs:UpdateTaskProtection", given)] if changed else []


# Security groups.


def _observe_security_group(reader: Reads, params: Params) -> State:
    rows = reader.read("ec2:DescribeSecurityGroups", GroupIds=[params["GroupId"]])["SecurityGroups"]
    return {name: _permissions(rows[0].get(name) or ()) for name in ("IpPermissions", "IpPermissionsEgress")}


def _permissions(rows: Any) -> list[str]:
    """Return every single permission as one text: AWS joins those of the same ports into one row."""
    return sorted({text for row in rows for text in _single(row)})


def _single(row: Mapping[str, Any]) -> list[str]:
    ports = f"{row.get('IpProtocol', '-1')} {row.get('FromPort', '')}-{row.get('ToPort', '')}"
    members = (
        ("UserIdGroupPairs", "GroupId"),
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
    )
    return [f"{ports} {one[key]}" for member, key in members for one in row.get(member) or () if key in one]


def _rule(member: str, inverse: str, *, adds: bool) -> Thing:
    def expected(before: State, params: Params) -> State:
        given = set(_permissions(params["IpPermissions"]))
        now = set(before[member])
        return {**before, member: sorted(now | given if adds else now - given)}

    def undo(before: State, params: Params) -> list[tuple[str, Params]]:
        return [] if expected(before, params) == before else [(inverse, dict(params))]

    return Thing(_observe_security_group, expected, undo)


# Roles.


def _observe_role_policy(reader: Reads, params: Params) -> State:
    try:
        answer = reader.read("iam:GetRolePolicy", RoleName=params["RoleName"], PolicyName=params["PolicyName"])
    except ClientError as error:
        if "NoSuchEntity" in error.response["Error"]["Code"]:
            return {"document": None}
        raise
    return {"document": _document(answer["PolicyDocument"])}


def _observe_trust(reader: Reads, params: Params) -> State:
    role = reader.read("iam:GetRole", RoleName=params["RoleName"])["Role"]
    return {"document": _document(role["AssumeRolePolicyDocument"])}


def _document(value: Any) -> Any:
    """Return a policy document: boto3 gives it as a dict, a snapshot as text."""
    return orjson.loads(value) if isinstance(value, str) else plain_json(value)


def _expected_document(before: State, params: Params) -> State:
    return {**before, "document": orjson.loads(params["PolicyDocument"])}


def _undo_role_policy(before: State, params: Params) -> list[tuple[str, Params]]:
    place = {"RoleName": params["RoleName"], "PolicyName": params["PolicyName"]}
    if before["document"] is None:
        return [("iam:DeleteRolePolicy", place)]
    return [("iam:PutRolePolicy", {**place, "PolicyDocument": orjson.dumps(before["document"]).decode()})]


def _undo_trust(before: State, params: Params) -> list[tuple[str, Params]]:
    document = orjson.dumps(before["document"]).decode()
    return [("iam:UpdateAssumeRolePolicy", {"RoleName": params["RoleName"], "PolicyDocument": document})]


# Task definitions.


def _observe_family(reader: Reads, params: Params) -> State:
    wanted = edited(reader, params["taskDefinition"], params["edits"])
    newest = reader.read("ecs:DescribeTaskDefinition", taskDefinition=str(wanted["family"]))["taskDefinition"]
    return {"newest": newest["taskDefinitionArn"], "is_wanted": to_register(newest) == wanted}


THINGS: Mapping[str, Thing] = {
    "ecs:UpdateService": Thing(_observe_service, _expected_service, _undo_service, _service_is_done),
    "ecs:StopServiceDeployment": Thing(_observe_deployment, lambda before, _params: before, _undo_stop, _stop_is_done),
    "ecs:RegisterTaskDefinition": Thing(
        _observe_family,
        lambda before, _params: {**before, "is_wanted": True},
        lambda _before, _params: [],
        lambda _before, now, _params: bool(now["is_wanted"]),
    ),
    "ecs:UpdateTaskProtection": Thing(
        _observe_protection,
        lambda before, params: dict.fromkeys(before, params["protectionEnabled"]),
        _undo_protection,
        _protection_is_done,
    ),
    "elbv2:ModifyTargetGroup": Thing(_observe_group, _expected_group, _undo_group),
    "elbv2:ModifyTargetGroupAttributes": Thing(_observe_attributes, _expected_attributes, _undo_attributes),
    "logs:CreateLogGroup": Thing(
        _observe_log_group,
        lambda _before, _params: {"exists": True},
        lambda before, params: [] if before["exists"] else [("logs:DeleteLogGroup", dict(params))],
    ),
    "logs:DeleteLogGroup": Thing(
        _observe_log_group, lambda _before, _params: {"exists": False}, lambda _before, _params: []
    ),
    "ec2:AuthorizeSecurityGroupIngress": _rule("IpPermissions", "ec2:RevokeSecurityGroupIngress", adds=True),
    "ec2:AuthorizeSecurityGroupEgress": _rule("IpPermissionsEgress", "ec2:RevokeSecurityGroupEgress", adds=True),
    "ec2:RevokeSecurityGroupIngress": _rule("IpPermissions", "ec2:AuthorizeSecurityGroupIngress", adds=False),
    "ec2:RevokeSecurityGroupEgress": _rule("IpPermissionsEgress", "ec2:AuthorizeSecurityGroupEgress", adds=False),
    "iam:PutRolePolicy": Thing(_observe_role_policy, _expected_document, _undo_role_policy),
    "iam:DeleteRolePolicy": Thing(_observe_role_policy, lambda _before, _params: {"document": None}, _undo_role_policy),
    "iam:UpdateAssumeRolePolicy": Thing(_observe_trust, _expected_document, _undo_trust),
}
