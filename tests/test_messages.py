"""AWS's sentences are recognised by their words, whatever stands in the slots."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_notebook_lib.knowledge.messages import find_in_log, recognise, recognise_all, templates

from .conftest import steps

PLACES = sorted({row.where for row in templates()})
SENTENCES = [
    json.loads(line)
    for path in sorted((Path(__file__).parent / "data" / "messages").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
CATCH_ALL = ("start_failed", "task_not_placed", "pull_failed")
DENIED = (
    "User: arn:aws:sts::111122223333:assumed-role/web/abc is not authorized to perform: "
    "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:111122223333:table/t"
)


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: f"{sentence['row']}-{sentence.get('kind')}")
def test_every_documented_sentence_is_known_and_not_only_by_its_prefix(sentence):
    message = recognise(sentence["text"], where=sentence["where"])

    assert message is not None
    assert message.kind == sentence.get("kind", message.kind)
    assert message.kind not in CATCH_ALL or sentence.get("kind") == message.kind


@pytest.mark.parametrize("end", ["", "."])
def test_a_final_period_does_not_matter(end):
    text = f"(service web) (task 528ccd77af10807abb75c103ce17ec71) failed container health checks{end}"

    assert recognise(text, where="service_event").kind == "failed_container_health_checks"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            f"failed: {'x' * 110}: There is a connection issue between ",
            "start_network",
            id="inside-a-literal",
        ),
        pytest.param(
            "Task failed ELB health checks in (target-group arn:aws:ela...", "failed_elb_health_checks", id="..."
        ),
        pytest.param(f"ResourceInitializationError: {'x' * 230}", "start_failed", id="before-anything-distinctive"),
        pytest.param("Scaling activ", None, id="too-short-to-have-been-cut"),
    ],
)
def test_a_text_that_was_cut_is_recognised_by_a_distinctive_beginning(text, kind):
    message = recognise(text, where="stopped_reason")

    assert (message.kind if message else None) == kind


def test_a_cut_text_is_marked_and_a_whole_one_is_not():
    long = f"ResourceInitializationError: {'x' * 220}: There is a connection issue between "

    assert recognise(long, where="stopped_reason").truncated
    assert not recognise(f"{long}the task and Amazon ECR. Check it.", where="stopped_reason").truncated


def test_equal_texts_are_answered_alike_and_missing_ones_with_none():
    known = "Request timed out"

    messages = recognise_all([known, None, "no such sentence", known], where="target_health")

    assert [message.kind if message else None for message in messages] == [
        "request_timeout",
        None,
        None,
        "request_timeout",
    ]


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ("AccessDeniedException: ", "", "stopped_reason"),
        ("CannotPullContainerError: denied: ", " status code: 400", "stopped_reason"),
        ("(service web) failed to launch a task with (error ", ").", "service_event"),
        ("Service deployment rolled back because of ", " because no identity-based policy allows it", "status_reason"),
        ("An error occurred (AccessDenied) when calling the X operation: ", "", "cli_error"),
        ("Traceback (most recent call last):\n  File app.py\n", " (Service: DynamoDb, Status Code: 400)", "log_line"),
        (f"Traceback (most recent call last):\n{'  File app.py ' * 2000}\n", "", "log_line"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_denial_is_told_in_full_wherever_it_stands(before, after, where):
    parts = recognise(f"{before}{DENIED}{after}", where=where).innermost.parts

    assert parts["principal"] == "arn:aws:sts::111122223333:assumed-role/web/abc"
    assert parts["action"] == "dynamodb:GetItem"
    assert parts["resource"] == "arn:aws:dynamodb:us-east-1:111122223333:table/t"


def test_an_event_that_quotes_a_denial_keeps_its_own_meaning():
    text = f"(service web) failed to register targets in (target-group tg/web) with (error {DENIED})"

    message = recognise(text, where="service_event")

    assert (message.kind, message.innermost.kind) == ("target_registration_failed", "access_denied")


def test_an_access_line_may_have_a_query_and_a_prefix():
    line = 'web-1 10.0.1.5 - - [12/Jul/2025:09:00:01 +0000] "GET /health?full=1&x=%20 HTTP/1.1" 200 15 "-" "curl/8.1"'

    parts = find_in_log(line).parts

    assert (parts["client"], parts["path"], parts["status"]) == ("10.0.1.5", "/health?full=1&x=%20", "200")


@pytest.mark.parametrize("row", templates(), ids=lambda row: f"{row.where}-{row.kind}")
def test_each_template_recognises_its_own_sample(row):
    message = recognise(row.sample, where=row.where)

    assert message is not None
    assert message.template is row


@pytest.mark.parametrize("row", [row for row in templates() if row.where == "service_event"], ids=lambda row: row.kind)
def test_the_console_form_without_parentheses_means_the_same(row):
    plain = row.sample.replace("(", "").replace(")", "")

    assert recognise(plain, where="service_event").kind == row.kind


@pytest.mark.parametrize("row", [row for row in templates() if row.where != "log_line"], ids=lambda row: row.kind)
def test_case_apostrophes_and_white_space_do_not_matter(row):
    shouted = row.sample.replace("'", "\u2019").replace(" ", "  ").upper()

    assert recognise(shouted, where=row.where).kind == row.kind


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("(service web) has reached an odd state.", "service_event"),
        ("(service web) (task zz!) (port 80) is unhealthy in (target-group t) due to (reason x)", "service_event"),
        ("The container went its own way", "stopped_reason"),
        ("everything is fine", "log_line"),
        ("", "log_line"),
        (None, "stopped_reason"),
    ],
)
def test_what_is_not_known_is_not_guessed(text, where):
    assert recognise(text, where=where) is None


def test_a_message_quoted_inside_another_is_recognised_too():
    text = (
        "(service web) was unable to place a task. Reason: CannotPullContainerError: pull image manifest has been "
        "retried 7 time(s): failed to resolve ref r/web:9: r/web:9: not found."
    )

    assert recognise(text, where="service_event").innermost.kind == "image_missing"


def test_a_denial_tells_who_what_and_on_which_resource():
    line = (
        "2025-07-12 ERROR botocore.exceptions.ClientError: An error occurred (AccessDeniedException) when calling the "
        "GetItem operation: User: arn:aws:sts::111122223333:assumed-role/web/abc is not authorized to perform: "
        "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:111122223333:table/t because no identity-based "
        "policy allows the dynamodb:GetItem action"
    )

    parts = find_in_log(line).parts

    assert parts["operation"] == "GetItem"
    assert parts["principal"] == "arn:aws:sts::111122223333:assumed-role/web/abc"
    assert parts["action"] == "dynamodb:GetItem"
    assert parts["resource"] == "arn:aws:dynamodb:us-east-1:111122223333:table/t"


words = st.text(alphabet=string.ascii_letters + string.digits + "-/:", min_size=1, max_size=30)


@given(words, st.integers(min_value=0, max_value=10**6), words)
def test_slots_come_back_as_they_were_put_in(service, count, group):
    text = f"(service {service}) registered {count} targets in (target-group {group})"

    message = recognise(text, where="service_event")

    assert message.kind == "targets_registered"
    assert (message.parts["service"], message.parts["n"], message.parts["target_group"]) == (service, str(count), group)


@settings(max_examples=200)
@given(st.text(max_size=400), st.sampled_from(PLACES))
def test_no_text_makes_it_fail(text, where):
    message = recognise(text, where=where)

    assert message is None or message.where == where


@pytest.mark.parametrize("where", PLACES)
def test_work_grows_with_the_text_and_not_faster(where):
    piece = "User: (service a) has started ResourceInitializationError: x is not authorized to perform: "
    recognise("warm", where=where)

    few, many = piece * 8 + "y", piece * 80
    assert steps(lambda: recognise(many, where=where)) <= 15 * steps(lambda: recognise(few, where=where))
