"""What a rule of EventBridge passes on of a cluster's ECS events, by its event pattern.

Source: Amazon EventBridge user guide, "Creating event patterns". A pattern is read as far as the source, the type of
event and the cluster; any other member of `detail` narrows what is passed on, and is named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ecs_notebook_lib.knowledge.event_types import event_types

SOURCE = "aws.ecs"


@dataclass(frozen=True, slots=True)
class Passing:
    """The types of event that come through, and what else they must be like (`detail.lastStatus`); empty: nothing."""

    detail_types: tuple[str, ...]
    narrowed_by: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        """Say whether each event of the cluster comes through."""
        return len(self.detail_types) == len(event_types()) and not self.narrowed_by


def passing(pattern: str, *, cluster_arn: str) -> Passing | None:
    """Return what a pattern passes on of a cluster's events; None if nothing.

    `cluster_arn` may also be a name: then an ARN of any account and region with that name is meant.
    """
    try:
        told = orjson.loads(pattern)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, Mapping) or not _allows(told.get("source"), SOURCE):
        return None
    types = tuple(name for name in event_types() if _allows(told.get("detail-type"), name))
    name = cluster_arn.rpartition("/")[2]
    detail = told.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    if not types or not _is_about(detail.get("clusterArn"), told.get("resources"), name):
        return None
    other = [f"detail.{member}" for member in detail if member != "clusterArn"]
    whole = {"$or": "$or" not in told, "resources": _takes_whole_cluster(told.get("resources"), name)}
    return Passing(types, (*other, *(member for member, is_whole in whole.items() if not is_whole)))


def _allows(matchers: Any, value: str) -> bool:
    """Say whether one of the matchers lets a value pass; a member that a pattern does not have lets all pass."""
    return matchers is None or any(_matches(matcher, value) for matcher in _listed(matchers))


def _listed(matchers: Any) -> Iterable[Any]:
    return matchers if isinstance(matchers, list) else ()


def _matches(matcher: Any, value: str) -> bool:
    if not isinstance(matcher, Mapping):
        return bool(matcher == value)
    kind, what = next(iter(matcher.items()), ("", None))
    if kind == "anything-but":
        excluded = what if isinstance(what, list) else [what]
        return not any(_matches(one, value) for one in excluded)
    if kind == "wildcard":
        return _matches_wildcard(str(what).split("*"), value)
    if kind == "equals-ignore-case":
        return str(what).lower() == value.lower()
    if kind == "exists":
        return bool(what)
    tests = {"prefix": value.startswith, "suffix": value.endswith}
    return kind in tests and isinstance(what, str) and tests[kind](what)


def _matches_wildcard(parts: list[str], value: str) -> bool:
    if len(parts) == 1:
        return parts[0] == value
    if not value.startswith(parts[0]) or not value[len(parts[0]) :].endswith(parts[-1]):
        return False
    rest = value[len(parts[0]) : len(value) - len(parts[-1])]
    for part in filter(None, parts[1:-1]):
        _, found, rest = rest.partition(part)
        if not found:
            return False
    return True


def _is_about(cluster_matchers: Any, resource_matchers: Any, name: str) -> bool:
    """Say whether events of the cluster can pass: one that names other clusters only passes none of them on."""
    clusters = [str(matcher) for matcher in _listed(cluster_matchers)]
    named = not clusters or any(text.rpartition("/")[2] == name or text.startswith("{") for text in clusters)
    return named and (resource_matchers is None or any(_reaches(one, name) for one in _listed(resource_matchers)))


def _reaches(matcher: Any, name: str) -> bool:
    """Say whether a matcher of `resources` can fit the ARN of something in the cluster."""
    text = matcher.get("prefix", "*") if isinstance(matcher, Mapping) else str(matcher)
    if f"/{name}/" in text or "*" in text:
        return True
    after_kind = text.rpartition(":")[2].partition("/")[2]
    return isinstance(matcher, Mapping) and f"{name}/".startswith(after_kind)


def _takes_whole_cluster(matchers: Any, name: str) -> bool:
    prefixes = [matcher.get("prefix", "") if isinstance(matcher, Mapping) else "" for matcher in _listed(matchers)]
    return matchers is None or all(str(prefix).endswith(f"/{name}/") for prefix in prefixes)
