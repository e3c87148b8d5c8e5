"""Log lines: levels from text and JSON, patterns, harmless lines; bounded in time whatever a container prints."""

import json
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_notebook_lib.frames.line_masks import pattern_of
from ecs_notebook_lib.frames.log_lines import level_of, read_line
from ecs_notebook_lib.frames.trace_text import find_traces
from ecs_notebook_lib.knowledge.harmless import harmless_reason, harmless_rows

LINES = [
    ("ERROR:    Application failed. Exiting.", "ERROR"),
    ("INFO:     Started server process [1]", "INFO"),
    ("[2025-07-12 09:00:01 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)", "FATAL"),
    ("[2025-07-12 09:00:01 +0000] [1] [ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", "ERROR"),
    ("2025-07-12 09:00:01,123 WARNING django.request: Not Found: /x", "WARN"),
    ("ERROR:root:no connection", "ERROR"),
    ("2025-07-12T09:00:01.123Z ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed", "ERROR"),
    ("09:00:01.123 [main] DEBUG c.e.App - starting", "DEBUG"),
    ("12-Jul-2025 09:00:01.123 SEVERE [main] org.apache.catalina.core.StandardContext.startInternal", "FATAL"),
    ("2025-07-12T09:00:01.123Z\tERROR\tmain/main.go:10\tno connection", "ERROR"),
    ('time=2025-07-12T09:00:01Z level=ERROR msg="no connection"', "ERROR"),
    ('level=info msg="[ERROR] was printed by the child"', "INFO"),
    ("E0712 09:00:01.123456       1 main.go:10] no connection", "ERROR"),
    ("2025/07/12 09:00:01 [error] 7#7: *1 connect() failed (111: Connection refused)", "ERROR"),
    ("E, [2025-07-12T09:00:01.123456 #1] ERROR -- : no connection", "ERROR"),
    ("error: password authentication failed", "ERROR"),
    ("Error: connect ECONNREFUSED 10.0.2.9:5432", "ERROR"),
    ('FATAL:  password authentication failed for user "web"', "FATAL"),
    ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "FATAL"),
    ("PHP Fatal error:  Uncaught PDOException", "FATAL"),
    ("fail: Microsoft.AspNetCore.Server.Kestrel[13]", "ERROR"),
    ("\x1b[32mINFO\x1b[0m:     Started", "INFO"),
    ("TRACE c.e.App entering", "TRACE"),
    ('10.0.1.5 - - [12/Jul/2025:09:00:01 +0000] "GET /error?level=error HTTP/1.1" 200 15', None),
    ("error_count: 0", None),
    ("the ERROR.md page says INFORMATIONAL", None),
    ("GET /api/ERROR/list", None),
    ("", None),
]
JSON_LINES = [
    ({"level": "error", "message": "no connection"}, "ERROR"),
    ({"severity": "WARNING", "message": "slow"}, "WARN"),
    ({"levelname": "CRITICAL", "msg": "gone"}, "FATAL"),
    ({"log.level": "ERROR", "message": "x"}, "ERROR"),
    ({"log": {"level": "error"}, "message": "x"}, "ERROR"),
    ({"level": 50, "msg": "pino says error"}, "ERROR"),
    ({"level": 60, "msg": "pino says fatal"}, "FATAL"),
    ({"level": 30, "msg": "pino says info"}, "INFO"),
    ({"level": 3, "short_message": "gelf says error"}, "ERROR"),
    ({"level": 10, "msg": "pino says trace"}, "TRACE"),
    ({"level": True, "msg": "no level"}, None),
    ({"level": {"a": 1}, "msg": "no level"}, None),
    ({"msg": "no level"}, None),
]


@pytest.mark.parametrize(("line", "level"), LINES)
def test_the_level_of_a_line_is_the_one_that_it_names(line, level):
    assert read_line(line).level == level


@pytest.mark.parametrize(("members", "level"), JSON_LINES)
def test_the_level_of_a_json_line_is_its_member(members, level):
    assert read_line(orjson.dumps(members).decode()).level == level


@pytest.mark.parametrize(
    ("members", "text"),
    [
        pytest.param({"level": "error", "msg": "no connection"}, "no connection", id="msg"),
        pytest.param({"message": "failed", "error": "dial tcp: refused"}, "failed: dial tcp: refused", id="error"),
        pytest.param({"msg": "x", "err": {"type": "Error", "message": "refused"}}, "x: refused: Error", id="pino-err"),
        pytest.param({"event": "started"}, "started", id="structlog"),
        pytest.param({"a": 1}, '{"a":1}', id="nothing-known"),
        pytest.param([1, 2], "[1,2]", id="no-object"),
    ],
)
def test_the_text_of_a_json_line_is_what_its_message_says(members, text):
    assert read_line(orjson.dumps(members).decode()).text == text


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"msg": "listening", "addr": "127.0.0.1:9000"}, "listening: listening on 127.0.0.1:9000"),
        ({"message": "HTTP server started", "host": "10.0.1.2", "port": 8080}, "listening on 10.0.1.2:8080"),
        ({"msg": "Server is running", "port": "3000"}, "listening on :3000"),
        ({"msg": "listening on 0.0.0.0:80", "addr": "0.0.0.0:80"}, "listening on 0.0.0.0:80"),
        ({"msg": "request failed", "addr": "10.0.0.1:5432"}, "request failed"),
        ({"msg": "listening", "addr": ["127.0.0.1"], "port": {"a": 1}}, "listening"),
        ({"msg": "listening", "port": 10**30}, "listening"),
    ],
)
def test_where_a_server_listens_is_read_from_members_of_its_own(members, text):
    read = read_line(json.dumps(members)).text

    assert read.endswith(text)
    assert read.count("listening on") == ("listening on" in text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12 ms", "took 3.5 ms"),
        ("[http-0] took 0 ms", "[http-12] took 3 ms"),
        ("request 550e8400-e29b-41d4-a716-446655440000 done", "request 123e4567-e89b-12d3-a456-426614174000 done"),
        ("from 10.0.1.5:1024", "from 10.0.200.7:80"),
        ("2025-07-12T09:00:01.123Z start", "2025-07-13T10:11:12Z start"),
        ("2025-07-12 09:00:01,123 start", "2025-07-12 09:00:02,9 start"),
        ("[12/Jul/2025:09:00:01 +0000] x", "[13/Jul/2025:09:00:07 +0000] x"),
        ("task 528ccd77af10807abb75c103ce17ec71", "task 7463029c528ccd77af10807abb75c103"),
        (
            "User: arn:aws:sts::111122223333:assumed-role/web/528ccd77af10807a",
            "User: arn:aws:sts::444455556666:assumed-role/web/528ccd77af108ffff",
        ),
        ("at 0xdeadbeef", "at 0x1f"),
        ("java.lang.Object@1b2c3d left", "java.lang.Object@7f31 left"),
        (f'body "{"a" * 100}"', f'body "{"b" * 80}"'),
        ("id req8fK3xYz09Lm", "id req7gQ1aBc22Pp"),
        ("x   y\t1", "x y 2"),
    ],
)
def test_lines_that_differ_in_what_varies_have_one_pattern(one, other):
    assert pattern_of(one) == pattern_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("error_count: 0", "error_count: 1"),
        ("failed=0", "failed=3"),
        ("0 errors", "12 errors"),
        ('"GET /health HTTP/1.1" 200 15', '"GET /health HTTP/1.1" 500 15'),
        ("GET /health", "GET /status"),
        ("No module named 'app'", "No module named 'web'"),
        ("s3:GetObject", "s3:PutObject"),
        ("opening /var/lib/data", "opening /var/lib/database"),
        ("unauthorized", "unavailable"),
    ],
)
def test_lines_that_say_something_else_have_another_pattern(one, other):
    assert pattern_of(one) != pattern_of(other)


@pytest.mark.parametrize("row", harmless_rows(), ids=lambda row: row.phrases[0])
def test_each_row_of_harmless_lines_recognises_its_own_sample(row):
    assert harmless_reason(row.sample)
    assert row.reason


@pytest.mark.parametrize(
    "line",
    [
        "error_count: 0",
        '{"error_count": 0, "done": true}',
        "Errors=0",
        "processed 12 files, 0 errors, 0 failed",
        "error: 0",
    ],
)
def test_a_count_of_zero_errors_is_harmless(line):
    assert harmless_reason(line)


@pytest.mark.parametrize(
    "line",
    [
        "error_count: 1",
        "error_count: 10",
        "error_count: 0.5",
        "10 errors",
        "1,0 errors",
        "errors=01",
        "error_count: 0, fatal: no connection",
        "0 errors in a.py, cannot read b.py",
        "no error_log configured, permission denied",
        "GET /favicon.ico 500",
        "ELB-HealthChecker/2.0 got 500",
        "connection refused",
        "",
    ],
)
def test_what_only_resembles_a_harmless_line_is_not_harmless(line):
    assert not harmless_reason(line)


HOSTILE = [
    "{" * 10_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000,
    '{"message":"' + "x" * 10_000_000 + '"}',
    "a" * 10_000_000,
    "1" * 10_000_000,
    '"' * 1_000_000,
    "a.b." * 1_000_000 + "Error",
    ":" * 1_000_000,
    "ERROR " * 1_000_000,
    "\n" * 5_000_000,
    "0 errors " * 500_000,
    "Traceback (most recent call last):\n" * 200_000,
    "x\n at y\n" * 500_000,
    "panic\n" * 500_000,
    "\x1b[" + "0;" * 1_000_000,
]


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_no_line_takes_long_to_read(line):
    begin = time.perf_counter()

    read = read_line(line)
    harmless_reason(read.text)
    assert len(pattern_of(read.text)) <= 10_000
    find_traces(read.lines)

    assert time.perf_counter() - begin < 2


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_can_be_read(text):
    read = read_line(text)

    assert read.level in (None, "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")
    assert level_of(text) is None or read.level is not None or text.startswith("{")
    assert isinstance(pattern_of(read.text), str)


PIECES = """Traceback (most recent call last):
  File x
X: y
	at a.b(C.java:1)
Caused by: z
(empty)
panic: x
goroutine 1 [running]:
main.main()
    at f (/a.js:1:2)
}
triggerUncaughtException
INFO x""".splitlines()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=30,
    )
)
def test_traces_follow_each_other_and_never_overlap(lines):
    found = find_traces(lines)

    ends = [0, *(trace.end for trace in found)]
    assert all(end <= trace.start < trace.end for end, trace in zip(ends, found, strict=False))
    assert ends[-1] <= len(lines)
