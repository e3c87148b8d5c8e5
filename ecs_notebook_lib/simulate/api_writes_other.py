"""Elastic Load Balancing's and CloudWatch Logs' answers to calls that change something."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.logs import LogGroup
from ecs_notebook_lib.simulate.model import Shape, TargetGroup
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_RANGES: Mapping[str, tuple[int, int]] = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
"""What the numbers of a health check may be (ELB API reference, ModifyTargetGroup)."""
_MEMBERS = (
    *_RANGES,
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckPath",
    "HealthCheckEnabled",
    "Matcher",
)
_MATCHER = re.compile(r"[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*")
_LONGEST_DRAIN = 3600
_RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of load balancers and logs that change something and that this world answers."""
    balancing, logs = _Elbv2(world), _Logs(world)
    return {
        "elbv2:ModifyTargetGroup": balancing.modify_target_group,
        "elbv2:ModifyTargetGroupAttributes": balancing.modify_target_group_attributes,
        "logs:CreateLogGroup": logs.create_log_group,
        "logs:DeleteLogGroup": logs.delete_log_group,
        "logs:PutRetentionPolicy": logs.put_retention_policy,
    }


class _Elbv2:
    def __init__(self, world: "World") -> None:
        self._world = world

    def _group(self, call: Call) -> TargetGroup:
        group = self._world.balancer.groups.get(call.params["TargetGroupArn"])
        if group is None:
            raise AWSError("TargetGroupNotFound", "One or more target groups not found")
        return group

    def modify_target_group(self, call: Call) -> dict[str, Any]:
        group = self._group(call)
        asked = {name: call.params[name] for name in _MEMBERS if name in call.params}
        new = group.shape | asked
        _check(new)
        if new != group.shape:
            group.shape |= asked
            self._world.balancer.checks_changed(group)
        return {"TargetGroups": [group.shape]}

    def modify_target_group_attributes(self, call: Call) -> dict[str, Any]:
        group = self._group(call)
        asked = {row["Key"]: row.get("Value", "") for row in call.params["Attributes"]}
        for key in asked:
            if key not in group.attributes:
                raise AWSError("ValidationError", f"Target group attribute key '{key}' is not recognized")
        delay = asked.get("deregistration_delay.timeout_seconds", "0")
        if not (delay.isdecimal() and int(delay) <= _LONGEST_DRAIN):
            text = f"Target group attribute 'deregistration_delay.timeout_seconds' must be 0 to {_LONGEST_DRAIN}"
            raise AWSError("ValidationError", text)
        group.attributes |= asked
        rows = [{"Key": key, "Value": value} for key, value in sorted(group.attributes.items())]
        return {"Attributes": rows}


def _check(shape: Shape) -> None:
    """Refuse settings of a health check that cannot be.

    Raises
    ------
    AWSError
        ValidationError.
    """
    for member, (least, most) in _RANGES.items():
        if not least <= shape[member] <= most:
            raise AWSError("ValidationError", f"{member} must be between {least} and {most}, and is {shape[member]}")
    if shape["HealthCheckTimeoutSeconds"] >= shape["HealthCheckIntervalSeconds"]:
        raise AWSError("ValidationError", "Health check interval must be greater than the timeout.")
    if not shape["HealthCheckPath"].startswith("/"):
        raise AWSError("ValidationError", f"Health check path '{shape['HealthCheckPath']}' must start with '/'")
    if not _MATCHER.fullmatch(shape["Matcher"].get("HttpCode", "")):
        raise AWSError("ValidationError", "Health check matcher HTTP code must be within '200-499' inclusive")
    port = str(shape["HealthCheckPort"])
    if port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise AWSError("ValidationError", f"Health check port '{port}' must be 'traffic-port' or 1 to 65535")


class _Logs:
    def __init__(self, world: "World") -> None:
        self._world = world

    def _check(self, name: str) -> LogGroup:
        if name not in self._world.log_groups:
            raise AWSError("ResourceNotFoundException", "The specified log group does not exist.")
        return self._world.log_groups[name]

    def create_log_group(self, call: Call) -> dict[str, Any]:
        name = call.params["logGroupName"]
        if name in self._world.log_groups:
            raise AWSError("ResourceAlreadyExistsException", "The specified log group already exists")
        self._world.log_groups[name] = LogGroup(name, self._world.now)
        return {}

    def delete_log_group(self, call: Call) -> dict[str, Any]:
        self._check(call.params["logGroupName"])
        self._world.delete_log_group(call.params["logGroupName"])
        return {}

    def put_retention_policy(self, call: Call) -> dict[str, Any]:
        group = self._check(call.params["logGroupName"])
        if call.params["retentionInDays"] not in _RETENTION:
            raise AWSError("InvalidParameterException", "The specified retention is not one that there is.")
        group.retention_days = call.params["retentionInDays"]
        return {}
