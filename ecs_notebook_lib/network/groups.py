"""Security groups: stateful, only allow, and what no rule allows is dropped (VPC user guide, "Security groups")."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecs_notebook_lib.network.addresses import Cover, Peer, cover_networks, cover_ports, ports_text
from ecs_notebook_lib.network.verdict import Decision, closed, opened, unknown

INGRESS, EGRESS = "IpPermissions", "IpPermissionsEgress"
_WORDS = {INGRESS: ("in from", "let in only"), EGRESS: ("out to", "let out only")}
_SHOWN = 4

Groups = Mapping[str, Mapping[str, Any]]


def evaluate_groups(groups: Groups | None, names: Sequence[str], *, direction: str, peer: Peer, port: int) -> Decision:
    """Return whether any of the groups `names` lets TCP on `port` pass, in from `peer` or out to it.

    `groups` are DescribeSecurityGroups' rows by id; None if that call was refused.
    """
    rule = ", ".join(names)
    if not names:
        return unknown("", "The security groups are not known.")
    if groups is None:
        return unknown(rule, "The security groups could not be read.")
    maybe = ""
    covered: set[str] = set()
    for name in names:
        for row in groups.get(name, {}).get(direction) or ():
            cover = _cover(row, peer, port)
            if cover is Cover.ALL:
                return opened(name, f"{name} lets tcp {port} {_WORDS[direction][0]} {peer}: {_rule_text(row)}.")
            covered |= {one for one in peer.networks if _cover(row, Peer((one,)), port) is Cover.ALL}
            if peer.networks and covered >= set(peer.networks):
                return opened(rule, f"The rules of {rule} together let tcp {port} {_WORDS[direction][0]} {peer}.")
            maybe = maybe or (f"{name}: {_rule_text(row)}" if cover is Cover.SOME else "")
    if maybe:
        return unknown(rule, f"It depends on addresses that are not known ({maybe}).")
    missing = [name for name in names if name not in groups]
    if missing:
        return unknown(rule, f"{', '.join(missing)} was not found.")
    return closed(
        rule,
        f"No rule of {rule} lets tcp {port} {_WORDS[direction][0]} {peer}; "
        f"its rules {_WORDS[direction][1]} {_rules_text(groups, names, direction)}.",
    )


def _cover(row: Mapping[str, Any], peer: Peer, port: int) -> Cover:
    ports = cover_ports(str(row.get("IpProtocol", "")), row.get("FromPort"), row.get("ToPort"), (port, port))
    if ports is Cover.NONE:
        return Cover.NONE
    if any(pair.get("GroupId") in peer.groups for pair in row.get("UserIdGroupPairs") or ()):
        return Cover.ALL
    covers = [cover_networks(cidr, peer.networks) for cidr in _cidrs(row)]
    if Cover.ALL in covers:
        return Cover.ALL
    return Cover.SOME if Cover.SOME in covers or row.get("PrefixListIds") else Cover.NONE


def _cidrs(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["CidrIp"] for one in row.get("IpRanges") or ())
    yield from (one["CidrIpv6"] for one in row.get("Ipv6Ranges") or ())


def sources_of(row: Mapping[str, Any]) -> list[str]:
    """Return the groups, CIDRs and prefix lists that a rule names."""
    pairs = [str(pair.get("GroupId", "")) for pair in row.get("UserIdGroupPairs") or ()]
    return [*pairs, *_cidrs(row), *(str(one.get("PrefixListId", "")) for one in row.get("PrefixListIds") or ())]


def _rule_text(row: Mapping[str, Any]) -> str:
    return f"{ports_text(row)} with {', '.join(sources_of(row)) or 'nobody'}"


def _rules_text(groups: Groups, names: Sequence[str], direction: str) -> str:
    rows = [row for name in names for row in groups[name].get(direction) or ()]
    shown = "; ".join(_rule_text(row) for row in rows[:_SHOWN])
    return (shown or "nothing") + (f"; and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else "")
