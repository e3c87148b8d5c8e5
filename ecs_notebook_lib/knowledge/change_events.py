"""The events of CloudTrail that can change what a deployment rests on, in the order in which they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ecs_notebook_lib.knowledge.tables import read_table

OPERATION = "cloudtrail:LookupEvents"
"""The read operation that tells of them."""

_GLOBAL = frozenset({"iam"})
_FIRST_REGIONS = {"cn-": "cn-north-1", "us-gov-": "us-gov-west-1"}


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One event: which service's, what kind of thing it changes, where its parameters name that, and what is kept."""

    name: str
    source: str
    subject: str
    resource: str
    member: str
    effect: str
    keep: tuple[str, ...]

    def region(self, home: str) -> str:
        """Return the region in which events of a service in `home` stand: IAM's are in the partition's first one."""
        if self.source not in _GLOBAL:
            return home
        return next((first for prefix, first in _FIRST_REGIONS.items() if home.startswith(prefix)), "us-east-1")


@cache
def change_events() -> Mapping[str, ChangeEvent]:
    """Return every event by its name, most telling first."""
    return {
        name: ChangeEvent(name=name, keep=tuple(row["keep"]), **{key: row[key] for key in _TEXTS})
        for name, row in read_table("change_events").items()
    }


_TEXTS = ("source", "subject", "resource", "member", "effect")
