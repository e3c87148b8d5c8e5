"""Which operations a fleet answers from several worlds, and by which members of the answers they are put together."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """A batch: the parameter that lists what is asked for, the lists in the answer, and how much of it AWS takes.

    `code` is AWS's error for more; a limit of 0 is one that the API reference does not tell.
    """

    member: str
    answers: tuple[str, ...]
    limit: int = 0
    code: str = "InvalidParameterException"


@dataclass(frozen=True, slots=True)
class Listing:
    """A paged list: its member, what tells its rows apart and orders them, and how its pages are asked for."""

    member: str
    identity: str = ""
    order: str = ""
    token: str = "nextToken"  # noqa: S105  the name of a parameter
    next: str = "nextToken"
    size: str = "maxResults"
    usual: int = 100


SPLIT: Mapping[str, Split] = {
    "cloudwatch:GetMetricData": Split("MetricDataQueries", ("MetricDataResults", "Messages"), 500, "ValidationError"),
    "ecs:DescribeServiceDeployments": Split("serviceDeploymentArns", ("serviceDeployments", "failures"), 20),
    "ecs:DescribeServiceRevisions": Split("serviceRevisionArns", ("serviceRevisions", "failures"), 20),
    "ecs:DescribeServices": Split("services", ("services", "failures"), 10),
    "ecs:DescribeTasks": Split("tasks", ("tasks", "failures"), 100),
    "ecs:GetTaskProtection": Split("tasks", ("protectedTasks", "failures"), 100),
    "ec2:DescribeNatGateways": Split("NatGatewayIds", ("NatGateways",)),
    "ec2:DescribeNetworkAcls": Split("NetworkAclIds", ("NetworkAcls",)),
    "ec2:DescribeRouteTables": Split("RouteTableIds", ("RouteTables",)),
    "ec2:DescribeSecurityGroups": Split("GroupIds", ("SecurityGroups",)),
    "ec2:DescribeSubnets": Split("SubnetIds", ("Subnets",)),
    "ec2:DescribeVpcEndpoints": Split("VpcEndpointIds", ("VpcEndpoints",)),
    "elbv2:DescribeListeners": Split("ListenerArns", ("Listeners",)),
    "elbv2:DescribeLoadBalancers": Split("LoadBalancerArns", ("LoadBalancers",), 20, "ValidationError"),
    "elbv2:DescribeTargetGroups": Split("TargetGroupArns", ("TargetGroups",)),
}
EC2_ROWS: Mapping[str, tuple[str, str]] = {
    "ec2:DescribeNatGateways": ("NatGateways", "NatGatewayId"),
    "ec2:DescribeNetworkAcls": ("NetworkAcls", "NetworkAclId"),
    "ec2:DescribeRouteTables": ("RouteTables", "RouteTableId"),
    "ec2:DescribeSecurityGroups": ("SecurityGroups", "GroupId"),
    "ec2:DescribeSubnets": ("Subnets", "SubnetId"),
    "ec2:DescribeVpcEndpoints": ("VpcEndpoints", "VpcEndpointId"),
}
"""The rows of an answer, and what tells them apart: worlds that share a VPC tell of the same ones."""
LISTS: Mapping[str, Listing] = {
    "ecr:DescribeRepositories": Listing("repositories", "repositoryName"),
    "ecs:ListClusters": Listing("clusterArns"),
    "ecs:ListServices": Listing("serviceArns", usual=10),
    "ecs:ListTaskDefinitions": Listing("taskDefinitionArns"),
    "ecs:ListTasks": Listing("taskArns"),
    "events:ListRules": Listing("Rules", "Name", "Name", "NextToken", "NextToken", "Limit"),
    "iam:ListRoles": Listing("Roles", "RoleName", "RoleName", "Marker", "Marker", "MaxItems"),
    "logs:DescribeLogGroups": Listing("logGroups", "logGroupName", "logGroupName", size="limit", usual=50),
    "logs:FilterLogEvents": Listing("events", "", "timestamp", size="limit", usual=10_000),
    "ssm:DescribeParameters": Listing("Parameters", "Name", "Name", "NextToken", "NextToken", "MaxResults", 10),
}
"""Limits are those of AWS's API references."""
