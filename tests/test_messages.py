"""AWS's sentences are recognised by their words, whatever stands in the slots."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_notebook_lib.knowledge.messages import find_in_log, recognise, templates

PLACES = sorted({row.where for row in templates()})


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
        ("Essential container in task exited early", "stopped_reason"),
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
    import sys

    def steps(text):
        count = 0

        def trace(_frame, _event, _argument):
            nonlocal count
            count += 1
            return trace

        sys.settrace(trace)
        try:
            recognise(text, where=where)
        finally:
            sys.settrace(None)
        return count

    piece = "User: (service a) has started ResourceInitializationError: x is not authorized to perform: "
    recognise("warm", where=where)

    assert steps(piece * 80) <= 15 * steps(piece * 8 + "y")
