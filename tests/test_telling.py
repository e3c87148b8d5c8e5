"""The line that decides is among the first five, whatever noise is around it; and what is known of it is a finding."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from ecs_notebook_lib.diagnosis import Outcome
from ecs_notebook_lib.diagnosis.checks import run_checks
from ecs_notebook_lib.diagnosis.telling import LINES_SHOWN, dead_streams, telling_lines
from ecs_notebook_lib.examined import Deployment, DeploymentHistory
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.report.display import show_traces
from ecs_notebook_lib.report.log_tables import (
    dead_containers_table,
    new_patterns_table,
    stack_traces_table,
    telling_lines_table,
    whole_traces,
)

from .conftest import incident_of
from .test_stack_traces import GO, JAVA, NODE, PYTHON_DURING, log_events

DECIDING_LINE = {
    "permissions.task_role": "is not authorized to perform",
    "resources.memory": "was sent SIGKILL! Perhaps out of memory?",
}
"""What the line says by which a simulated container tells its cause."""

START = ["INFO:     Started server process [1]", "INFO:     Application startup complete.", "error_count: 0"]
ACCESS = [f'INFO:     10.0.1.5:{1024 + n} - "GET /health HTTP/1.1" 200 OK "ELB-HealthChecker/2.0"' for n in range(200)]
NOISE = [
    "WARNING: cache is cold, 12 misses, failed lookups will follow",
    "ERROR: metrics exporter is not configured",
    "WARNING: This is a development server. Do not use it in a production deployment, or it may fail.",
    "(node:1) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.",
    'INFO:     203.0.113.9:0 - "GET /favicon.ico HTTP/1.1" 404 Not Found "Mozilla"',
]
GOOD, BAD = "web:1", "web:2"


class Given(Frames):
    """Frames with the lines of a last good task and of dead tasks of the examined revision."""

    def __init__(self, good, *dead, gaps=(), last_good=GOOD):
        super().__init__(incident_of("clarity-healthy").snapshot)
        begun = datetime(2025, 7, 12, 8, tzinfo=UTC)
        deployments = tuple(Deployment(f"arn:aws:ecs:task-definition/{name}", begun) for name in (last_good, BAD))
        self.history = DeploymentHistory(deployments, deployments[1], deployments[0])
        self.gaps = dict(gaps)
        parts = [log_events(good, revision=GOOD, stream="ecs/web/good")]
        parts += [log_events(lines, revision=BAD, stream=f"ecs/web/dead{n}") for n, lines in enumerate(dead)]
        self.log_events = pd.concat(parts).sort_values("logged_at", kind="stable", ignore_index=True)
        tasks = [{"task_id": f"dead{n}", "revision": BAD, "last_status": "STOPPED"} for n in range(len(dead))]
        self.tasks = rows_frame(tasks, SCHEMAS["tasks"])


def results_of(frames):
    return {row.check: row for row in run_checks(frames)}


@pytest.mark.parametrize("name", ["clarity-backend", "clarity-backend@14h", "clarity-resources"])
def test_the_line_that_decides_is_among_the_first_five(name, seed, record_property):
    """In a third of the worlds without memory the process says nothing: then there is nothing to show."""
    incident = incident_of(name, seed)
    [cause] = [row.cause for row in incident.diagnosis.differential[:1]]
    printed = incident.frames.log_events["message"].str.contains(DECIDING_LINE[cause], regex=False, na=False)

    shown = telling_lines_table(incident.frames)
    lines = shown["line"].astype("string").str.contains(DECIDING_LINE[cause], regex=False)

    record_property(f"{name}:{seed}", f"printed {bool(printed.any())}, shown {bool(lines.any())}")
    assert len(shown) <= LINES_SHOWN
    assert lines.any() == printed.any()
    assert set(shown["revision"].dropna()) <= {incident.examined.revision}


@pytest.mark.parametrize(
    ("end", "decides"),
    [
        pytest.param("MemoryError", "MemoryError", id="python-memory"),
        pytest.param(
            "[2025-07-12 09:00:01 +0000] [1] [ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?",
            "SIGKILL",
            id="gunicorn-memory",
        ),
        pytest.param(
            'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', "heap", id="java-memory"
        ),
        pytest.param(
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "heap",
            id="node-memory",
        ),
        pytest.param("OSError: [Errno 12] Cannot allocate memory", "allocate", id="enomem"),
        pytest.param(GO, "panic: runtime error", id="go-panic"),
        pytest.param(NODE, "connect ECONNREFUSED", id="node-refused"),
        pytest.param(JAVA, "Connection refused", id="java-refused"),
        pytest.param(PYTHON_DURING, "DATABASE_URL is not set", id="python-own-error"),
        pytest.param('{"level":60,"msg":"no session table"}', "no session table", id="json-fatal"),
        pytest.param("FATAL:  password authentication failed for user", "password", id="new-fatal"),
        pytest.param("failed to open the session table", "session table", id="no-level"),
        pytest.param("bye", "bye", id="last-word"),
    ],
)
def test_the_line_that_decides_is_found_in_the_noise(end, decides):
    lines = [*START, *NOISE, *ACCESS, *end.split("\n"), *NOISE]
    frames = Given([*START, *NOISE, *ACCESS], lines, lines)

    shown = telling_lines(frames).head(LINES_SHOWN)

    assert decides in " ".join(shown["message"])
    assert shown["message"].is_unique


def test_what_is_harmless_is_never_shown_and_what_is_not_is():
    harmless = ["error_count: 0", "INFO: errors=0", *NOISE[2:]]

    frames = Given(START, [*harmless, "error_count: 1", "last words", "of this", "container"])

    assert list(telling_lines(frames)["message"]) == ["error_count: 1", "container", "of this", "last words"]


def test_an_error_that_the_last_good_revision_printed_too_comes_after_a_new_one():
    old = "ERROR: connect ECONNREFUSED 10.0.2.9:5432"

    frames = Given([*START, old], [*START, "ERROR: table is missing", old])

    assert list(telling_lines(frames)["message"])[:2] == ["ERROR: table is missing", old]


def test_a_revision_is_not_compared_with_itself():
    lines = ["ERROR: metrics are off", *START, "ERROR: connect ECONNREFUSED 10.0.2.9:5432", "ERROR: bye"]
    frames = Given([], lines, last_good=BAD)

    assert telling_lines(frames)["why"].iloc[0] == "a known error"
    assert frames.log_patterns["new"].isna().all()
    assert results_of(frames)["new_log_patterns"].outcome is Outcome.NOT_CHECKED


def test_a_known_error_comes_first_also_among_old_ones():
    old = ["ERROR: connect ECONNREFUSED 10.0.2.9:5432", "ERROR: bye"]

    assert list(telling_lines(Given(old, old))["message"]) == old


def test_without_lines_of_the_examined_revision_nothing_is_shown():
    frames = Given([*START, "ERROR: no"])

    assert len(telling_lines(frames)) == 0
    assert dead_streams(frames) == []
    for table in (telling_lines_table, new_patterns_table, stack_traces_table, dead_containers_table):
        assert len(table(frames)) == 0
    results = results_of(frames)
    assert results["new_log_patterns"].outcome is Outcome.NOT_CHECKED
    assert results["exceptions_of_dead_tasks"].outcome is Outcome.NOT_CHECKED


def test_a_new_error_is_a_finding():
    [finding] = results_of(Given(START, [*START, "ERROR: no table 12", "ERROR: no table 13"]))[
        "new_log_patterns"
    ].findings

    assert (finding.kind, finding.revision) == ("new_error_pattern", BAD)
    assert finding.rows == ("ERROR: no table <number>",)
    assert "prints 1 kind of error" in finding.statement


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["ERROR: cache is cold"], id="the-last-good-one-has-it-too"),
        pytest.param(["WARNING: it is late"], id="no-error"),
        pytest.param(["ERROR: DeprecationWarning: it is late"], id="harmless"),
    ],
)
def test_what_resembles_a_new_error_is_none(lines):
    result = results_of(Given([*START, "ERROR: cache is cold"], [*START, *lines]))["new_log_patterns"]

    assert result.outcome is Outcome.CLEAR


def test_without_lines_of_the_last_good_revision_new_errors_are_not_checked():
    result = results_of(Given([], [*START, "ERROR: no"]))["new_log_patterns"]

    assert (result.outcome, result.reason) == (
        Outcome.NOT_CHECKED,
        "no log line of the last good revision was read, to compare with",
    )


def test_refused_logs_leave_both_checks_not_checked_with_awss_reason():
    gaps = dict.fromkeys(("log_patterns", "stack_traces"), "AccessDeniedException: GetLogEvents")
    results = results_of(Given([], gaps=gaps))

    for check, frame in (("new_log_patterns", "log_patterns"), ("exceptions_of_dead_tasks", "stack_traces")):
        assert results[check].outcome is Outcome.NOT_CHECKED
        assert results[check].reason == f"{frame}: AccessDeniedException: GetLogEvents"


def test_an_exception_at_the_end_of_a_dead_container_is_a_finding():
    lines = [*START, *PYTHON_DURING.split("\n"), "INFO:     bye"]

    [finding] = results_of(Given(START, lines, lines))["exceptions_of_dead_tasks"].findings

    assert finding.kind == "uncaught_exception_in_log"
    assert finding.parts == {"exception": "app.errors.ConfigurationError", "language": "python"}
    assert "2 dead containers of web:2" in finding.statement


def test_an_exception_of_a_task_that_ecs_stopped_is_no_uncaught_one():
    frames = Given(START, [*START, *PYTHON_DURING.split("\n")])
    frames.tasks["stop_code"] = "ServiceSchedulerInitiated"

    assert results_of(frames)["exceptions_of_dead_tasks"].outcome is Outcome.CLEAR


def test_an_exception_that_was_survived_is_no_uncaught_one():
    result = results_of(Given(START, [*PYTHON_DURING.split("\n"), *ACCESS]))["exceptions_of_dead_tasks"]

    assert result.outcome is Outcome.CLEAR


@pytest.mark.parametrize(
    "line",
    [
        "MemoryError",
        "[ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?",
        "java.lang.OutOfMemoryError: Java heap space",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "fatal error: runtime: out of memory",
        "OSError: [Errno 12] Cannot allocate memory",
        '{"level":"error","message":"failed","exc_info":"Traceback (most recent call last):\\n  File x\\nMemoryError"}',
    ],
)
def test_programs_that_ran_out_of_memory_say_so_in_many_ways(line):
    findings = results_of(Given(START, [*START, line]))["log_errors"].findings

    assert [finding.kind for finding in findings] == ["memory_error_in_log"]


def test_dead_containers_are_shown_by_their_first_and_last_lines():
    lines = [f"line number {number}" for number in range(100)]

    table = dead_containers_table(Given(START, lines, lines, lines, lines))

    assert len(table) == 3 * 13
    assert list(table["message"].head(4)) == ["line number 0", "line number 1", "line number 2", "line number 90"]
    assert list(table["end"].head(4)) == ["first lines"] * 3 + ["last lines"]


def test_a_container_of_few_lines_shows_each_once():
    assert list(dead_containers_table(Given(START, ["a", "b", "c", "d"]))["message"]) == ["a", "b", "c", "d"]


def test_traces_and_lines_are_shown_without_controls_or_markup():
    hostile = ["Traceback (most recent call last):", "  \x1b[31m<script>", "ValueError: <b>\x1b]0;title\x07</b>"]
    frames = Given(START, hostile)

    shown = show_traces(whole_traces(frames)).data
    lines = telling_lines_table(frames)["line"]

    assert "\x1b" not in shown
    assert "\x07" not in lines.iloc[0]
    assert all(line.startswith("    ") for line in shown.split("\n"))


ANSWERED = (
    '{"level":%d,"req":{"method":"GET","url":"/orders"},"res":{"statusCode":%d},"err":{"message":"%s"},"msg":"%s"}'
)


def test_an_error_in_an_access_line_comes_to_the_same_finding_as_on_a_line_of_its_own():
    frames = Given(["INFO: started"], [ANSWERED % (50, 500, "connect ECONNREFUSED 10.0.2.9:5432", "request errored")])

    kinds = [finding.kind for finding in results_of(frames)["log_errors"].findings]

    assert kinds == ["dependency_error_in_log"]


def test_an_access_line_is_told_only_if_it_is_an_error():
    answers = [ANSWERED % (30, 200, "", "request completed"), ANSWERED % (50, 500, "no table", "request errored")]
    frames = Given(["INFO: started"], answers)

    assert telling_lines(frames)["message"].tolist() == answers[1:]
