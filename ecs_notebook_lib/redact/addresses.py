"""Pseudonyms of IP addresses that keep what checks ask of an address: which network, which class, how long a text.

The method is that of Crypto-PAn (Xu, Fan, Ammar and Moon, 2002): a bit is flipped or not by a keyed hash of the bits
before it, so two addresses share as long a prefix afterwards as before, and a network stays a network. Three kinds of
bits never flip: those that lead to a block with a meaning of its own (private, loopback, multicast ...), those that
would change how many digits a number has, so that text is cut at the same places, and the host part of addresses in
private networks, so that "the second address of the VPC" still is. The first bit that may flip always does, so that no
such address stays as it is.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Iterable
from functools import cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

KEPT = tuple(
    map(ipaddress.ip_network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))
) + tuple(map(ipaddress.ip_network, ("::/96", "fe80::/10", "ff00::/8")))
"""Blocks whose addresses are nobody's own: unspecified, loopback, link-local (AWS's metadata, resolver), multicast."""

PRIVATE = {
    ipaddress.ip_network("10.0.0.0/8"): 16,
    ipaddress.ip_network("172.16.0.0/12"): 16,
    ipaddress.ip_network("100.64.0.0/10"): 16,
    ipaddress.ip_network("192.168.0.0/16"): 24,
}
"""Blocks that VPCs are made in, and the bit from which an address stays. A VPC is a /16 at most."""

OTHER = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "198.18.0.0/15"),
            *("::ffff:0:0/96", "fc00::/7", "2001::/23", "2002::/16", "64:ff9b::/96"),
        ),
    )
)
"""Further blocks that an address does not leave (IANA's registries); one for documentation is like any public one."""

_BLOCKS = (*KEPT, *PRIVATE, *OTHER)
_GROUP_BITS = {4: 8, 6: 16}
_LONGER_FROM = {4: (10, 100), 6: (0x1, 0x10, 0x100, 0x1000)}
"""Numbers of a group that are one digit longer than those before them; in IPv6 a zero may not be written at all."""


class AddressMap:
    """One keyed permutation of all addresses; `salt` tells the tries for one that suits a snapshot apart."""

    def __init__(self, key: bytes, salt: int = 0) -> None:
        self._key = hmac.new(key, b"addresses %d" % salt, hashlib.sha256).digest()
        self._flips: Callable[[int, int, int], int] = cache(self._flip)
        self.address: Callable[[Address], Address] = cache(self._mapped)

    def network(self, network: Network) -> Network:
        """Return the network in which the pseudonyms of this network's addresses are."""
        moved = int(self.address(network.network_address)) & int(network.netmask)
        return type(network)((moved, network.prefixlen))

    def _mapped(self, address: Address) -> Address:
        width, value = address.max_prefixlen, int(address)
        if _home(KEPT, address) is not None:
            return address
        first, last = _free_bits(address)
        moved, free = value, True
        for bit in range(first, last):
            if not _may_flip(address.version, value, bit):
                continue
            flip = 1 if free else self._flips(address.version, value >> (width - bit), bit)
            moved ^= flip << (width - bit - 1)
            free = False
        return type(address)(moved)

    def _flip(self, version: int, prefix: int, bit: int) -> int:
        return hmac.digest(self._key, b"%d %d %x" % (version, bit, prefix), "sha256")[0] & 1


def _free_bits(address: Address) -> tuple[int, int]:
    """Return the first bit that may flip and the one after the last."""
    private = _home(PRIVATE, address)
    if private is not None:
        return private.prefixlen, PRIVATE[private]
    block = _home(OTHER, address)
    return (0 if block is None else block.prefixlen), address.max_prefixlen


def _home(blocks: Iterable[Network], address: Address) -> Network | None:
    within = [block for block in blocks if block.version == address.version and address in block]
    return max(within, key=lambda block: block.prefixlen, default=None)


def _may_flip(version: int, value: int, bit: int) -> bool:
    width, size = 32 if version == 4 else 128, _GROUP_BITS[version]
    prefix = value >> (width - bit)
    return not _leads_to_a_block(version, prefix, bit) and not _changes_length(version, prefix, bit % size, size)


@cache
def _leads_to_a_block(version: int, prefix: int, bit: int) -> bool:
    """Say whether a special block lies below these first bits: to flip the next would move it."""
    return any(
        block.version == version
        and block.prefixlen > bit
        and int(block.network_address) >> (block.max_prefixlen - bit) == prefix
        for block in _BLOCKS
    )


def _changes_length(version: int, prefix: int, bit: int, size: int) -> bool:
    """Say whether the numbers that the group may still become differ in length."""
    low = (prefix & ((1 << bit) - 1)) << (size - bit)
    high = low | ((1 << (size - bit)) - 1)
    return any(low < longer <= high for longer in _LONGER_FROM[version])


def address_text(original: str, moved: Address) -> str:
    """Return an address in the writing of the original: same case, same leading zeros, `::` at the same place."""
    if moved.version == 4:
        return str(moved)
    groups = original.split(":")
    known = sum(1 for group in groups if group)
    values = [f"{int(moved) >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    head = groups.index("") if "" in groups else len(groups)
    behind = known - sum(1 for group in groups[:head] if group)
    shown = iter(values[: known - behind] + values[len(values) - behind :])
    written = [next(shown).zfill(len(group)) if group else "" for group in groups]
    text = ":".join(written)
    return text.upper() if original.isupper() else text
