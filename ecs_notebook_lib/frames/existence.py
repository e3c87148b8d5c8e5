"""What the examined revision and its service name, and whether it exists: the frames and what AWS answered."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, TRUTH, Column, FrameSchema, rows_frame
from ecs_notebook_lib.knowledge.named import ThingKind, image_question, named_by_definition
from ecs_notebook_lib.snapshot import Snapshot

_DEFINITION = ("ecs:DescribeServices", "ecs:DescribeTaskDefinition")

NAMED_THINGS = FrameSchema(
    "named_things",
    "",
    needs=(
        "ecr:DescribeImages",
        "secretsmanager:DescribeSecret",
        "ssm:DescribeParameters",
        "logs:DescribeLogGroups",
        "efs:DescribeFileSystems",
        "efs:DescribeMountTargets",
        "servicediscovery:GetService",
        "iam:GetRole",
        *_DEFINITION,
    ),
    rows="One row a thing that the examined revision or its service names. Empty: neither was read.",
    columns=(
        Column("kind", TEXT, "", "image, secret, parameter, log_group, role, file_system, mount_target, …"),
        Column("name", TEXT, "", "Name or ARN, as it is written."),
        Column("named_by", TEXT, "", "The container and field that name it, or the field of the service."),
        Column("exists", TRUTH, "", "Whether it is there; missing if that is not known."),
        Column("detail", TEXT, "", "Its state: platforms, a scheduled deletion, `0 of 2 instances`, …"),
        Column("reason", TEXT, "", "Why it is not known: AWS's error, or that it is elsewhere."),
        Column("revision", TEXT, "", "`family:number` of the examined revision."),
    ),
)

IMAGE_PLATFORMS = FrameSchema(
    "image_platforms",
    "",
    needs=(*_DEFINITION, "ecr:DescribeImages", "ecr:BatchGetImage"),
    rows="One row a platform of an image of the examined revision. A single manifest: one row, platform missing.",
    columns=(
        Column("image", TEXT, "", "Image reference, as the task definition has it."),
        Column("os", TEXT, "", "linux or windows; missing if the manifest does not say."),
        Column("architecture", TEXT, "", "amd64, arm64, …; missing if the manifest does not say."),
    ),
)

CAPACITY_PROVIDERS = FrameSchema(
    "capacity_providers",
    "",
    needs=("ecs:DescribeServices", "ecs:DescribeCapacityProviders", "autoscaling:DescribeAutoScalingGroups"),
    rows="One row a capacity provider of the service that takes instances from the account. Empty: it names none.",
    columns=(
        Column("capacity_provider", TEXT, "", "Name."),
        Column("status", TEXT, "", "ACTIVE, INACTIVE, …"),
        Column("managed_scaling", TEXT, "", "ENABLED: ECS sets the number of instances."),
        Column("auto_scaling_group", TEXT, "", "Name of its Auto Scaling group; missing without one."),
        Column("in_service_count", COUNT, "", "Instances that are InService; missing if the group was not read."),
        Column("desired_capacity", COUNT, "", "Instances that the group should have."),
        Column("min_size", COUNT, "", "Fewest."),
        Column("max_size", COUNT, "", "Most."),
    ),
)

CONTAINER_INSTANCES = FrameSchema(
    "container_instances",
    "",
    needs=("ecs:DescribeServices", "ecs:ListContainerInstances", "ecs:DescribeContainerInstances"),
    rows="One row a container instance of the cluster. Empty: there is none, or the service runs on Fargate.",
    columns=(
        Column("container_instance_arn", TEXT, "", "Full ARN."),
        Column("ec2_instance_id", TEXT, "", "Instance behind it."),
        Column("capacity_provider", TEXT, "", "Provider that it belongs to; missing without one."),
        Column("status", TEXT, "", "ACTIVE takes tasks; DRAINING and the others do not."),
        Column("agent_connected", TRUTH, "", "Whether its agent is connected to ECS."),
        Column("running_tasks_count", COUNT, "", "Tasks that run on it."),
        Column("remaining_cpu", COUNT, "", "CPU that is not reserved. [units of 1/1024 vCPU]"),
        Column("remaining_memory", COUNT, "", "Memory that is not reserved. [MiB]"),
        Column("registered_cpu", COUNT, "", "CPU in all. [units of 1/1024 vCPU]"),
        Column("registered_memory", COUNT, "", "Memory in all. [MiB]"),
    ),
)

CLUSTERS = FrameSchema(
    "clusters",
    "",
    needs=("ecs:DescribeClusters",),
    rows="One row: the cluster. Empty means that DescribeClusters was refused.",
    columns=(
        Column("cluster_arn", TEXT, "", "Full ARN."),
        Column("status", TEXT, "", "ACTIVE, …"),
        Column("container_insights", TEXT, "", "enabled, enhanced or disabled."),
        Column("registered_container_instances_count", COUNT, "", "Instances in ACTIVE or DRAINING."),
    ),
)

QUOTAS = FrameSchema(
    "quotas",
    "",
    needs=("ecs:DescribeServices", "service-quotas:ListServiceQuotas"),
    rows="One row a quota of Fargate. Empty: ECS did not say that one is reached, so nothing was asked.",
    columns=(
        Column("quota_code", TEXT, "", "`L-…`."),
        Column("quota_name", TEXT, "", "Name."),
        Column("value", NUMBER, "", "How much is allowed."),
        Column("adjustable", TRUTH, "", "Whether AWS raises it on request."),
    ),
)

SCHEMAS = (NAMED_THINGS, IMAGE_PLATFORMS, CAPACITY_PROVIDERS, CONTAINER_INSTANCES, CLUSTERS, QUOTAS)


def answered_rows(snapshot: Snapshot, operation: str, member: str) -> list[dict[str, Any]]:
    """Return the rows of a repeated member from all answers of an operation."""
    pages = (page["response"] or {} for page in snapshot.records(operation))
    return [row for page in pages for row in page.get(member) or ()]


def task_definition_of(snapshot: Snapshot, arn: str) -> dict[str, Any]:
    """Return a task definition as DescribeTaskDefinition has it; empty if it was not read."""
    pages = snapshot.records("ecs:DescribeTaskDefinition")
    found = [page["response"]["taskDefinition"] for page in pages if page["response"]]
    return next((row for row in found if row["taskDefinitionArn"] == arn), {})


def image_platforms_frame(snapshot: Snapshot, examined: str) -> pd.DataFrame:
    """Return `IMAGE_PLATFORMS` from the manifests of the images of a task definition."""
    things = named_by_definition(task_definition_of(snapshot, examined))
    rows: list[dict[str, object]] = [
        {"image": thing.name, "os": system, "architecture": architecture}
        for thing in things
        if thing.kind == ThingKind.IMAGE and image_question(thing)
        for manifest in _manifests(snapshot, image_question(thing))
        for system, architecture in _platforms(manifest)
    ]
    return rows_frame(rows, IMAGE_PLATFORMS)


def _manifests(snapshot: Snapshot, question: Mapping[str, Any]) -> Iterator[str]:
    pages = (page for page in snapshot.records("ecr:BatchGetImage") if page["response"])
    for page in pages:
        if question.items() <= page["params"].items():
            yield from (str(row.get("imageManifest") or "") for row in page["response"].get("images") or ())
            return


def _platforms(manifest: str) -> list[tuple[str | None, str | None]]:
    """Return the platforms that a manifest tells of, without attestations (`unknown`); one unknown if it tells none."""
    try:
        document = orjson.loads(manifest)
    except orjson.JSONDecodeError:
        return [(None, None)]
    listed = document.get("manifests") if isinstance(document, dict) else None
    platforms = [row.get("platform") for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    told = [(_text(row.get("os")), _text(row.get("architecture"))) for row in platforms if isinstance(row, dict)]
    known = list(dict.fromkeys(pair for pair in told if pair[1] not in (None, "unknown")))
    return [*known] or [(None, None)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def capacity_providers_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `CAPACITY_PROVIDERS` with the state of their Auto Scaling groups."""
    groups = {
        row["AutoScalingGroupName"]: row
        for row in answered_rows(snapshot, "autoscaling:DescribeAutoScalingGroups", "AutoScalingGroups")
    }
    rows = []
    for provider in answered_rows(snapshot, "ecs:DescribeCapacityProviders", "capacityProviders"):
        source = provider.get("autoScalingGroupProvider") or {}
        name = str(source.get("autoScalingGroupArn") or "").rpartition("autoScalingGroupName/")[2]
        group = groups.get(name, {})
        instances = group.get("Instances") or ()
        rows.append(
            {
                "capacity_provider": provider.get("name"),
                "status": provider.get("status"),
                "managed_scaling": (source.get("managedScaling") or {}).get("status"),
                "auto_scaling_group": name or None,
                "in_service_count": sum(i.get("LifecycleState") == "InService" for i in instances) if group else None,
                "desired_capacity": group.get("DesiredCapacity"),
                "min_size": group.get("MinSize"),
                "max_size": group.get("MaxSize"),
            }
        )
    return rows_frame(rows, CAPACITY_PROVIDERS)


def container_instances_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `CONTAINER_INSTANCES` with what is left of their CPU and memory."""
    rows = answered_rows(snapshot, "ecs:DescribeContainerInstances", "containerInstances")
    return rows_frame(map(_instance_row, rows), CONTAINER_INSTANCES)


def _instance_row(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "container_instance_arn": row.get("containerInstanceArn"),
        "ec2_instance_id": row.get("ec2InstanceId"),
        "capacity_provider": row.get("capacityProviderName"),
        "status": row.get("status"),
        "agent_connected": row.get("agentConnected"),
        "running_tasks_count": row.get("runningTasksCount"),
        "remaining_cpu": _resource(row.get("remainingResources"), "CPU"),
        "remaining_memory": _resource(row.get("remainingResources"), "MEMORY"),
        "registered_cpu": _resource(row.get("registeredResources"), "CPU"),
        "registered_memory": _resource(row.get("registeredResources"), "MEMORY"),
    }


def _resource(resources: Iterable[Mapping[str, Any]] | None, name: str) -> int | None:
    return next((row.get("integerValue") for row in resources or () if row.get("name") == name), None)


def clusters_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `CLUSTERS` with the setting of Container Insights."""
    rows = [
        {
            "cluster_arn": row.get("clusterArn"),
            "status": row.get("status"),
            "container_insights": next(
                (s.get("value") for s in row.get("settings") or () if s.get("name") == "containerInsights"), None
            ),
            "registered_container_instances_count": row.get("registeredContainerInstancesCount"),
        }
        for row in answered_rows(snapshot, "ecs:DescribeClusters", "clusters")
    ]
    return rows_frame(rows[-1:], CLUSTERS)


def quotas_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `QUOTAS`."""
    rows = answered_rows(snapshot, "service-quotas:ListServiceQuotas", "Quotas")
    members = {"quota_code": "QuotaCode", "quota_name": "QuotaName", "value": "Value", "adjustable": "Adjustable"}
    return rows_frame(({name: row.get(member) for name, member in members.items()} for row in rows), QUOTAS)
