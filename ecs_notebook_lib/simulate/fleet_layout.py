"""What is where in a fleet: accounts, regions, clusters, and the name, cluster and fate of each service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product
from random import Random

_REGIONS = ("eu-west-1", "us-west-2")
_CLUSTERS = ("platform", "commerce")
_AREAS = ("account", "billing", "catalog", "delivery", "fraud", "inventory", "loyalty", "media", "order", "payment")
_MATTERS: tuple[str, ...] = (
    "address",
    "coupon",
    "document",
    "event",
    "image",
    "label",
    "mail",
    "photo",
    "price",
    "quote",
)
_MATTERS += ("rating", "report", "search", "session", "stock", "voucher")
_KINDS: tuple[str, ...] = (
    "admin",
    "api",
    "archive",
    "bridge",
    "collector",
    "exporter",
    "gateway",
    "importer",
    "indexer",
    "planner",
)
_KINDS += ("processor", "sender", "sync")
_NAMES = tuple("-".join(words) for words in product(_AREAS, _MATTERS, _KINDS))
"""More than the services of a large fleet; beyond that they are numbered."""


@dataclass(frozen=True, slots=True)
class Place:
    """One region of one account; `access_key` leads to the account."""

    account: str
    region: str
    clusters: tuple[str, ...]
    access_key: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one service; `number` is its own in the fleet."""

    number: int
    place: Place
    cluster: str
    name: str


def places_of(clusters: int) -> tuple[Place, ...]:
    """Return the places of so many clusters: two in a region, two regions in an account."""
    found = []
    for number in range(-(-clusters // 2)):
        account = number // 2
        own = _CLUSTERS[: clusters - 2 * number]
        key = f"AKIASIMULATED{account or ''}"
        found.append(Place(f"{210987654321 + account * 111111111111:012d}", _REGIONS[number % 2], own, key))
    return tuple(found)


def slots_of(places: Sequence[Place], services: int, seed: int) -> list[Slot]:
    """Return as many slots as there are services, the same number in each cluster; no name is there twice."""
    clusters = [(place, cluster) for place in places for cluster in place.clusters]
    names = _names(Random(f"names:{seed}"))
    where = (clusters[number % len(clusters)] for number in range(services))
    return [Slot(number, *at, name) for number, (at, name) in enumerate(zip(where, names, strict=False))]


def _names(rng: Random) -> Iterator[str]:
    yield from rng.sample(_NAMES, len(_NAMES))
    yield from (f"{name}-{number}" for number in count(2) for name in _NAMES)
