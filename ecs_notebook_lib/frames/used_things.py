"""What the examined and the last good deployment use, by name: whether somebody's change concerns them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from ecs_notebook_lib.frames import Frames

Used = Mapping[str, frozenset[str]]
_ONLY_BY_ITSELF = frozenset({"nat_gateway", "vpc_endpoint"})
"""What is not listed any more once it was deleted, so that nobody can tell whose it was."""


def used_things(frames: "Frames") -> Used:
    """Return the names of what both deployments use, by the kinds of `knowledge/change_events`."""
    incident, network = frames.snapshot.incident, frames.task_networks
    subnets = _ids(network.loc[network["member"] == "subnet", "id"], frames.load_balancer_zones["subnet_id"])
    tables, acls = frames.route_table_associations, frames.network_acl_subnets
    definitions, needed = frames.task_definitions, frames.access["resource"]
    return {
        "cluster": frozenset({incident.cluster}),
        "service": frozenset({incident.service}),
        "scaling": frozenset({f"service/{incident.cluster}/{incident.service}"}),
        "role": _names(definitions["task_role_arn"], definitions["execution_role_arn"]),
        "security_group": _ids(
            network.loc[network["member"] == "security_group", "id"],
            frames.load_balancer_groups["group_id"],
            frames.vpc_endpoint_groups["group_id"],
        ),
        "route": _ids(
            tables.loc[tables["subnet_id"].isin(subnets) | tables["main"].fillna(value=False), "route_table_id"]
        ),
        "network_acl": _ids(acls.loc[acls["subnet_id"].isin(subnets), "network_acl_id"]),
        "nat_gateway": _ids(frames.routes["nat_gateway_id"], frames.nat_gateways["nat_gateway_id"]),
        "vpc_endpoint": _ids(frames.vpc_endpoints["endpoint_id"]),
        "target_group": _ids(frames.target_groups["target_group_arn"]),
        "load_balancer": _ids(frames.load_balancers["load_balancer_arn"], frames.listeners["load_balancer_arn"]),
        "listener_rule": _ids(frames.listeners["listener_arn"]),
        "bucket_policy": frozenset(
            name.removeprefix("arn:").partition(":::")[2].partition("/")[0]
            for name in needed.dropna()
            if ":s3:::" in name
        ),
        "secret": _ids(frames.secrets["value_from"], needed[needed.str.contains(":secretsmanager:", na=False)]),
        "parameter": _ids(frames.secrets["value_from"]),
        "key": _ids(needed[needed.str.contains(":kms:", na=False)]),
        "image": _repositories(frames.container_definitions["image"]),
        "repository": _repositories(frames.container_definitions["image"]),
        "log_group": _ids(frames.container_definitions["log_group"]),
    }


def _ids(*columns: pd.Series) -> frozenset[str]:
    return frozenset(str(value) for column in columns for value in column.dropna())


def _names(*columns: pd.Series) -> frozenset[str]:
    return frozenset(value.rpartition("/")[2] for value in _ids(*columns))


def _repositories(images: pd.Series) -> frozenset[str]:
    """Return the names of repositories without registry, tag and digest."""
    plain = (image.partition("@")[0] for image in _ids(images))
    return frozenset(name.partition("/")[2].partition(":")[0] or name.partition(":")[0] for name in plain)


def is_used(subject: str, resource: str, used: Used) -> bool | None:
    """Say whether a changed thing is one that the deployments use; None if that cannot be told."""
    names = used.get(subject, frozenset())
    if resource in names or _another_form(subject, resource, names):
        return True
    return None if subject in _ONLY_BY_ITSELF else False


def _another_form(subject: str, resource: str, names: frozenset[str]) -> bool:
    """Say whether a name and an ARN, or a rule and its listener, are the same thing."""
    if subject == "service":
        return resource.rpartition("/")[2] in names or any(f"/{name}/" in resource for name in names)
    if subject == "listener_rule":
        return resource.replace(":listener-rule/", ":listener/").rpartition("/")[0] in names
    if subject in ("secret", "parameter", "key", "role"):
        tail = resource.rpartition("/")[2] if subject != "secret" else resource
        return bool(resource) and any(name.startswith(resource) or _names_end(name, tail, resource) for name in names)
    return False


def _names_end(name: str, tail: str, resource: str) -> bool:
    plain = name.partition(":secret:")[2] or name.partition(":parameter")[2] or name
    return plain in (tail, resource) or plain.startswith(f"{resource}-")
