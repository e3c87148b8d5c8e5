"""Reading whole objects: an answer that has members which the installed model does not know is refused.

boto3 drops such members without a word. Who then writes the object back would take them away (ECS_FACTS 2.3, 10.1).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol
from xml.etree import ElementTree

import orjson
from botocore import xform_name

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.record import answered_at
from ecs_notebook_lib.treatment.apply.errors import NotAppliedError


class Reads(Protocol):
    """Whatever answers read operations: AWS, or what a snapshot has kept of it."""

    def read(self, operation: str, **params: Any) -> dict[str, Any]:
        """Return the answer to a read operation."""
        ...


class Reader:
    """Reads objects that are about to be changed, and remembers AWS's own time of the last answer."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.now: datetime | None = None
        """AWS's own time of the last answer."""

    def read(self, operation: str, **params: Any) -> dict[str, Any]:
        """Return the answer to a read operation.

        Raises
        ------
        NotAppliedError
            If AWS returned a member that the installed boto3 does not know.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            If AWS refuses, or cannot be reached.
        """
        service, _, action = operation.partition(":")
        client = self._clients.get(service)
        bodies: list[bytes] = []
        event = f"after-call.{client.meta.service_model.service_id.hyphenize()}.{action}"
        handler = _keeping(bodies)
        client.meta.events.register(event, handler)
        try:
            answer: dict[str, Any] = getattr(client, xform_name(action))(**params)
        finally:
            client.meta.events.unregister(event, handler)
        self.now = answered_at(answer["ResponseMetadata"])
        shape = client.meta.service_model.operation_model(action).output_shape
        unknown = sorted(set(_unknown(bodies[-1], shape)))
        if unknown:
            raise NotAppliedError(
                f"{operation} returned what the installed boto3 does not know ({', '.join(unknown[:3])}), "
                "and writing the object back would lose it. Update boto3"
            )
        return answer


def _keeping(bodies: list[bytes]) -> Any:
    def keep(http_response: Any, **_others: Any) -> None:
        bodies.append(http_response.content)

    return keep


def _unknown(body: bytes, shape: Any) -> Iterator[str]:
    """Yield the paths of the members in a body, JSON or XML, that a shape does not have."""
    text = body.lstrip()
    if text.startswith(b"{"):
        yield from _unknown_in_json(orjson.loads(text), shape, "")
    elif text.startswith(b"<"):
        root = ElementTree.fromstring(text)  # noqa: S314  AWS's own answer, parsed by botocore in the same way
        result = next((child for child in root if _tag(child).endswith("Result")), root)
        yield from _unknown_in_xml(result, shape, "")


def _unknown_in_json(value: Any, shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, child in value.items():
            if name not in known:
                yield f"{path}{name}"
            elif child is not None:
                yield from _unknown_in_json(child, known[name], f"{path}{name}.")
    elif shape.type_name == "list" and isinstance(value, list):
        for child in value:
            yield from _unknown_in_json(child, shape.member, path)


def _unknown_in_xml(node: ElementTree.Element, shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        known = {_wire_name(name, member): member for name, member in shape.members.items()}
        for child in node:
            if _tag(child) in known:
                yield from _unknown_in_xml(child, known[_tag(child)], f"{path}{_tag(child)}.")
            elif _tag(child) not in _OF_THE_WIRE:
                yield f"{path}{_tag(child)}"
    elif shape.type_name == "list" and not shape.serialization.get("flattened"):
        for child in node:
            yield from _unknown_in_xml(child, shape.member, path)


_OF_THE_WIRE = frozenset({"ResponseMetadata", "requestId", "RequestId"})


def _wire_name(name: str, member: Any) -> str:
    return str(member.serialization.get("name", name))


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
