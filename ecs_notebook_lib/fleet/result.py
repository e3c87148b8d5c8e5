"""What a look at a fleet came to, for people, for programs, and for a run that is resumed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from ecs_notebook_lib.diagnosis.words import meaning_of
from ecs_notebook_lib.fleet.grouping import Group, groups_of
from ecs_notebook_lib.fleet.model import DEPLOYING, WELL, Examined, ServiceName, Triaged, Unread
from ecs_notebook_lib.snapshot.model import utc_text

SCHEMA = "ecs-notebook/fleet/1"


@dataclass
class Fleet:
    """Every service that was looked at; `calls` counts those of the first look only."""

    began: datetime
    triaged: dict[ServiceName, Triaged] = field(default_factory=dict)
    examined: dict[ServiceName, Examined] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    calls: int = 0

    @property
    def suspected(self) -> list[ServiceName]:
        """Return the services with which something looks wrong, in order of their names."""
        return sorted(name for name, row in self.triaged.items() if row.suspected)

    @property
    def failing(self) -> list[Examined]:
        """Return the services that fail, or whose last deployment did."""
        return [row for row in self.examined.values() if row.fails]

    @property
    def undecided(self) -> list[Examined]:
        """Return the suspected services of which no diagnosis tells whether they fail."""
        return [row for row in self.examined.values() if not row.fails and (row.error or row.status == "unknown")]

    @cached_property
    def groups(self) -> list[Group]:
        """Return what fails, in groups of one cause each, worst harm first."""
        return groups_of(self.failing)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many services there are of each kind; together they are all that were looked at."""
        states = Counter(row.state for row in self.triaged.values())
        cleared = sum(not row.fails for row in self.examined.values()) - len(self.undecided)
        return {
            "failing": len(self.failing),
            "not decided": len(self.undecided),
            "looked wrong and is not": cleared,
            "deploying": states[DEPLOYING],
            "nothing wrong seen": states[WELL],
        }

    def to_json(self) -> dict[str, Any]:
        """Return the document `fleet.json`."""
        return {
            "schema": SCHEMA,
            "as_of": utc_text(self.began),
            "counts": {name.replace(" ", "_"): count for name, count in self.counts.items()},
            "services": len(self.triaged),
            "calls_of_the_first_look": self.calls,
            "groups": [_group_json(group) for group in self.groups],
            "not_decided": [row.to_json() for row in self.undecided],
            "unread": [{"where": row.where, "reason": row.reason} for row in self.unread],
        }


def _group_json(group: Group) -> dict[str, Any]:
    thing = None if group.thing is None else {"kind": group.thing.kind, "name": group.thing.name}
    services = [row.to_json() for row in group.services]
    return {
        "cause": group.cause,
        "family": group.family,
        "meaning": meaning_of(group.cause),
        "shared": thing,
        "services": services,
    }
