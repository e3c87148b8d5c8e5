"""Kinds of changes: which causes each can bring about, and what finding one weighs."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from ecs_notebook_lib.knowledge.tables import read_table

GROUP = "what_changed"
"""One group for all: of many changes only the most telling counts for a cause."""

MOST_DECIBANS = 5.0
"""What a change weighs at most: that it came first is no proof that it did it."""

_HIGHEST = 0.95
"""How likely a change is at most where the cause is one that it brings."""

_COMMON = 0.5
"""A change that most failing deployments have, whatever failed, tells nothing of the cause."""

_NAMES = re.compile(r"\[[^\]]{0,1000}\]")


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """One kind of change; `brings` says of each cause, or `family.*`, how readily it brings that about, up to 1."""

    name: str
    subject: str
    members: tuple[str, ...]
    effects: tuple[str, ...]
    says: str
    rate: float
    brings: Mapping[str, float]
    source: str

    def share(self, cause: str) -> float:
        """Return how readily it brings a cause about."""
        return self.brings.get(cause, self.brings.get(f"{cause.partition('.')[0]}.*", 0.0))

    @property
    def weights(self) -> dict[str, float]:
        """Return what finding it weighs for each cause, in decibans: less where such changes are common, or nothing."""
        if self.rate > _COMMON:
            return {}
        most = min(MOST_DECIBANS, 10 * math.log10(_HIGHEST / self.rate))
        return {cause: round(most * share, 2) for cause, share in self.brings.items()}


@cache
def change_kinds() -> Mapping[str, ChangeKind]:
    """Return every kind of change by its name; the first that fits a change is its kind."""
    return {
        name: ChangeKind(
            name=name,
            subject=row["subject"],
            members=tuple(row.get("members", ())),
            effects=tuple(row.get("effects", ())),
            says=row["says"],
            rate=row["rate"],
            brings=row.get("brings", {}),
            source=row["source"],
        )
        for name, row in read_table("changes").items()
    }


def change_kind_of(subject: str, member: str, effect: str) -> ChangeKind | None:
    """Return the kind of a change; None if the table has none for it."""
    plain = _NAMES.sub("[]", member)
    return next((kind for kind in change_kinds().values() if _fits(kind, subject, plain, effect)), None)


def _fits(kind: ChangeKind, subject: str, member: str, effect: str) -> bool:
    if kind.subject != subject or (kind.effects and effect not in kind.effects):
        return False
    patterns = (pattern.replace("[]", "[[][]]") for pattern in kind.members)
    return not kind.members or any(fnmatchcase(member, pattern) for pattern in patterns)
