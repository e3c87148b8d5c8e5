"""The world's one door, hung in two places: inside boto3, without a socket, and behind an HTTP server."""

import json
import os
import socket
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from ecs_notebook_lib.simulate.wire import Ending, HTTPRequest, HTTPResponse

Respond = Callable[[HTTPRequest], HTTPResponse]
MAX_BODY_BYTES = 8 << 20
_REFUSALS = {411: "MissingContentLength", 413: "RequestEntityTooLarge", 431: "RequestHeaderSectionTooLarge"}


class _Raw(BytesIO):
    """A body that has come, in the form that botocore reads."""

    def stream(self, amount: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk


def install(session: Any, respond: Respond) -> None:
    """Let every client that a boto3 session makes from now on be answered by `respond`; no socket is opened."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        headers = {
            key: value.decode() if isinstance(value, bytes) else str(value) for key, value in request.headers.items()
        }
        content = body.encode() if isinstance(body, str) else bytes(body)
        response = respond(HTTPRequest(request.method, request.url, headers, content))
        if response.ending is Ending.SILENT:
            raise ReadTimeoutError(endpoint_url=request.url)
        if response.ending in (Ending.RESET, Ending.TRUNCATED):
            raise ConnectionClosedError(endpoint_url=request.url)
        return AWSResponse(request.url, response.status, response.headers, _Raw(response.body))

    session.events.register("before-send.*.*", answer)


class Server:
    """An HTTP server before a world; `url` is what AWS_ENDPOINT_URL takes."""

    def __init__(self, respond: Respond, host: str, port: int) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(respond))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.host = host
        self.port = int(self._server.server_address[1])
        self._thread.start()

    @property
    def url(self) -> str:
        """Return `http://HOST:PORT`."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(respond: Respond, host: str, port: int = 0) -> Server:
    """Serve `respond` over HTTP until `close`; port 0 takes a free one.

    Raises
    ------
    OSError
        If the port is taken.
    """
    return Server(respond, host, port)


def _send(handler: BaseHTTPRequestHandler, response: HTTPResponse) -> None:
    """Send a response so far as it comes: whole, half of it, or nothing but the end of the connection."""
    handler.close_connection |= response.ending in (Ending.RESET, Ending.SILENT, Ending.TRUNCATED)
    if response.ending is Ending.SILENT:
        handler.connection.recv(1)
        return
    if response.ending is Ending.RESET:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(handler.connection.detach())  # `close` would say farewell first
        return
    sent = response.body if response.ending is Ending.WHOLE else response.body[: len(response.body) // 2]
    declared = response.body if response.ending is Ending.TRUNCATED else sent
    handler.send_response_only(response.status)
    for name, value in (response.headers | {"Content-Length": str(len(declared))}).items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(sent)


def _handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "SimulatedAWS"
        sys_version = ""
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            length = self.headers.get("Content-Length") or "0"
            if "Transfer-Encoding" in self.headers or not length.isdecimal():
                self.send_error(411, "You must provide the Content-Length HTTP header.")
                return
            if len(length) > 10 or int(length) > MAX_BODY_BYTES:
                self.send_error(413, "Your request is too large.")
                return
            body = self.rfile.read(int(length))
            response = respond(HTTPRequest(self.command, self.path, dict(self.headers), body))
            _send(self, response)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815  the names that http.server calls

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            """Refuse as AWS does what never becomes a request: http.server would answer with an HTML page."""
            name = _REFUSALS.get(code, "BadRequest")
            text = message or explain or HTTPStatus(code).phrase
            body = json.dumps({"__type": name, "message": text}).encode()
            if self.request_version == "HTTP/0.9":
                self.request_version = self.protocol_version  # else no status line is written
            self.send_response_only(code if code < 500 else 400)
            headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": name, "Connection": "close"}
            for header, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: the answers are what counts."""

    return Handler
