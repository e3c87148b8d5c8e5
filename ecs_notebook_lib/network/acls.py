"""Network ACLs: stateless, ascending rule numbers, the first match decides, then everything is denied."""

from collections.abc import Mapping, Sequence
from typing import Any

from ecs_notebook_lib.network.addresses import Cover, cover_networks, cover_ports
from ecs_notebook_lib.network.verdict import Decision, closed, opened, unknown

_LAST = 32767
"""Number of the rule at the end that denies everything and cannot be taken away; DescribeNetworkAcls lists it."""

Acl = Mapping[str, Any]


def acl_of(acls: Sequence[Acl] | None, subnet: str) -> Acl | None:
    """Return the network ACL of a subnet; None if it is not known."""
    associated = (row for row in acls or () if any(a.get("SubnetId") == subnet for a in row.get("Associations") or ()))
    return next(associated, None)


def evaluate_acl(acl: Acl | None, *, egress: bool, networks: tuple[str, ...], ports: tuple[int, int]) -> Decision:
    """Return whether a network ACL lets TCP on all of `ports` leave for, or come in from, all of `networks`."""
    if acl is None:
        return unknown("", "The network ACL could not be read.")
    name = str(acl.get("NetworkAclId", ""))
    entries = [row for row in acl.get("Entries") or () if bool(row.get("Egress")) is egress]
    before: set[str] = set()
    for entry in sorted(entries, key=lambda row: int(row.get("RuleNumber", _LAST))):
        cover = _cover(entry, networks, ports)
        action = str(entry.get("RuleAction", ""))
        if cover is Cover.ALL:
            return _decision(name, int(entry.get("RuleNumber", _LAST)), action, before, egress, ports)
        if cover is Cover.SOME:
            before.add(action)
    return _decision(name, _LAST, "deny", before, egress, ports)


def _cover(entry: Mapping[str, Any], networks: tuple[str, ...], asked: tuple[int, int]) -> Cover:
    ports = entry.get("PortRange") or {}
    of_ports = cover_ports(str(entry.get("Protocol", "")), ports.get("From"), ports.get("To"), asked)
    of_networks = cover_networks(str(entry.get("CidrBlock") or entry.get("Ipv6CidrBlock") or ""), networks)
    if Cover.NONE in (of_ports, of_networks):
        return Cover.NONE
    return Cover.ALL if of_ports is of_networks is Cover.ALL else Cover.SOME


def _decision(name: str, number: int, action: str, before: set[str], egress: bool, ports: tuple[int, int]) -> Decision:
    what = f"tcp {ports[0]}" if ports[0] == ports[1] else f"tcp {ports[0]}-{ports[1]}"
    way = "out" if egress else "in"
    rule = f"{name} rule {number}"
    if before - {action}:
        return unknown(name, f"{name} lets only some of {what} {way}: rules before {number} decide differently.")
    if action == "allow":
        return opened(rule, f"{rule} lets {what} {way}.")
    default = ", the one at the end that denies the rest," if number == _LAST else ""
    return closed(rule, f"{rule}{default} denies {what} {way}.")
