"""A door through which one read operation of a world goes wrong, in one way, as AWS or the network would have it.

Sources: AWS General Reference, "Common errors"; Signature Version 4, "Troubleshooting"; AWS SDKs and Tools Reference
Guide, "Retry behavior". botocore's paginators name each operation's page token.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import DataNotFoundError

from ecs_notebook_lib.simulate.refusals import expired, failed, refused, skewed, throttled
from ecs_notebook_lib.simulate.wire import AWSError, Call, Ending, HTTPRequest, HTTPResponse, Wire
from ecs_notebook_lib.simulate.wire.models import operation_model
from ecs_notebook_lib.simulate.wire.requests import read_call
from ecs_notebook_lib.simulate.world import World

_A_WHILE = 2
"""Tries of an operation that are throttled for a while; the next one is answered."""

_REPEATED = "the-same-page-again"


class Injected(StrEnum):
    """A way in which the answers of an operation go wrong."""

    DENIED = "access denied"
    THROTTLED_A_WHILE = "throttled for a while"
    THROTTLED = "throttled for ever"
    FAILED = "500s"
    RESET = "connection reset"
    SILENT = "time-out"
    TRUNCATED = "truncated body"
    SHORTENED = "body cut short by a proxy"
    EMPTY = "empty answer"
    REPEATED_TOKEN = "page token that repeats"  # noqa: S105  no secret
    EXPIRED = "credentials expire half way"
    SKEWED = "clock skew"


_ENDINGS = {
    Injected.RESET: Ending.RESET,
    Injected.SILENT: Ending.SILENT,
    Injected.TRUNCATED: Ending.TRUNCATED,
    Injected.SHORTENED: Ending.SHORTENED,
}


class Injecting:
    """The world's door with one fault in it: `respond` is what `serve` and `install` take.

    The world is only read, so that one world can stand behind many such doors. When credentials expire, they do so with
    the first call of the operation, for every call from then on.
    """

    def __init__(self, world: World, operation: str, fault: Injected) -> None:
        self._world = world
        self._operation, self._fault = operation, fault
        self._wire = Wire(self._dispatch, lambda: world.now)
        self._lock = threading.Lock()
        self.hits = 0
        """How many answers went wrong."""

    def respond(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one request, or let it go wrong; safe to call from many threads."""
        response = self._wire.respond(request)
        if self._fault not in _ENDINGS or _operation_of(request) != self._operation:
            return response
        self._hit()
        return replace(response, ending=_ENDINGS[self._fault])

    def _hit(self) -> int:
        with self._lock:
            self.hits += 1
            return self.hits

    def _dispatch(self, call: Call) -> Mapping[str, Any]:
        ours = _name(call) == self._operation
        if self._fault is Injected.EXPIRED and (ours or self.hits):
            self._hit()
            raise expired(call)
        if not ours:
            return self._world.answer(call)
        if self._fault in _ERRORS:
            self._hit()
            raise _ERRORS[self._fault](call, self._world)
        if self._fault is Injected.THROTTLED_A_WHILE and self._hit() <= _A_WHILE:
            raise throttled(call)
        if self._fault is Injected.EMPTY:
            self._hit()
            return {}
        return self._repeated(call) if self._fault is Injected.REPEATED_TOKEN else self._world.answer(call)

    def _repeated(self, call: Call) -> Mapping[str, Any]:
        """Return an answer with a page token that leads to the same page again; a hit is a call that followed it."""
        sent, token, more = page_members(call.service, call.operation)
        if sent and call.params.get(sent) == _REPEATED:
            self._hit()
            call = replace(call, params={name: value for name, value in call.params.items() if name != sent})
        output = self._world.answer(call)
        if not token:
            return output
        return {**output, token: _REPEATED, **({more: True} if more else {})}


_ERRORS: Mapping[Injected, Callable[[Call, World], AWSError]] = {
    Injected.DENIED: lambda call, world: refused(call, world.caller),
    Injected.THROTTLED: lambda call, _world: throttled(call),
    Injected.FAILED: lambda call, _world: failed(call),
    Injected.SKEWED: lambda call, world: skewed(call, world.now),
}


def _name(call: Call) -> str:
    return f"{call.service}:{call.operation}"


def _operation_of(request: HTTPRequest) -> str:
    try:
        return _name(read_call(request))
    except AWSError:
        return ""


@cache
def _paginators(service: str) -> Any:
    session = botocore.session.get_session()
    try:
        return session.get_paginator_model(service)._paginator_config  # botocore has no public list of them
    except DataNotFoundError:
        return {}


@cache
def page_members(service: str, operation: str) -> tuple[str, str, str]:
    """Return the members that carry a page token in and out, and that say that there is more; `""` for none."""
    row = _paginators(service).get(operation, {})
    if row:
        return str(row["input_token"]), str(row["output_token"]), str(row.get("more_results", ""))
    model = operation_model(service, operation)
    shape = model.output_shape if model else None
    given = "nextToken" if shape is not None and "nextToken" in shape.members else ""
    return given, given, ""
