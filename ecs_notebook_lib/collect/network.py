"""The network of a service: EC2's tables of its VPC, and the load balancers before it. Eight calls of EC2 at most."""

from collections.abc import Iterable, Mapping
from typing import Any

from ecs_notebook_lib.collect.caller import Caller, Request

Rows = list[Mapping[str, Any]]


def collect_network(caller: Caller, service: Mapping[str, Any], revisions: Rows, target_groups: Rows) -> None:
    """Read the VPC of the service's tasks: what lets requests in and out, and where they go.

    `revisions` are the service revisions, which hold the network configuration of past deployments; `target_groups`
    what DescribeTargetGroups answered: they name the VPC and the load balancers.
    """
    configurations = network_configurations(service, revisions)
    if not configurations:
        return
    balancers = sorted({arn for group in target_groups for arn in group.get("LoadBalancerArns") or ()})
    subnets = sorted({subnet for row in configurations for subnet in row.get("subnets") or ()})
    named = [Request("elbv2:DescribeLoadBalancers", {"LoadBalancerArns": balancers})] if balancers else []
    vpc = next((group["VpcId"] for group in target_groups if group.get("VpcId")), "")
    if not vpc:
        [found] = caller.gather([Request("ec2:DescribeSubnets", {"SubnetIds": subnets})])
        vpc = next((row["VpcId"] for row in found.items("Subnets")), "")
        tables = _tables(vpc)[1:] if vpc else []
    else:
        tables = _tables(vpc)
    answers = dict(zip([r.operation for r in (*named, *tables)], caller.gather([*named, *tables]), strict=False))
    groups = {group for row in configurations for group in row.get("securityGroups") or ()}
    if "elbv2:DescribeLoadBalancers" in answers:
        rows = answers["elbv2:DescribeLoadBalancers"].items("LoadBalancers")
        groups |= {group for row in rows for group in row.get("SecurityGroups") or ()}
    if "ec2:DescribeVpcEndpoints" in answers:
        rows = answers["ec2:DescribeVpcEndpoints"].items("VpcEndpoints")
        groups |= {group["GroupId"] for row in rows for group in row.get("Groups") or ()}
    if groups:
        caller.gather([Request("ec2:DescribeSecurityGroups", {"Filters": _filter("group-id", sorted(groups))})])


def network_configurations(service: Mapping[str, Any], revisions: Iterable[Mapping[str, Any]]) -> Rows:
    """Return the awsvpc configurations of the deployments that the service lists, and of its service revisions."""
    holders = [*(service.get("deployments") or ()), *revisions]
    configurations = ((row.get("networkConfiguration") or {}).get("awsvpcConfiguration") for row in holders)
    return [row for row in configurations if row]


def _tables(vpc: str) -> list[Request]:
    of_vpc = _filter("vpc-id", [vpc])
    return [
        Request("ec2:DescribeSubnets", {"Filters": of_vpc}),
        Request("ec2:DescribeRouteTables", {"Filters": of_vpc}),
        Request("ec2:DescribeNetworkAcls", {"Filters": of_vpc}),
        Request("ec2:DescribeNatGateways", {"Filter": of_vpc}),
        Request("ec2:DescribeVpcEndpoints", {"Filters": of_vpc}),
        Request("ec2:DescribeVpcAttribute", {"VpcId": vpc, "Attribute": "enableDnsSupport"}),
        Request("ec2:DescribeVpcAttribute", {"VpcId": vpc, "Attribute": "enableDnsHostnames"}),
    ]


def _filter(name: str, values: list[str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": values}]
