"""What stands in a snapshot before it is redacted: so that no pseudonym is the name of something else in it."""

import ipaddress
import re

from ecs_notebook_lib.redact.addresses import Address, AddressMap
from ecs_notebook_lib.redact.places import V4, V6
from ecs_notebook_lib.snapshot import Snapshot

_ACCOUNT = re.compile(
    r'(?:arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:|"(?:account|OwnerId|UserId|registryId)":")(\d{12})(?=[:"])'
)
_ADDRESS = re.compile(rf"(?<![0-9A-Za-z.]){V4}(?!\w)|(?<![\w:.])(?:{V6})(?![\w:.])", re.ASCII)
_MOST_TRIES = 8


class Originals:
    """The accounts and addresses of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        text = "\n".join(lines.decode(errors="replace") for lines in snapshot.members.values())
        self._addresses = {text: address for text in set(_ADDRESS.findall(text)) if (address := _parsed(text))}
        accounts = set(_ACCOUNT.findall(text)) | {snapshot.incident.account}
        self.known = frozenset(accounts | self._addresses.keys())

    def address_map(self, key: bytes) -> AddressMap:
        """Return a map of addresses that moves none to another of the snapshot, or, if that is not to be, to few."""
        real = frozenset(self._addresses.values())
        tried: list[tuple[int, AddressMap]] = []
        for salt in range(_MOST_TRIES):
            one = AddressMap(key, salt)
            tried.append((_collisions(one, real), one))
            if not tried[-1][0]:
                break
        return min(tried, key=lambda pair: pair[0])[1]


def _collisions(addresses: AddressMap, real: frozenset[Address]) -> int:
    return sum((moved := addresses.address(address)) in real and moved != address for address in real)


def _parsed(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
