"""Where a fleet is: accounts and regions, each as one session sees it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from ecs_notebook_lib.collect import Access, Clients, open_clients
from ecs_notebook_lib.collect.caller import Caller
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.rates import Rates
from ecs_notebook_lib.collect.shared_trail import SharedTrail
from ecs_notebook_lib.errors import AccessError
from ecs_notebook_lib.fleet.model import Unread


@dataclass(frozen=True, slots=True)
class Place:
    """One account and region, when it was first asked (AWS's time), and what all that read it share.

    One masker hides values from one run to the next, and shows within a run which services have the same.
    """

    account: str
    region: str
    clients: Clients
    asked_at: datetime
    masker: Masker
    trail: SharedTrail

    def __str__(self) -> str:
        return f"{self.account} {self.region}"


def accesses(
    profiles: Sequence[str], regions: Sequence[str], role_arns: Sequence[str], *, endpoint_url: str = ""
) -> list[Access]:
    """Return every way to reach AWS that the options name: each profile with each role in each region."""
    ways = product(profiles or [""], role_arns or [""], regions or [""])
    return [Access(profile, region, role, endpoint_url) for profile, role, region in ways]


def open_places(ways: Iterable[Access]) -> tuple[list[Place], list[Unread]]:
    """Return the places, each account and region once, and what could not be reached (`sts:GetCallerIdentity`).

    Raises
    ------
    AccessError
        If none can be reached: that of the first.
    """
    masker = Masker()
    rates: defaultdict[str, Rates] = defaultdict(Rates)
    places: dict[tuple[str, str], Place] = {}
    refused: list[tuple[Access, AccessError]] = []
    for access in ways:
        try:
            place = place_of(open_clients(access), masker)
        except AccessError as error:
            refused.append((access, error))
        else:
            place.clients.share(rates[place.account])
            places.setdefault((place.account, place.region), place)
    if refused and not places:
        raise refused[0][1]
    return list(places.values()), [Unread(_named(access), str(error)) for access, error in refused]


def place_of(clients: Clients, masker: Masker) -> Place:
    """Return the place that clients read.

    Raises
    ------
    AccessError
        If AWS does not say whose account it is.
    """
    caller = Caller(clients)
    answer = caller.call("sts:GetCallerIdentity")
    if answer.error:
        raise AccessError(f"AWS does not say whose account it is: {answer.error['code']}: {answer.error['message']}")
    at = caller.pages[0].at
    trail = SharedTrail(clients, masker, until=at)
    return Place(str(answer.get("Account") or "unknown"), clients.region, clients, at, masker, trail)


def _named(access: Access) -> str:
    named = (access.profile and f"profile {access.profile}", access.role_arn, access.region)
    return " ".join(filter(None, named)) or "the default session"
