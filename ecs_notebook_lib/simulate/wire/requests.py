"""HTTP request → call, for the protocols of botocore's models: json, query, ec2, rest-json and rest-xml."""

import base64
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

from botocore.model import OperationModel, Shape

from ecs_notebook_lib.simulate.wire.messages import AWSError, Call, HTTPRequest
from ecs_notebook_lib.simulate.wire.models import operation_model, protocol_of, routes, service_model, service_of

_MAX_DEPTH = 40
_JSON_KINDS: dict[str, Any] = {"string": str, "list": list, "map": dict, "structure": dict}


def read_call(request: HTTPRequest) -> Call:
    """Return the call that a request makes.

    Raises
    ------
    AWSError
        If it is not signed, names no operation, or its body cannot be read; in AWS's codes.
    """
    access_key, region, signing_name = _credential(request)
    url = _url(request)
    form = dict(parse_qsl(_text(request.body), keep_blank_values=True)) if _is_form(request) else {}
    service = service_of(signing_name, form.get("Version", ""))
    model = service_model(service)
    if model is None:
        raise AWSError("UnknownOperationException", f"No service is named {signing_name[:64]!r}.", status=404)
    protocol = protocol_of(model)
    if protocol == "json":
        operation = _operation(service, request.header("X-Amz-Target").rpartition(".")[2])
        params = _json_params(operation, request.body)
    elif protocol in ("query", "ec2"):
        operation = _action(service, form)
        params = _form_params(operation, form, flat=protocol == "ec2")
    else:
        operation, labels = _route(service, request.method, url.path, url.query, _host(request, url.netloc))
        params = _rest_params(operation, labels, request, parse_qs(url.query, keep_blank_values=True))
    _refuse_missing(operation, params, protocol)
    return Call(service, operation.name, params, region, access_key)


def _url(request: HTTPRequest) -> SplitResult:
    try:
        return urlsplit(request.url)
    except ValueError as error:
        raise AWSError("InvalidURI", "Couldn't parse the specified URI.") from error


def _action(service: str, form: dict[str, str]) -> OperationModel:
    """Return the operation that a form names (AWS: Common errors of the Query API)."""
    name = form.get("Action", "")
    if not name:
        raise AWSError("MissingAction", "The request is missing an action or a required parameter.")
    model = operation_model(service, name)
    if model is None:
        raise AWSError("InvalidAction", f"The action {name[:128]!r} is not valid for this web service.")
    return model


def _refuse_missing(operation: OperationModel, params: dict[str, Any], protocol: str) -> None:
    """Refuse a call without a required member: a handler may rely on these."""
    missing = [name for name in getattr(operation.input_shape, "required_members", ()) if name not in params]
    if missing and protocol in ("query", "ec2"):
        raise AWSError("MissingParameter", f"The request must contain the parameter {missing[0]}")
    if missing:
        raise AWSError("ValidationException", f"1 validation error detected: {missing[0]} must not be null.")


def _credential(request: HTTPRequest) -> tuple[str, str, str]:
    scope = request.header("Authorization").partition("Credential=")[2].partition(",")[0].split("/")
    if len(scope) != 5:
        raise AWSError("MissingAuthenticationToken", "Missing Authentication Token", status=403)
    return scope[0], scope[2], scope[3]


def _is_form(request: HTTPRequest) -> bool:
    return request.header("Content-Type").startswith("application/x-www-form-urlencoded")


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")


def _operation(service: str, name: str) -> OperationModel:
    model = operation_model(service, name)
    if model is None:
        raise AWSError(
            "UnknownOperationException", f"The operation {name[:128]!r} does not exist in {service}.", status=404
        )
    return model


def _json_params(operation: OperationModel, body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise AWSError("SerializationException", "The request body is not JSON.") from error
    if not isinstance(document, dict):
        raise AWSError("SerializationException", "The request body is not a structure.")
    params: dict[str, Any] = _from_json(operation.input_shape, document, 0) if operation.input_shape else {}
    return params


def _from_json(shape: Shape, value: Any, depth: int) -> Any:
    if value is None or depth > _MAX_DEPTH or getattr(shape, "is_document_type", False):
        return value
    if not isinstance(value, _JSON_KINDS.get(shape.type_name, object)):
        raise AWSError("SerializationException", f"A value is not a {shape.type_name}.")
    try:
        if shape.type_name == "structure":
            names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
            known = [(names[key], item) for key, item in value.items() if key in names and item is not None]
            return {name: _from_json(member, item, depth + 1) for (name, member), item in known}
        if shape.type_name == "list":
            return [_from_json(shape.member, item, depth + 1) for item in value]
        if shape.type_name == "map":
            return {key: _from_json(shape.value, item, depth + 1) for key, item in value.items()}
        return _scalar(shape, value)
    except (AttributeError, TypeError, ValueError, OverflowError, OSError) as error:
        raise AWSError("SerializationException", f"A value is not a {shape.type_name}.") from error


def _scalar(shape: Shape, value: Any) -> Any:
    """Return a value as boto3's caller gave it, whether the wire had it as text or as JSON."""
    kind = shape.type_name
    if kind == "timestamp":
        return _instant(value)
    if kind == "blob":
        return base64.b64decode(value)
    if isinstance(value, str) and kind in ("integer", "long"):
        return int(value)
    if isinstance(value, str) and kind in ("float", "double"):
        return float(value)
    if isinstance(value, str) and kind == "boolean":
        return value.lower() == "true"
    return value


def _instant(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if str(value).endswith(" GMT"):
        return parsedate_to_datetime(value)
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def _form_params(operation: OperationModel, form: dict[str, str], *, flat: bool) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in form.items():
        node, parts = tree, key.split(".")[:_MAX_DEPTH]
        for part in parts[:-1]:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise AWSError("MalformedQueryString", f"{key} is both a value and a structure.")
            node = child
        node[parts[-1]] = value
    shape = operation.input_shape
    return {} if shape is None else _from_form(shape, tree, flat=flat)


def _from_form(shape: Shape, node: Any, *, flat: bool) -> Any:
    if shape.type_name == "list" and node == "":
        return []  # so boto3 sends an empty list
    if isinstance(node, dict) != (shape.type_name in ("structure", "list", "map")):
        raise AWSError("MalformedInput", f"A value is not a {shape.type_name}.")
    if shape.type_name == "structure":
        names = {name: _form_name(name, member, flat=flat) for name, member in shape.members.items()}
        present = {name: node[wire] for name, wire in names.items() if wire in node}
        return {name: _from_form(shape.members[name], value, flat=flat) for name, value in present.items()}
    if shape.type_name == "list":
        flattened = flat or shape.serialization.get("flattened")
        rows = node if flattened else node.get(shape.member.serialization.get("name", "member"), {})
        return [_from_form(shape.member, row, flat=flat) for row in _in_order(rows)]
    if shape.type_name == "map":
        entries = node if shape.serialization.get("flattened") else node.get("entry", {})
        keys = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        pairs = [
            (entry.get(keys[0]), entry.get(keys[1], "")) for entry in _in_order(entries) if isinstance(entry, dict)
        ]
        return {key: _from_form(shape.value, value, flat=flat) for key, value in pairs if isinstance(key, str)}
    return _sent_scalar(shape, node, "MalformedInput")


def _sent_scalar(shape: Shape, text: str, code: str) -> Any:
    """Return a scalar that was sent as text; `code` is the protocol's own word for one that cannot be read."""
    try:
        return _scalar(shape, text)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise AWSError(code, f"A value is not a {shape.type_name}.") from error


def _form_name(name: str, member: Shape, *, flat: bool) -> str:
    """Return a member's name in a form: EC2 capitalises, and lists flattened are named after their elements."""
    settings = member.serialization
    if flat:
        given = settings.get("queryName") or settings.get("name", name)
        return str(given) if "queryName" in settings else str(given[0]).upper() + str(given[1:])
    if member.type_name == "list" and settings.get("flattened") and "name" in member.member.serialization:
        prefix = settings.get("name", name).rpartition(".")[0]
        return f"{prefix}.{member.member.serialization['name']}" if prefix else str(member.member.serialization["name"])
    return str(settings.get("name", name))


def _in_order(rows: Any) -> list[Any]:
    """Return the elements of a list that a form numbers from 1; a number of absurd length counts as none."""
    if not isinstance(rows, dict):
        raise AWSError("MalformedInput", "A list has no numbered elements.")
    return [rows[key] for key in sorted(rows, key=lambda key: int(key) if key.isdecimal() and len(key) < 10 else 0)]


def _host(request: HTTPRequest, netloc: str) -> str:
    return (request.header("Host") or netloc).partition(":")[0]


def _route(service: str, method: str, path: str, query: str, host: str) -> tuple[OperationModel, dict[str, str]]:
    keys = {pair.partition("=")[0] for pair in query.split("&") if pair}
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if service == "s3" and ".s3." in host:
        segments.insert(0, host.partition(".s3.")[0])
    for verb, pattern, required, name in routes(service):
        labels = _match(pattern, segments) if verb == method and required <= keys else None
        if labels is not None:
            return _operation(service, name), labels
    raise AWSError("UnknownOperationException", f"{method} {path} is no operation of {service}.", status=404)


def _match(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    labels: dict[str, str] = {}
    for position, part in enumerate(pattern):
        if position >= len(segments):
            return None
        if part.endswith("+}"):
            return labels | {part[1:-2]: "/".join(segments[position:])}
        if part.startswith("{"):
            labels[part[1:-1]] = segments[position]
        elif part != segments[position]:
            return None
    return labels if len(pattern) == len(segments) else None


def _rest_params(
    operation: OperationModel, labels: dict[str, str], request: HTTPRequest, query: dict[str, list[str]]
) -> dict[str, Any]:
    params: dict[str, Any] = {}
    shape = operation.input_shape
    if shape is None:
        return params
    for name, member in shape.members.items():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        header = request.header(str(key)) if location == "header" else ""
        given = {"uri": [labels[key]] if key in labels else [], "querystring": query.get(key, [])}
        values = given.get(str(location), [header] if header else [])
        if values and member.type_name == "list":
            params[name] = values
        elif values:
            params[name] = _sent_scalar(member, values[0], "InvalidArgument")
    return params | _rest_body(operation, request.body)


def _rest_body(operation: OperationModel, body: bytes) -> dict[str, Any]:
    shape = operation.input_shape
    if not body:
        return {}
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name in ("blob", "string"):
        return {payload: body if shape.members[payload].type_name == "blob" else _text(body)}
    target = shape.members[payload] if payload else shape
    if operation.service_model.protocol == "rest-json":
        try:
            value = _from_json(target, json.loads(body), 0)
        except (ValueError, RecursionError) as error:
            raise AWSError("SerializationException", "The request body is not JSON.") from error
    else:
        try:
            value = _from_xml(target, ElementTree.fromstring(body))  # noqa: S314  loopback only, bounded by the door
        except (ElementTree.ParseError, IndexError, ValueError, RecursionError) as error:
            raise AWSError("MalformedXML", "The XML you provided was not well-formed.") from error
    return {payload: value} if payload else value


def _from_xml(shape: Shape, node: ElementTree.Element) -> Any:
    children: dict[str, list[ElementTree.Element]] = {}
    for child in node:
        children.setdefault(child.tag.rpartition("}")[2], []).append(child)
    if shape.type_name == "structure":
        names = {name: member.serialization.get("name", name) for name, member in shape.members.items()}
        found = {name: children[wire] for name, wire in names.items() if wire in children}
        return {
            name: [_from_xml(shape.members[name].member, item) for item in items]
            if shape.members[name].serialization.get("flattened")
            else _from_xml(shape.members[name], items[0])
            for name, items in found.items()
        }
    if shape.type_name == "list":
        return [_from_xml(shape.member, item) for item in node]
    if shape.type_name == "map":
        return {item[0].text or "": _from_xml(shape.value, item[1]) for item in node}
    return _scalar(shape, node.text or "")
