"""Where a fleet is: accounts and regions, each as one session sees it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from ecs_notebook_lib.collect import Access, Clients, open_clients
from ecs_notebook_lib.collect.caller import Caller
from ecs_notebook_lib.errors import AccessError
from ecs_notebook_lib.fleet.model import Unread


@dataclass(frozen=True, slots=True)
class Place:
    """One account and region, the clients that read it, and when it was first asked (AWS's time)."""

    account: str
    region: str
    clients: Clients
    asked_at: datetime

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
    places: dict[tuple[str, str], Place] = {}
    refused: list[tuple[Access, AccessError]] = []
    for access in ways:
        try:
            place = _open(access)
        except AccessError as error:
            refused.append((access, error))
        else:
            places.setdefault((place.account, place.region), place)
    if refused and not places:
        raise refused[0][1]
    return list(places.values()), [Unread(_named(access), error.line) for access, error in refused]


def _open(access: Access) -> Place:
    return place_of(open_clients(access))


def place_of(clients: Clients) -> Place:
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
    return Place(str(answer.get("Account") or "unknown"), clients.region, clients, caller.pages[0].at)


def _named(access: Access) -> str:
    named = (access.profile and f"profile {access.profile}", access.role_arn, access.region)
    return " ".join(filter(None, named)) or "the default session"
