"""Where the tasks are in the network, and each hop on the ways that they need, with its verdict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ecs_notebook_lib.examined import CANDIDATE, Deployment, DeploymentHistory
from ecs_notebook_lib.frames.columns import COUNT, TEXT, TRUTH, Column, FrameSchema, rows_frame
from ecs_notebook_lib.knowledge.needs import ecr_repository_arn, secret_id
from ecs_notebook_lib.network import Balancer, Destination, Hop, Tasks, Vpc, balancer_path, endpoint_path
from ecs_notebook_lib.snapshot import Snapshot

Row = Mapping[str, Any]

TASK_NETWORKS = FrameSchema(
    "task_networks",
    "",
    needs=("ecs:DescribeServices",),
    rows="One row a subnet or group of the examined and the last good deployment. Empty: refused, or not awsvpc.",
    columns=(
        Column("which", TEXT, "", "examined or last_good."),
        Column("revision", TEXT, "", "`family:number` of the deployment."),
        Column("member", TEXT, "", "subnet or security_group."),
        Column("id", TEXT, "", "Its id."),
        Column("public_ip", TRUTH, "", "Whether the tasks get a public address; missing if that is not known."),
    ),
)

NETWORK_PATH = FrameSchema(
    "network_path",
    "",
    needs=(
        "ecs:DescribeTaskDefinition",
        "elbv2:DescribeTargetGroups",
        "elbv2:DescribeLoadBalancers",
        "ec2:DescribeSubnets",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNatGateways",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcAttribute",
        "ecs:DescribeServices",
        "ec2:DescribeSecurityGroups",
    ),
    rows="One row a hop on a way that the examined deployment needs. A way is open if all of its hops are.",
    columns=(
        Column("path", TEXT, "", "The way: from where to where."),
        Column("number", COUNT, "", "Which hop of the way it is, from 1."),
        Column("passes", TEXT, "", "What is passed: a security group, a network ACL, a route, an endpoint."),
        Column("from_", TEXT, "", "Where the way begins."),
        Column("to", TEXT, "", "Where it ends."),
        Column("port", COUNT, "", "TCP port at its end."),
        Column("subnet", TEXT, "", "Subnet of the tasks."),
        Column("direction", TEXT, "", "load_balancer_to_task or task_to_endpoint."),
        Column("needed_for", TEXT, "", "health check, requests, image, image layers, logs, secret or parameter."),
        Column("verdict", TEXT, "", "open, closed or cannot_tell."),
        Column("rule", TEXT, "", "Security group, rule of a network ACL, route table or endpoint that decides."),
        Column("reason", TEXT, "", "Why, in one sentence."),
    ),
)


def configuration_of(snapshot: Snapshot, deployment: Deployment | None) -> Row:
    """Return the awsvpc configuration of a deployment; empty if it is not known.

    A listed deployment carries its own; for a past one it stands in the service revision that it rolled out; one that
    is yet to be made takes the service's.
    """
    if deployment is None:
        return {}
    for service in _rows(snapshot, "ecs:DescribeServices", "services"):
        if deployment.status == CANDIDATE:
            return _awsvpc(service)
        for row in service.get("deployments") or ():
            if deployment.id and row["id"] == deployment.id:
                return _awsvpc(row)
    revisions = {
        row["serviceRevisionArn"]: row for row in _rows(snapshot, "ecs:DescribeServiceRevisions", "serviceRevisions")
    }
    for row in _rows(snapshot, "ecs:DescribeServiceDeployments", "serviceDeployments"):
        if row["serviceDeploymentArn"] == deployment.service_deployment:
            return _awsvpc(revisions.get((row.get("targetServiceRevision") or {}).get("arn", ""), {}))
    return {}


def _awsvpc(row: Row) -> Row:
    return (row.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}


def _rows(snapshot: Snapshot, operation: str, member: str) -> list[dict[str, Any]]:
    pages = (page["response"] or {} for page in snapshot.records(operation))
    return [row for page in pages for row in page.get(member) or ()]


def task_networks_frame(snapshot: Snapshot, history: DeploymentHistory) -> pd.DataFrame:
    """Return `TASK_NETWORKS`."""
    rows: list[dict[str, object]] = []
    for which, deployment in (("examined", history.examined), ("last_good", history.last_good)):
        configuration = configuration_of(snapshot, deployment)
        of_deployment = {
            "which": which,
            "revision": deployment.revision if deployment else None,
            "public_ip": _public_ip(configuration),
        }
        for member, name in (("subnet", "subnets"), ("security_group", "securityGroups")):
            rows += [of_deployment | {"member": member, "id": one} for one in configuration.get(name) or ()]
    return rows_frame(rows, TASK_NETWORKS)


def _public_ip(configuration: Row) -> bool | None:
    value = configuration.get("assignPublicIp")
    return None if value is None else value == "ENABLED"


def network_path_frame(snapshot: Snapshot, history: DeploymentHistory) -> pd.DataFrame:
    """Return `NETWORK_PATH`: from the load balancers to the tasks, and from the tasks to what they need."""
    configuration = configuration_of(snapshot, history.examined)
    if not configuration or history.examined is None:
        return rows_frame([], NETWORK_PATH)
    tasks = Tasks(
        tuple(configuration.get("subnets") or ()),
        tuple(configuration.get("securityGroups") or ()),
        _public_ip(configuration),
    )
    vpc = _vpc(snapshot)
    definition: Row = next(
        (
            row
            for page in snapshot.records("ecs:DescribeTaskDefinition")
            if (row := (page["response"] or {}).get("taskDefinition"))
            and row["taskDefinitionArn"] == history.examined.task_definition
        ),
        {},
    )
    hops = [*_balancer_hops(snapshot, vpc, tasks), *_endpoint_hops(snapshot, vpc, tasks, definition)]
    return rows_frame(map(_row, hops), NETWORK_PATH)


def _row(hop: Hop) -> dict[str, object]:
    members = ("path", "number", "passes", "from_", "to", "port", "subnet", "direction", "needed_for")
    decision = hop.decision
    told = {"verdict": str(decision.verdict), "rule": decision.rule or None, "reason": decision.reason}
    return {name: getattr(hop, name) for name in members} | told


def _vpc(snapshot: Snapshot) -> Vpc:
    return Vpc(
        subnets=_by_id(_answered(snapshot, "ec2:DescribeSubnets", "Subnets"), "SubnetId"),
        route_tables=_answered(snapshot, "ec2:DescribeRouteTables", "RouteTables"),
        security_groups=_by_id(_answered(snapshot, "ec2:DescribeSecurityGroups", "SecurityGroups"), "GroupId"),
        network_acls=_answered(snapshot, "ec2:DescribeNetworkAcls", "NetworkAcls"),
        nat_gateways=_answered(snapshot, "ec2:DescribeNatGateways", "NatGateways"),
        endpoints=_answered(snapshot, "ec2:DescribeVpcEndpoints", "VpcEndpoints"),
        dns=_dns(snapshot),
    )


def _answered(snapshot: Snapshot, operation: str, member: str) -> list[dict[str, Any]] | None:
    """Return the rows of an operation; None if it was refused, even in part, or never asked."""
    pages = snapshot.records(operation)
    complete = pages and all(page["error"] is None for page in pages)
    return _rows(snapshot, operation, member) if complete else None


def _by_id(rows: list[dict[str, Any]] | None, member: str) -> dict[str, Row] | None:
    return None if rows is None else {str(row.get(member)): row for row in rows}


def _dns(snapshot: Snapshot) -> dict[str, bool | None]:
    return {
        name[0].lower() + name[1:]: (page["response"].get(name) or {}).get("Value")
        for page in snapshot.records("ec2:DescribeVpcAttribute")
        if page["response"]
        for name in ("EnableDnsSupport", "EnableDnsHostnames")
        if name in page["response"]
    }


def _balancer_hops(snapshot: Snapshot, vpc: Vpc, tasks: Tasks) -> Iterator[Hop]:
    balancers = {
        row.get("LoadBalancerArn"): _balancer(row)
        for row in _rows(snapshot, "elbv2:DescribeLoadBalancers", "LoadBalancers")
    }
    ports = {
        row["targetGroupArn"]: row.get("containerPort")
        for service in _rows(snapshot, "ecs:DescribeServices", "services")
        for row in service.get("loadBalancers") or ()
        if row.get("targetGroupArn")
    }
    for group in _rows(snapshot, "elbv2:DescribeTargetGroups", "TargetGroups"):
        if group.get("TargetType") != "ip":
            continue
        port = ports.get(group.get("TargetGroupArn")) or group.get("Port")
        checked = str(group.get("HealthCheckPort", ""))
        health_port = int(checked) if checked.isdecimal() else port
        for arn in group.get("LoadBalancerArns") or ():
            if arn in balancers and port:
                needed = "requests and health check" if health_port == port else "requests"
                yield from balancer_path(vpc, balancers[arn], tasks, port=int(port), needed_for=needed)
                if health_port != port:
                    yield from balancer_path(
                        vpc, balancers[arn], tasks, port=int(health_port or 0), needed_for="health check"
                    )


def _balancer(row: Row) -> Balancer:
    zones: Sequence[Row] = row.get("AvailabilityZones") or ()
    return Balancer(
        name=str(row.get("LoadBalancerName", "")),
        subnets=tuple(zone["SubnetId"] for zone in zones if zone.get("SubnetId")),
        zones=tuple(zone["ZoneName"] for zone in zones),
        groups=tuple(row.get("SecurityGroups") or ()),
    )


def _endpoint_hops(snapshot: Snapshot, vpc: Vpc, tasks: Tasks, definition: Row) -> Iterator[Hop]:
    region = snapshot.incident.region
    for destination in dict.fromkeys(destinations(definition, region)):
        yield from endpoint_path(vpc, tasks, destination)


def destinations(definition: Row, region: str) -> Iterable[Destination]:
    """Yield what a task of this definition must reach before its containers run (ECS_FACTS 6.2)."""
    for container in definition.get("containerDefinitions") or ():
        image = str(container.get("image", ""))
        if ecr_repository_arn(image):
            layers = f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*"
            yield Destination("ecr.api", "ecr.api", "image", "ecr:GetAuthorizationToken", "*")
            yield Destination("ecr.dkr", "ecr.dkr", "image", "ecr:BatchGetImage", ecr_repository_arn(image))
            yield Destination("s3", "s3", "image layers", "s3:GetObject", layers)
        else:
            host = image.partition("/")[0] if "." in image.partition("/")[0] else "docker.io"
            yield Destination("", host, "image")
        logging = container.get("logConfiguration") or {}
        if logging.get("logDriver") == "awslogs":
            group = str((logging.get("options") or {}).get("awslogs-group", ""))
            stream = f"arn:aws:logs:{region}:*:log-group:{group}:log-stream:*"
            yield Destination("logs", "logs", "logs", "logs:PutLogEvents", stream)
        for secret in container.get("secrets") or ():
            value = str(secret.get("valueFrom", ""))
            if secret_id(value):
                action = "secretsmanager:GetSecretValue"
                yield Destination("secretsmanager", "secretsmanager", "secret", action, secret_id(value))
            else:
                yield Destination("ssm", "ssm", "parameter", "ssm:GetParameters", value)
