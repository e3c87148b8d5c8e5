"""What a revision and its service name and rely on: images, secrets, parameters, log groups, file systems, and more.

Collectors ask AWS whether each of them exists, frames read the answers: both take the list, and how AWS knows each
thing, from here. Only things of the revision's own account and region are asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ecs_notebook_lib.knowledge.needs import ecr_image, ecr_repository_arn, role_name, secret_id

FARGATE_PROVIDERS = frozenset({"FARGATE", "FARGATE_SPOT"})
"""Capacity providers that AWS itself provides: they have no instances of the account's own."""


class ThingKind(StrEnum):
    """What a named thing is."""

    IMAGE = "image"
    SECRET = "secret"  # noqa: S105  a kind of thing
    PARAMETER = "parameter"
    LOG_GROUP = "log_group"
    FILE_SYSTEM = "file_system"
    ROLE = "role"
    SERVICE_DISCOVERY_SERVICE = "service_discovery_service"
    CAPACITY_PROVIDER = "capacity_provider"


@dataclass(frozen=True, slots=True)
class NamedThing:
    """One thing that is named: as written, where, and what AWS is asked by.

    `identifiers` are what the thing may be called in AWS's answers; `elsewhere` says why it is not asked for;
    `optional` is one that ECS makes if it is missing.
    """

    kind: ThingKind
    name: str
    named_by: str
    identifiers: tuple[str, ...] = ()
    elsewhere: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class _Home:
    """The region and the account that are read."""

    region: str
    account: str

    def elsewhere(self, region: str, account: str) -> str:
        """Say why a thing of this region and account is not asked for; `""` if it is at home."""
        if region and region != self.region:
            return f"it is in {region}, which was not read"
        return f"it belongs to account {account}, which was not read" if account and account != self.account else ""


def named_by_definition(definition: Mapping[str, Any]) -> list[NamedThing]:
    """Return what a task definition names, without repeats, in its order."""
    arn = (str(definition.get("taskDefinitionArn") or "").split(":") + [""] * 5)[:5]
    home = _Home(arn[3], arn[4])
    things = [
        *(thing for row in definition.get("containerDefinitions") or () for thing in _of_container(row, home)),
        *_file_systems(definition),
        *_roles(definition, home),
    ]
    return list(dict.fromkeys(things))


def named_by_service(service: Mapping[str, Any]) -> list[NamedThing]:
    """Return what a service names: service discovery services and capacity providers."""
    registries = (row.get("registryArn") or "" for row in service.get("serviceRegistries") or ())
    discovery = [
        NamedThing(ThingKind.SERVICE_DISCOVERY_SERVICE, arn, "service/serviceRegistries", (arn.rpartition("/")[2],))
        for arn in registries
        if arn
    ]
    named = (str(row.get("capacityProvider") or "") for row in service.get("capacityProviderStrategy") or ())
    providers = [
        NamedThing(ThingKind.CAPACITY_PROVIDER, name, "service/capacityProviderStrategy", (name.rpartition("/")[2],))
        for name in named
        if name
    ]
    return list(dict.fromkeys([*discovery, *providers]))


def runs_on_instances(service: Mapping[str, Any]) -> bool:
    """Say whether the service's tasks are placed on container instances of the account."""
    providers = {thing.identifiers[0] for thing in named_by_service(service) if thing.kind == "capacity_provider"}
    return service.get("launchType") in ("EC2", "EXTERNAL") or bool(providers - FARGATE_PROVIDERS)


def _of_container(container: Mapping[str, Any], home: _Home) -> Iterator[NamedThing]:
    name = str(container.get("name") or "")
    if container.get("image"):
        yield _image(str(container["image"]), f"{name}/image", home)
    logging = container.get("logConfiguration") or {}
    for where, rows in (("secrets", container.get("secrets")), ("logConfiguration", logging.get("secretOptions"))):
        for row in rows or ():
            yield _secret(str(row.get("valueFrom") or ""), f"{name}/{where}/{row.get('name', '')}", home)
    credentials = (container.get("repositoryCredentials") or {}).get("credentialsParameter")
    if credentials:
        yield _secret_named(str(credentials), f"{name}/repositoryCredentials", home)
    options = logging.get("options") or {}
    if logging.get("logDriver") == "awslogs" and options.get("awslogs-group"):
        yield NamedThing(
            ThingKind.LOG_GROUP,
            options["awslogs-group"],
            f"{name}/awslogs-group",
            (options["awslogs-group"],),
            home.elsewhere(options.get("awslogs-region") or "", ""),
            optional=options.get("awslogs-create-group") == "true",
        )


def _image(image: str, named_by: str, home: _Home) -> NamedThing:
    arn = ecr_repository_arn(image).split(":")
    elsewhere = home.elsewhere(arn[3], arn[4]) if len(arn) > 4 else "its registry is not one that is read"
    return NamedThing(ThingKind.IMAGE, image, named_by, elsewhere=elsewhere)


def image_question(thing: NamedThing) -> Mapping[str, Any]:
    """Return the parameters of DescribeImages for a named image; empty if it is not asked for."""
    return {} if thing.elsewhere else ecr_image(thing.name) or {}


def _secret(value_from: str, named_by: str, home: _Home) -> NamedThing:
    """Return the secret or the parameter behind `valueFrom`."""
    if secret_id(value_from):
        return _secret_named(secret_id(value_from), named_by, home)
    parts = value_from.split(":") if value_from.startswith("arn:") else []
    path = parts[5].removeprefix("parameter/") if len(parts) > 5 else value_from
    elsewhere = home.elsewhere(parts[3], parts[4]) if len(parts) > 5 else ""
    if path.strip("/").startswith("aws/"):
        elsewhere = (
            "it is a public parameter, or a reference to another service, which DescribeParameters does not list"
        )
    names = _parameter_names(path, of_arn=bool(parts))
    return NamedThing(ThingKind.PARAMETER, value_from, named_by, names, elsewhere)


def _parameter_names(path: str, *, of_arn: bool) -> tuple[str, ...]:
    """Return what a parameter may be called: an ARN leaves out the leading slash, and one of a single part need none.

    Source: AWS Systems Manager user guide, "About requirements and constraints for parameter names".
    """
    if not of_arn:
        return (path,)
    return (f"/{path}",) if "/" in path else (path, f"/{path}")


def _secret_named(name: str, named_by: str, home: _Home) -> NamedThing:
    parts = name.split(":")
    elsewhere = home.elsewhere(parts[3], parts[4]) if len(parts) > 5 else ""
    return NamedThing(ThingKind.SECRET, name, named_by, (name,), elsewhere)


def _file_systems(definition: Mapping[str, Any]) -> Iterator[NamedThing]:
    for volume in definition.get("volumes") or ():  # FSx and Docker volumes are not asked for
        file_system = (volume.get("efsVolumeConfiguration") or {}).get("fileSystemId")
        if file_system:
            named_by = f"volumes/{volume.get('name', '')}"
            yield NamedThing(ThingKind.FILE_SYSTEM, file_system, named_by, (file_system,))


def _roles(definition: Mapping[str, Any], home: _Home) -> Iterator[NamedThing]:
    for member in ("taskRoleArn", "executionRoleArn"):
        arn = str(definition.get(member) or "")
        if arn:
            account = (arn.split(":") + [""] * 5)[4]
            yield NamedThing(ThingKind.ROLE, arn, member, (role_name(arn),), home.elsewhere("", account))
