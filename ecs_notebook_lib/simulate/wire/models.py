"""AWS's own description of its wire, as botocore carries it."""

from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel

_SERVICES = {
    "monitoring": "cloudwatch",
    "api.ecr": "ecr",
    "elasticfilesystem": "efs",
    "email": "ses",
    "servicequotas": "service-quotas",
}
_BALANCERS = {"2015-12-01": "elbv2", "2012-06-01": "elb"}


@cache
def _session() -> Any:
    return botocore.session.Session()


@cache
def service_model(service: str) -> ServiceModel | None:
    """Return the model of a service by botocore's name; None if there is no such service."""
    if service not in _session().get_available_services():
        return None
    return _session().get_service_model(service)


def service_of(signing_name: str, version: str) -> str:
    """Return botocore's name of the service that a signature names; ELB's two share one and differ in `Version`."""
    if signing_name == "elasticloadbalancing":
        return _BALANCERS.get(version, "elbv2")
    return _SERVICES.get(signing_name, signing_name)


def operation_model(service: str, operation: str) -> OperationModel | None:
    """Return the model of an operation; None if the service has no such operation."""
    model = service_model(service)
    return None if model is None or operation not in model.operation_names else model.operation_model(operation)


def protocol_of(model: ServiceModel) -> str:
    """Return the protocol that boto3 speaks with a service: JSON where the model lists it beside CBOR."""
    protocol = str(model.protocol)
    return "json" if protocol == "smithy-rpc-v2-cbor" else protocol


@cache
def routes(service: str) -> tuple[tuple[str, tuple[str, ...], frozenset[str], str], ...]:
    """Return (method, path segments, required query keys, operation) of a REST service, most specific first."""
    model = service_model(service)
    rows = []
    for name in model.operation_names if model else ():
        http = model.operation_model(name).http  # type: ignore[union-attr]
        path, _, query = http["requestUri"].partition("?")
        keys = frozenset(pair.partition("=")[0] for pair in query.split("&") if pair)
        rows.append((http["method"], tuple(segment for segment in path.split("/") if segment), keys, name))
    return tuple(sorted(rows, key=lambda row: (len(row[2]), len(row[1]), -_placeholders(row[1])), reverse=True))


def _placeholders(segments: tuple[str, ...]) -> int:
    return sum(segment.startswith("{") for segment in segments)
