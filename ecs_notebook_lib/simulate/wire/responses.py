"""Output or error → HTTP response, for the protocols of botocore's models.

An output is checked against its shape: a member that AWS does not have is a bug of the world, not an answer.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from botocore.model import OperationModel, Shape

from ecs_notebook_lib.simulate.wire.messages import AWSError, HTTPResponse
from ecs_notebook_lib.simulate.wire.models import protocol_of

_XML = {"Content-Type": "text/xml"}


def write_output(operation: OperationModel, output: Mapping[str, Any], request_id: str) -> HTTPResponse:
    """Return the response that carries an output.

    Raises
    ------
    ValueError
        If the output has a member that its shape does not have.
    """
    shape, protocol = operation.output_shape, protocol_of(operation.service_model)
    if protocol == "json":
        version = operation.service_model.metadata.get("jsonVersion", "1.0")
        return HTTPResponse(200, {"Content-Type": f"application/x-amz-json-{version}"}, _json(shape, output))
    if protocol in ("query", "ec2"):
        return HTTPResponse(200, dict(_XML), _query(operation, output, request_id, ec2=protocol == "ec2"))
    return _rest(operation, output, xml=protocol == "rest-xml")


def write_error(operation: OperationModel | None, error: AWSError, request_id: str) -> HTTPResponse:
    """Return the response that carries an error; one that could not be read as a call is answered as JSON."""
    protocol = protocol_of(operation.service_model) if operation else "json"
    if protocol in ("json", "rest-json"):
        body = {"__type": error.code, "message": error.message, **error.members}
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code}
        return HTTPResponse(error.status, headers, json.dumps(body, default=_default).encode())
    details = {"Code": error.code, "Message": error.message, **error.members}
    if protocol == "rest-xml":
        return HTTPResponse(error.status, dict(_XML), _document(_elements("Error", details)))
    if protocol == "ec2":
        root = ElementTree.Element("Response")
        ElementTree.SubElement(root, "Errors").append(_elements("Error", details))
        ElementTree.SubElement(root, "RequestID").text = request_id
        return HTTPResponse(error.status, dict(_XML), _document(root))
    root = ElementTree.Element("ErrorResponse")
    root.append(_elements("Error", {"Type": "Sender" if error.status < 500 else "Receiver", **details}))
    ElementTree.SubElement(root, "RequestId").text = request_id
    return HTTPResponse(error.status, dict(_XML), _document(root))


def _elements(tag: str, values: Mapping[str, Any]) -> ElementTree.Element:
    root = ElementTree.Element(tag)
    for name, value in values.items():
        ElementTree.SubElement(root, name).text = str(value)
    return root


def _document(root: ElementTree.Element) -> bytes:
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _default(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else str(value)


def _known(shape: Shape, output: Mapping[str, Any]) -> None:
    unknown = [name for name in output if name not in shape.members]
    if unknown:
        raise ValueError(f"{shape.name} has no member {unknown[0]!r}")


def _json(shape: Shape | None, output: Mapping[str, Any]) -> bytes:
    return json.dumps({} if shape is None else _to_json(shape, output)).encode()


def _to_json(shape: Shape, value: Any) -> Any:
    if value is None or getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure":
        _known(shape, value)
        members = shape.members
        present = {name: item for name, item in value.items() if item is not None}
        return {
            members[name].serialization.get("name", name): _to_json(members[name], item)
            for name, item in present.items()
        }
    if shape.type_name == "list":
        return [_to_json(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _to_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        given = shape.serialization.get("timestampFormat", "unixTimestamp")
        return value.timestamp() if given == "unixTimestamp" else _instant(value, given)
    return _text_of(shape, value) if shape.type_name == "blob" else value


def _instant(value: datetime, given: str) -> str:
    if given == "rfc822":
        return format_datetime(value.astimezone(UTC), usegmt=True)
    if given == "unixTimestamp":
        return str(value.timestamp())
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text_of(shape: Shape, value: Any) -> str:
    """Return a scalar as text, as XML and headers carry it; a policy document is URL-encoded (IAM API reference)."""
    kind = shape.type_name
    if kind == "timestamp":
        return _instant(value, shape.serialization.get("timestampFormat", "iso8601"))
    if kind == "blob":
        return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "string" and isinstance(value, dict):
        return quote(json.dumps(value), safe="")
    return str(value)


def _query(operation: OperationModel, output: Mapping[str, Any], request_id: str, *, ec2: bool) -> bytes:
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    root = ElementTree.Element(f"{operation.name}Response", {"xmlns": namespace} if namespace else {})
    shape = operation.output_shape
    if ec2:
        ElementTree.SubElement(root, "requestId").text = request_id
        if shape is not None:
            _fill(root, shape, output)
        return _document(root)
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper")
        _fill(ElementTree.SubElement(root, wrapper) if wrapper else root, shape, output)
    metadata = ElementTree.SubElement(root, "ResponseMetadata")
    ElementTree.SubElement(metadata, "RequestId").text = request_id
    return _document(root)


def _fill(node: ElementTree.Element, shape: Shape, output: Mapping[str, Any]) -> None:
    """Write the members of a structure that belong into the body."""
    _known(shape, output)
    for name, value in output.items():
        member = shape.members[name]
        if value is not None and "location" not in member.serialization:
            _append(node, member.serialization.get("name", name), member, value)


def _append(parent: ElementTree.Element, tag: str, shape: Shape, value: Any) -> None:
    if shape.type_name == "list":
        _append_list(parent, tag, shape, value)
    elif shape.type_name == "map":
        _append_map(parent, tag, shape, value)
    elif shape.serialization.get("xmlAttribute"):
        prefix, _, name = shape.serialization.get("name", tag).rpartition(":")
        parent.set(f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}" if prefix == "xsi" else name, str(value))
    elif shape.type_name == "structure":
        _fill(ElementTree.SubElement(parent, tag), shape, value)
    else:
        ElementTree.SubElement(parent, tag).text = _text_of(shape, value)


def _append_list(parent: ElementTree.Element, tag: str, shape: Shape, value: Any) -> None:
    inner = shape.member.serialization.get("name")
    if shape.serialization.get("flattened"):
        for item in value:
            _append(parent, inner or tag, shape.member, item)
        return
    node = ElementTree.SubElement(parent, tag)
    for item in value:
        _append(node, inner or "member", shape.member, item)


def _append_map(parent: ElementTree.Element, tag: str, shape: Shape, value: Mapping[str, Any]) -> None:
    flattened = shape.serialization.get("flattened")
    node = parent if flattened else ElementTree.SubElement(parent, tag)
    for key, item in value.items():
        entry = ElementTree.SubElement(node, tag if flattened else "entry")
        _append(entry, shape.key.serialization.get("name", "key"), shape.key, key)
        _append(entry, shape.value.serialization.get("name", "value"), shape.value, item)


def _rest(operation: OperationModel, output: Mapping[str, Any], *, xml: bool) -> HTTPResponse:
    shape = operation.output_shape
    headers = {"Content-Type": "application/xml" if xml else "application/json"}
    status = operation.http.get("responseCode", 200)
    if shape is None:
        return HTTPResponse(status, headers, b"")
    _known(shape, output)
    for name, value in output.items():
        settings = shape.members[name].serialization
        if settings.get("location") == "header" and value is not None:
            headers[settings["name"]] = _header(shape.members[name], value)
        elif settings.get("location") == "headers":
            headers |= {settings["name"] + key: str(item) for key, item in value.items()}
        elif settings.get("location") == "statusCode":
            status = value
    return HTTPResponse(status, headers, _rest_body(operation, output, xml=xml))


def _header(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        return _instant(value, shape.serialization.get("timestampFormat", "rfc822"))
    if shape.type_name == "list":
        return ",".join(str(item) for item in value)
    return _text_of(shape, value)


def _rest_body(operation: OperationModel, output: Mapping[str, Any], *, xml: bool) -> bytes:
    shape = operation.output_shape
    payload = shape.serialization.get("payload")
    if operation.name == "GetBucketLocation":
        return _document(_location(output))
    if payload:
        member, value = shape.members[payload], output.get(payload)
        if member.type_name in ("string", "blob"):
            return value if isinstance(value, bytes) else str(value or "").encode()
        if value is None:
            return b""
        if not xml:
            return _json(member, value)
        root = ElementTree.Element(member.serialization.get("name", member.name))
        _fill(root, member, value)
        return _document(root)
    body = {name: item for name, item in output.items() if "location" not in shape.members[name].serialization}
    if not xml:
        return _json(shape, body)
    root = ElementTree.Element(shape.serialization.get("name", f"{operation.name}Result"))
    _fill(root, shape, body)
    return _document(root)


def _location(output: Mapping[str, Any]) -> ElementTree.Element:
    """Return S3's one answer whose value is the root's own text (S3 API reference, GetBucketLocation)."""
    root = ElementTree.Element("LocationConstraint")
    root.text = output.get("LocationConstraint")
    return root
