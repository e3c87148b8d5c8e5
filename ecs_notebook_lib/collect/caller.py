"""One generic caller: pages, batches, retries, side by side, and every page recorded with its outcome.

What AWS refuses becomes an `Answer` with an error, never an exception: a refusal is a gap, and the run goes on.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Protocol

import orjson
from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PaginationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from ecs_notebook_lib.collect.access import Clients
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.patience import Patience
from ecs_notebook_lib.collect.record import answered_at, plain, utf8
from ecs_notebook_lib.errors import AccessError
from ecs_notebook_lib.knowledge.error_codes import NOT_ASKED, Kind, kind_of
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.snapshot.whole import whole

_WORKERS = 16
"""Calls at once; a client keeps connections for several callers (`access.py`)."""
_MINUTE = timedelta(minutes=1)

_NO_SESSION = (
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
_UNREACHABLE = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)
_UNREADABLE = (BotoCoreError, ResponseParserError, RecursionError)
"""An answer that botocore cannot read, or a document in it that is nested without end, is none."""
_BAD_SESSION = (Kind.SESSION_OVER, Kind.NOT_ACCEPTED, Kind.CLOCK)


@dataclass(frozen=True, slots=True)
class Request:
    """One call to make: an operation of the table, its parameters, and how many pages to read at most."""

    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    max_pages: int | None = None
    recorded: bool = True
    """Whether its answers go into the snapshot; a refusal always does."""
    region: str = ""
    """Another region than the session's."""
    arrived: Callable[[Mapping[str, Any]], None] | None = field(default=None, compare=False)
    """Called with each page as it comes from AWS, before the next one is asked for."""

    @property
    def identity(self) -> str:
        """Return what makes two requests the same question."""
        return self.operation + self.region + orjson.dumps(self.params, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """The pages that came, and the error that ended them, if one did."""

    pages: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] | None = None

    def items(self, member: str) -> list[Any]:
        """Return the elements of a repeated member, from all pages."""
        return list(chain.from_iterable(page.get(member) or () for page in self.pages))

    def get(self, member: str) -> Any:
        """Return a member of the first page; None if nothing came."""
        return self.pages[0].get(member) if self.pages else None


class Past(Protocol):
    """What AWS said at an earlier time, so far as it was kept."""

    at: datetime

    def answer(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the answer of then, masked and plain; None if it was not kept, and AWS is to be asked."""


class Caller:
    """Calls read operations of `knowledge/operations.toml`, each question once; `past` is asked before AWS."""

    def __init__(self, clients: Clients, *, masker: Masker | None = None, past: Past | None = None) -> None:
        self._clients = clients
        self._past = past
        self._masker = masker or Masker()
        self._answers: dict[str, Future[Answer]] = {}
        self._pages: list[Page] = []
        self._patience = Patience()
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(max_workers=_WORKERS)  # its threads end with the caller

    @property
    def pages(self) -> tuple[Page, ...]:
        """Return every page so far, in the order in which they came."""
        return tuple(self._pages)

    @property
    def region(self) -> str:
        """Return the region that is read."""
        return self._clients.region

    def call(self, operation: str, **params: Any) -> Answer:
        """Return the answer to one question, all its pages and batches together.

        Raises
        ------
        AccessError
            If there are no usable credentials, or AWS cannot be reached at all.
        """
        return self.gather([Request(operation, params)])[0]

    def gather(self, requests: Iterable[Request]) -> list[Answer]:
        """Return the answers to independent questions, asked side by side, in the order of `requests`."""
        begun = [self._begin(request) for request in requests]
        return [_joined(futures) for futures in begun]

    def begin(self, request: Request) -> None:
        """Ask already what somebody may gather later; `finish` waits for it in any case."""
        self._begin(request)

    def finish(self) -> None:
        """Wait until all that was asked is answered: `pages` would depend on who was faster.

        Raises
        ------
        AccessError
            As `call`.
        """
        for future in list(self._answers.values()):
            future.result()

    def follow(
        self, requests: Iterable[Request], following: Callable[[Request, Answer], Iterable[Request]]
    ) -> list[Answer]:
        """Return the answers to independent questions, after all that follows from them has been answered, too.

        What `following` makes of a question and its answer is asked at once, and followed in the same way.
        """
        first = [(request, self._begin(request)) for request in requests]
        waiting = list(first)
        while waiting:
            open_ = [future for _, futures in waiting for future in futures if not future.done()]
            answered = [row for row in waiting if all(future.done() for future in row[1])]
            if not answered:
                wait(open_, return_when=FIRST_COMPLETED)
            waiting = [row for row in waiting if row not in answered]
            for request, futures in answered:
                waiting += [(later, self._begin(later)) for later in following(request, _joined(futures))]
        return [_joined(futures) for _, futures in first]

    def _begin(self, request: Request) -> list["Future[Answer]"]:
        """Ask the batches of a question that nobody has asked yet; return what will hold the answers to all."""
        return [self._begin_batch(batch) for batch in _batches(request)]

    def _begin_batch(self, batch: Request) -> "Future[Answer]":
        self._client(batch.operation, batch.region)
        with self._lock:
            asked = self._answers.get(batch.identity)
            if asked is not None:
                return asked
            future = self._answers[batch.identity] = Future()
        self._workers.submit(self._answer, batch, future)
        return future

    def _answer(self, request: Request, future: "Future[Answer]") -> None:
        """Ask, and let everybody know the answer who asked the same meanwhile."""
        try:
            future.set_result(self._ask(request))
        except BaseException as error:
            future.set_exception(error)

    def is_rationed(self, operation: str, region: str = "") -> bool:
        """Say whether AWS itself answers an operation, and counts how often it is called."""
        return self._clients.is_aws(self._client(operation, region))

    def _client(self, operation: str, region: str = "") -> Any:
        try:
            return self._clients.get(every_operation()[operation].service, region)
        except (BotoCoreError, ValueError) as error:
            raise AccessError(f"AWS cannot be called: {error}") from error

    def _output_shape(self, operation: str, region: str = "") -> Any:
        model = self._client(operation, region).meta.service_model
        return model.operation_model(every_operation()[operation].action).output_shape

    def _ask(self, request: Request) -> Answer:
        if self._past is not None:
            told = self._past.answer(request.operation, request.params)
            if told is not None:
                at = self._past.at
                self.keep(Page(request.operation, at, self.region, request.params, origin="store", response=told))
                return _usable(request.operation, [told], None)
        if against := self._patience.reason_against(request.operation):
            error = {"code": NOT_ASKED, "message": f"{request.operation} was not asked: {against}", "status": None}
            self._record(request, 0, metadata={}, error=error)
            return Answer((), error)
        began = time.monotonic()
        answer = self._asked(request)
        self._patience.note(request.operation, answer.error, time.monotonic() - began)
        return answer

    def _asked(self, request: Request) -> Answer:
        pages: list[Mapping[str, Any]] = []
        error: Mapping[str, Any] | None = None
        try:
            for response in islice(self._responses(request), request.max_pages):
                pages.append(self._keep(request, len(pages), response))
                if request.arrived is not None:
                    request.arrived(pages[-1])
        except ClientError as refusal:
            error = self._keep_error(request, len(pages), refusal)
        except _UNREADABLE as failure:
            error = self._keep_failure(request, len(pages), failure)
        return _usable(request.operation, pages, error)

    def _responses(self, request: Request) -> Iterator[Mapping[str, Any]]:
        client = self._client(request.operation, request.region)
        method = xform_name(every_operation()[request.operation].action)
        if client.can_paginate(method) and "nextToken" not in request.params:
            yield from client.get_paginator(method).paginate(**request.params)
            return
        params = dict(request.params)
        while True:
            response = getattr(client, method)(**params)
            yield response
            token, before = response.get("nextToken"), params.get("nextToken")
            if not token or request.operation == "logs:GetLogEvents":  # whose tokens never end
                return
            if token == before:
                raise PaginationError(message=f"The same next token was received twice: {token}")
            params["nextToken"] = token

    def _keep(self, request: Request, number: int, response: Mapping[str, Any]) -> Mapping[str, Any]:
        shape = self._output_shape(request.operation, request.region)
        kept = self._masker.mask(request.operation, plain(response, shape))
        if request.recorded:
            self._record(request, number, metadata=response["ResponseMetadata"], response=kept)
        return kept

    def _keep_error(self, request: Request, number: int, refusal: ClientError) -> Mapping[str, Any]:
        details = refusal.response.get("Error", {})
        metadata = refusal.response.get("ResponseMetadata", {})
        code, message = utf8(str(details.get("Code", ""))), utf8(str(details.get("Message", "")))
        if kind_of(code, message) in _BAD_SESSION and not self._any_answer():
            raise AccessError(_not_accepted(code, message, metadata)) from refusal
        error = {"code": code, "message": message, "status": metadata.get("HTTPStatusCode")}
        self._record(request, number, metadata=metadata, error=error)
        return error

    def _keep_failure(self, request: Request, number: int, failure: Exception) -> Mapping[str, Any]:
        if isinstance(failure, _NO_SESSION):
            raise AccessError(f"AWS cannot be called: {failure}. Set credentials or give --profile.") from failure
        if isinstance(failure, _UNREACHABLE) and not self._any_answer():
            raise AccessError(f"AWS cannot be reached: {failure}. Check region, endpoint and network.") from failure
        error = {"code": type(failure).__name__, "message": utf8(str(failure)), "status": None}
        self._record(request, number, metadata={}, error=error)
        return error

    def keep_event(
        self, operation: str, *, at: datetime, params: Mapping[str, Any], response: Mapping[str, Any]
    ) -> None:
        """Record what an event told in the form of an operation's answer, masked as that answer would be."""
        kept = self._masker.mask(operation, plain(response, self._output_shape(operation)))
        self.keep(Page(operation, at=at, region=self.region, params=params, origin="event", response=kept))

    def keep(self, page: Page) -> None:
        """Record a page that somebody else has asked for; it is plain and masked."""
        with self._lock:
            self._pages.append(page)

    def forget(self, *, pages_before_last: bool = False) -> None:
        """Let every question be asked anew from here on; the pages so far stay, or of them only the last."""
        self._answers.clear()
        self._patience = Patience()
        if pages_before_last:
            del self._pages[:-1]

    def _any_answer(self) -> bool:
        return any(page.error is None for page in self._pages)

    def _record(self, request: Request, number: int, *, metadata: Mapping[str, Any], **outcome: Any) -> None:
        page = Page(
            request.operation,
            at=answered_at(metadata),
            region=request.region or self.region,
            params=request.params,
            page=number,
            **outcome,
        )
        with self._lock:
            self._pages.append(page)


def _not_accepted(code: str, message: str, metadata: Mapping[str, Any]) -> str:
    """Return what to say of a session that AWS does not accept: the credentials, or this machine's clock."""
    if kind_of(code, message) is not Kind.CLOCK:
        return f"AWS does not accept the credentials: {code}: {message}. Sign in again."
    ahead = datetime.now(UTC) - answered_at(metadata)
    wrong = f"which is {abs(ahead) // _MINUTE} min {'behind' if ahead < timedelta(0) else 'ahead of'} AWS's"
    return f"AWS does not accept this machine's clock, {wrong}: {code}: {message}. Set the clock, and try again."


def _batches(request: Request) -> Iterator[Request]:
    """Yield a request for each batch that one call may take; a batched list that is empty asks nothing."""
    operation = every_operation()[request.operation]
    values: Sequence[Any] = request.params.get(operation.batch, ()) if operation.batch else ()
    if not operation.batch:
        yield request
        return
    for start in range(0, len(values), operation.batch_size):
        batch = {operation.batch: list(values[start : start + operation.batch_size])}
        yield replace(request, params={**request.params, **batch})


def _usable(operation: str, pages: Sequence[Mapping[str, Any]], error: Mapping[str, Any] | None) -> Answer:
    """Return what collectors can build on: what AWS always sends is there, and what lacked it is an error."""
    kept = [whole(operation, page) for page in pages]
    lacking = next((told for _, told in kept if told), None)
    return Answer(tuple(page for page, _ in kept if page is not None), error or lacking)


def _joined(futures: Iterable["Future[Answer]"]) -> Answer:
    answers = [future.result() for future in futures]
    pages = tuple(chain.from_iterable(answer.pages for answer in answers))
    return Answer(pages, next((answer.error for answer in answers if answer.error), None))
