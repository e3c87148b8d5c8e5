"""What is known of a service of a fleet: where it is, whether anything looks wrong, and what a diagnosis came to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

WELL, DEPLOYING, SUSPECTED = "well", "deploying", "suspected"
"""What a first look comes to; only what is suspected is collected and diagnosed."""

FAILING = frozenset({"failed", "rolled_back", "superseded"})
"""Outcomes of a deployment that somebody must look at, although the service may be stable on what it ran before."""


class ServiceName(NamedTuple):
    """One service of the fleet."""

    account: str
    region: str
    cluster: str
    service: str

    def __str__(self) -> str:
        return f"{self.account} {self.region} {self.cluster}/{self.service}"


class SharedThing(NamedTuple):
    """Something that a service's cause rests on, and that other services may have in common with it."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.name}"


@dataclass(frozen=True, slots=True)
class Triaged:
    """What DescribeServices and the stopped tasks of its cluster say of a service."""

    name: ServiceName
    state: str
    because: tuple[str, ...] = ()

    @property
    def suspected(self) -> bool:
        """Say whether something looks wrong."""
        return self.state == SUSPECTED

    def to_json(self) -> dict[str, Any]:
        """Return it for programs, and for a run that is resumed."""
        return {**self.name._asdict(), "state": self.state, "because": list(self.because)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Triaged":
        """Return what `to_json` told."""
        name = ServiceName(*(row[field] for field in ServiceName._fields))
        return cls(name, row["state"], tuple(row["because"]))


@dataclass(frozen=True, slots=True)
class Examined:
    """What the diagnosis of a suspected service came to; counts are None where they are not known.

    `status` and `outcome` are those of `diagnosis.json`; `error` tells why there is no diagnosis.
    """

    name: ServiceName
    status: str = "unknown"
    outcome: str = "unknown"
    revision: str = ""
    cause: str = ""
    family: str = ""
    probability: float = 0.0
    verdict: str = ""
    because: tuple[str, ...] = ()
    desired: int | None = None
    serving: int | None = None
    server_errors: int | None = None
    since: str | None = None
    things: tuple[SharedThing, ...] = ()
    snapshot: str = ""
    error: str = ""

    @property
    def fails(self) -> bool:
        """Say whether the service fails, or its last deployment did."""
        return self.status == "failing" or self.outcome in FAILING

    @property
    def harm(self) -> str:
        """Return what customers have of it: `down`, `degraded`, `not_deployed` (the old revision serves), `unknown`."""
        if self.serving is None:
            return "degraded" if self.server_errors else "unknown"
        if self.serving == 0 and self.desired != 0:
            return "down"
        short = self.desired is not None and self.serving < self.desired
        return "degraded" if short or self.server_errors else "not_deployed"

    def to_json(self) -> dict[str, Any]:
        """Return it for programs, and for a run that is resumed."""
        own = {key: value for key, value in asdict(self).items() if key not in ("name", "things")}
        return {**self.name._asdict(), **own, "things": [list(thing) for thing in self.things], "harm": self.harm}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Examined":
        """Return what `to_json` told."""
        own = {key: row[key] for key in cls.__dataclass_fields__ if key != "name"}
        own |= {"because": tuple(row["because"]), "things": tuple(SharedThing(*thing) for thing in row["things"])}
        return cls(ServiceName(*(row[field] for field in ServiceName._fields)), **own)


HARMS = ("down", "degraded", "unknown", "not_deployed")
"""Worst first; what is not known stands before what is known to be served."""


def by_harm(row: Examined) -> tuple[Any, ...]:
    """Return the key that sorts what does most harm first."""
    share = (row.serving or 0) / row.desired if row.desired and row.serving is not None else 1.0
    return HARMS.index(row.harm), share, -(row.server_errors or 0), -(row.desired or 0), row.name


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read: a place, a cluster, or some of a cluster's services, and AWS's reason."""

    where: str
    reason: str
