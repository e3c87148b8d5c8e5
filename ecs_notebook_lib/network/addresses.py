"""Addresses and ports as rules name them: whether a rule covers all, some or nothing of what is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

ANYWHERE = "0.0.0.0/0"
EPHEMERAL = (1024, 65535)
"""Ports to which replies come (VPC user guide, "Ephemeral ports")."""

TCP = "tcp"
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}


class Cover(StrEnum):
    """How much of what is asked a rule covers."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection: the networks that its address is in, and its security groups."""

    networks: tuple[str, ...]
    groups: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return ", ".join(sorted(self.groups)) or ", ".join(self.networks) or "an unknown address"


def cover_networks(rule: str, networks: tuple[str, ...]) -> Cover:
    """Return how much of `networks` a rule's CIDR covers; one of the other address family covers nothing.

    Without `networks` the address is not known, and any rule may cover it.
    """
    if not networks:
        return Cover.SOME
    covers = {_cover(rule, network) for network in networks}
    if covers == {Cover.ALL}:
        return Cover.ALL
    return Cover.NONE if covers <= {Cover.NONE} else Cover.SOME


def _cover(rule: str, network: str) -> Cover:
    allowed, asked = parsed(rule), parsed(network)
    if allowed is None or asked is None:
        return Cover.SOME
    if allowed.version != asked.version or not allowed.overlaps(asked):
        return Cover.NONE
    return Cover.ALL if asked.subnet_of(allowed) else Cover.SOME  # type: ignore[arg-type]


def parsed(cidr: str) -> IPv4Network | IPv6Network | None:
    """Return a CIDR as a network; None if it is none."""
    try:
        return ip_network(cidr, strict=False)
    except ValueError:
        return None


def cover_ports(protocol: str, first: int | None, last: int | None, asked: tuple[int, int]) -> Cover:
    """Return how much of the TCP ports `asked` a rule covers; `-1` is every protocol, no range every port."""
    if protocol == "-1":
        return Cover.ALL
    if protocol not in (TCP, _NUMBERS[TCP]):
        return Cover.NONE
    low, high = 0 if first in (None, -1) else int(first or 0), 65535 if last in (None, -1) else int(last or 0)
    if low <= asked[0] and asked[1] <= high:
        return Cover.ALL
    return Cover.NONE if high < asked[0] or asked[1] < low else Cover.SOME


def ports_text(row: Mapping[str, Any]) -> str:
    """Return protocol and ports of a security group's rule in words: `tcp 8000`, `tcp 8000-8080`, `everything`."""
    protocol = str(row.get("IpProtocol", ""))
    if protocol == "-1":
        return "everything"
    first, last = row.get("FromPort"), row.get("ToPort")
    if first is None or (first, last) == (0, 65535):
        return f"{protocol}, all ports"
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"
