"""Target groups and target health: operations of Elastic Load Balancing v2."""

from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.collect.caller import Request


def target_group_arns(service: Mapping[str, Any]) -> list[str]:
    """Return the target groups of a service; one behind a Classic Load Balancer has none."""
    groups = (balancer.get("targetGroupArn") for balancer in service.get("loadBalancers") or ())
    return [arn for arn in dict.fromkeys(groups) if arn]


def target_requests(arns: list[str]) -> list[Request]:
    """Return the questions for target groups and the health of their targets."""
    if not arns:
        return []
    health = [Request("elbv2:DescribeTargetHealth", {"TargetGroupArn": arn}) for arn in arns]
    return [Request("elbv2:DescribeTargetGroups", {"TargetGroupArns": arns}), *health]
