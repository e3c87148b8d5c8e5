"""Stack traces of four languages, whether they come line by line, as one event, or inside a JSON line."""

import orjson
import pandas as pd
import pytest

from ecs_notebook_lib.frames import SCHEMAS
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.frames.log_lines import read_line
from ecs_notebook_lib.frames.log_patterns import log_patterns_frame
from ecs_notebook_lib.frames.stack_traces import MAX_TEXT_LINES, stack_traces_frame, trace_ids
from ecs_notebook_lib.frames.trace_text import find_traces

PYTHON = """\
Traceback (most recent call last):
  File "/usr/local/lib/python3.12/site-packages/sqlalchemy/engine/base.py", line 146, in __init__
    self._dbapi_connection = engine.raw_connection()
                             ^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.12/site-packages/psycopg2/__init__.py", line 122, in connect
    conn = _connect(dsn, connection_factory=connection_factory, **kwasync)
psycopg2.OperationalError: connection to server at "10.0.2.9", port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    engine.connect()
sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection refused
(Background on this error at: https://sqlalche.me/e/20/e3q8)"""

PYTHON_DURING = """\
Traceback (most recent call last):
  File "/app/settings.py", line 4, in <module>
    url = os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 1, in <module>
    import settings
app.errors.ConfigurationError: DATABASE_URL is not set"""

PYTHON_GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 9, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/main.py", line 5, in work
    | ValueError: no"""

JAVA = """\
Exception in thread "main" org.springframework.beans.factory.BeanCreationException: no bean 'dataSource'
	at org.springframework.beans.factory.support.ConstructorResolver.instantiate(ConstructorResolver.java:648)
	at java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(Unknown Source)
	at com.example.App.main(App.java:10)
Caused by: java.lang.IllegalStateException: cannot open pool
	at com.zaxxer.hikari.pool.HikariPool.checkFailFast(HikariPool.java:596)
	... 18 more
	Suppressed: java.io.IOException: closed
		at com.example.X.close(X.java:3)
Caused by: java.net.ConnectException: Connection refused
	at java.base/sun.nio.ch.Net.pollConnect(Native Method)
	... 32 common frames omitted"""

JAVA_SEVERAL_LINES = """\
com.example.ConfigException: 2 problems:
 - a is missing
 - b is missing
	at com.example.App.main(App.kt:10)"""

NODE = """\
/app/server.js:10
    throw new Error('no');
    ^

Error: connect ECONNREFUSED 10.0.2.9:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16)
    at async main (file:///app/server.mjs:10:3) {
  errno: -111,
  code: 'ECONNREFUSED'
}

Node.js v20.11.1"""

NODE_WARNING = """\
(node:1) UnhandledPromiseRejectionWarning: TypeError: Cannot read properties of undefined (reading 'url')
    at main (/app/server.js:10:15)
    at Object.<anonymous> (/app/server.js:20:1)"""

NODE_REJECTION = """\
node:internal/process/promises:288
            triggerUncaughtException(err, true /* fromPromise */);
            ^

[UnhandledPromiseRejection: This error originated either by throwing inside of an async function without a catch \
block, or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason "no".] {
  code: 'ERR_UNHANDLED_REJECTION'
}

Node.js v20.11.1"""

GO = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a2b3c]

goroutine 1 [running]:
main.(*Server).Start(0x0, {0x5a, 0x1})
	/app/main.go:42 +0x1d
main.main()
	/app/main.go:12 +0x25

goroutine 18 [select, 2 minutes]:
net/http.(*Server).Serve(0xc0001)
	/usr/local/go/src/net/http/server.go:3056 +0x2a5
created by main.main in goroutine 1
	/app/main.go:30 +0x85
exit status 2"""

GO_SERVER = """\
2025/07/12 09:00:01 http: panic serving 10.0.1.5:4242: no session table
goroutine 36 [running]:
net/http.(*conn).serve.func1()
	/usr/local/go/src/net/http/server.go:1868 +0xb9"""

GO_DEADLOCK = """\
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
	/app/main.go:5 +0x2d"""

SAMPLES = [
    pytest.param(PYTHON, "python", "sqlalchemy.exc.OperationalError", "(psycopg2.OperationalError)", id="python-cause"),
    pytest.param(
        PYTHON_DURING, "python", "app.errors.ConfigurationError", "DATABASE_URL is not set", id="python-during"
    ),
    pytest.param(PYTHON_GROUP, "python", "ExceptionGroup", "(1 sub-exception)", id="python-group"),
    pytest.param(
        "Traceback (most recent call last):\n  File x\nMemoryError", "python", "MemoryError", "Mem", id="bare"
    ),
    pytest.param(
        JAVA,
        "java",
        "org.springframework.beans.factory.BeanCreationException",
        "'dataSource'; Caused by: java.net.ConnectException: Connection refused",
        id="java",
    ),
    pytest.param(JAVA_SEVERAL_LINES, "java", "com.example.ConfigException", "2 problems", id="java-several-lines"),
    pytest.param(NODE[NODE.index("Error:") :], "node", "Error", "Error: connect ECONNREFUSED", id="node"),
    pytest.param(NODE_WARNING, "node", "TypeError", "TypeError: Cannot read", id="node-warning"),
    pytest.param(
        NODE_REJECTION[NODE_REJECTION.index("[Unh") :],
        "node",
        "UnhandledPromiseRejection",
        "with the reason",
        id="node-rejection",
    ),
    pytest.param(GO, "go", "runtime error", "panic: runtime error: invalid memory", id="go"),
    pytest.param(GO_SERVER, "go", "panic", "panic serving 10.0.1.5:4242: no session table", id="go-server"),
    pytest.param(GO_DEADLOCK, "go", "fatal error", "deadlock", id="go-deadlock"),
]


def log_events(messages, *, revision="web:2", stream="ecs/web/1", **changes):
    """Return rows of `log_events` of one stream, as `log_events_frame` makes them."""
    from ecs_notebook_lib.frames.logs import _read

    begin = pd.Timestamp("2025-07-12T09:00:00Z")
    rows = [
        {
            "log_group": "g",
            "log_stream": stream,
            "logged_at": begin + pd.Timedelta(seconds=number),
            "message": message,
            "task_id": stream.rpartition("/")[2],
            "container": "web",
            "revision": revision,
        }
        | changes
        for number, message in enumerate(messages)
    ]
    return rows_frame(_read(rows_frame(rows, SCHEMAS["log_events"])).to_dict("records"), SCHEMAS["log_events"])


@pytest.mark.parametrize(("text", "language", "exception", "message"), SAMPLES)
def test_a_trace_is_one_row_however_its_lines_arrive(text, language, exception, message):
    lines = [line for line in text.split("\n") if line]
    around = ["INFO:     before"], ["INFO:     after", "INFO:     more"]
    ways = {
        "line by line": [*around[0], *lines, *around[1]],
        "one event": [*around[0], text, *around[1]],
        "json": [*around[0], orjson.dumps({"level": "error", "msg": "x", "stack": text}).decode(), *around[1]],
    }

    for way, messages in ways.items():
        events = log_events(messages)
        traces = stack_traces_frame(events)

        assert list(traces["language"]) == [language], way
        assert list(traces["exception"]) == [exception], way
        assert message in traces["message"].iloc[0], way
        assert traces["line_count"].iloc[0] in (len(lines), len(text.split("\n"))), way
        assert not events.loc[events["message"].str.startswith("INFO"), "trace_id"].notna().any(), way


def test_what_node_prints_before_an_uncaught_error_belongs_to_it():
    [trace] = stack_traces_frame(log_events(NODE.split("\n"))).to_dict("records")

    assert trace["message"] == "Error: connect ECONNREFUSED 10.0.2.9:5432"
    assert trace["text"] == NODE


def test_equal_traces_are_counted_by_pattern_and_revision():
    one, two = PYTHON_DURING, PYTHON_DURING.replace("line 4", "line 5")
    events = pd.concat([log_events([one, two]), log_events([one], revision="web:1", stream="ecs/web/2")])
    events = events.reset_index(drop=True)

    assert list(stack_traces_frame(events)["same_count"]) == [2, 2, 1]


@pytest.mark.parametrize(
    "line",
    ["meet me at noon", "   at the end", "a panic is no trace", "Error: just a line", "goroutine 1 of 3", "TypeError"],
)
def test_a_line_that_only_sounds_like_a_trace_is_none(line):
    assert find_traces(["INFO x", line, "INFO y"]) == []


def test_a_trace_that_ran_away_is_shown_by_its_ends():
    deep = ["java.lang.StackOverflowError", *["\tat a.B.c(B.java:1)"] * 900, "INFO after"]

    [trace] = stack_traces_frame(log_events(deep)).to_dict("records")

    assert trace["line_count"] == 901
    assert len(trace["text"].split("\n")) == MAX_TEXT_LINES


def test_a_traceback_that_another_line_interrupts_still_says_something():
    lines = PYTHON_DURING.split("\n")

    [trace] = find_traces([*lines[:3], "INFO:     another thread", lines[3]])

    assert (trace.end, trace.exception) == (3, "")
    assert trace.message == 'url = os.environ["DATABASE_URL"]'


def test_traces_of_two_streams_do_not_mix():
    lines = PYTHON_DURING.split("\n")
    events = pd.concat([log_events(lines, stream="ecs/web/1"), log_events(lines, stream="ecs/web/2")])
    events = events.sort_values("logged_at", kind="stable", ignore_index=True)

    read = {text: read_line(text) for text in events["message"]}

    assert trace_ids(events, read).nunique() == 2
    assert len(stack_traces_frame(events.assign(trace_id=trace_ids(events, read)))) == 2


def test_a_pattern_is_new_if_the_last_good_revision_never_printed_it():
    old = log_events(["INFO: took 3 ms", "ERROR: cache is cold"], revision="web:1", stream="ecs/web/1")
    new = log_events(["INFO: took 9 ms", "ERROR: cache is cold", *PYTHON_DURING.split("\n")], stream="ecs/web/2")
    events = pd.concat([old, new], ignore_index=True)

    patterns = log_patterns_frame(events, stack_traces_frame(events), "web:1").set_index(["revision", "pattern"])

    assert not patterns.loc[("web:2", "ERROR: cache is cold"), "new"]
    assert not patterns.loc["web:1", "new"].any()
    [trace] = patterns.index[patterns["new"]]
    assert trace[1].startswith("app.errors.ConfigurationError")
    assert patterns.loc[trace, "level"] == "ERROR"


@pytest.mark.parametrize("last_good", ["", "web:1"])
def test_without_lines_of_the_last_good_revision_nothing_is_called_new(last_good):
    events = log_events(["ERROR: no"])

    assert log_patterns_frame(events, stack_traces_frame(events), last_good)["new"].isna().all()
