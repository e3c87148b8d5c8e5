"""AWS's wire: requests become calls, outputs become responses, by botocore's own models."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

from botocore.model import OperationModel

from ecs_notebook_lib.simulate.wire.messages import AWSError, Call, Dispatch, Ending, HTTPRequest, HTTPResponse
from ecs_notebook_lib.simulate.wire.models import operation_model, service_model, service_of
from ecs_notebook_lib.simulate.wire.requests import read_call
from ecs_notebook_lib.simulate.wire.responses import write_error, write_output

__all__ = ["AWSError", "Call", "Dispatch", "Ending", "HTTPRequest", "HTTPResponse", "Wire"]


class Wire:
    """Answers HTTP requests by asking `dispatch`; `now` is the time that the answers are stamped with."""

    def __init__(self, dispatch: Dispatch, now: Callable[[], datetime]) -> None:
        self._dispatch = dispatch
        self._now = now
        self._counter = itertools.count(1)

    def respond(self, request: HTTPRequest) -> HTTPResponse:
        """Return AWS's answer; whatever is wrong with the request is answered as AWS would, never raised."""
        request_id = f"00000000-0000-4000-8000-{next(self._counter):012x}"
        call = None
        try:
            call = read_call(request)
            output = self._dispatch(call)
            operation = operation_model(call.service, call.operation)
            if operation is None:
                raise ValueError(f"{call.service} has no operation {call.operation}")
            response = write_output(operation, output, request_id)
        except AWSError as error:
            response = write_error(_operation_of(call, request), error, request_id)
        return HTTPResponse(response.status, response.headers | self._stamp(request_id), response.body)

    def _stamp(self, request_id: str) -> dict[str, str]:
        return {"Date": format_datetime(self._now().astimezone(UTC), usegmt=True), "x-amzn-RequestId": request_id}


def _operation_of(call: Call | None, request: HTTPRequest) -> OperationModel | None:
    """Return the model that the answer's protocol is taken from: of the call, or of any operation of its service."""
    if call is not None:
        return operation_model(call.service, call.operation)
    return _any_operation(request)


def _any_operation(request: HTTPRequest) -> OperationModel | None:
    scope = request.header("Authorization").partition("Credential=")[2].partition(",")[0].split("/")
    model = service_model(service_of(scope[3], "")) if len(scope) == 5 else None
    return None if model is None else model.operation_model(model.operation_names[0])
