"""What AWS already keeps of a cluster's events, and how it is read: asked before anything is recorded.

Sources: ECS_FACTS 9.6; ECS developer guide, "Monitor Amazon ECS actions with action logs"; EventBridge API reference.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.collect import Answer, Caller, Request
from ecs_notebook_lib.collect.kept import capture_group
from ecs_notebook_lib.history.patterns import Passing, passing
from ecs_notebook_lib.history.sources import BUCKET, LOG_GROUP

EVENT_CAPTURE = "event capture"
ACTION_LOGS = "action logs"
RULE = "EventBridge rule"
_ACTION_LOG_TYPES = ("ACTION_LOGS", "EcsActionLogs")
"""AWS's pages have both names."""

_CHANGED = ("Input", "InputPath", "InputTransformer")
"""Settings of a target by which it gets something else than the event."""


def action_logs_group(cluster: str) -> str:
    """Return the log group into which ECS delivers a cluster's action logs, if nobody chose another place."""
    return f"/aws/vendedlogs/ecs/action-logs/{cluster.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class Keeper:
    """One thing that keeps a cluster's events.

    `passing` is what it keeps, where a rule says so; `retention_days` is None where nothing ends it, or nobody says
    when; `events` is the argument of `--from-events` that reads it, empty if `why_not` says why nothing can. `is_on`
    is False if nothing new comes to what it kept before, None if that is not known.
    """

    what: str
    name: str
    events: str
    passing: Passing | None = None
    retention_days: int | None = None
    why_not: str = ""
    is_on: bool | None = True

    @property
    def line(self) -> str:
        """Return a sentence that says what is kept, for how long, and how it is read."""
        kept = f" It keeps only {_told(self.passing)}." if self.passing and not self.passing.is_all else ""
        days = f", each for {self.retention_days} days" if self.retention_days else ""
        read = f" Read it with --from-events {self.events}" if self.events else f" It cannot be read: {self.why_not}."
        state = {True: "is on", False: "is off now, but what it kept is there", None: "has kept events"}[self.is_on]
        return f"{self.what} {self.name} {state}{days}.{kept}{read}"


def _told(kept: Passing) -> str:
    narrowed = f" that it chooses by {', '.join(kept.narrowed_by)}" if kept.narrowed_by else ""
    return ", ".join(kept.detail_types) + narrowed


@dataclass(frozen=True, slots=True)
class Keeping:
    """All that keeps a cluster's events, and what could not be found out: that is unknown, and not off."""

    keepers: tuple[Keeper, ...]
    unknown: tuple[str, ...]

    @property
    def is_off(self) -> bool:
        """Say whether it is certain that AWS keeps no new event where it can be read."""
        return not self.unknown and not any(keeper.events and keeper.is_on for keeper in self.keepers)


def kept_by_aws(caller: Caller, cluster: str) -> Keeping:
    """Return what keeps the events of a cluster, given by name or ARN.

    IAM actions: those of the rows marked `record` in `knowledge/operations.toml`, and `logs:DescribeLogGroups`.
    """
    return _Inquiry(caller, cluster).keeping()


class _Inquiry:
    def __init__(self, caller: Caller, cluster: str) -> None:
        self._caller = caller
        self._cluster = cluster
        self._unknown: dict[str, None] = {}

    def keeping(self) -> Keeping:
        rules, logs = tuple(self._rules()), tuple(self._action_logs())
        before = (
            *self._kept_before(EVENT_CAPTURE, capture_group(self._cluster), rules),
            *self._kept_before(ACTION_LOGS, action_logs_group(self._cluster), logs),
        )
        return Keeping(tuple(dict.fromkeys((*rules, *logs, *before))), tuple(self._unknown))

    def _kept_before(self, what: str, group: str, found: Iterable[Keeper]) -> Iterator[Keeper]:
        """Yield a group that nothing was found to write to: what is in it can be read until its retention ends."""
        if any(keeper.events == f"{LOG_GROUP}{group}" for keeper in found):
            return
        is_known = not any(what in unknown for unknown in self._unknown)
        [answer] = self._ask(f"whether there is {group}", _groups_request(group))
        for row in answer.items("logGroups"):
            if row["logGroupName"] == group:
                is_on = False if is_known else None
                yield Keeper(what, group, f"{LOG_GROUP}{group}", None, row.get("retentionInDays"), "", is_on)

    def _ask(self, what: str, *requests: Request) -> list[Answer]:
        """Return the answers; what AWS refuses makes `what` unknown."""
        answers = self._caller.gather(requests)
        for request, answer in zip(requests, answers, strict=True):
            if answer.error:
                self._unknown[f"{what}: {answer.error['code']}: {request.operation}"] = None
        return answers

    def _rules(self) -> Iterator[Keeper]:
        [listed] = self._ask(f"{EVENT_CAPTURE} and EventBridge rules", _request("events:ListRules"))
        enabled = (row for row in listed.items("Rules") if row.get("State") != "DISABLED" and row.get("EventPattern"))
        passed = [(row["Name"], passing(row["EventPattern"], cluster_arn=self._cluster)) for row in enabled]
        rules = [(name, kept) for name, kept in passed if kept]
        asked = [_request("events:ListTargetsByRule", Rule=name) for name, _ in rules]
        for (name, kept), answer in zip(rules, self._ask("the targets of rules", *asked), strict=True):
            for target in answer.items("Targets"):
                yield from self._of_target(name, kept, target)

    def _of_target(self, rule: str, kept: Passing, target: Mapping[str, Any]) -> Iterator[Keeper]:
        captured = _group(target["Arn"]) == capture_group(self._cluster)
        what = EVENT_CAPTURE if captured else RULE
        changed = [setting for setting in _CHANGED if setting in target]
        if changed and _service(target["Arn"]) in ("logs", "firehose"):
            why_not = f"its target gets something else than the event ({', '.join(changed)})"
            yield Keeper(what, rule, "", kept, None, why_not)
        else:
            yield from self._at(what, rule, target["Arn"], kept)

    def _action_logs(self) -> Iterator[Keeper]:
        sources, deliveries, places = self._ask(
            ACTION_LOGS,
            _request("logs:DescribeDeliverySources"),
            _request("logs:DescribeDeliveries"),
            _request("logs:DescribeDeliveryDestinations"),
        )
        names = {row["name"] for row in sources.items("deliverySources") if self._is_action_log(row)}
        arns = [row.get("deliveryDestinationArn") for row in deliveries.items("deliveries") if _source(row) in names]
        for place in places.items("deliveryDestinations"):
            if place.get("arn") in arns:
                settings = place.get("deliveryDestinationConfiguration") or {}
                yield from self._at(ACTION_LOGS, place["name"], settings.get("destinationResourceArn", ""), None)

    def _is_action_log(self, source: Mapping[str, Any]) -> bool:
        name = self._cluster.rpartition("/")[2]
        clusters = {arn.rpartition(":cluster/")[2] for arn in source.get("resourceArns") or ()}
        return source.get("logType") in _ACTION_LOG_TYPES and name in clusters

    def _at(self, what: str, name: str, arn: str, kept: Passing | None) -> Iterator[Keeper]:
        """Yield what keeps events at a place, by its ARN; nothing for one that does not keep what it gets."""
        if _group(arn):
            yield from self._in_log_group(what, name, _group(arn), kept)
        elif _service(arn) == "s3":
            yield Keeper(what, name, f"{BUCKET}{arn.rpartition(':')[2]}/", kept)
        elif _service(arn) == "firehose":
            yield from self._behind_stream(what, name, arn.rpartition("/")[2], kept)

    def _in_log_group(self, what: str, name: str, group: str, kept: Passing | None) -> Iterator[Keeper]:
        [answer] = self._ask(f"the retention of {group}", _groups_request(group))
        rows = [row for row in answer.items("logGroups") if row["logGroupName"] == group]
        if rows or answer.error:
            yield Keeper(what, name, f"{LOG_GROUP}{group}", kept, rows[0].get("retentionInDays") if rows else None)
        else:
            yield Keeper(what, name, "", kept, None, f"there is no log group {group}")

    def _behind_stream(self, what: str, name: str, stream: str, kept: Passing | None) -> Iterator[Keeper]:
        request = _request("firehose:DescribeDeliveryStream", DeliveryStreamName=stream)
        [answer] = self._ask(f"where the delivery stream {stream} leads", request)
        places = list(_buckets((answer.get("DeliveryStreamDescription") or {}).get("Destinations") or ()))
        for place in places:
            yield Keeper(what, name, place, kept)
        if not places:
            why_not = "AWS did not say" if answer.error else "it leads to no bucket"
            yield Keeper(what, name, "", kept, None, f"{why_not} (delivery stream {stream})")


def _buckets(destinations: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield where a delivery stream writes: up to the first part of the prefix that it fills in when it writes."""
    for row in destinations:
        settings = row.get("ExtendedS3DestinationDescription") or row.get("S3DestinationDescription") or {}
        if settings.get("BucketARN"):
            prefix, _, _ = (settings.get("Prefix") or "").partition("!{")
            yield f"{BUCKET}{settings['BucketARN'].rpartition(':')[2]}/{prefix}"


def _source(delivery: Mapping[str, Any]) -> str:
    return str(delivery.get("deliverySourceName"))


def _groups_request(group: str) -> Request:
    return _request("logs:DescribeLogGroups", logGroupNamePrefix=group)


def _request(operation: str, **params: Any) -> Request:
    """Return a question whose answer belongs into no snapshot."""
    return Request(operation, params, recorded=False)


def _service(arn: str) -> str:
    return (arn.split(":") + [""] * 3)[2]


def _group(arn: str) -> str:
    """Return the log group that an ARN names; empty if it names none."""
    return arn.partition(":log-group:")[2].removesuffix(":*") if _service(arn) == "logs" else ""
