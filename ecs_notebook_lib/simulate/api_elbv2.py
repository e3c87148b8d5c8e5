"""Elastic Load Balancing v2's answers: balancers, listeners, rules, target groups and target health."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.model import Target, TargetGroup
from ecs_notebook_lib.simulate.probing import check_port
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of Elastic Load Balancing v2 that this world answers."""
    api = _Elbv2(world)
    return {
        "elbv2:DescribeListeners": api.describe_listeners,
        "elbv2:DescribeLoadBalancers": api.describe_load_balancers,
        "elbv2:DescribeRules": api.describe_rules,
        "elbv2:DescribeTargetGroupAttributes": api.describe_target_group_attributes,
        "elbv2:DescribeTargetGroups": api.describe_target_groups,
        "elbv2:DescribeTargetHealth": api.describe_target_health,
    }


class _Elbv2:
    def __init__(self, world: "World") -> None:
        self._world = world

    def _group(self, arn: str) -> TargetGroup:
        group = self._world.balancer.groups.get(arn)
        if group is None:
            raise AWSError("TargetGroupNotFound", f"Target groups '{arn}' not found")
        return group

    def describe_target_groups(self, call: Call) -> dict[str, Any]:
        params = call.params
        groups = [group.shape for group in self._world.balancer.groups.values()]
        if "TargetGroupArns" in params:
            groups = [self._group(arn).shape for arn in params["TargetGroupArns"]]
        if "Names" in params:
            groups = _named(groups, "TargetGroupName", params["Names"], error="TargetGroupNotFound")
        if "LoadBalancerArn" in params:
            groups = [group for group in groups if params["LoadBalancerArn"] in group["LoadBalancerArns"]]
        return {"TargetGroups": groups}

    def describe_target_group_attributes(self, call: Call) -> dict[str, Any]:
        attributes = self._group(call.params["TargetGroupArn"]).attributes
        return {"Attributes": [{"Key": key, "Value": value} for key, value in sorted(attributes.items())]}

    def describe_target_health(self, call: Call) -> dict[str, Any]:
        group = self._group(call.params["TargetGroupArn"])
        wanted = {target["Id"] for target in call.params.get("Targets", ())}
        known = {address: target for address, target in group.targets.items() if not wanted or address in wanted}
        rows = [_health(group, address, target) for address, target in known.items()]
        rows += [
            {
                "Target": target,
                "TargetHealth": {
                    "State": "unused",
                    "Reason": "Target.NotRegistered",
                    "Description": "Target is not registered to the target group",
                },
            }
            for target in call.params.get("Targets", ())
            if target["Id"] not in known
        ]
        return {"TargetHealthDescriptions": rows}

    def describe_load_balancers(self, call: Call) -> dict[str, Any]:
        rows: Sequence[dict[str, Any]] = self._world.load_balancers
        if "LoadBalancerArns" in call.params:
            rows = _named(rows, "LoadBalancerArn", call.params["LoadBalancerArns"], error="LoadBalancerNotFound")
        if "Names" in call.params:
            rows = _named(rows, "LoadBalancerName", call.params["Names"], error="LoadBalancerNotFound")
        return {"LoadBalancers": list(rows)}

    def describe_listeners(self, call: Call) -> dict[str, Any]:
        rows: Sequence[dict[str, Any]] = self._world.listeners
        if "LoadBalancerArn" in call.params:
            rows = [row for row in rows if row["LoadBalancerArn"] == call.params["LoadBalancerArn"]]
        if "ListenerArns" in call.params:
            rows = _named(rows, "ListenerArn", call.params["ListenerArns"], error="ListenerNotFound")
        return {"Listeners": list(rows)}

    def describe_rules(self, call: Call) -> dict[str, Any]:
        listeners = [row for row in self._world.listeners if row["ListenerArn"] == call.params.get("ListenerArn")]
        rules = [rule for row in listeners for rule in self._world.listener_rules.get(row["ListenerArn"], ())]
        rules += [
            {
                "RuleArn": row["ListenerArn"].replace(":listener/", ":listener-rule/") + "/default",
                "Priority": "default",
                "Conditions": [],
                "Actions": row["DefaultActions"],
                "IsDefault": True,
            }
            for row in listeners
        ]
        return {"Rules": rules}


def _named(rows: Sequence[dict[str, Any]], member: str, wanted: Sequence[str], *, error: str) -> list[dict[str, Any]]:
    known = {row[member]: row for row in rows}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise AWSError(error, f"One or more of '{', '.join(missing)}' were not found")
    return [known[name] for name in wanted]


def _health(group: TargetGroup, address: str, target: Target) -> dict[str, Any]:
    health = {"State": target.state, "Reason": target.reason, "Description": target.description}
    return {
        "Target": {"Id": address, "Port": target.port, "AvailabilityZone": target.zone},
        "HealthCheckPort": str(check_port(group, target)),
        "TargetHealth": {member: value for member, value in health.items() if value is not None},
    }
