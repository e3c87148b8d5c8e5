"""Amazon EC2's answers about the network: subnets, routes, security groups, network ACLs, gateways, endpoints."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.network import free_addresses
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_FILTERS: dict[str, Callable[[Shape], list[str]]] = {
    "vpc-id": lambda row: [row["VpcId"]],
    "subnet-id": lambda row: [row.get("SubnetId", "")],
    "group-id": lambda row: [row.get("GroupId", "")],
    "group-name": lambda row: [row.get("GroupName", "")],
    "service-name": lambda row: [row.get("ServiceName", "")],
    "association.subnet-id": lambda row: [one.get("SubnetId", "") for one in row.get("Associations", ())],
}


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of Amazon EC2 that this world answers."""
    api = _Ec2(world)
    return {
        "ec2:DescribeNatGateways": api.describe_nat_gateways,
        "ec2:DescribeNetworkAcls": api.describe_network_acls,
        "ec2:DescribeRouteTables": api.describe_route_tables,
        "ec2:DescribeSecurityGroups": api.describe_security_groups,
        "ec2:DescribeSubnets": api.describe_subnets,
        "ec2:DescribeVpcAttribute": api.describe_vpc_attribute,
        "ec2:DescribeVpcEndpoints": api.describe_vpc_endpoints,
    }


class _Ec2:
    def __init__(self, world: "World") -> None:
        self._world = world

    def describe_subnets(self, call: Call) -> dict[str, Any]:
        rows = [row | {"AvailableIpAddressCount": self._free(row)} for row in self._world.network.subnets]
        return {"Subnets": _chosen(call, rows, "SubnetId", "SubnetIds", "InvalidSubnetID.NotFound")}

    def _free(self, row: Shape) -> int:
        free = free_addresses(self._world.addresses_taken(row["CidrBlock"]))
        return max(0, free - self._world.network.taken_elsewhere.get(row["SubnetId"], 0))

    def describe_route_tables(self, call: Call) -> dict[str, Any]:
        rows = self._world.network.route_tables
        return {"RouteTables": _chosen(call, rows, "RouteTableId", "RouteTableIds", "InvalidRouteTableID.NotFound")}

    def describe_security_groups(self, call: Call) -> dict[str, Any]:
        rows = self._world.network.security_groups
        return {"SecurityGroups": _chosen(call, rows, "GroupId", "GroupIds", "InvalidGroup.NotFound")}

    def describe_network_acls(self, call: Call) -> dict[str, Any]:
        rows = self._world.network.network_acls
        return {"NetworkAcls": _chosen(call, rows, "NetworkAclId", "NetworkAclIds", "InvalidNetworkAclID.NotFound")}

    def describe_nat_gateways(self, call: Call) -> dict[str, Any]:
        rows = self._world.network.nat_gateways
        return {"NatGateways": _chosen(call, rows, "NatGatewayId", "NatGatewayIds", "NatGatewayNotFound")}

    def describe_vpc_endpoints(self, call: Call) -> dict[str, Any]:
        rows = self._world.network.endpoints
        error = "InvalidVpcEndpointId.NotFound"
        return {"VpcEndpoints": _chosen(call, rows, "VpcEndpointId", "VpcEndpointIds", error)}

    def describe_vpc_attribute(self, call: Call) -> dict[str, Any]:
        name = call.params["Attribute"]
        if name not in self._world.network.dns:
            raise AWSError("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.")
        value = {"Value": self._world.network.dns[name]}
        return {"VpcId": call.params["VpcId"], name[0].upper() + name[1:]: value}


def _chosen(call: Call, rows: Sequence[Shape], member: str, ids: str, error: str) -> list[Shape]:
    """Return the rows that the identifiers name and that pass every filter."""
    known = {row[member] for row in rows}
    wanted = call.params.get(ids)
    missing = [name for name in wanted or () if name not in known]
    if missing:
        raise AWSError(error, f"The ID '{missing[0]}' does not exist")
    found = [row for row in rows if wanted is None or row[member] in wanted]
    for condition in call.params.get("Filters") or call.params.get("Filter") or ():
        name = condition["Name"]
        if name not in _FILTERS:
            raise AWSError("InvalidParameterValue", f"The filter '{name}' is invalid")
        found = [row for row in found if set(_FILTERS[name](row)) & set(condition["Values"])]
    return found
