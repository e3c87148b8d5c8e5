"""Target groups and target health: operations of Elastic Load Balancing v2."""

from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.collect.caller import Caller, Request


def target_group_arns(service: Mapping[str, Any]) -> list[str]:
    """Return the target groups of a service; one behind a Classic Load Balancer has none."""
    groups = (balancer.get("targetGroupArn") for balancer in service.get("loadBalancers") or ())
    return [arn for arn in dict.fromkeys(groups) if arn]


def target_requests(arns: list[str]) -> list[Request]:
    """Return the questions for target groups, their attributes and the health of their targets."""
    if not arns:
        return []
    each = ("elbv2:DescribeTargetHealth", "elbv2:DescribeTargetGroupAttributes")
    details = [Request(operation, {"TargetGroupArn": arn}) for arn in arns for operation in each]
    return [Request("elbv2:DescribeTargetGroups", {"TargetGroupArns": arns}), *details]


def collect_routing(caller: Caller, target_groups: list[Mapping[str, Any]]) -> None:
    """Read the listeners of the load balancers in front of these target groups, and their rules."""
    balancers = dict.fromkeys(arn for group in target_groups for arn in group.get("LoadBalancerArns") or ())
    listeners = [Request("elbv2:DescribeListeners", {"LoadBalancerArn": arn}) for arn in balancers]
    caller.follow(listeners, lambda _, answer: map(_rules_request, answer.items("Listeners")))


def _rules_request(listener: Mapping[str, Any]) -> Request:
    return Request("elbv2:DescribeRules", {"ListenerArn": listener["ListenerArn"]})
