"""What changed between the last good deployment and the first failure, by comparison of revisions and by CloudTrail."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames.columns import TEXT, TRUTH, UTC_TIME, Column, FrameSchema, rows_frame
from ecs_notebook_lib.frames.comparing import Difference, at, definition_differences, differences, text_of
from ecs_notebook_lib.frames.saying import asked_text
from ecs_notebook_lib.frames.trail import TrailEvent, session_of
from ecs_notebook_lib.frames.used_things import Used, is_used

CHANGES = FrameSchema(
    "changes",
    "",
    needs=("ecs:DescribeServiceRevisions", "ecs:DescribeTaskDefinition"),
    rows="One row a change between the last good and the examined deployment, oldest first. Empty: there is no last "
    "good deployment, the examined one is well, or nothing that was read has changed.",
    key=("change_id",),
    columns=(
        Column("change_id", TEXT, "", "What tells it from the others."),
        Column("changed_at", UTC_TIME, "", "When; of a revision, when it was registered or deployed."),
        Column("subject", TEXT, "", "Kind of thing: task_definition, service, role, security_group, route, …"),
        Column("resource", TEXT, "", "Name, id or ARN of the thing."),
        Column("member", TEXT, "", "What of it: `containerDefinitions[web].image`, `policyDocument`, …"),
        Column("container", TEXT, "", "The container that it is about; missing if it is about none."),
        Column("effect", TEXT, "", "set, added, removed, value (a new one that nobody may see) or stopped."),
        Column("before", TEXT, "", "What it was, as far as it is known; values that may be secret are not shown."),
        Column("after", TEXT, "", "What it became; empty if it was removed."),
        Column("who", TEXT, "", "Who did it: the session of a role, or the user; missing if not known."),
        Column("event_name", TEXT, "", "The call; missing if only revisions tell of it."),
        Column("event_id", TEXT, "", "CloudTrail's id of the call."),
        Column("known_from", TEXT, "", "revisions, cloudtrail, or both."),
        Column("related", TRUTH, "", "Whether one of both deployments uses the thing; missing if nobody can tell."),
    ),
)

_REVISION_MEMBERS = (
    "networkConfiguration.awsvpcConfiguration.subnets",
    "networkConfiguration.awsvpcConfiguration.securityGroups",
    "networkConfiguration.awsvpcConfiguration.assignPublicIp",
    "loadBalancers",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
)
_CONFIGURATION_MEMBERS = tuple(
    f"deploymentConfiguration.{member}"
    for member in ("minimumHealthyPercent", "maximumPercent", "strategy", "deploymentCircuitBreaker", "alarms")
)
_COMPARED = frozenset({"networkConfiguration", "loadBalancers", "platformVersion"})
"""Members of UpdateService that the revisions tell of, too."""

_NOT_A_CHANGE = frozenset({"service", "cluster", "taskDefinition", "forceNewDeployment"})
_SAME_CALL = pd.Timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two deployments: its definition, service revision, service deployment, and digests by container."""

    deployment: Deployment
    definition: Mapping[str, Any]
    revision: Mapping[str, Any]
    record: Mapping[str, Any]
    digests: Mapping[str, str]


def changes_frame(good: Side, examined: Side, events: Sequence[TrailEvent], used: Used) -> pd.DataFrame:
    """Return one row a change between two deployments, oldest first."""
    rows = _once([*_compared(good, examined, events), *_told(good, examined, events, used)])
    rows.sort(key=lambda row: (row["changed_at"], str(row["change_id"])))
    return rows_frame(rows, CHANGES)


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows without settings that CloudTrail tells of, too, and better: with who and when."""
    told = {_setting(row): row for row in rows if row["known_from"] == "cloudtrail" and _setting(row)}
    twice = [row for row in rows if row["known_from"] != "cloudtrail" and _setting(row) in told]
    for row in twice:
        told[_setting(row)]["known_from"] = "both"
    return [row for row in rows if not any(row is other for other in twice)]


def _setting(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return which setting of the service a row is about, and what it became; None if it is about something else."""
    return (row["member"], row["after"]) if row["subject"] == "service" and row["related"] else None


def no_changes() -> pd.DataFrame:
    """Return the frame without rows: there is nothing to compare."""
    return rows_frame((), CHANGES)


def _compared(good: Side, examined: Side, events: Sequence[TrailEvent]) -> Iterator[dict[str, Any]]:
    """Yield what the two revisions differ in, with who registered or deployed the later one."""
    deployed = pd.Timestamp(examined.deployment.created_at)
    registered = _registration(examined, events)
    when = pd.Timestamp(examined.definition.get("registeredAt") or deployed)
    who = registered.who if registered else session_of(examined.definition.get("registeredBy"))
    if good.definition and examined.definition:
        for row in [*definition_differences(good.definition, examined.definition), *_digests(good, examined)]:
            name = examined.deployment.revision
            yield _row("task_definition", name, row, when=when, who=who, event=registered)
    update = _update(examined, events)
    who = update.who if update else ""
    pairs = [
        (good.revision, examined.revision, _REVISION_MEMBERS),
        (good.record, examined.record, _CONFIGURATION_MEMBERS),
    ]
    for before, after, members in pairs:
        for row in differences(before, after, members) if before and after else ():
            yield _row("service", _service(examined), row, when=deployed, who=who, event=update)


def _service(side: Side) -> str:
    return str(side.revision.get("serviceArn") or side.record.get("serviceArn") or "").rpartition("/")[2]


def _digests(good: Side, examined: Side) -> Iterator[Difference]:
    """Yield the images whose content has changed behind an unchanged reference."""
    images = [
        {row.get("name"): row.get("image") for row in side.definition.get("containerDefinitions") or ()}
        for side in (good, examined)
    ]
    for name, digest in examined.digests.items():
        former = good.digests.get(name)
        if former and former != digest and images[0].get(name) == images[1].get(name):
            yield Difference(f"containerDefinitions[{name}].imageDigest", former, digest, name)


def _registration(side: Side, events: Iterable[TrailEvent]) -> TrailEvent | None:
    arn = side.deployment.task_definition
    path = "taskDefinition.taskDefinitionArn"
    return next((row for row in events if row.row.effect == "registered" and at(row.answered, path) == arn), None)


def _update(side: Side, events: Iterable[TrailEvent]) -> TrailEvent | None:
    """Return the call that began a deployment."""
    began = pd.Timestamp(side.deployment.created_at)
    updates = [row for row in events if row.row.name == "UpdateService" and abs(row.at - began) <= _SAME_CALL]
    named = [row for row in updates if row.asked.get("taskDefinition") == side.deployment.task_definition]
    return named[-1] if named else None


def _row(
    subject: str, resource: str, row: Difference, *, when: pd.Timestamp, who: str, event: TrailEvent | None
) -> dict[str, Any]:
    effect = "set" if row.before and row.after else "added" if row.after else "removed"
    return {
        "change_id": f"{subject} {resource} {row.member}",
        "changed_at": when,
        "subject": subject,
        "resource": resource,
        "member": row.member,
        "container": row.container or None,
        "effect": effect,
        "before": row.before,
        "after": row.after,
        "who": who or None,
        "event_name": event.row.name if event else None,
        "event_id": event.id if event else None,
        "known_from": "both" if event else "revisions",
        "related": True,
    }


def _told(good: Side, examined: Side, events: Sequence[TrailEvent], used: Used) -> Iterator[dict[str, Any]]:
    """Yield what only CloudTrail tells of."""
    known = _first_values(good)
    for event in events:
        if event.row.name == "UpdateService":
            yield from _update_rows(event, known, used, compared=bool(good.revision and examined.revision))
        elif event.row.effect != "registered":
            yield from _event_rows(event, used)


def _first_values(good: Side) -> dict[str, Any]:
    """Return what is known of the service at its last good deployment."""
    known = {"desiredCount": at(good.record, "targetServiceRevision.requestedTaskCount")}
    return known | {
        f"deploymentConfiguration.{k}": v for k, v in (good.record.get("deploymentConfiguration") or {}).items()
    }


def _update_rows(event: TrailEvent, known: dict[str, Any], used: Used, *, compared: bool) -> Iterator[dict[str, Any]]:
    """Yield what a call of UpdateService changed: many callers repeat all that is as it was."""
    if not (is_used("service", event.resource, used) and is_used("cluster", _cluster(event), used)):
        revision = str(event.asked.get("taskDefinition") or "").rpartition("/")[2]
        members = ", ".join(name for name in event.asked if name not in _NOT_A_CHANGE)
        yield _event_row(event, "taskDefinition" if revision else members, "", revision or "changed", related=False)
        return
    given = {name: value for name, value in event.asked.items() if name not in _NOT_A_CHANGE}
    settings = given.pop("deploymentConfiguration", None)
    given |= {f"deploymentConfiguration.{k}": v for k, v in settings.items()} if isinstance(settings, dict) else {}
    for name, value in given.items():
        if value in (None, [], {}) or known.get(name) == value or (compared and name in _COMPARED):
            continue
        yield _event_row(event, name, text_of(known.get(name)), text_of(value), related=True)
        known[name] = value


def _cluster(event: TrailEvent) -> str:
    return str(event.asked.get("cluster") or "default").rpartition("/")[2]


def _event_rows(event: TrailEvent, used: Used) -> Iterator[dict[str, Any]]:
    related = is_used(event.row.subject, event.resource, used)
    if not event.row.member:
        given = {name: value for name, value in event.asked.items() if value != event.resource}
        for name, value in given.items():
            yield _event_row(event, name, "", text_of(value), related=related)
        return
    text, gone = asked_text(event), event.row.effect == "removed"
    yield _event_row(event, event.row.member, text if gone else "", "" if gone else text, related=related)


def _resource(event: TrailEvent) -> str:
    """Return the thing that was changed; of a service deployment its service."""
    return f"/{event.resource}".split("/")[-2] if event.row.effect == "stopped" else event.resource


def _event_row(event: TrailEvent, member: str, before: str, after: str, *, related: bool | None) -> dict[str, Any]:
    return {
        "change_id": f"{event.id} {member}",
        "changed_at": event.at,
        "subject": event.row.subject,
        "resource": _resource(event),
        "member": member,
        "container": None,
        "effect": event.row.effect,
        "before": before,
        "after": after,
        "who": event.who or None,
        "event_name": event.row.name,
        "event_id": event.id,
        "known_from": "cloudtrail",
        "related": related,
    }
