"""The VPC of the tasks, as EC2 and the load balancers tell it: frames that are read, and one row a rule."""

from typing import Any

import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, TEXT, TRUTH, Column, FrameSchema, rows_frame
from ecs_notebook_lib.network import EGRESS, INGRESS, sources_of

_SERVICE = "ecs:DescribeServices"
_SUBNET, _TABLE, _ACL, _NAT = "Subnets[].", "RouteTables[].", "NetworkAcls[].", "NatGateways[]."
_ENDPOINT, _BALANCER = "VpcEndpoints[].", "LoadBalancers[]."
_BALANCERS = "elbv2:DescribeLoadBalancers"


def _schema(name: str, operation: str, rows: str, key: tuple[str, ...], *columns: Column) -> FrameSchema:
    return FrameSchema(name, operation, columns, rows, key, (_SERVICE, operation) if operation else ())


SUBNETS = _schema(
    "subnets",
    "ec2:DescribeSubnets",
    "One row a subnet of the VPC of the tasks.",
    ("subnet_id",),
    Column("subnet_id", TEXT, f"{_SUBNET}SubnetId", "Id."),
    Column("vpc_id", TEXT, f"{_SUBNET}VpcId", "Its VPC."),
    Column("zone", TEXT, f"{_SUBNET}AvailabilityZone", "Availability zone, by the account's own name."),
    Column("zone_id", TEXT, f"{_SUBNET}AvailabilityZoneId", "Availability zone, by AWS's own id."),
    Column("cidr", TEXT, f"{_SUBNET}CidrBlock", "Its IPv4 addresses."),
    Column("free_address_count", COUNT, f"{_SUBNET}AvailableIpAddressCount", "Addresses that nobody has."),
    Column("owner_id", TEXT, f"{_SUBNET}OwnerId", "Account that owns it: another one if the subnet is shared."),
)

ROUTES = _schema(
    "routes",
    "ec2:DescribeRouteTables",
    "One row a route of a route table of the VPC.",
    (),
    Column("route_table_id", TEXT, f"{_TABLE}RouteTableId", "Its route table."),
    Column("destination_cidr", TEXT, f"{_TABLE}Routes[].DestinationCidrBlock", "IPv4 addresses that it is for."),
    Column("destination_ipv6_cidr", TEXT, f"{_TABLE}Routes[].DestinationIpv6CidrBlock", "IPv6 addresses."),
    Column("destination_prefix_list_id", TEXT, f"{_TABLE}Routes[].DestinationPrefixListId", "Named addresses."),
    Column("state", TEXT, f"{_TABLE}Routes[].State", "active, or blackhole: what it leads to is gone."),
    Column("gateway_id", TEXT, f"{_TABLE}Routes[].GatewayId", "`igw-…`, `vpce-…`, `vgw-…` or local."),
    Column("nat_gateway_id", TEXT, f"{_TABLE}Routes[].NatGatewayId", "NAT gateway that it leads to."),
    Column("transit_gateway_id", TEXT, f"{_TABLE}Routes[].TransitGatewayId", "Transit gateway that it leads to."),
    Column("vpc_peering_connection_id", TEXT, f"{_TABLE}Routes[].VpcPeeringConnectionId", "Peering that it leads to."),
    Column("network_interface_id", TEXT, f"{_TABLE}Routes[].NetworkInterfaceId", "Interface that it leads to."),
)

ROUTE_TABLE_ASSOCIATIONS = _schema(
    "route_table_associations",
    "ec2:DescribeRouteTables",
    "One row a subnet with a route table of its own, and one for the main table, which all other subnets have.",
    (),
    Column("route_table_id", TEXT, f"{_TABLE}RouteTableId", "The route table."),
    Column("subnet_id", TEXT, f"{_TABLE}Associations[].SubnetId", "The subnet; missing for the main table."),
    Column("main", TRUTH, f"{_TABLE}Associations[].Main", "Whether it is the VPC's main table."),
)

SECURITY_GROUP_RULES = FrameSchema(
    "security_group_rules",
    "",
    needs=(_SERVICE, "ec2:DescribeSecurityGroups"),
    rows="One row a rule and a peer of a security group of the tasks, load balancers or endpoints. All of them allow.",
    columns=(
        Column("group_id", TEXT, "", "Security group."),
        Column("group_name", TEXT, "", "Its name."),
        Column("direction", TEXT, "", "in or out."),
        Column("protocol", TEXT, "", "tcp, udp, … or -1 for everything."),
        Column("from_port", COUNT, "", "First port; missing for all."),
        Column("to_port", COUNT, "", "Last port; missing for all."),
        Column("peer", TEXT, "", "Security group, CIDR or prefix list that is let in or out to."),
    ),
)

NETWORK_ACL_ENTRIES = _schema(
    "network_acl_entries",
    "ec2:DescribeNetworkAcls",
    "One row a rule of a network ACL of the VPC; the lowest number that matches decides.",
    (),
    Column("network_acl_id", TEXT, f"{_ACL}NetworkAclId", "Its network ACL."),
    Column("egress", TRUTH, f"{_ACL}Entries[].Egress", "Whether it is about what leaves the subnet."),
    Column("rule_number", COUNT, f"{_ACL}Entries[].RuleNumber", "32767 denies the rest."),
    Column("action", TEXT, f"{_ACL}Entries[].RuleAction", "allow or deny."),
    Column("protocol", TEXT, f"{_ACL}Entries[].Protocol", "6 is TCP, 17 UDP, -1 everything."),
    Column("cidr", TEXT, f"{_ACL}Entries[].CidrBlock", "IPv4 addresses at the other end."),
    Column("ipv6_cidr", TEXT, f"{_ACL}Entries[].Ipv6CidrBlock", "IPv6 addresses at the other end."),
    Column("from_port", COUNT, f"{_ACL}Entries[].PortRange.From", "First port; missing for all."),
    Column("to_port", COUNT, f"{_ACL}Entries[].PortRange.To", "Last port; missing for all."),
)

NETWORK_ACL_SUBNETS = _schema(
    "network_acl_subnets",
    "ec2:DescribeNetworkAcls",
    "One row a subnet and its network ACL.",
    ("subnet_id",),
    Column("network_acl_id", TEXT, f"{_ACL}NetworkAclId", "The network ACL."),
    Column("subnet_id", TEXT, f"{_ACL}Associations[].SubnetId", "The subnet."),
)

NAT_GATEWAYS = _schema(
    "nat_gateways",
    "ec2:DescribeNatGateways",
    "One row a NAT gateway of the VPC. Empty: refused, or there is none.",
    ("nat_gateway_id",),
    Column("nat_gateway_id", TEXT, f"{_NAT}NatGatewayId", "Id."),
    Column("state", TEXT, f"{_NAT}State", "available, or it does not work."),
    Column("subnet_id", TEXT, f"{_NAT}SubnetId", "Subnet that it is in, which needs a way to the internet."),
    Column("connectivity_type", TEXT, f"{_NAT}ConnectivityType", "public or private."),
)

VPC_ENDPOINTS = _schema(
    "vpc_endpoints",
    "ec2:DescribeVpcEndpoints",
    "One row a VPC endpoint. Empty: refused, or there is none.",
    ("endpoint_id",),
    Column("endpoint_id", TEXT, f"{_ENDPOINT}VpcEndpointId", "Id."),
    Column("service_name", TEXT, f"{_ENDPOINT}ServiceName", "`com.amazonaws.REGION.SERVICE`."),
    Column("type", TEXT, f"{_ENDPOINT}VpcEndpointType", "Interface or Gateway."),
    Column("state", TEXT, f"{_ENDPOINT}State", "available, or it does not work."),
    Column("private_dns_enabled", TRUTH, f"{_ENDPOINT}PrivateDnsEnabled", "Whether AWS's own name leads to it."),
    Column("policy", TEXT, f"{_ENDPOINT}PolicyDocument", "Its policy, as JSON."),
)

_ENDPOINT_ID = Column("endpoint_id", TEXT, f"{_ENDPOINT}VpcEndpointId", "The endpoint.")
_ENDPOINTS = "ec2:DescribeVpcEndpoints"

VPC_ENDPOINT_SUBNETS = _schema(
    "vpc_endpoint_subnets",
    _ENDPOINTS,
    "One row a subnet in which an interface endpoint has an address.",
    (),
    _ENDPOINT_ID,
    Column("subnet_id", TEXT, f"{_ENDPOINT}SubnetIds[]", "The subnet."),
)

VPC_ENDPOINT_ROUTE_TABLES = _schema(
    "vpc_endpoint_route_tables",
    _ENDPOINTS,
    "One row a route table that leads to a gateway endpoint.",
    (),
    _ENDPOINT_ID,
    Column("route_table_id", TEXT, f"{_ENDPOINT}RouteTableIds[]", "The route table."),
)

VPC_ENDPOINT_GROUPS = _schema(
    "vpc_endpoint_groups",
    _ENDPOINTS,
    "One row a security group of an interface endpoint.",
    (),
    _ENDPOINT_ID,
    Column("group_id", TEXT, f"{_ENDPOINT}Groups[].GroupId", "The security group."),
)

VPC_ATTRIBUTES = _schema(
    "vpc_attributes",
    "ec2:DescribeVpcAttribute",
    "One row a DNS attribute of the VPC; both must be true for the private names of endpoints.",
    ("vpc_id", "attribute"),
    Column("vpc_id", TEXT, "VpcId", "The VPC."),
    Column("attribute", TEXT, "@params.Attribute", "enableDnsSupport or enableDnsHostnames."),
    Column("dns_support", TRUTH, "EnableDnsSupport.Value", "Whether names are resolved; missing in the other row."),
    Column("dns_hostnames", TRUTH, "EnableDnsHostnames.Value", "Whether names are given; missing in the other row."),
)

LOAD_BALANCERS = _schema(
    "load_balancers",
    _BALANCERS,
    "One row a load balancer before the service's target groups. Empty: refused, or there is none.",
    ("load_balancer_arn",),
    Column("load_balancer_arn", TEXT, f"{_BALANCER}LoadBalancerArn", "Full ARN."),
    Column("name", TEXT, f"{_BALANCER}LoadBalancerName", "Name."),
    Column("type", TEXT, f"{_BALANCER}Type", "application, network or gateway."),
    Column("scheme", TEXT, f"{_BALANCER}Scheme", "internet-facing or internal."),
    Column("state", TEXT, f"{_BALANCER}State.Code", "active, or it does not work."),
    Column("vpc_id", TEXT, f"{_BALANCER}VpcId", "Its VPC."),
)

_BALANCER_ARN = Column("load_balancer_arn", TEXT, f"{_BALANCER}LoadBalancerArn", "The load balancer.")

LOAD_BALANCER_ZONES = _schema(
    "load_balancer_zones",
    _BALANCERS,
    "One row a zone in which a load balancer is enabled.",
    (),
    _BALANCER_ARN,
    Column("zone", TEXT, f"{_BALANCER}AvailabilityZones[].ZoneName", "Availability zone."),
    Column("subnet_id", TEXT, f"{_BALANCER}AvailabilityZones[].SubnetId", "Subnet that its node there is in."),
)

LOAD_BALANCER_GROUPS = _schema(
    "load_balancer_groups",
    _BALANCERS,
    "One row a security group of a load balancer. A network load balancer may have none.",
    (),
    _BALANCER_ARN,
    Column("group_id", TEXT, f"{_BALANCER}SecurityGroups[]", "The security group."),
)

READ = (
    SUBNETS,
    ROUTES,
    ROUTE_TABLE_ASSOCIATIONS,
    NETWORK_ACL_ENTRIES,
    NETWORK_ACL_SUBNETS,
    NAT_GATEWAYS,
    VPC_ENDPOINTS,
    VPC_ENDPOINT_SUBNETS,
    VPC_ENDPOINT_ROUTE_TABLES,
    VPC_ENDPOINT_GROUPS,
    VPC_ATTRIBUTES,
    LOAD_BALANCERS,
    LOAD_BALANCER_ZONES,
    LOAD_BALANCER_GROUPS,
)
"""Frames that are read as they stand in the answers."""


def security_group_rules_frame(groups: list[dict[str, Any]]) -> pd.DataFrame:
    """Return `SECURITY_GROUP_RULES` from DescribeSecurityGroups' rows."""
    rows: list[dict[str, object]] = [
        {
            "group_id": group["GroupId"],
            "group_name": group.get("GroupName"),
            "direction": direction,
            "protocol": rule.get("IpProtocol"),
            "from_port": rule.get("FromPort"),
            "to_port": rule.get("ToPort"),
            "peer": peer,
        }
        for group in groups
        for direction, member in (("in", INGRESS), ("out", EGRESS))
        for rule in group.get(member) or ()
        for peer in sources_of(rule)
    ]
    return rows_frame(rows, SECURITY_GROUP_RULES)
