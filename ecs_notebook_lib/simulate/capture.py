"""What an account may keep beyond ECS's hour: ECS event capture, and Container Insights performance logs.

Sources: CloudWatch user guide, "Container Insights ECS lifecycle events" and "performance log events for ECS".
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.logs import LogGroup, LogStream
from ecs_notebook_lib.simulate.model import Task

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World


def capture_group(cluster: str) -> str:
    """Return the log group of ECS event capture."""
    return f"/aws/events/ecs/containerinsights/{cluster}/performance"


def performance_group(cluster: str) -> str:
    """Return the log group of Container Insights' performance logs."""
    return f"/aws/ecs/containerinsights/{cluster}/performance"


def keep(world: "World", name: str) -> None:
    """Let the account keep what is written to the group of this name from now on."""
    group = world.log_groups[name] = LogGroup(name, world.now, retention_days=7)
    group.streams["events"] = LogStream("events", world.now)
    if name == capture_group(world.cluster):
        add_rule(world, f"eventsToLog{world.cluster}", {"source": ["aws.ecs"]}, world.arn("logs", f"log-group:{name}"))


def add_rule(world: "World", name: str, pattern: dict[str, Any], target: str, *, state: str = "ENABLED") -> None:
    """Let EventBridge hand the events of a pattern to a target."""
    world.holdings.rules[name] = {
        "Name": name,
        "Arn": world.arn("events", f"rule/{name}"),
        "EventPattern": json.dumps(pattern),
        "State": state,
        "EventBusName": "default",
    }
    world.holdings.rule_targets[name] = [{"Id": "1", "Arn": target}]


def add_action_logs(world: "World", destination: str, kind: str) -> None:
    """Let ECS deliver the cluster's action logs; `kind` is CWL, S3 or FH (ECS developer guide, "Action logs")."""
    name = f"{world.cluster}-action-logs"
    place = world.arn("logs", f"delivery-destination:{name}")
    world.holdings.delivery_sources.append(
        {"name": name, "resourceArns": [world.cluster_arn], "service": "ecs", "logType": "ACTION_LOGS"}
    )
    world.holdings.delivery_destinations.append(
        {
            "name": name,
            "arn": place,
            "deliveryDestinationType": kind,
            "outputFormat": "json",
            "deliveryDestinationConfiguration": {"destinationResourceArn": destination},
        }
    )
    world.holdings.deliveries.append(
        {"id": name, "deliverySourceName": name, "deliveryDestinationArn": place, "deliveryDestinationType": kind}
    )


def write_task(world: "World", task: Task) -> None:
    """Write a stopped task to the groups that exist."""
    captured = world.log_groups.get(capture_group(world.cluster))
    if captured is not None:
        captured.streams["events"].write(world.now, json.dumps(_event(world, task), default=_text))
    performance = world.log_groups.get(performance_group(world.cluster))
    if performance is not None and task.life is not None:
        performance.streams["events"].write(world.now, json.dumps(_performance(world, task)))


def _event(world: "World", task: Task) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"{world.engine.hexadecimal(8)}-0000-4000-8000-{world.engine.hexadecimal(12)}",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": world.account,
        "time": _text(world.now),
        "region": world.region,
        "resources": [task.shape["taskArn"]],
        "detail": task.shape | {"updatedAt": world.now},
    }


def _performance(world: "World", task: Task) -> dict[str, Any]:
    family, _, revision = task.shape["taskDefinitionArn"].rpartition("/")[2].partition(":")
    return {
        "Version": "0",
        "Type": "Task",
        "ClusterName": world.cluster,
        "ServiceName": task.shape["group"].partition(":")[2],
        "TaskId": task.id,
        "TaskDefinitionFamily": family,
        "TaskDefinitionRevision": revision,
        "KnownStatus": "STOPPED",
        "Timestamp": int(world.now.timestamp() * 1000),
    }


def _text(value: object) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if isinstance(value, datetime) else str(value)
