"""Whether the things that the examined revision and its service name exist: each asked for only if it is named.

First whether the things are there, then what only an answer makes known (platforms, instances, groups).
Values of secrets and parameters are never asked for.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.collect.ecs import cluster_request
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.knowledge.named import (
    FARGATE_PROVIDERS,
    NamedThing,
    ThingKind,
    image_question,
    named_by_definition,
    named_by_service,
    runs_on_instances,
)

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""An index tells the platforms; a single manifest does not, and is asked for so that the answer is no failure."""

_PARAMETERS_A_CALL = 50
_MAX_INSTANCE_PAGES = 5
"""Of 100 container instances each: enough to see whether any has room, in the largest clusters, too."""


def collect_existence(
    caller: Caller, *, cluster: str, service: Mapping[str, Any], definition: Mapping[str, Any]
) -> None:
    """Ask whether what the service and its examined task definition name exists; of log groups see `collect_groups`."""
    wanted = [thing for thing in _named(service, definition) if thing.kind != ThingKind.LOG_GROUP]
    first = [*_thing_requests(wanted), *_cluster_requests(cluster, service)]
    caller.follow(first, partial(_following, cluster))


def collect_groups(
    caller: Caller, *, service: Mapping[str, Any], definition: Mapping[str, Any], read_groups: Iterable[str]
) -> None:
    """Ask whether the log groups exist; of `read_groups`, of which lines were read, it is known."""
    known = frozenset(read_groups)
    groups = [thing for thing in _named(service, definition) if thing.kind == ThingKind.LOG_GROUP]
    caller.gather(_question(group) for group in groups if group.name not in known)


def _named(service: Mapping[str, Any], definition: Mapping[str, Any]) -> list[NamedThing]:
    things = [*named_by_definition(definition), *named_by_service(service)]
    return [thing for thing in things if not thing.elsewhere]


def existing_images(definition: Mapping[str, Any]) -> list[Request]:
    """Return the questions whether the images of a task definition exist."""
    questions = map(image_question, named_by_definition(definition))
    return [Request("ecr:DescribeImages", params) for params in questions if params]


def existing_secrets(definition: Mapping[str, Any]) -> list[Request]:
    """Return the questions whether the secrets of a task definition exist; never for their values."""
    things = [thing for thing in named_by_definition(definition) if thing.kind == ThingKind.SECRET]
    return [_question(thing) for thing in things if not thing.elsewhere]


def _thing_requests(things: Iterable[NamedThing]) -> Iterator[Request]:
    """Yield the questions of the first wave about single things, parameters 50 at a time."""
    wanted = list(things)
    yield from (_question(thing) for thing in wanted if thing.kind in _QUESTIONS or image_question(thing))
    file_systems = (thing.name for thing in wanted if thing.kind == ThingKind.FILE_SYSTEM)
    yield from (Request("efs:DescribeMountTargets", {"FileSystemId": name}) for name in dict.fromkeys(file_systems))
    parameters = (name for thing in wanted if thing.kind == ThingKind.PARAMETER for name in thing.identifiers)
    names = list(dict.fromkeys(parameters))
    for start in range(0, len(names), _PARAMETERS_A_CALL):
        filters = [{"Key": "Name", "Option": "Equals", "Values": names[start : start + _PARAMETERS_A_CALL]}]
        yield Request("ssm:DescribeParameters", {"ParameterFilters": filters, "MaxResults": _PARAMETERS_A_CALL})


_QUESTIONS = {
    ThingKind.SECRET: ("secretsmanager:DescribeSecret", "SecretId"),
    ThingKind.LOG_GROUP: ("logs:DescribeLogGroups", "logGroupNamePrefix"),
    ThingKind.FILE_SYSTEM: ("efs:DescribeFileSystems", "FileSystemId"),
    ThingKind.SERVICE_DISCOVERY_SERVICE: ("servicediscovery:GetService", "Id"),
    ThingKind.ROLE: ("iam:GetRole", "RoleName"),
}
"""The operation that tells whether a thing exists, and the parameter that names it."""


def _question(thing: NamedThing) -> Request:
    if thing.kind == ThingKind.IMAGE:
        return Request("ecr:DescribeImages", image_question(thing))
    operation, parameter = _QUESTIONS[thing.kind]
    pages = 1 if thing.kind == ThingKind.LOG_GROUP else None  # they are sorted: the group itself comes first
    return Request(operation, {parameter: thing.identifiers[0]}, pages)


def _cluster_requests(cluster: str, service: Mapping[str, Any]) -> Iterator[Request]:
    yield cluster_request(cluster)
    names = [thing.identifiers[0] for thing in named_by_service(service) if thing.kind == ThingKind.CAPACITY_PROVIDER]
    own = [name for name in names if name not in FARGATE_PROVIDERS]
    if own:
        yield Request("ecs:DescribeCapacityProviders", {"capacityProviders": own})
    if runs_on_instances(service):
        yield Request("ecs:ListContainerInstances", {"cluster": cluster}, max_pages=_MAX_INSTANCE_PAGES)
    if any(_tells_of_quota(event) for event in service.get("events") or ()):
        yield Request("service-quotas:ListServiceQuotas", {"ServiceCode": "fargate"})


def _tells_of_quota(event: Mapping[str, Any]) -> bool:
    message = recognise(str(event.get("message") or ""), where="service_event")
    return message is not None and message.kind == "placement_quota"


def _following(cluster: str, asked: Request, answer: Answer) -> Iterator[Request]:
    """Yield what an answer of the first wave makes it possible to ask.

    A manifest is asked for only if the image is there: to ask for one that is not could make ECR fetch it through a
    pull-through cache rule, and that would write.
    """
    if asked.operation == "ecr:DescribeImages":
        registry = {"registryId": asked.params["registryId"]}
        if answer.items("imageDetails"):
            yield Request("ecr:BatchGetImage", {**asked.params, "acceptedMediaTypes": list(MANIFEST_TYPES)})
        elif answer.error and "NotFound" in answer.error["code"]:
            yield Request("ecr:DescribePullThroughCacheRules", registry)
    elif asked.operation == "ecs:DescribeCapacityProviders":
        names = list(dict.fromkeys(filter(None, map(auto_scaling_group, answer.items("capacityProviders")))))
        if names:
            yield Request("autoscaling:DescribeAutoScalingGroups", {"AutoScalingGroupNames": names})
    elif asked.operation == "ecs:ListContainerInstances":
        arns = answer.items("containerInstanceArns")
        yield Request("ecs:DescribeContainerInstances", {"cluster": cluster, "containerInstances": sorted(arns)})


def auto_scaling_group(provider: Mapping[str, Any]) -> str:
    """Return the name of the Auto Scaling group of a capacity provider, which names it by ARN; `""` without one."""
    arn = str((provider.get("autoScalingGroupProvider") or {}).get("autoScalingGroupArn") or "")
    return arn.partition("autoScalingGroupName/")[2] or arn
