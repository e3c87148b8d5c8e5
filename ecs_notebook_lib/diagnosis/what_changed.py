"""Which change brought the failure: ranked by the causes it can bring, by nearness, and by what it touches.

A change counts for a cause as readily as its kind brings that about (`knowledge/changes`), times how likely the cause
is, times how much of what fails is what changed. Commoner kinds count less: nearly every deployment has another image.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from ecs_notebook_lib.examined import DeploymentHistory
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.saying import policy_of, statements_of, words_of
from ecs_notebook_lib.knowledge.change_kinds import ChangeKind, change_kind_of

TOLD_FROM = 0.05
"""A change below this score is told of as having brought nothing."""

_FAR_HOURS = 48.0
"""How fast nearness fades: a change of two days before the failure counts about two thirds."""

_FAR_SHARE = 0.5
"""What is left of a change however long before the failure it was made."""

_UNRELATED = 0.03
_UNKNOWN = 0.7
_DENIED = frozenset({"implicit_deny", "explicit_deny"})
_CAUSES_TOLD = 2
_CAUSE_TOLD = 0.1
"""A cause is told of a change if it counts at least a tenth of what the first one does."""


@dataclass(frozen=True, slots=True)
class RankedChange:
    """One change with its score, from 0 to about 1, the causes that it counts for, and why, in words."""

    change_id: str
    kind: str
    score: float
    causes: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Failing:
    """What fails, as far as it can be compared with what changed."""

    roles: Mapping[str, str]
    """Role names of the examined revision, by `task` and `execution`."""
    denied: tuple[tuple[str, str, str], ...]
    """(role name, action, resource) of what is refused."""
    closed: str
    """Rules and reasons of the hops that let nothing pass, as one text."""
    containers: frozenset[str]
    """Containers that ended or were unhealthy by themselves; empty if none is known."""
    policies: Mapping[str, Sequence[Mapping[str, Any]]]
    """Statements that calls put on something, by CloudTrail's id of the call."""
    began: tuple[datetime, ...]
    """When the deployments began that did not end well since the last good one, oldest first."""


@dataclass(frozen=True, slots=True)
class _Touch:
    factor: float
    because: str


def failing_of(frames: Frames) -> Failing:
    """Return what fails in the examined deployment."""
    access, path = frames.access, frames.network_path
    arn = frames.history.examined_definition
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == arn]
    refused = access[access["verdict"].isin(_DENIED)]
    closed = path[path["verdict"] == "closed"]
    own = frames.containers[frames.containers["task_definition"] == arn]
    ended = own[(own["exit_code"].fillna(0) != 0) & (own["exit_code"].fillna(0) != _TERMINATED)]
    sick = own[own["health_status"] == "UNHEALTHY"]
    return Failing(
        roles={
            role: _last_part(value)
            for role in ("task", "execution")
            for value in definition[f"{role}_role_arn"].dropna()
        },
        denied=tuple(
            (_last_part(row["role_arn"]), str(row["action"]), str(row["resource"]))
            for row in refused[["role_arn", "action", "resource"]].to_dict("records")
        ),
        closed=" ".join(str(text) for name in ("passes", "rule", "reason") for text in closed[name].dropna()),
        containers=frozenset(ended["container"]) | frozenset(sick["container"]),
        policies={event.id: statements_of(policy_of(event)) for event in frames.told_calls},
        began=_failing_deployments(frames.history, frames.well_since),
    )


_TERMINATED = 143
"""Exit code of a process that ended when it was asked to: its task was stopped for another's sake."""


def _last_part(arn: Any) -> str:
    return str(arn).rpartition("/")[2]


def _failing_deployments(history: DeploymentHistory, since: datetime | None) -> tuple[datetime, ...]:
    return tuple(
        d.created_at for d in history.deployments if since is not None and d.created_at > since and not d.succeeded
    )


def rank_changes(frames: Frames, probabilities: Mapping[str, float]) -> tuple[RankedChange, ...]:
    """Return every row of the frame `changes`, the one first that most likely brought the failure."""
    if not len(frames.changes):
        return ()
    failing = failing_of(frames)
    rows = frames.changes.to_dict("records")
    ranked = [_ranked(row, failing, probabilities) for row in rows]
    return tuple(sorted(ranked, key=lambda row: (-row.score, row.change_id)))


def _ranked(row: Mapping[Any, Any], failing: Failing, probabilities: Mapping[str, float]) -> RankedChange:
    kind = change_kind_of(row["subject"], row["member"], row["effect"])
    if kind is None or not kind.brings:
        because = "nothing that is known comes of it"
        return RankedChange(row["change_id"], kind.name if kind else "", 0.0, (), because)
    touch = touch_of(row, kind, failing)
    shares = {cause: _share(row, kind, cause, failing) * p for cause, p in probabilities.items()}
    near, when = nearness(row["changed_at"], failing)
    score = sum(shares.values()) * touch.factor * near * (1 - kind.rate / 2)
    least = max(shares.values()) * _CAUSE_TOLD
    causes = sorted((name for name in shares if shares[name] > least), key=lambda name: (-shares[name], name))
    told = causes[:_CAUSES_TOLD]
    because = "; ".join(
        text for text in (f"can bring {' or '.join(told)}" if told else "", touch.because, when) if text
    )
    return RankedChange(row["change_id"], kind.name, round(score, 6), tuple(told), because)


def _share(row: Mapping[Any, Any], kind: ChangeKind, cause: str, failing: Failing) -> float:
    """Return how readily a change brings a cause about; of a role only what that role is for."""
    if kind.subject == "role" and cause in ("permissions.task_role", "permissions.execution_role"):
        role = failing.roles.get(cause.partition(".")[2].partition("_")[0], "")
        if role and role != _last_part(row["resource"]):
            return 0.0
    return kind.share(cause)


def nearness(changed_at: pd.Timestamp, failing: Failing) -> tuple[float, str]:
    """Return how much a change counts for its time, and how long before the next failing deployment it was made."""
    following = [moment for moment in failing.began if pd.Timestamp(moment) >= changed_at]
    if not following:
        return 1.0, "made while the deployment was under way"
    hours = (pd.Timestamp(following[0]) - changed_at).total_seconds() / 3600
    factor = _FAR_SHARE + (1 - _FAR_SHARE) * math.exp(-hours / _FAR_HOURS)
    return (
        factor,
        "it came with the deployment" if hours < 1 / 60 else f"{_time(hours)} before a deployment that failed",
    )


def _time(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def touch_of(row: Mapping[Any, Any], kind: ChangeKind, failing: Failing) -> _Touch:
    """Return how much of what fails is what changed, and in which words."""
    related = row["related"]
    if pd.notna(related) and not related:
        return _Touch(_UNRELATED, "neither deployment uses it")
    if kind.subject == "role":
        return _role(row, failing)
    if (
        kind.subject in ("bucket_policy", "secret", "key", "vpc_endpoint")
        and failing.denied
        and "olicy" in row["member"]
    ):
        return _resource(row, failing)
    if kind.subject in ("security_group", "route", "network_acl", "nat_gateway") and failing.closed:
        named = str(row["resource"]) in failing.closed
        return _Touch(1.2, "the way that is closed goes through it") if named else _Touch(0.6, "")
    if pd.notna(row["container"]) and failing.containers and row["container"] not in failing.containers:
        return _Touch(0.4, f"{', '.join(sorted(failing.containers))} fails, not {row['container']}")
    if pd.isna(related):
        return _Touch(_UNKNOWN, "it is not listed any more, so whose it was is not known")
    return _Touch(1.0, "")


def _resource(row: Mapping[Any, Any], failing: Failing) -> _Touch:
    resource = str(row["resource"])
    named = [action for _, action, arn in failing.denied if resource in arn]
    if named:
        return _Touch(1.2, f"{named[0]} on it is refused")
    return _Touch(1.0 if row["subject"] == "vpc_endpoint" else 0.3, "")


def _role(row: Mapping[Any, Any], failing: Failing) -> _Touch:
    """Return what a change of a role's policies has to do with what is refused to that role."""
    role = _last_part(row["resource"])
    if failing.roles and role not in failing.roles.values():
        return _Touch(0.2, "the examined revision does not have this role")
    refused = [(action, arn) for name, action, arn in failing.denied if name == role]
    if not refused:
        return _Touch(0.6, "")
    action = refused[0][0]
    if row["effect"] == "removed":
        return _Touch(1.2, f"it took a policy from the role, which is refused {action}")
    statements = failing.policies.get(str(row["event_id"]), ())
    if any(_covers(statement, refused, "Deny") for statement in statements):
        return _Touch(1.3, f"it denies {action}")
    if any(_covers(statement, refused, "Allow") for statement in statements):
        return _Touch(0.1, f"it allows {action}")
    if not statements or all(words_of(statement.get("Resource")) == ["*"] for statement in statements):
        return _Touch(0.4, f"the role is refused {action}, and this policy is about other things")
    return _Touch(1.0, f"the role is refused {action}, and what the policy allows now is not that")


def _covers(statement: Mapping[str, Any], refused: Sequence[tuple[str, str]], effect: str) -> bool:
    actions, resources = words_of(statement.get("Action")), words_of(statement.get("Resource"))
    return statement.get("Effect") == effect and any(
        _matches(action, actions) and _matches(arn, resources or ["*"]) for action, arn in refused
    )


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text.lower(), pattern.lower().replace("[", "[[]")) for pattern in patterns)
