"""Route tables: the longest prefix decides; a way out needs a gateway that works, and an address that can use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ecs_notebook_lib.network.addresses import ANYWHERE, parsed
from ecs_notebook_lib.network.verdict import Decision, closed, opened, unknown

Row = Mapping[str, Any]
_ELSEWHERE = {
    "TransitGatewayId": "a transit gateway",
    "VpcPeeringConnectionId": "a peering connection",
    "NetworkInterfaceId": "a network interface",
    "InstanceId": "an instance",
    "LocalGatewayId": "a local gateway",
    "CarrierGatewayId": "a carrier gateway",
    "CoreNetworkArn": "a core network",
}
"""Ways out that cannot be followed from this account alone (ECS_FACTS 6.1)."""


def table_of(tables: Sequence[Row] | None, subnet: str) -> Row | None:
    """Return the route table of a subnet: its own, or the main one of the VPC; None if neither is known."""
    rows = tables or ()
    own = (row for row in rows if any(a.get("SubnetId") == subnet for a in row.get("Associations") or ()))
    main = (row for row in rows if any(a.get("Main") for a in row.get("Associations") or ()))
    return next(own, None) or next(main, None)


def route_to(table: Row, destination: str) -> Row | None:
    """Return the route with the longest prefix that covers a destination; None if there is none."""
    asked = parsed(destination)
    found: list[tuple[int, Row]] = []
    for route in table.get("Routes") or ():
        network = parsed(str(route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock") or ""))
        if network and asked and network.version == asked.version and asked.subnet_of(network):  # type: ignore[arg-type]
            found.append((network.prefixlen, route))
    return max(found, key=lambda row: row[0])[1] if found else None


def evaluate_exit(
    tables: Sequence[Row] | None, nat_gateways: Sequence[Row] | None, *, subnet: str, public_ip: bool | None
) -> Decision:
    """Return whether a task in a subnet gets out to the internet.

    `tables` and `nat_gateways` are EC2's rows, None if the call was refused; `public_ip` whether the task has a public
    address, None if that is not known.
    """
    table = table_of(tables, subnet)
    if table is None:
        return unknown("", f"The route table of {subnet} could not be read.")
    name = str(table.get("RouteTableId", ""))
    route = route_to(table, ANYWHERE)
    if route is None:
        return closed(name, f"{name} of {subnet} has no default route.")
    if route.get("State") == "blackhole":
        return closed(name, f"The default route of {name} leads nowhere: its target is gone (blackhole).")
    gateway = str(route.get("GatewayId") or "")
    if gateway.startswith("igw-"):
        return _internet_gateway(name, gateway, public_ip)
    if route.get("NatGatewayId"):
        return _nat(tables, nat_gateways, name, str(route["NatGatewayId"]))
    other = next((f"{word} ({route[member]})" for member, word in _ELSEWHERE.items() if route.get(member)), gateway)
    return unknown(name, f"The default route of {name} leads to {other}, which cannot be followed from here.")


def _internet_gateway(name: str, gateway: str, public_ip: bool | None) -> Decision:
    if public_ip is None:
        return unknown(name, f"{name} leads to {gateway}; whether tasks have a public address is not known.")
    if public_ip:
        return opened(name, f"{name} leads to {gateway}, and tasks have a public address.")
    return closed(name, f"{name} leads to {gateway}, but tasks have no public address (assignPublicIp is DISABLED).")


def _nat(tables: Sequence[Row] | None, nat_gateways: Sequence[Row] | None, name: str, gateway: str) -> Decision:
    if nat_gateways is None:
        return unknown(name, f"{name} leads to {gateway}, which could not be read.")
    row = next((one for one in nat_gateways if one.get("NatGatewayId") == gateway), None)
    if row is None:
        return unknown(name, f"{name} leads to {gateway}, which is not among the VPC's NAT gateways.")
    if row.get("State") != "available":
        return closed(gateway, f"{name} leads to {gateway}, which is {row.get('State')}.")
    if row.get("ConnectivityType") == "private":
        return unknown(gateway, f"{name} leads to {gateway}, a private one: where it goes from there is not known.")
    if not row.get("SubnetId"):
        return unknown(gateway, f"{name} leads to {gateway}, whose subnet is not known.")
    own = evaluate_exit(tables, (), subnet=str(row["SubnetId"]), public_ip=True)
    if own.verdict == "open":
        return opened(gateway, f"{name} leads to {gateway}, which has a way to the internet.")
    return Decision(own.verdict, gateway, f"{name} leads to {gateway}, but: {own.reason}")
