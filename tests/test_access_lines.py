"""Access lines in the frame `log_events`: JSON objects, named fields and forms of text; whatever their values are."""

import time

import orjson
import pytest

from ecs_notebook_lib.frames.log_lines import read_line

from .test_stack_traces import log_events

PARTS = ("method", "path", "status", "client", "user_agent", "request_seconds")
CHECKER = "ELB-HealthChecker/2.0"


def told(message):
    """Return kind and parts that the frame has for one line, the missing ones as None."""
    [row] = log_events([message if isinstance(message, str) else orjson.dumps(message).decode()]).to_dict("records")
    return row["kind"] if isinstance(row["kind"], str) else None, *(_value(row[part]) for part in PARTS)


def _value(value):
    return value if isinstance(value, str | int | float) and value == value else None


def health(**changes):
    """Return the parts of an answer to a health check; by default only method, path and status are told."""
    parts = dict.fromkeys(PARTS) | {"method": "GET", "path": "/health", "status": 200} | changes
    return "http_access", *(pytest.approx(v, rel=1e-6) if k == "request_seconds" and v else v for k, v in parts.items())


JSON = [
    pytest.param(
        {
            "time": "x",
            "level": "INFO",
            "msg": "request",
            "method": "GET",
            "path": "/health",
            "status": 200,
            "remote": "127.0.0.1",
        },
        health(client="127.0.0.1"),
        id="slog",
    ),
    pytest.param(
        {
            "level": 30,
            "time": 1752310801000,
            "pid": 1,
            "req": {
                "id": 1,
                "method": "GET",
                "url": "/health",
                "query": {},
                "headers": {"host": "10.0.1.2", "user-agent": CHECKER},
                "remoteAddress": "::ffff:10.0.1.5",
                "remotePort": 4242,
            },
            "res": {"statusCode": 200, "headers": {"content-length": "2"}},
            "responseTime": 3,
            "msg": "request completed",
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=0.003),
        id="pino-http",
    ),
    pytest.param(
        {
            "level": "info",
            "ts": 1752310801.5,
            "caller": "zap@v1/zap.go:117",
            "msg": "/health",
            "status": 200,
            "method": "GET",
            "path": "/health",
            "query": "",
            "ip": "10.0.1.5",
            "user-agent": CHECKER,
            "latency": 0.0012,
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=0.0012),
        id="gin-zap",
    ),
    pytest.param(
        {
            "level": "info",
            "remote_ip": "10.0.1.5",
            "user_agent": CHECKER,
            "method": "GET",
            "url": "/health",
            "status": 200,
            "duration": "1.5ms",
            "message": "served",
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=0.0015),
        id="zerolog-with-a-unit",
    ),
    pytest.param(
        {
            "msg": "x",
            "method": "GET",
            "uri": "/health",
            "status_code": 200,
            "latency": 1234567,
            "client_ip": "10.0.1.5",
        },
        health(client="10.0.1.5", request_seconds=0.001234567),
        id="slog-nanoseconds",
    ),
    pytest.param(
        {"method": "GET", "path": "/health", "status": 200, "duration_ms": 12.5},
        health(request_seconds=0.0125),
        id="unit-in-the-name",
    ),
    pytest.param({"method": "GET", "path": "/health", "status": 200, "duration": 12}, health(), id="no-unit-is-told"),
    pytest.param(
        {
            "time": "x",
            "id": "",
            "remote_ip": "10.0.1.5",
            "host": "10.0.1.2",
            "method": "GET",
            "uri": "/health",
            "user_agent": CHECKER,
            "status": 200,
            "error": "",
            "latency": 55653,
            "latency_human": "55.653µs",
            "bytes_in": 0,
            "bytes_out": 2,
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=55.653e-6),
        id="echo",
    ),
    pytest.param(
        {"remote_ip": "10.0.1.5", "method": "GET", "uri": "/health", "status": 200, "latency": 9000, "bytes_in": 0},
        health(client="10.0.1.5", request_seconds=9e-6),
        id="echo-without-text",
    ),
    pytest.param(
        {
            "http.request.method": "GET",
            "url.path": "/health",
            "http.response.status_code": 200,
            "user_agent.original": CHECKER,
            "client.ip": "10.0.1.5",
            "event.duration": 2_000_000,
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=0.002),
        id="elastic-dotted",
    ),
    pytest.param(
        {
            "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
            "url": {"path": "/health"},
            "user_agent": {"original": CHECKER},
            "client": {"ip": "10.0.1.5"},
            "event": {"duration": 2000},
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=2e-6),
        id="elastic-nested",
    ),
    pytest.param(
        {
            "remote_addr": "10.0.1.5",
            "request_method": "GET",
            "request_uri": "/health",
            "status": "200",
            "request_time": "0.004",
            "http_user_agent": CHECKER,
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=0.004),
        id="nginx",
    ),
    pytest.param(
        {"remote_addr": "10.0.1.5", "request": "GET /health HTTP/1.1", "status": "200", "request_time": "11.204"},
        health(client="10.0.1.5", request_seconds=11.204),
        id="nginx-request-line",
    ),
    pytest.param(
        {"message": '127.0.0.1:4242 - "GET /health HTTP/1.1" 200', "level": "INFO", "logger": "uvicorn.access"},
        health(client="127.0.0.1:4242"),
        id="uvicorn-message",
    ),
    pytest.param(
        {
            "http": {"url": "http://10.0.1.2:80/health", "status_code": 200, "method": "GET", "version": "1.1"},
            "network": {"client": {"ip": "10.0.1.5", "port": 4242}},
            "duration": 1500000,
            "event": "x",
            "level": "info",
        },
        health(client="10.0.1.5", request_seconds=0.0015),
        id="structlog",
    ),
    pytest.param(
        {
            "@t": "x",
            "@mt": "HTTP {RequestMethod} {RequestPath}",
            "RequestMethod": "GET",
            "RequestPath": "/health",
            "StatusCode": 200,
            "Elapsed": 1.5,
        },
        health(request_seconds=0.0015),
        id="serilog-compact",
    ),
    pytest.param(
        {
            "Timestamp": "x",
            "Level": "Information",
            "Properties": {"RequestMethod": "GET", "RequestPath": "/health", "StatusCode": 200, "Elapsed": 1.5},
        },
        health(request_seconds=0.0015),
        id="serilog",
    ),
    pytest.param(
        {
            "EventId": 2,
            "LogLevel": "Information",
            "Message": "Request finished",
            "State": {
                "ElapsedMilliseconds": 1.5,
                "StatusCode": 200,
                "Protocol": "HTTP/1.1",
                "Method": "GET",
                "Host": "10.0.1.2",
                "Path": "/health",
            },
        },
        health(request_seconds=0.0015),
        id="aspnet-console",
    ),
    pytest.param(
        {
            "level": "info",
            "ts": 1752310801.5,
            "logger": "http.log.access",
            "msg": "handled request",
            "request": {
                "remote_ip": "10.0.1.5",
                "remote_port": "4242",
                "method": "GET",
                "host": "10.0.1.2",
                "uri": "/health",
                "headers": {"User-Agent": [CHECKER]},
            },
            "duration": 1,
            "size": 2,
            "status": 200,
            "resp_headers": {"Server": ["Caddy"]},
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=1.0),
        id="caddy",
    ),
    pytest.param(
        {
            "@timestamp": "x",
            "message": "m",
            "method": "GET",
            "protocol": "HTTP/1.1",
            "status_code": 200,
            "requested_url": "GET /health HTTP/1.1",
            "requested_uri": "/health",
            "remote_host": "10.0.1.5",
            "elapsed_time": 5,
        },
        health(client="10.0.1.5", request_seconds=0.005),
        id="logstash-access",
    ),
    pytest.param(
        {"message": "m", "method": "GET", "requestURI": "/health", "status": 200, "level": "INFO"},
        health(),
        id="spring",
    ),
    pytest.param(
        {
            "method": "GET",
            "path": "/health",
            "format": "html",
            "controller": "HealthController",
            "action": "show",
            "status": 200,
            "duration": 5.12,
            "view": 3.1,
        },
        health(request_seconds=0.00512),
        id="lograge",
    ),
    pytest.param(
        {
            "severity": "INFO",
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": "https://a.example/health?x=1",
                "status": 200,
                "userAgent": CHECKER,
                "remoteIp": "10.0.1.5",
                "latency": "0.25s",
            },
        },
        health(path="/health?x=1", client="10.0.1.5", user_agent=CHECKER, request_seconds=0.25),
        id="google-cloud",
    ),
    pytest.param(
        {
            "ClientHost": "10.0.1.5",
            "RequestMethod": "GET",
            "RequestPath": "/health",
            "DownstreamStatus": 200,
            "Duration": 52000,
            "request_User-Agent": CHECKER,
        },
        health(client="10.0.1.5", user_agent=CHECKER, request_seconds=52e-6),
        id="traefik",
    ),
    pytest.param(
        {
            "fields": {"message": "finished processing request", "latency": "2 ms", "status": 200},
            "target": "tower_http::trace",
            "span": {"method": "GET", "uri": "/health", "version": "HTTP/1.1", "name": "request"},
        },
        health(request_seconds=0.002),
        id="tracing-of-rust",
    ),
    pytest.param(
        {"log": '{"method":"GET","path":"/health","status":200}', "container_name": "web"}, health(), id="firelens"
    ),
]
TEXT = [
    pytest.param(
        "level=info msg=served method=GET path=/health status=200 duration=3ms",
        health(request_seconds=0.003),
        id="logfmt",
    ),
    pytest.param(
        'at=info method=GET path="/health" fwd="10.0.1.5" status=200 service=1ms',
        health(client="10.0.1.5"),
        id="heroku",
    ),
    pytest.param("method=GET, uri=/health, status=200", health(), id="echo-with-commas"),
    pytest.param(
        "method=GET path=/health controller=HealthController action=show status=200 duration=5.12",
        health(request_seconds=0.00512),
        id="lograge-text",
    ),
    pytest.param(
        '2025-07-12T09:00:01Z\tINFO\tmain.go:7\tserved\t{"method":"GET","path":"/health","status":200}',
        health(),
        id="zap-console",
    ),
    pytest.param(
        '[GIN] 2024/01/02 - 15:04:05 | 200 |  1.2ms | 10.0.1.2 | GET "/health"',
        health(client="10.0.1.2", request_seconds=0.0012),
        id="gin",
    ),
    pytest.param(
        '[GIN] 2024/01/02 - 15:04:05 |\x1b[97;42m 200 \x1b[0m| 52.3µs | 10.0.1.2 |\x1b[97;44m GET  \x1b[0m "/health"',
        health(client="10.0.1.2", request_seconds=52.3e-6),
        id="gin-in-colour",
    ),
    pytest.param(
        "15:04:05 | 200 |  1.2ms | 10.0.1.2 | GET | /health | -",
        health(client="10.0.1.2", request_seconds=0.0012),
        id="fiber",
    ),
    pytest.param("GET /health 200 1.234 ms - 15", health(request_seconds=0.001234), id="morgan-dev"),
    pytest.param(
        "\x1b[0mGET /health \x1b[32m200\x1b[0m 1.234 ms - 15\x1b[0m",
        health(request_seconds=0.001234),
        id="morgan-dev-in-colour",
    ),
    pytest.param(
        "2025-07-12T09:00:01Z [info]: GET /health 200 1.234 ms - 15",
        health(request_seconds=0.001234),
        id="morgan-in-winston",
    ),
    pytest.param("GET /health 200 15 - 1.234 ms", health(request_seconds=0.001234), id="morgan-tiny"),
    pytest.param(
        "::ffff:10.0.1.2 - GET /health HTTP/1.1 200 15 - 1.234 ms",
        health(client="10.0.1.2", request_seconds=0.001234),
        id="morgan-short",
    ),
    pytest.param("::ffff:10.0.1.2 - GET /health 200", health(client="10.0.1.2"), id="express"),
    pytest.param("::1 - GET /health 200", health(client="::1"), id="express-ipv6"),
    pytest.param(
        "Request finished HTTP/1.1 GET http://10.0.1.2:80/health - 200 - text/plain;+charset=utf-8 1.2ms",
        health(request_seconds=0.0012),
        id="aspnet-8",
    ),
    pytest.param(
        "Request finished HTTP/1.1 GET http://10.0.1.2:80/health - - - 200 - text/plain 1.2ms",
        health(request_seconds=0.0012),
        id="aspnet-6",
    ),
    pytest.param(
        "      Request finished HTTP/2 POST http://10.0.1.2/health application/json 123 - 503 0 - 1.2ms",
        health(method="POST", status=503, request_seconds=0.0012),
        id="aspnet-post-of-123-bytes",
    ),
    pytest.param("HTTP GET /health responded 200 in 1.2345 ms", health(request_seconds=0.0012345), id="serilog-text"),
    pytest.param(
        '2024/01/02 15:04:05 [web/abc-1] "GET http://10.0.1.2/health HTTP/1.1" from 10.0.1.5:4242 - 200 15B in 1.2ms',
        health(client="10.0.1.5:4242", request_seconds=0.0012),
        id="chi",
    ),
    pytest.param('[12/Jul/2025 09:00:01] "GET /health HTTP/1.1" 200 15', health(), id="django"),
    pytest.param(
        '10.0.1.2 - - [12/Jul/2025 09:00:01] "GET /health HTTP/1.1" 200 -', health(client="10.0.1.2"), id="werkzeug"
    ),
    pytest.param(
        'INFO:werkzeug:127.0.0.1 - - [12/Jul/2025 09:00:01] "GET /health HTTP/1.1" 200 -',
        health(client="127.0.0.1"),
        id="werkzeug-basic-logging",
    ),
    pytest.param(
        '10.0.1.2 - - [12/Jul/2025 09:00:01] "\x1b[33mGET /health HTTP/1.1\x1b[0m" 404 -',
        health(client="10.0.1.2", status=404),
        id="werkzeug-in-colour",
    ),
    pytest.param(
        f'::ffff:10.0.1.2 - - [12/Jul/2025:09:00:01 +0000] "GET /health HTTP/1.1" 200 2 "-" "{CHECKER}"',
        health(client="10.0.1.2", user_agent=CHECKER),
        id="morgan-combined",
    ),
    pytest.param(
        '10.0.1.2 - - [12/Jul/2025:09:00:01 +0000] "GET /health HTTP/1.1" 200 2', health(client="10.0.1.2"), id="tomcat"
    ),
]
NO_ACCESS = [
    {"level": "INFO", "msg": "job done", "status": 200, "path": "/health"},
    {"method": "GET", "path": "/health", "msg": "request started"},
    {"method": "GET", "path": "/health", "status": "info"},
    {"method": "getUser", "status": 200},
    {"method": "/pkg.Service/GET", "status": 200},
    {"method": "GET", "status": 99},
    {"method": "GET", "status": 600},
    {"method": "GET", "status": True},
    {"method": "GET", "status": 200.5},
    {"method": "GET", "status": "2000"},
    {"method": "GET", "status": "٢٠٠"},
    {"method": ["a", "GET"], "status": 200},
    {"err": {"config": {"method": "GET"}, "response": {"status": 500}}},
    'Started GET "/health" for 10.0.1.2 at 2025-07-12 09:00:01 +0000',
    "Completed 200 OK in 12ms (Views: 3.1ms)",
    "GET /health - - ms - -",
    "GET /health 2001",
    "TARGET /health 200",
    'HTTP Request: GET https://api.example/health "HTTP/1.1 200 OK"',
    'DEBUG:urllib3.connectionpool:https://sts.us-east-1.amazonaws.com:443 "POST / HTTP/1.1" 200 1234',
    "method=GET path=/health msg=started",
    "/x?method=GET&status=200",
]


@pytest.mark.parametrize(("line", "parts"), JSON)
def test_a_json_line_with_method_and_status_is_an_access_line(line, parts):
    assert told(line) == parts


@pytest.mark.parametrize(("line", "parts"), TEXT)
def test_a_text_line_with_method_and_status_is_an_access_line(line, parts):
    assert told(line) == parts


@pytest.mark.parametrize("line", NO_ACCESS, ids=range(len(NO_ACCESS)))
def test_a_line_without_a_method_or_a_status_is_no_access_line(line):
    assert told(line)[0] != "http_access"


@pytest.mark.parametrize(
    ("line", "error_kind"),
    [
        pytest.param({"err": {"type": "Error", "message": "boom"}, "msg": "request errored"}, None, id="unknown"),
        pytest.param({"err": {"message": "connect ECONNREFUSED 10.0.2.9:5432"}}, "connection_refused", id="known"),
    ],
)
def test_an_access_line_that_tells_an_error_is_both(line, error_kind):
    request = {"level": 50, "req": {"method": "GET", "url": "/health"}, "res": {"statusCode": 500}}

    [row] = log_events([orjson.dumps(request | line).decode()]).to_dict("records")

    assert (row["kind"], row["status"], row["level"]) == ("http_access", 500, "ERROR")
    assert (row["error_kind"] if isinstance(row["error_kind"], str) else None) == error_kind


def test_a_denial_in_an_access_line_keeps_what_was_refused():
    error = (
        "User: arn:aws:sts::111122223333:assumed-role/web/528ccd77af10807abb75c103ce17ec71 is not authorized to "
        "perform: dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:111122223333:table/sessions"
    )
    line = {"level": "error", "msg": error, "method": "GET", "path": "/health", "status": 500}

    [row] = log_events([orjson.dumps(line).decode()]).to_dict("records")

    assert (row["kind"], row["error_kind"], row["action"]) == ("http_access", "access_denied", "dynamodb:GetItem")
    assert row["resource"].endswith("table/sessions")


DEEP = '{"method":"GET","status":200,"a":' + '{"a":' * 900 + "1" + "}" * 900 + "}"
HOSTILE_VALUES = [
    None,
    True,
    -1,
    0,
    10**18,
    1e308,
    -1e308,
    "",
    " ",
    "x" * 100_000,
    "9" * 10_000,
    "1" * 39,
    "1h" * 20,
    "\x00",
    "🙂",
    [],
    [[]],
    [None],
    {},
    {"": ""},
    {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
]


@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=range(len(HOSTILE_VALUES)))
@pytest.mark.parametrize(
    "name", ["method", "status", "path", "url", "remote", "user_agent", "latency", "request", "ts", "duration_ms"]
)
def test_values_of_any_type_never_raise(name, value):
    line = {"method": "GET", "path": "/health", "status": 200, "latency": 1} | {name: value}

    kind, method, *_ = told(line)

    assert (kind, method) in (("http_access", "GET"), (None, None))


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        '{"method":"GET","status":1e999,"latency":1e999}',
        '{"method":"GET","status":200,"latency":' + "9" * 5000 + "}",
        '{"method":"GET","status":200,' + ",".join(f'"{"k" * 200}{n}":{n}' for n in range(20_000)) + "}",
        '{"method":"GET","status":200,"' + "k" * 500_000 + '":1}',
        "method=GET " + 'a="' * 100_000,
        "method=" * 100_000,
        "GET /" * 100_000,
        "GET /" + "x" * 100_000,
        "GET " + "| 200 | " * 100_000,
        "Request finished HTTP/1.1 GET / " * 20_000,
        "Request finished HTTP/1.1 GET / - 200 " + "1" * 100_000,
        "::" * 50_000 + " - GET /health 200",
        ":" * 50 + "1" * 60 + " - GET /health 200",
        "ethod GET " + "{" * 100_000 + "}",
    ],
    ids=range(15),
)
def test_no_access_line_takes_long_to_read(line):
    begin = time.perf_counter()

    told(line)

    assert time.perf_counter() - begin < 1


def test_an_access_line_keeps_its_level_and_its_text():
    line = read_line('{"level":"warn","msg":"slow request","method":"GET","status":200}')

    assert (line.level, line.text) == ("WARN", "slow request")
