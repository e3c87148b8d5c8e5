"""A fleet: thousands of services in several clusters, accounts and regions, of which some fail for shared causes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from ecs_notebook_lib.simulate.fleet_causes import SHARED, SharedCause
from ecs_notebook_lib.simulate.fleet_door import Door, Key, key_of
from ecs_notebook_lib.simulate.fleet_layout import Place, Slot, places_of, slots_of
from ecs_notebook_lib.simulate.fleet_worlds import KINDS, Fleetwide, failing, healthy
from ecs_notebook_lib.simulate.wire import HTTPRequest, HTTPResponse, Wire
from ecs_notebook_lib.simulate.world import World

__all__ = ["Fleet", "Key", "Place", "Truth", "build_fleet"]

_NIGHT = datetime(2025, 11, 18, 1, 30, tzinfo=UTC)
_AWKWARD = 0.2
"""The share of healthy services that look as if something might be wrong with them."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Why a service fails: the cause as `family.specific`, its family, and the name of the shared cause."""

    cause_family: str
    cause: str
    group: str


class Fleet:
    """All worlds behind one door. Time stands still.

    Worlds know nothing of each other: in a VPC that they share the tasks of two services may have one address, and a
    subnet's count of free addresses is that of one of them.

    Attributes
    ----------
    places
        The accounts and regions, with their clusters and the access key of each account. `sts:AssumeRole` of any role
        of an account gives its credentials, too; a key that is nobody's is taken for the first account's.
    truth
        Of each failing service, by account, region, cluster and name.
    kinds
        Of each healthy service, how it is: a name of `fleet_worlds.KINDS`.
    worlds
        The world of each service.
    """

    def __init__(self, now: datetime, places: tuple[Place, ...], worlds: Sequence[World]) -> None:
        self.now = now
        self.places = places
        self.worlds: Mapping[Key, World] = {key_of(world): world for world in worlds}
        self.truth: dict[Key, Truth] = {}
        self.kinds: dict[Key, str] = {}
        self._door = Door(worlds, {place.access_key: place.account for place in places})
        self._wire = Wire(self._door.answer, lambda: now)

    def respond(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one request; safe to call from many threads."""
        return self._wire.respond(request)

    @property
    def calls(self) -> Counter[str]:
        """Return how often each operation was called, by `service:Operation`; refused calls count."""
        return self._door.calls

    @property
    def calls_by_service(self) -> Mapping[Key, Counter[str]]:
        """Return the calls that were about one service alone, of each service that had any."""
        return self._door.calls_by_service


def build_fleet(seed: int = 0, services: int = 2000, clusters: int = 8, failing: float = 0.03) -> Fleet:
    """Return a fleet in the night in which somebody asks what is wrong.

    Parameters
    ----------
    services, clusters
        How many there are; two clusters a region, two regions an account, and as many services in each cluster.
    failing
        The share of services that fail, of at most half of all.

    Raises
    ------
    ValueError
        If there is no cluster, fewer services than clusters, or more are to fail than there is room for.
    """
    if not (0 < clusters <= services and 0 <= failing <= 0.5):
        raise ValueError(f"A fleet of {services} services in {clusters} clusters, {failing:.0%} failing, cannot be.")
    rng = Random(f"fleet:{seed}")
    fleet = Fleetwide(seed, _NIGHT + timedelta(seconds=rng.randrange(3 * 3600)))
    places = places_of(clusters)
    slots = slots_of(places, services, seed)
    ill = _ill(places, slots, round(services * failing), rng)
    kinds = {slot.number: _kind(rng) for slot in slots if slot.number not in ill}
    worlds = {slot.number: _world(fleet, slot, ill, kinds) for slot in slots}
    built = Fleet(fleet.now, places, list(worlds.values()))
    for number, world in worlds.items():
        if number in ill:
            cause = ill[number][0]
            built.truth[key_of(world)] = Truth(cause.recipe.cause.partition(".")[0], cause.recipe.cause, cause.name)
        else:
            built.kinds[key_of(world)] = kinds[number]
    return built


def _world(fleet: Fleetwide, slot: Slot, ill: Mapping[int, tuple[SharedCause, int]], kinds: Mapping[int, str]) -> World:
    return failing(fleet, slot, *ill[slot.number]) if slot.number in ill else healthy(fleet, slot, kinds[slot.number])


def _kind(rng: Random) -> str:
    usual, *awkward = KINDS
    return rng.choice(awkward) if rng.random() < _AWKWARD else usual


def _ill(
    places: Sequence[Place], slots: Sequence[Slot], number: int, rng: Random
) -> dict[int, tuple[SharedCause, int]]:
    """Return which services fail, for which cause, and as the how many-th of it; each cause in turn gets one more."""
    free = list(slots)
    rng.shuffle(free)
    chosen: dict[int, tuple[SharedCause, int]] = {}
    members: Counter[str] = Counter()
    causes = list(SHARED.values())
    for turn in range(number):
        cause = causes[turn % len(causes)]
        homes = _homes(places, causes.index(cause), cause)
        clusters = [(place, cluster) for place in homes for cluster in place.clusters]
        here = clusters[members[cause.name] % len(clusters)]
        slot = next((row for row in free if (row.place, row.cluster) == here), None)
        slot = slot or next(row for row in free if row.place in homes)
        free.remove(slot)
        chosen[slot.number] = (cause, members[cause.name])
        members[cause.name] += 1
    return chosen


def _homes(places: Sequence[Place], number: int, cause: SharedCause) -> list[Place]:
    """Return where the services of a shared cause are: one region, one account, or everywhere."""
    home = places[number % len(places)]
    if cause.reach == "all":
        return list(places)
    return [place for place in places if place == home or (cause.reach, place.account) == ("account", home.account)]
