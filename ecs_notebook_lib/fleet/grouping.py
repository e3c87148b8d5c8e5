"""Which services fail for the same reason: the same family of causes, and one thing that the cause rests on. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecs_notebook_lib.fleet.model import Examined, SharedThing, by_harm
from ecs_notebook_lib.knowledge.shared_things import shared_kinds

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Services that fail for one reason, what does most harm first; `thing` is None for one that fails by itself."""

    services: tuple[Examined, ...]
    thing: SharedThing | None = None

    @property
    def cause(self) -> str:
        """Return the cause that explains most of the services: the one of the highest sum of probabilities."""
        sums: dict[str, float] = defaultdict(float)
        for row in self.services:
            sums[row.cause] += row.probability
        return max(sorted(sums), key=lambda cause: sums[cause])

    @property
    def family(self) -> str:
        """Return the family of that cause."""
        return self.services[0].family


def groups_of(failing: Iterable[Examined]) -> list[Group]:
    """Return the failing services in groups, those that do most harm first.

    Services are of one group if the same family of causes leads, and they have a thing in common that several services
    can fail for (`knowledge/shared_things.toml`). The most telling kind of thing is tried first, of one kind the thing
    that the most services have; a service is in one group only. Things are told apart by account and region, unless
    their name is the same everywhere, as an image, a host or what is printed is.
    """
    left = sorted(failing, key=by_harm)
    groups: list[Group] = []
    for depth in range(_deepest(left)):
        while True:
            best = _largest(left, depth)
            if best is None:
                break
            thing, members = best
            names = {row.name for row in members}
            groups.append(Group(tuple(members), thing))
            left = [row for row in left if row.name not in names]
    groups += [Group((row,)) for row in left]
    return sorted(groups, key=_rank)


def _rank(group: Group) -> tuple[object, ...]:
    """Return the key that sorts the worst harm first, of equal harm what more services have."""
    harm, *rest = by_harm(group.services[0])
    return harm, -len(group.services), *rest


_EVERYWHERE = frozenset({"image_repository", "registry", "base_layer", "host", "said"})


def _is_same_everywhere(thing: SharedThing) -> bool:
    """Say whether a thing has one name in all accounts and regions: an ARN tells both, a role's no region at all."""
    return thing.kind in _EVERYWHERE or thing.name.startswith("arn:")


def _deepest(rows: Sequence[Examined]) -> int:
    return max((len(shared_kinds(row.cause)) for row in rows), default=0)


def _largest(rows: Sequence[Examined], depth: int) -> tuple[SharedThing, list[Examined]] | None:
    """Return the thing that the most services share among those of each one's kind number `depth`."""
    having: dict[tuple[str, SharedThing, tuple[str, ...]], list[Examined]] = defaultdict(list)
    for row in rows:
        kinds = shared_kinds(row.cause)
        for thing in row.things:
            if depth < len(kinds) and thing.kind == kinds[depth]:
                where = () if _is_same_everywhere(thing) else (row.name.account, row.name.region)
                having[(row.family, thing, where)].append(row)
    shared = [(key, members) for key, members in having.items() if len(members) >= _FEWEST]
    if not shared:
        return None
    (_, thing, _), members = min(shared, key=lambda pair: (-len(pair[1]), pair[0]))
    return thing, members
