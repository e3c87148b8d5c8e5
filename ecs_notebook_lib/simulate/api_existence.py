"""Answers about things that are named: manifests, SSM, EFS, Cloud Map, stacks, capacity, Auto Scaling, quotas."""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler, at_most, named, page
from ecs_notebook_lib.simulate.instances import publish
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_INDEX, _MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_QUOTA_CODES = {"Fargate On-Demand vCPU resource count": "L-3032A538", "Fargate Spot vCPU resource count": "L-36FBB829"}
_MAX_VALUES = 50


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations about existence that this world answers."""
    api = _Existence(world)
    return {
        "autoscaling:DescribeAutoScalingGroups": api.describe_auto_scaling_groups,
        "cloudformation:DescribeStacks": api.describe_stacks,
        "ecr:BatchGetImage": api.batch_get_image,
        "ecr:DescribePullThroughCacheRules": api.describe_pull_through_cache_rules,
        "ecs:DescribeCapacityProviders": api.describe_capacity_providers,
        "ecs:DescribeContainerInstances": api.describe_container_instances,
        "ecs:ListContainerInstances": api.list_container_instances,
        "efs:DescribeFileSystems": api.describe_file_systems,
        "efs:DescribeMountTargets": api.describe_mount_targets,
        "service-quotas:ListServiceQuotas": api.list_service_quotas,
        "servicediscovery:GetService": api.get_service,
        "ssm:DescribeParameters": api.describe_parameters,
    }


class _Existence:
    def __init__(self, world: "World") -> None:
        self._world = world
        self._tables = world.holdings

    # Images.

    def batch_get_image(self, call: Call) -> dict[str, Any]:
        name = call.params["repositoryName"]
        if name not in self._world.access.repositories:
            text = f"The repository with name '{name}' does not exist in the registry with id '{self._world.account}'"
            raise AWSError("RepositoryNotFoundException", text)
        images, failures = [], []
        for identifier in call.params["imageIds"]:
            image = self._stored(name, identifier)
            if image is None:
                reason = "Requested image not found"
                failures.append({"imageId": identifier, "failureCode": "ImageNotFound", "failureReason": reason})
            else:
                images.append(self._image_row(name, image))
        return {"images": images, "failures": failures}

    def _stored(self, repository: str, identifier: Shape) -> str | None:
        """Return the reference of an image by its tag or digest."""
        prefix = f"{self._world.registry}/{repository}:"
        for image in self._world.programs:
            tag, digest = image.removeprefix(prefix), self._world.image_digest(image)
            if image in self._tables.unpushed:
                continue
            if image.startswith(prefix) and {"imageTag": tag, "imageDigest": digest}.items() >= identifier.items():
                return image
        return None

    def _image_row(self, repository: str, image: str) -> Shape:
        platforms = self._tables.platforms_of(image)
        manifest = _index(platforms) if platforms else _single(image, self._tables.layers.get(image, ()))
        return {
            "registryId": self._world.account,
            "repositoryName": repository,
            "imageId": {"imageDigest": self._world.image_digest(image), "imageTag": image.rpartition(":")[2]},
            "imageManifest": json.dumps(manifest),
            "imageManifestMediaType": manifest["mediaType"],
        }

    def describe_pull_through_cache_rules(self, call: Call) -> dict[str, Any]:
        rows, more = page(call, self._tables.pull_through_rules, limit=call.params.get("maxResults", 100))
        return {"pullThroughCacheRules": rows, **more}

    # Configuration and files.

    def describe_parameters(self, call: Call) -> dict[str, Any]:
        names = sorted(self._tables.parameters)
        for row in call.params.get("ParameterFilters", ()):
            if row["Key"] != "Name" or row.get("Option", "Equals") != "Equals":
                raise AWSError("InvalidFilterKey", "The simulated account filters by Name and Equals only.")
            values = row.get("Values", [])
            if not 0 < len(values) <= _MAX_VALUES:
                raise AWSError("InvalidFilterValue", "A filter takes 1 to 50 values.")
            names = [name for name in names if name in values]
        start = int(call.params.get("NextToken", "0"))
        end = start + call.params.get("MaxResults", 10)
        more = {"NextToken": str(end)} if end < len(names) else {}
        return {"Parameters": [self._tables.parameters[name] for name in names[start:end]], **more}

    def _file_system(self, identifier: str) -> Shape:
        if identifier not in self._tables.file_systems:
            raise AWSError("FileSystemNotFound", f"File system '{identifier}' does not exist.", status=404)
        return self._tables.file_systems[identifier]

    def describe_file_systems(self, call: Call) -> dict[str, Any]:
        wanted = call.params.get("FileSystemId")
        return {"FileSystems": [self._file_system(wanted)] if wanted else list(self._tables.file_systems.values())}

    def describe_mount_targets(self, call: Call) -> dict[str, Any]:
        wanted = call.params.get("FileSystemId", "")
        self._file_system(wanted)
        return {"MountTargets": [row for row in self._tables.mount_targets if row["FileSystemId"] == wanted]}

    def get_service(self, call: Call) -> dict[str, Any]:
        if call.params["Id"] not in self._tables.discovery_services:
            raise AWSError("ServiceNotFound", f"The service {call.params['Id']} does not exist.", status=404)
        return {"Service": self._tables.discovery_services[call.params["Id"]]}

    # Capacity.

    def _cluster(self, call: Call) -> None:
        if named(call.params.get("cluster") or "default") != self._world.cluster:
            raise AWSError("ClusterNotFoundException", "Cluster not found.")

    def describe_capacity_providers(self, call: Call) -> dict[str, Any]:
        known = {name: self._fargate(name) for name in ("FARGATE", "FARGATE_SPOT")} | self._tables.capacity_providers
        wanted = [named(name) for name in call.params.get("capacityProviders") or known]
        failures = [
            {"arn": self._world.arn("ecs", f"capacity-provider/{name}"), "reason": "MISSING"}
            for name in wanted
            if name not in known
        ]
        return {"capacityProviders": [known[name] for name in wanted if name in known], "failures": failures}

    def _fargate(self, name: str) -> Shape:
        arn = self._world.arn("ecs", f"capacity-provider/{name}")
        return {"capacityProviderArn": arn, "name": name, "status": "ACTIVE", "tags": []}

    def describe_auto_scaling_groups(self, call: Call) -> dict[str, Any]:
        publish(self._world)
        wanted = call.params.get("AutoScalingGroupNames") or sorted(self._tables.auto_scaling_groups)
        groups = self._tables.auto_scaling_groups
        return {"AutoScalingGroups": [groups[name] for name in wanted if name in groups]}

    def list_container_instances(self, call: Call) -> dict[str, Any]:
        self._cluster(call)
        publish(self._world)
        arns = sorted(self._tables.container_instances)
        rows, more = page(call, arns, limit=call.params.get("maxResults", 100))
        return {"containerInstanceArns": rows, **more}

    def describe_container_instances(self, call: Call) -> dict[str, Any]:
        self._cluster(call)
        publish(self._world)
        wanted, known = call.params["containerInstances"], self._tables.container_instances
        if not wanted:
            raise AWSError("InvalidParameterException", "Container instances cannot be empty.")
        at_most(wanted, 100, "containerInstances")
        failures = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known]
        return {"containerInstances": [known[arn] for arn in wanted if arn in known], "failures": failures}

    def describe_stacks(self, call: Call) -> dict[str, Any]:
        name = call.params.get("StackName")
        stacks = {row["StackId"]: row for row in self._tables.stacks.values()}
        found = [row for row in stacks.values() if name in (None, row["StackName"], row["StackId"])]
        if name is not None and not found:
            raise AWSError("ValidationError", f"Stack with id {name} does not exist")
        return {"Stacks": found}

    def list_service_quotas(self, call: Call) -> dict[str, Any]:
        if call.params["ServiceCode"] != "fargate":
            raise AWSError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        rows = [self._quota(name, value) for name, value in self._tables.fargate_quotas.items()]
        return {"Quotas": rows}

    def _quota(self, name: str, value: float) -> Shape:
        code = _QUOTA_CODES[name]
        return {
            "ServiceCode": "fargate",
            "ServiceName": "AWS Fargate",
            "QuotaArn": self._world.arn("servicequotas", f"fargate/{code}"),
            "QuotaCode": code,
            "QuotaName": name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _index(platforms: tuple[str, ...]) -> Shape:
    """Return an image index, with the attestation that docker buildx adds: its platform is `unknown/unknown`."""
    manifests = [_descriptor(platform) for platform in (*platforms, "unknown/unknown")]
    return {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}


def _descriptor(platform: str) -> Shape:
    system, _, architecture = platform.partition("/")
    return {
        "mediaType": _MANIFEST,
        "digest": _digest(platform),
        "size": 1734,
        "platform": {"architecture": architecture, "os": system},
    }


def _single(image: str, digests: Sequence[str]) -> Shape:
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _digest(image), "size": 7023}
    layers = [{"mediaType": _LAYER, "digest": digest, "size": 31_402_117} for digest in digests]
    return {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
