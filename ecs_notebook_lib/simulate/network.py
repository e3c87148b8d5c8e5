"""The network in which tasks and load balancer live, in EC2's own shapes, and whether it lets a connection through.

Sources: VPC user guide, "Security group rules" and "Network ACL rules"; ECS_FACTS 6.3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network

from ecs_notebook_lib.simulate.model import Shape

_TCP = "6"
_REPLY_PORT = 40000
_TASK_ADDRESSES = 251
"""Addresses of a /24 subnet that AWS does not keep for itself."""


@lru_cache(maxsize=1 << 16)
def inside(address: str, block: str) -> bool:
    """Say whether an address is in a block of addresses."""
    return ip_address(address) in ip_network(block)


@dataclass(slots=True)
class Network:
    """One VPC: every table is a list of EC2's rows."""

    subnets: list[Shape] = field(default_factory=list)
    route_tables: list[Shape] = field(default_factory=list)
    security_groups: list[Shape] = field(default_factory=list)
    network_acls: list[Shape] = field(default_factory=list)
    nat_gateways: list[Shape] = field(default_factory=list)
    endpoints: list[Shape] = field(default_factory=list)
    taken_elsewhere: dict[str, int] = field(default_factory=dict)
    """How many addresses of a subnet others have than the tasks of this world."""
    dns: dict[str, bool] = field(default_factory=lambda: {"enableDnsSupport": True, "enableDnsHostnames": True})

    def group(self, group_id: str) -> Shape:
        """Return a security group."""
        return next(row for row in self.security_groups if row["GroupId"] == group_id)

    def subnet_of(self, address: str) -> Shape:
        """Return the subnet that holds an address."""
        return next(row for row in self.subnets if inside(address, row["CidrBlock"]))

    def leads_out(self, subnet_id: str, network: Shape, service: str) -> bool:
        """Say whether a task of this awsvpcConfiguration gets from a subnet to an endpoint of AWS, by HTTPS."""
        groups = [self.group(name) for name in network["securityGroups"]]
        rules = [rule for group in groups for rule in group["IpPermissionsEgress"]]
        lets_out = not groups or any(_permits(rule, _ANYWHERE, 443) for rule in rules)  # no group: the VPC's default
        public = network.get("assignPublicIp") == "ENABLED"
        return lets_out and (self._goes_out(subnet_id, public=public) or self._has_endpoint(subnet_id, service))

    def _table_of(self, subnet_id: str) -> Shape:
        """Return the route table of a subnet: its own, or the VPC's main one."""
        rows = [(table, row) for table in self.route_tables for row in table["Associations"]]
        own = next((table for table, row in rows if row.get("SubnetId") == subnet_id), None)
        return own or next((table for table, row in rows if row["Main"]), {"RouteTableId": "", "Routes": []})

    def _goes_out(self, subnet_id: str, *, public: bool) -> bool:
        """Say whether the subnet's default route leads out: an internet gateway serves public addresses only."""
        routes = [row for row in self._table_of(subnet_id)["Routes"] if row["State"] == "active"]
        default = [row for row in routes if row.get("DestinationCidrBlock") == "0.0.0.0/0"]
        return any("NatGatewayId" in row or (public and row.get("GatewayId", "")[:4] == "igw-") for row in default)

    def _has_endpoint(self, subnet_id: str, service: str) -> bool:
        """Say whether the VPC has its own endpoint of a service, where the subnet's tasks find it."""
        table = self._table_of(subnet_id)["RouteTableId"]
        named = [row for row in self.endpoints if row["ServiceName"].endswith(f".{service}")]
        return any(row["VpcEndpointType"] == "Interface" or table in row["RouteTableIds"] for row in named)

    def connects(self, source: "End", target: "End", port: int) -> bool:
        """Say whether a TCP connection from one end to the other comes about: out, in, and the replies back."""
        return (
            self._groups_allow(source.groups, "IpPermissionsEgress", target, port)
            and self._groups_allow(target.groups, "IpPermissions", source, port)
            and self._acls_allow(source.address, target.address, port)
            and self._acls_allow(target.address, source.address, _REPLY_PORT)
        )

    def _groups_allow(self, groups: Iterable[str], direction: str, other: "End", port: int) -> bool:
        return any(_permits(rule, other, port) for name in groups for rule in self.group(name)[direction])

    def _acls_allow(self, source: str, target: str, port: int) -> bool:
        leaves, enters = self.subnet_of(source), self.subnet_of(target)
        if leaves is enters:
            return True
        return self._acl_allows(leaves, target, port, egress=True) and self._acl_allows(
            enters, source, port, egress=False
        )

    def _acl_allows(self, subnet: Shape, other: str, port: int, *, egress: bool) -> bool:
        acl = next(
            row for row in self.network_acls if any(a["SubnetId"] == subnet["SubnetId"] for a in row["Associations"])
        )
        entries = sorted((row for row in acl["Entries"] if row["Egress"] is egress), key=lambda row: row["RuleNumber"])
        return next((row["RuleAction"] == "allow" for row in entries if _applies(row, other, port)), False)


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: an address and the security groups of its network interface."""

    address: str
    groups: tuple[str, ...]


_ANYWHERE = End("52.94.0.1", ())
"""One of AWS's public addresses."""


def _permits(rule: Shape, other: End, port: int) -> bool:
    if rule["IpProtocol"] != "-1" and not (rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"]):
        return False
    ranges = any(inside(other.address, row["CidrIp"]) for row in rule["IpRanges"])
    return ranges or any(pair["GroupId"] in other.groups for pair in rule["UserIdGroupPairs"])


def _applies(entry: Shape, other: str, port: int) -> bool:
    if entry["Protocol"] not in ("-1", _TCP) or not inside(other, entry["CidrBlock"]):
        return False
    ports = entry.get("PortRange", {"From": 0, "To": 65535})
    return bool(ports["From"] <= port <= ports["To"])


def rule(port: int | None, *, cidr: str = "", group: str = "") -> Shape:
    """Return a rule of a security group: TCP on one port, or everything if `port` is None."""
    ports = {"IpProtocol": "-1"} if port is None else {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    return {
        **ports,
        "UserIdGroupPairs": [{"GroupId": group, "UserId": "111122223333"}] if group else [],
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
    }


def security_group(group_id: str, name: str, vpc: str, ingress: list[Shape]) -> Shape:
    """Return a security group that lets everything out."""
    return {
        "GroupId": group_id,
        "GroupName": name,
        "Description": name,
        "OwnerId": "111122223333",
        "VpcId": vpc,
        "IpPermissions": ingress,
        "IpPermissionsEgress": [rule(None, cidr="0.0.0.0/0")],
        "Tags": [],
    }


def add_network(network: Network, vpc: str, zones: dict[str, str], *, region: str) -> None:
    """Fill a VPC with public subnets, their route table, their network ACL, and the gateway endpoint of S3."""
    for number, (subnet, zone) in enumerate(zones.items(), start=1):
        network.subnets.append(_subnet(vpc, subnet, zone, number))
    table, endpoint = "rtb-0a9b8c7d6e5f40312", "vpce-0b1c2d3e4f5a60718"
    network.route_tables.append(
        {
            "RouteTableId": table,
            "VpcId": vpc,
            "OwnerId": "111122223333",
            "Associations": [
                {"Main": True, "RouteTableId": table, "RouteTableAssociationId": "rtbassoc-0000000000000000a"},
                *(
                    {
                        "Main": False,
                        "RouteTableId": table,
                        "SubnetId": subnet,
                        "RouteTableAssociationId": subnet.replace("subnet-", "rtbassoc-"),
                    }
                    for subnet in zones
                ),
            ],
            "PropagatingVgws": [],
            "Routes": [
                {
                    "DestinationCidrBlock": "10.0.0.0/16",
                    "GatewayId": "local",
                    "Origin": "CreateRouteTable",
                    "State": "active",
                },
                {
                    "DestinationCidrBlock": "0.0.0.0/0",
                    "GatewayId": "igw-0f1e2d3c4b5a69788",
                    "Origin": "CreateRoute",
                    "State": "active",
                },
                {
                    "DestinationPrefixListId": "pl-63a5400a",
                    "GatewayId": endpoint,
                    "Origin": "CreateRoute",
                    "State": "active",
                },
            ],
            "Tags": [],
        }
    )
    network.network_acls.append(_acl(vpc, list(zones)))
    network.endpoints.append(_gateway(vpc, endpoint, table, region))


def _subnet(vpc: str, subnet: str, zone: str, number: int) -> Shape:
    return {
        "SubnetId": subnet,
        "VpcId": vpc,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": f"use1-az{number}",
        "CidrBlock": f"10.0.{number}.0/24",
        "AvailableIpAddressCount": _TASK_ADDRESSES,
        "State": "available",
        "OwnerId": "111122223333",
        "MapPublicIpOnLaunch": True,
        "DefaultForAz": False,
    }


def free_addresses(taken: int) -> int:
    """Return how many addresses a subnet still has to give, with so many taken by tasks and one by the balancer."""
    return _TASK_ADDRESSES - 1 - taken


def _acl(vpc: str, subnets: list[str]) -> Shape:
    acl = "acl-0c1d2e3f4a5b60718"
    entries = [
        {"Egress": egress, "RuleNumber": number, "RuleAction": action, "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
        for egress in (True, False)
        for number, action in ((100, "allow"), (32767, "deny"))
    ]
    associations = [
        {
            "NetworkAclId": acl,
            "SubnetId": subnet,
            "NetworkAclAssociationId": subnet.replace("subnet-", "aclassoc-"),
        }
        for subnet in subnets
    ]
    return {
        "NetworkAclId": acl,
        "VpcId": vpc,
        "OwnerId": "111122223333",
        "IsDefault": True,
        "Associations": associations,
        "Entries": entries,
        "Tags": [],
    }


def _gateway(vpc: str, endpoint: str, table: str, region: str) -> Shape:
    return {
        "VpcEndpointId": endpoint,
        "VpcEndpointType": "Gateway",
        "VpcId": vpc,
        "ServiceName": f"com.amazonaws.{region}.s3",
        "State": "available",
        "PolicyDocument": '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',  # noqa: E501  one document, as AWS writes it
        "RouteTableIds": [table],
        "SubnetIds": [],
        "Groups": [],
        "PrivateDnsEnabled": False,
        "OwnerId": "111122223333",
    }
