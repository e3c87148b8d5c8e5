"""VPC endpoints: which one serves a name, whether it works, and what its policy lets through (ECS_FACTS 6.2)."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import orjson

from ecs_notebook_lib.network.verdict import Decision, closed, opened, unknown

Row = Mapping[str, Any]
DNS_ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames")


def interface_endpoint(endpoints: Sequence[Row] | None, service: str) -> Row | None:
    """Return the interface endpoint whose private name answers for `service`: all requests of the VPC go there."""
    return next((row for row in _serving(endpoints, service, "interface") if row.get("PrivateDnsEnabled")), None)


def gateway_endpoint(endpoints: Sequence[Row] | None, service: str, table: str) -> Row | None:
    """Return the gateway endpoint of `service` that a route table leads to."""
    rows = _serving(endpoints, service, "gateway")
    return next((row for row in rows if table in (row.get("RouteTableIds") or ())), None)


def _serving(endpoints: Sequence[Row] | None, service: str, kind: str) -> list[Row]:
    rows = [
        row
        for row in endpoints or ()
        if str(row.get("ServiceName", "")).endswith(f".{service}")
        and str(row.get("VpcEndpointType", "")).lower() == kind
    ]
    return sorted(rows, key=lambda row: not _available(row))


def _available(endpoint: Row) -> bool:
    return str(endpoint.get("State", "")).lower() == "available"


def evaluate_state(endpoint: Row) -> Decision:
    """Return whether an endpoint is in service."""
    name, state = str(endpoint.get("VpcEndpointId", "")), str(endpoint.get("State", ""))
    if _available(endpoint):
        return opened(name, f"{name} is available.")
    return closed(name, f"{name} is {state or 'in an unknown state'}.")


def evaluate_names(attributes: Mapping[str, bool | None], endpoint: Row) -> Decision:
    """Return whether the private name of an interface endpoint resolves: both attributes of the VPC must be true."""
    name = str(endpoint.get("VpcEndpointId", ""))
    off = [attribute for attribute in DNS_ATTRIBUTES if attributes.get(attribute) is False]
    if off:
        return closed(name, f"{' and '.join(off)} of the VPC is false: the private name of {name} does not resolve.")
    if any(attributes.get(attribute) is None for attribute in DNS_ATTRIBUTES):
        return unknown(name, "The DNS attributes of the VPC could not be read.")
    return opened(name, f"The private name of {name} resolves.")


def evaluate_policy(endpoint: Row, *, action: str, resource: str) -> Decision:
    """Return whether the policy of an endpoint lets an action on a resource through; conditions cannot be told."""
    name = str(endpoint.get("VpcEndpointId", ""))
    document = endpoint.get("PolicyDocument")
    if not document:
        return opened(name, f"{name} has no policy of its own.")
    try:
        statements = _listed(orjson.loads(document).get("Statement"))
        matching = [row for row in statements if _matches(row, action, resource)]
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        return unknown(name, f"The policy of {name} cannot be read.")
    denying = [row for row in matching if row.get("Effect") == "Deny"]
    allowing = [row for row in matching if row.get("Effect") == "Allow"]
    if any(_plain(row) for row in denying):
        return closed(name, f"The policy of {name} denies {action} on {resource}.")
    if denying or (allowing and not any(_plain(row) for row in allowing)):
        return unknown(name, f"The policy of {name} depends on conditions for {action} on {resource}.")
    if allowing:
        return opened(name, f"The policy of {name} allows {action} on {resource}.")
    return closed(name, f"The policy of {name} allows nothing that matches {action} on {resource}.")


def _plain(statement: Row) -> bool:
    principal = statement.get("Principal")
    return not statement.get("Condition") and principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})


def _matches(statement: Row, action: str, resource: str) -> bool:
    actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
    does = any(fnmatchcase(action.lower(), str(one).lower()) for one in actions)
    if "NotAction" in statement:
        does = not any(fnmatchcase(action.lower(), str(one).lower()) for one in _listed(statement["NotAction"]))
    on = any(_covers(str(one), resource) for one in resources)
    if "NotResource" in statement:
        on = not any(_covers(str(one), resource) for one in _listed(statement["NotResource"]))
    return does and on


def _covers(pattern: str, resource: str) -> bool:
    return fnmatchcase(resource, pattern.replace("[", "[[]"))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
