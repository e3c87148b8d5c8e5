"""Ways out for tasks that have none, and policies of VPC endpoints that keep something from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.arns import partition_of
from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.existence import task_definition_of
from ecs_notebook_lib.frames.network_path import destinations
from ecs_notebook_lib.network import evaluate_policy
from ecs_notebook_lib.policy.documents import Document, loaded
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.forms import resource_policy
from ecs_notebook_lib.treatment.texts.policy_statements import merged
from ecs_notebook_lib.treatment.texts.rendering import json_text, terraform

_GATEWAY = "s3"
_SERVICES = frozenset({"ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager", "ssm"})


@dataclass(frozen=True, slots=True)
class WayOut:
    """What the tasks need and do not reach. `endpoints` are (service name, type) that are missing.

    `needs_internet` names registries that no endpoint serves: they need a NAT gateway or public addresses.
    `public_ip` says that the subnets lead to an internet gateway, so that a public address would do.
    """

    vpc_id: str
    subnets: tuple[str, ...]
    route_tables: tuple[str, ...]
    endpoints: tuple[tuple[str, str], ...]
    needs_internet: tuple[str, ...]
    public_ip: bool
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """The policy of a VPC endpoint with the statements that it lacks."""

    endpoint_id: str
    before: Document
    after: Document
    statements: tuple[Document, ...]
    fragment: Fragment


def ways_out(diagnosis: Diagnosis) -> WayOut | None:
    """Return what would give the tasks a way to what they need; None if no route is missing."""
    frames, hops = diagnosis.frames, diagnosis.frames.network_path
    shut = hops[(hops["direction"] == "task_to_endpoint") & (hops["passes"] == "route") & (hops["verdict"] == "closed")]
    if not len(shut):
        return None
    region, subnets = frames.snapshot.incident.region, tuple(sorted(shut["subnet"].unique()))
    names = sorted(shut["to"].unique())
    prefix = "cn.com.amazonaws" if region.startswith("cn-") else "com.amazonaws"
    missing = tuple(
        (
            f"{'com.amazonaws' if one == _GATEWAY else prefix}.{region}.{one}",
            "Gateway" if one == _GATEWAY else "Interface",
        )
        for one in names
        if one in _SERVICES
    )
    rows = frames.subnets
    vpcs = rows.loc[rows["subnet_id"].isin(subnets), "vpc_id"].dropna()
    vpc = str(vpcs.iloc[0]) if len(vpcs) else ""
    tables = _tables(frames, subnets)
    return WayOut(
        vpc,
        subnets,
        tables,
        missing,
        tuple(one for one in names if one not in _SERVICES),
        _leads_to_internet(frames, tables),
        _fragment(frames, vpc, subnets, tables=tables, missing=missing),
    )


def _tables(frames: Frames, subnets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the route tables of subnets: their own, else the main one."""
    rows = frames.route_table_associations
    own = rows[rows["subnet_id"].isin(subnets)]
    main = (
        rows.loc[rows["main"].fillna(value=False), "route_table_id"]
        if own["subnet_id"].nunique() < len(subnets)
        else []
    )
    return tuple(sorted({*own["route_table_id"].dropna(), *main}))


def _leads_to_internet(frames: Frames, tables: tuple[str, ...]) -> bool:
    rows = frames.routes[frames.routes["route_table_id"].isin(tables)]
    default = rows[rows["destination_cidr"] == "0.0.0.0/0"]
    return bool(len(default)) and bool(default["gateway_id"].str.startswith("igw-").fillna(value=False).all())


def _fragment(
    frames: Frames, vpc: str, subnets: tuple[str, ...], *, tables: tuple[str, ...], missing: tuple[tuple[str, str], ...]
) -> Fragment:
    groups = frames.examined_networks("security_group")
    texts, resources = [], {}
    for service, kind in missing:
        common: dict[str, Any] = {"vpc_id": vpc, "service_name": service, "vpc_endpoint_type": kind}
        properties: dict[str, Any] = {"VpcId": vpc, "ServiceName": service, "VpcEndpointType": kind}
        if kind == "Gateway":
            common["route_table_ids"] = properties["RouteTableIds"] = list(tables)
        else:
            common["subnet_ids"] = properties["SubnetIds"] = list(subnets)
            common["security_group_ids"] = properties["SecurityGroupIds"] = groups
            common["private_dns_enabled"] = properties["PrivateDnsEnabled"] = True
        name = ".".join(service.split(".")[3 if service.startswith("com.") else 4 :])
        texts.append(terraform("aws_vpc_endpoint", name, common))
        resources[f"Endpoint{name.title().replace('.', '')}"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": properties,
        }
    title = "VPC endpoints in place of a NAT gateway. Their names change the way for the whole VPC: let port 443 in"
    whole = json_text({"Resources": resources}) if resources else ""
    calls = json_text([row["Properties"] for row in resources.values()]) if resources else ""
    return Fragment(title, calls, "\n".join(texts), whole)


def endpoint_policy(diagnosis: Diagnosis) -> tuple[EndpointPolicy, ...]:
    """Return each policy of a VPC endpoint that keeps from the tasks what they need; empty: none does.

    That of S3's gateway must let through the bucket in which ECR keeps the layers of images.
    """
    frames, hops = diagnosis.frames, diagnosis.frames.network_path
    shut = hops[(hops["passes"] == "endpoint policy") & (hops["verdict"] == "closed")]
    endpoints = frames.vpc_endpoints.drop_duplicates("endpoint_id").set_index("endpoint_id")["policy"].to_dict()
    found = []
    for endpoint, rows in shut.groupby("rule", sort=True):
        before = loaded(str(endpoints.get(endpoint) or ""))
        added = list(_lacking(frames, str(endpoint), json_text(before), set(rows["to"]))) if before else []
        if before is None or not added:
            continue
        after = merged(json_text(before), added)
        form = resource_policy(f"Policy of the VPC endpoint {endpoint}", "ec2", str(endpoint), after)
        found.append(EndpointPolicy(str(endpoint), before, after, tuple(added), form))
    return tuple(found)


def _lacking(frames: Frames, endpoint: str, policy: str, names: set[str]) -> Iterator[Document]:
    incident = frames.snapshot.incident
    row = {"VpcEndpointId": endpoint, "PolicyDocument": policy}
    definition = task_definition_of(frames.snapshot, frames.history.examined_definition)
    partition = partition_of(definition.get("taskDefinitionArn")) or "aws"
    wanted = dict.fromkeys(d for d in destinations(definition, incident.region) if d.name in names and d.action)
    for number, destination in enumerate(wanted, start=1):
        resource = destination.resource.replace("arn:aws:", f"arn:{partition}:", 1)
        if evaluate_policy(row, action=destination.action, resource=resource).verdict == "open":
            continue
        yield {
            "Sid": f"TasksNeedThis{number}",
            "Effect": "Allow",
            "Principal": "*",
            "Action": [destination.action],
            "Resource": [resource],
        }
