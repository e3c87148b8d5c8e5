"""A case as a snapshot: what was seen in AWS's own form where it has one, and as it was told.

Times and ids that nobody told are placeholders, the same for every case; nothing is concluded from them, and nobody is
shown them as if they were told. Cluster and service are empty unless the case names them. All that a case says is about
one revision, which is called `reported`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ecs_notebook_lib.cases.case import Case
from ecs_notebook_lib.knowledge.messages import recognise_all
from ecs_notebook_lib.snapshot import IncidentName, Page, Snapshot
from ecs_notebook_lib.snapshot.model import members_of
from ecs_notebook_lib.version import __version__

OBSERVATION = "case:Observation"
"""The member that holds a case as it was told; its presence says that a snapshot is a case."""

_AS_OF = datetime(2000, 1, 1, tzinfo=UTC)
"""A case tells no times; all that it says is taken to be of this one."""

_ACCOUNT, _REGION = "000000000000", "reported"
_ARN = f"arn:aws:{{service}}:{_REGION}:{_ACCOUNT}:{{name}}"
_TASK_DEFINITION = _ARN.format(service="ecs", name="task-definition/reported")
_TARGET_GROUP = _ARN.format(service="elasticloadbalancing", name="targetgroup/reported/0")
_SERVICE = _ARN.format(service="ecs", name="service/reported/reported")

_CLUSTER_IN_ARN = re.compile(
    r"arn:aws[a-z-]{0,10}:ecs:[a-z0-9-]{1,30}:\d{12}:(?:cluster|service|task)/([A-Za-z0-9_-]{1,255})"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
"""What ECS takes for a name; what a reporter blotted out is none."""

Members = Mapping[str, Any]


def snapshot_of(case: Case) -> Snapshot:
    """Return the snapshot that a case comes to; the same case gives the same bytes."""
    seen = case.observed
    pages = [
        _page(OBSERVATION, {"case": case.id}, {"observed": dict(seen), "launchType": case.launch_type or None}),
        _page("ecs:DescribeServices", {"services": ["reported"]}, {"services": [_service(case)]}),
    ]
    tasks = [_task(number, row) for number, row in enumerate(seen.get("stopped_tasks", ()))]
    if seen.get("log_lines") and not tasks:
        tasks = [_task(0, {})]
    if tasks:
        arns = [task["taskArn"] for task in tasks]
        pages.append(_page("ecs:DescribeTasks", {"tasks": arns}, {"tasks": tasks}))
    if seen.get("task_definition"):
        definition = {"taskDefinition": _definition(seen["task_definition"])}
        pages.append(_page("ecs:DescribeTaskDefinition", {"taskDefinition": _TASK_DEFINITION}, definition))
    pages += [*_target_pages(seen), *_log_pages(seen)]
    name = IncidentName(*_named(seen), "", "", (_AS_OF - timedelta(hours=1), _AS_OF))
    return Snapshot(name, _AS_OF, None, False, __version__, members_of(pages, _ACCOUNT))


def _named(seen: Members) -> tuple[str, str]:
    """Return cluster and service as the case names them, in its words or in its events; empty if it does not."""
    told, events = seen.get("service", {}), [str(text) for text in seen.get("service_events", ())]
    messages = (message for message in recognise_all(events, where="service_event") if message)
    in_events = (message.parts.get("service", "") for message in messages)
    clusters = (match[1] for match in map(_CLUSTER_IN_ARN.search, events) if match)
    return _first_name([told.get("cluster"), *clusters]), _first_name([told.get("service"), *in_events])


def _first_name(values: Iterable[Any]) -> str:
    return next((value for value in values if isinstance(value, str) and _NAME.fullmatch(value)), "")


def _page(operation: str, params: Members, response: Members) -> Page:
    return Page(operation, _AS_OF, _REGION, params, origin="case", response=response)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _number(value: Any) -> int | None:
    """Return a whole number that somebody wrote as one; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip().removesuffix("%").removesuffix("s").strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, (Mapping, list)) else str(value)


def _service(case: Case) -> dict[str, Any]:
    seen, told = case.observed.get("service", {}), case.observed
    percentages = {
        "minimumHealthyPercent": _number(seen.get("minimum_healthy_percent")),
        "maximumPercent": _number(seen.get("maximum_percent")),
        "deploymentCircuitBreaker": _breaker(seen.get("circuit_breaker")),
    }
    return _given(
        {
            "serviceArn": _SERVICE,
            "serviceName": "reported",
            "status": "ACTIVE",
            "taskDefinition": _TASK_DEFINITION,
            "desiredCount": _number(seen.get("desired_count")),
            "runningCount": _number(seen.get("running_count")),
            "pendingCount": _number(seen.get("pending_count")),
            "launchType": case.launch_type or None,
            "healthCheckGracePeriodSeconds": _number(seen.get("health_check_grace_period_seconds")),
            "deploymentConfiguration": _given(percentages),
            "deployments": [_deployment(n, row) for n, row in enumerate(told.get("deployments", ()) or ({},))],
            "events": [
                {"id": str(number), "createdAt": _AS_OF.isoformat(), "message": str(text)}
                for number, text in enumerate(told.get("service_events", ()))
            ],
        }
    )


def _breaker(enabled: Any) -> dict[str, bool] | None:
    return {"enable": enabled} if isinstance(enabled, bool) else None


def _deployment(number: int, row: Members) -> dict[str, Any]:
    return _given(
        {
            "id": f"ecs-svc/{number}",
            "status": _text(row.get("status")) or ("ACTIVE" if number else "PRIMARY"),
            "taskDefinition": _TASK_DEFINITION,
            "createdAt": _AS_OF.isoformat(),
            "rolloutState": _text(row.get("rollout_state")),
            "rolloutStateReason": _text(row.get("rollout_state_reason")),
            "desiredCount": _number(row.get("desired")),
            "runningCount": _number(row.get("running")),
            "pendingCount": _number(row.get("pending")),
            "failedTasks": _number(row.get("failed_tasks")),
        }
    )


def _task(number: int, row: Members) -> dict[str, Any]:
    arn = _ARN.format(service="ecs", name=f"task/reported/{number:032x}")
    containers = [_container(n, one) for n, one in enumerate(row.get("containers", ()))]
    return _given(
        {
            "taskArn": arn,
            "taskDefinitionArn": _TASK_DEFINITION,
            "startedBy": "ecs-svc/0",
            "createdAt": _AS_OF.isoformat(),
            "stopCode": _text(row.get("stop_code")),
            "stoppedReason": _text(row.get("stopped_reason")),
            "containers": containers,
        }
    )


def _container(number: int, row: Members) -> dict[str, Any]:
    return _given(
        {
            "name": _text(row.get("name")) or f"container-{number}",
            "exitCode": _number(row.get("exit_code")),
            "reason": _text(row.get("reason")),
            "healthStatus": _text(row.get("health_status")),
        }
    )


def _definition(seen: Members) -> dict[str, Any]:
    command = seen.get("health_check_command")
    words = [str(word) for word in command] if isinstance(command, list) else [str(command)] if command else []
    port = _number(seen.get("container_port"))
    container = {
        "name": "container-0",
        "image": _text(seen.get("image")),
        "portMappings": [{"containerPort": port}] if port else None,
        "healthCheck": {"command": words} if words else None,
    }
    return _given(
        {
            "taskDefinitionArn": _TASK_DEFINITION,
            "networkMode": _text(seen.get("network_mode")),
            "cpu": _text(seen.get("cpu")),
            "memory": _text(seen.get("memory")),
            "containerDefinitions": [_given(container)],
        }
    )


def _target_pages(seen: Members) -> list[Page]:
    pages = []
    group, health = seen.get("target_group"), seen.get("target_health")
    if group:
        pages.append(_page("elbv2:DescribeTargetGroups", {}, {"TargetGroups": [_target_group(group)]}))
        delay = _number(group.get("deregistration_delay"))
        if delay is not None:
            attribute = {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}
            params = {"TargetGroupArn": _TARGET_GROUP}
            pages.append(_page("elbv2:DescribeTargetGroupAttributes", params, {"Attributes": [attribute]}))
    if health:
        rows = [
            {"Target": {"Id": f"192.0.2.{n % 250}", "Port": 0}, "TargetHealth": _health(row)}
            for n, row in enumerate(health)
        ]
        params = {"TargetGroupArn": _TARGET_GROUP}
        pages.append(_page("elbv2:DescribeTargetHealth", params, {"TargetHealthDescriptions": rows}))
    return pages


def _health(row: Members) -> dict[str, Any]:
    members = {"State": "state", "Reason": "reason", "Description": "description"}
    return _given({name: _text(row.get(key)) for name, key in members.items()})


def _target_group(seen: Members) -> dict[str, Any]:
    return _given(
        {
            "TargetGroupArn": _TARGET_GROUP,
            "TargetGroupName": "reported",
            "TargetType": _text(seen.get("target_type")),
            "Protocol": _text(seen.get("protocol")),
            "Port": _number(seen.get("port")),
            "HealthCheckPath": _text(seen.get("health_check_path")),
            "HealthCheckPort": _text(seen.get("health_check_port")),
            "HealthCheckProtocol": _text(seen.get("health_check_protocol") or seen.get("protocol")),
            "HealthCheckIntervalSeconds": _number(seen.get("interval")),
            "HealthCheckTimeoutSeconds": _number(seen.get("timeout")),
            "HealthyThresholdCount": _number(seen.get("healthy_threshold")),
            "UnhealthyThresholdCount": _number(seen.get("unhealthy_threshold")),
            "Matcher": {"HttpCode": _text(seen.get("matcher"))} if seen.get("matcher") else None,
        }
    )


def _log_pages(seen: Members) -> list[Page]:
    lines = [str(line) for line in seen.get("log_lines", ())]
    if not lines:
        return []
    params = {"logGroupName": "reported", "logStreamName": f"reported/container-0/{0:032x}"}
    at = int(_AS_OF.timestamp() * 1000)
    events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
    return [_page("logs:GetLogEvents", params, {"events": events})]
