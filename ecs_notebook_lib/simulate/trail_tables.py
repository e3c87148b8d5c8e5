"""Which calls of AWS's APIs explain that the account's tables are not what they were.

An edit of the world says what came of it, as a template or a console would; CloudTrail tells of the calls. Members and
their case are those of each service's `requestParameters`: IAM, ELB and ECS in lowerCamelCase, EC2 with `items` around
its lists, and some of EC2's younger calls inside of the name of their request.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

Key = tuple[str, ...]
State = dict[Key, Any]
_GROUP_MEMBERS = (
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)
_BY_ECR = "ecr"


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call that changed something: its name, the service's host without its domain, and what was asked."""

    name: str
    source: str
    params: dict[str, Any]
    resources: tuple[tuple[str, str], ...] = field(default=())
    """(ResourceType, ResourceName) as LookupEvents lists them."""


def state_of(world: "World") -> State:
    """Return everything of the account that an API call can change, by what it is."""
    state: State = {}
    for part in (_access, _network, _balancing, _rest):
        state |= {key: json.loads(json.dumps(value, default=str)) for key, value in part(world)}
    return state


def _access(world: "World") -> Iterator[tuple[Key, Any]]:
    tables = world.access
    for role in tables.roles.values():
        yield ("role", role.name), {"trust": role.trust, "boundary": role.boundary}
        yield from ((("inline", role.name, name), document) for name, document in role.inline.items())
        yield from ((("attached", role.name, arn), True) for arn in role.attached)
    yield from ((("bucket", name), document) for name, document in tables.buckets.items())
    for secret in tables.secrets.values():
        yield ("secret", secret.arn), True
        yield ("secret_policy", secret.arn), secret.policy
    yield from ((("key", arn), document) for arn, document in tables.keys.items())
    yield from ((("repository", name), document) for name, document in tables.repositories.items())


def _network(world: "World") -> Iterator[tuple[Key, Any]]:
    network = world.network
    for group in network.security_groups:
        yield ("group", group["GroupId"]), group["GroupName"]
        for member in ("IpPermissions", "IpPermissionsEgress"):
            for rule in group[member]:
                yield ("rule", group["GroupId"], member, json.dumps(rule, sort_keys=True)), rule
    for table in network.route_tables:
        for route in [row for row in table["Routes"] if "DestinationCidrBlock" in row]:
            yield ("route", table["RouteTableId"], route["DestinationCidrBlock"]), _target(route)
        for row in table["Associations"]:
            yield ("association", row["RouteTableAssociationId"]), table["RouteTableId"]
    for acl in network.network_acls:
        for entry in acl["Entries"]:
            yield ("entry", acl["NetworkAclId"], str(entry["Egress"]), str(entry["RuleNumber"])), entry
        for row in acl["Associations"]:
            yield ("acl_association", row["NetworkAclAssociationId"]), acl["NetworkAclId"]
    yield from ((("nat", row["NatGatewayId"]), row["SubnetId"]) for row in network.nat_gateways)
    for row in network.endpoints:
        yield ("endpoint", row["VpcEndpointId"]), row["ServiceName"]
        yield ("endpoint_policy", row["VpcEndpointId"]), row.get("PolicyDocument")


def _target(route: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a route leads; whether that still exists is a state, and nobody's call."""
    return {name: value for name, value in route.items() if name.endswith("Id")}


def _balancing(world: "World") -> Iterator[tuple[Key, Any]]:
    for group in world.balancer.groups.values():
        yield ("target_group", group.arn), {name: group.shape.get(name) for name in _GROUP_MEMBERS}
        yield ("attributes", group.arn), group.attributes
    for balancer in world.load_balancers:
        arn = balancer["LoadBalancerArn"]
        yield ("subnets", arn), [row["SubnetId"] for row in balancer["AvailabilityZones"]]
        yield ("balancer_groups", arn), balancer["SecurityGroups"]
    for listener in world.listeners:
        yield ("listener", listener["ListenerArn"]), listener["DefaultActions"]
    for arn, rules in world.listener_rules.items():
        yield from ((("listener_rule", arn, rule["RuleArn"]), rule) for rule in rules)


def _rest(world: "World") -> Iterator[tuple[Key, Any]]:
    for name, group in world.log_groups.items():
        yield ("log_group", name), group.retention_days
    for image in world.programs:
        if image.startswith(world.registry) and image not in world.holdings.unpushed:
            yield ("image", image.removeprefix(f"{world.registry}/")), True
    yield from ((("parameter", name), row["Version"]) for name, row in world.holdings.parameters.items())
    yield from ((("scaling", name), row) for name, row in world.holdings.scalable_targets.items())
    yield from ((("tags", arn), row) for arn, row in world.holdings.tags.items())
    for service in world.scheduler.services.values():
        yield ("service_tags", service.shape["serviceArn"]), service.shape.get("tags", [])


def calls_between(before: State, after: State) -> list[ApiCall]:
    """Return the calls that lead from one state to the other, each thing once, in the order of its kind."""
    calls = []
    for kind, tell in _TELLERS.items():
        keys = [key for key in {**before, **after} if key[0] == kind and before.get(key) != after.get(key)]
        for key in keys:
            call = tell(key, before.get(key, _ABSENT), after.get(key, _ABSENT))
            calls += [call] if call else []
    return calls


_ABSENT = object()


def _role(key: Key, old: Any, new: Any) -> ApiCall | None:
    name, about = key[1], (("AWS::IAM::Role", key[1]),)
    if new is _ABSENT:
        return ApiCall("DeleteRole", "iam", {"roleName": name}, about)
    if old is _ABSENT:
        params = {"roleName": name, "assumeRolePolicyDocument": json.dumps(new["trust"])}
        return ApiCall("CreateRole", "iam", params, about)
    if old["trust"] != new["trust"]:
        params = {"roleName": name, "policyDocument": json.dumps(new["trust"])}
        return ApiCall("UpdateAssumeRolePolicy", "iam", params, about)
    if new["boundary"] is None:
        return ApiCall("DeleteRolePermissionsBoundary", "iam", {"roleName": name}, about)
    params = {"roleName": name, "permissionsBoundary": new["boundary"]}
    return ApiCall("PutRolePermissionsBoundary", "iam", params, about)


def _inline(key: Key, _old: Any, new: Any) -> ApiCall:
    params = {"roleName": key[1], "policyName": key[2]}
    about = (("AWS::IAM::Policy", key[2]), ("AWS::IAM::Role", key[1]))
    if new is _ABSENT:
        return ApiCall("DeleteRolePolicy", "iam", params, about)
    return ApiCall("PutRolePolicy", "iam", params | {"policyDocument": json.dumps(new)}, about)


def _attached(key: Key, _old: Any, new: Any) -> ApiCall:
    name = "DetachRolePolicy" if new is _ABSENT else "AttachRolePolicy"
    about = (("AWS::IAM::Policy", key[2]), ("AWS::IAM::Role", key[1]))
    return ApiCall(name, "iam", {"roleName": key[1], "policyArn": key[2]}, about)


def _bucket(key: Key, _old: Any, new: Any) -> ApiCall:
    about = (("AWS::S3::Bucket", key[1]),)
    if new is _ABSENT or new is None:
        return ApiCall("DeleteBucketPolicy", "s3", {"bucketName": key[1]}, about)
    return ApiCall("PutBucketPolicy", "s3", {"bucketName": key[1], "bucketPolicy": new, "policy": ""}, about)


def _whole(source: str, made: str, gone: str, member: str, kind: str) -> Callable[[Key, Any, Any], ApiCall | None]:
    """Return what tells that a thing came or went; one that only changed is no news of this kind."""

    def tell(key: Key, old: Any, new: Any) -> ApiCall | None:
        if old is not _ABSENT and new is not _ABSENT:
            return None
        name = gone if new is _ABSENT else made
        return ApiCall(name, source, {member: key[1]}, ((kind, key[1]),)) if name else None

    return tell


def _document(put: str, gone: str, source: str, member: str, text: str) -> Callable[[Key, Any, Any], ApiCall | None]:
    """Return what tells that a policy was put on a thing, or taken from it."""

    def tell(key: Key, old: Any, new: Any) -> ApiCall | None:
        if new in (_ABSENT, None):
            return ApiCall(gone, source, {member: key[1]}, (("", key[1]),)) if old not in (_ABSENT, None) else None
        return ApiCall(put, source, {member: key[1], text: json.dumps(new)}, (("", key[1]),))

    return tell


def _rule(key: Key, old: Any, new: Any) -> ApiCall:
    verb = "Revoke" if new is _ABSENT else "Authorize"
    side = "Egress" if key[2].endswith("Egress") else "Ingress"
    row = old if new is _ABSENT else new
    params = {"groupId": key[1], "ipPermissions": items([permission(row)])}
    return ApiCall(f"{verb}SecurityGroup{side}", "ec2", params, (("AWS::EC2::SecurityGroup", key[1]),))


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a security group as CloudTrail writes it."""
    row = {_lower(name): rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in rule}
    groups = [
        {"groupId": pair["GroupId"], "userId": pair.get("UserId", "")} for pair in rule.get("UserIdGroupPairs", ())
    ]
    ranges = [{"cidrIp": one["CidrIp"]} for one in rule.get("IpRanges", ())]
    return row | {"groups": items(groups), "ipRanges": items(ranges), "ipv6Ranges": {}, "prefixListIds": {}}


def items(rows: list[Any]) -> dict[str, Any]:
    """Return a list as CloudTrail writes those of EC2."""
    return {"items": rows} if rows else {}


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def lowered(value: Any) -> Any:
    """Return a value with the names of its members as CloudTrail writes those of most services."""
    if isinstance(value, dict):
        return {_lower(name): lowered(item) for name, item in value.items()}
    return [lowered(item) for item in value] if isinstance(value, list) else value


def _route(key: Key, old: Any, new: Any) -> ApiCall:
    params = {"routeTableId": key[1], "destinationCidrBlock": key[2]}
    about = (("AWS::EC2::RouteTable", key[1]),)
    if new is _ABSENT:
        return ApiCall("DeleteRoute", "ec2", params, about)
    return ApiCall("CreateRoute" if old is _ABSENT else "ReplaceRoute", "ec2", params | lowered(new), about)


def _association(name: str, member: str, kind: str) -> Callable[[Key, Any, Any], ApiCall | None]:
    def tell(key: Key, old: Any, new: Any) -> ApiCall | None:
        if _ABSENT in (old, new):
            return None
        return ApiCall(name, "ec2", {"associationId": key[1], member: new}, ((kind, new), (kind, old)))

    return tell


def _entry(key: Key, old: Any, new: Any) -> ApiCall:
    about = (("AWS::EC2::NetworkAcl", key[1]),)
    params: dict[str, Any] = {"networkAclId": key[1], "ruleNumber": int(key[3]), "egress": key[2] == "True"}
    if new is _ABSENT:
        return ApiCall("DeleteNetworkAclEntry", "ec2", params, about)
    ports = {"portRange": lowered(new["PortRange"])} if "PortRange" in new else {}
    params |= {"ruleAction": new["RuleAction"], "aclProtocol": new["Protocol"], "cidrBlock": new["CidrBlock"], **ports}
    return ApiCall("CreateNetworkAclEntry" if old is _ABSENT else "ReplaceNetworkAclEntry", "ec2", params, about)


def _nat(key: Key, old: Any, new: Any) -> ApiCall | None:
    if new is not _ABSENT:
        return (
            ApiCall("CreateNatGateway", "ec2", {"CreateNatGatewayRequest": {"SubnetId": new}})
            if old is _ABSENT
            else None
        )
    return ApiCall("DeleteNatGateway", "ec2", {"DeleteNatGatewayRequest": {"NatGatewayId": key[1]}}, (("", key[1]),))


def _endpoint(key: Key, _old: Any, new: Any) -> ApiCall:
    if new is _ABSENT:
        wrapped = {"DeleteVpcEndpointsRequest": {"VpcEndpointId": {"tag": 1, "content": key[1]}}}
        return ApiCall("DeleteVpcEndpoints", "ec2", wrapped, (("AWS::EC2::VPCEndpoint", key[1]),))
    return ApiCall("CreateVpcEndpoint", "ec2", {"CreateVpcEndpointRequest": {"ServiceName": new}})


def _endpoint_policy(key: Key, old: Any, new: Any) -> ApiCall | None:
    if _ABSENT in (old, new):
        return None
    wrapped = {"ModifyVpcEndpointRequest": {"VpcEndpointId": key[1], "PolicyDocument": new}}
    return ApiCall("ModifyVpcEndpoint", "ec2", wrapped, (("AWS::EC2::VPCEndpoint", key[1]),))


_ELB = "elasticloadbalancing"
_TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"


def _target_group(key: Key, old: Any, new: Any) -> ApiCall | None:
    if _ABSENT in (old, new):
        return None
    changed = {name: value for name, value in new.items() if value != old[name]}
    return ApiCall("ModifyTargetGroup", _ELB, {"targetGroupArn": key[1], **lowered(changed)}, ((_TARGETS, key[1]),))


def _attributes(key: Key, old: Any, new: Any) -> ApiCall | None:
    if _ABSENT in (old, new):
        return None
    changed = [{"key": name, "value": value} for name, value in new.items() if value != old.get(name)]
    params = {"targetGroupArn": key[1], "attributes": changed}
    return ApiCall("ModifyTargetGroupAttributes", _ELB, params, ((_TARGETS, key[1]),))


def _of_balancer(name: str, member: str) -> Callable[[Key, Any, Any], ApiCall | None]:
    def tell(key: Key, old: Any, new: Any) -> ApiCall | None:
        if _ABSENT in (old, new):
            return None
        return ApiCall(name, _ELB, {"loadBalancerArn": key[1], member: new}, (("", key[1]),))

    return tell


def _listener(key: Key, old: Any, new: Any) -> ApiCall | None:
    if _ABSENT in (old, new):
        return None
    return ApiCall("ModifyListener", _ELB, {"listenerArn": key[1], "defaultActions": lowered(new)}, (("", key[1]),))


def _listener_rule(key: Key, old: Any, new: Any) -> ApiCall:
    if new is _ABSENT:
        return ApiCall("DeleteRule", _ELB, {"ruleArn": key[2]}, (("", key[2]),))
    asked = {"conditions": lowered(new["Conditions"]), "actions": lowered(new["Actions"])}
    if old is _ABSENT:
        params = {"listenerArn": key[1], "priority": int(new["Priority"]), **asked}
        return ApiCall("CreateRule", _ELB, params, (("", key[1]),))
    return ApiCall("ModifyRule", _ELB, {"ruleArn": key[2], **asked}, (("", key[2]),))


def _log_group(key: Key, old: Any, new: Any) -> ApiCall | None:
    about = (("AWS::Logs::LogGroup", key[1]),)
    if new is _ABSENT:
        return ApiCall("DeleteLogGroup", "logs", {"logGroupName": key[1]}, about)
    if old is _ABSENT:
        return ApiCall("CreateLogGroup", "logs", {"logGroupName": key[1]}, about)
    return ApiCall("PutRetentionPolicy", "logs", {"logGroupName": key[1], "retentionInDays": new}, about)


def _image(key: Key, _old: Any, new: Any) -> ApiCall:
    repository, _, tag = key[1].partition(":")
    about = (("AWS::ECR::Repository", repository),)
    if new is _ABSENT:
        params = {"repositoryName": repository, "imageIds": [{"imageTag": tag}]}
        return ApiCall("BatchDeleteImage", _BY_ECR, params, about)
    return ApiCall("PutImage", _BY_ECR, {"repositoryName": repository, "imageTag": tag}, about)


def _parameter(key: Key, _old: Any, new: Any) -> ApiCall:
    name = "DeleteParameter" if new is _ABSENT else "PutParameter"
    return ApiCall(name, "ssm", {"name": key[1]}, (("AWS::SSM::Parameter", key[1]),))


def _scaling(key: Key, _old: Any, new: Any) -> ApiCall | None:
    if new is _ABSENT:
        return None
    given = {"serviceNamespace": "ecs", "resourceId": key[1], "scalableDimension": "ecs:service:DesiredCount"}
    return ApiCall("RegisterScalableTarget", "application-autoscaling", given | new)


def _tags(key: Key, _old: Any, new: Any) -> ApiCall | None:
    if new is _ABSENT:
        return None
    return ApiCall("TagResource", "ecs", {"resourceArn": key[1], "tags": new}, (("", key[1]),))


_TELLERS: Mapping[str, Callable[[Key, Any, Any], ApiCall | None]] = {
    "role": _role,
    "inline": _inline,
    "attached": _attached,
    "bucket": _bucket,
    "secret": _whole("secretsmanager", "CreateSecret", "DeleteSecret", "secretId", "AWS::SecretsManager::Secret"),
    "secret_policy": _document(
        "PutResourcePolicy", "DeleteResourcePolicy", "secretsmanager", "secretId", "resourcePolicy"
    ),
    "key": _document("PutKeyPolicy", "", "kms", "keyId", "policy"),
    "repository": _document("SetRepositoryPolicy", "DeleteRepositoryPolicy", _BY_ECR, "repositoryName", "policyText"),
    "group": _whole("ec2", "", "DeleteSecurityGroup", "groupId", "AWS::EC2::SecurityGroup"),
    "rule": _rule,
    "route": _route,
    "association": _association("ReplaceRouteTableAssociation", "routeTableId", "AWS::EC2::RouteTable"),
    "entry": _entry,
    "acl_association": _association("ReplaceNetworkAclAssociation", "networkAclId", "AWS::EC2::NetworkAcl"),
    "nat": _nat,
    "endpoint": _endpoint,
    "endpoint_policy": _endpoint_policy,
    "target_group": _target_group,
    "attributes": _attributes,
    "subnets": _of_balancer("SetSubnets", "subnets"),
    "balancer_groups": _of_balancer("SetSecurityGroups", "securityGroups"),
    "listener": _listener,
    "listener_rule": _listener_rule,
    "log_group": _log_group,
    "image": _image,
    "parameter": _parameter,
    "scaling": _scaling,
    "tags": _tags,
    "service_tags": _tags,
}
