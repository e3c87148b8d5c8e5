"""Amazon EC2's answers to calls that change something: the rules of security groups."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "all": "-1"}
_SOURCES = {
    "UserIdGroupPairs": "GroupId",
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
}
"""The lists of a permission, and the member by which each of their rows names a peer."""
_SHOWN = {"IpRanges": "CidrIpv4", "Ipv6Ranges": "CidrIpv6", "PrefixListIds": "PrefixListId"}
_RULES = {False: "IpPermissions", True: "IpPermissionsEgress"}
Rule = tuple[str, int, int, str, str]
"""One rule as EC2 counts them: protocol, first and last port, the list that it stands in, and the peer."""


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of Amazon EC2 that change something and that this world answers."""
    api = _Ec2(world)
    return {
        "ec2:AuthorizeSecurityGroupEgress": lambda call: api.authorize(call, egress=True),
        "ec2:AuthorizeSecurityGroupIngress": lambda call: api.authorize(call, egress=False),
        "ec2:RevokeSecurityGroupEgress": lambda call: api.revoke(call, egress=True),
        "ec2:RevokeSecurityGroupIngress": lambda call: api.revoke(call, egress=False),
    }


class _Ec2:
    def __init__(self, world: "World") -> None:
        self._world = world

    def _group(self, group_id: str) -> Shape:
        for row in self._world.network.security_groups:
            if row["GroupId"] == group_id:
                return row
        raise AWSError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")

    def authorize(self, call: Call, *, egress: bool) -> dict[str, Any]:
        """Add rules, all of them or none."""
        group, permissions = self._group(call.params.get("GroupId", "")), _permissions(call)
        known = [rule for row in group[_RULES[egress]] for rule in _rules(row)]
        new = [rule for row in permissions for rule in _rules(row)]
        for rule in new:
            if rule[3] == "UserIdGroupPairs":
                self._group(rule[4])
            if rule in known:
                text = f'the specified rule "{_words(rule)}" already exists'
                raise AWSError("InvalidPermission.Duplicate", text)
        group[_RULES[egress]] += [self._whole(row) for row in permissions]
        shown = [self._shown(group, rule, egress=egress) for rule in new]
        return {"Return": True, "SecurityGroupRules": shown}

    def revoke(self, call: Call, *, egress: bool) -> dict[str, Any]:
        """Take rules away, all of them or none."""
        group, ids = self._group(call.params.get("GroupId", "")), call.params.get("SecurityGroupRuleIds", [])
        known = {self._id(group, rule, egress=egress): rule for row in group[_RULES[egress]] for rule in _rules(row)}
        unknown = [name for name in ids if name not in known]
        if unknown:
            text = f"The security group rule ID '{unknown[0]}' does not exist"
            raise AWSError("InvalidSecurityGroupRuleId.NotFound", text)
        gone = [known[name] for name in ids] or [rule for row in _permissions(call) for rule in _rules(row)]
        if any(rule not in known.values() for rule in gone):
            text = "The specified rule does not exist in this security group."
            raise AWSError("InvalidPermission.NotFound", text)
        left = [_without(row, gone) for row in group[_RULES[egress]]]
        group[_RULES[egress]] = [row for row in left if any(row[name] for name in _SOURCES)]
        return {"Return": True}

    def _whole(self, permission: Shape) -> Shape:
        """Return a permission with all its lists, as groups hold it."""
        row: Shape = {name: list(permission.get(name, ())) for name in _SOURCES}
        row["UserIdGroupPairs"] = [{"UserId": self._world.account} | pair for pair in row["UserIdGroupPairs"]]
        protocol, first, last, *_ = next(_rules(permission))
        ports = {} if protocol == "-1" else {"FromPort": first, "ToPort": last}
        return {"IpProtocol": protocol, **ports, **row}

    @staticmethod
    def _id(group: Shape, rule: Rule, *, egress: bool) -> str:
        text = f"{group['GroupId']} {egress} {rule}"
        return f"sgr-0{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def _shown(self, group: Shape, rule: Rule, *, egress: bool) -> Shape:
        protocol, first, last, source, peer = rule
        referenced = {"GroupId": peer, "UserId": self._world.account}
        named = {"ReferencedGroupInfo": referenced} if source == "UserIdGroupPairs" else {_SHOWN[source]: peer}
        return {
            "SecurityGroupRuleId": self._id(group, rule, egress=egress),
            "GroupId": group["GroupId"],
            "GroupOwnerId": self._world.account,
            "IsEgress": egress,
            "IpProtocol": protocol,
            "FromPort": first,
            "ToPort": last,
            "Tags": [],
        } | named


def _permissions(call: Call) -> list[Shape]:
    """Return what is asked for, whether as permissions or by the members of a single one."""
    permissions: list[Shape] = call.params.get("IpPermissions") or []
    if not permissions and "CidrIp" in call.params:
        single = {name: call.params[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in call.params}
        permissions = [single | {"IpRanges": [{"CidrIp": call.params["CidrIp"]}]}]
    for row in permissions:
        if row.get("IpProtocol", "") in ("tcp", "udp", "6", "17") and not {"FromPort", "ToPort"} <= set(row):
            raise AWSError("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.'")
    if not permissions or not all(
        "IpProtocol" in row and any(row.get(name) for name in _SOURCES) for row in permissions
    ):
        raise AWSError("MissingParameter", "The request must contain the parameter ipPermissions")
    return permissions


def _rules(permission: Shape) -> Iterator[Rule]:
    """Yield the single rules of a permission: one for each peer."""
    given = str(permission["IpProtocol"])
    protocol = _PROTOCOLS.get(given, given)
    first, last = (-1, -1) if protocol == "-1" else (permission.get("FromPort", -1), permission.get("ToPort", -1))
    for source, member in _SOURCES.items():
        for row in permission.get(source) or ():
            yield protocol, first, last, source, row[member]


def _without(permission: Shape, gone: list[Rule]) -> Shape:
    """Return a permission without some of its rules."""
    kept = [rule for rule in _rules(permission) if rule not in gone]
    peers = {(source, peer) for *_, source, peer in kept}
    return permission | {
        source: [row for row in permission.get(source) or () if (source, row[member]) in peers]
        for source, member in _SOURCES.items()
    }


def _words(rule: Rule) -> str:
    protocol, first, last, _, peer = rule
    return f"peer: {peer}, {protocol.upper()}, from port: {first}, to port: {last}, ALLOW"
