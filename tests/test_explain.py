"""`explain`: what a message means by itself, through the command."""

import io
import json
import sys

import pytest

from ecs_notebook_lib.cli import main
from ecs_notebook_lib.diagnosis.explaining import explain

RESOURCE = "ResourceInitializationError: unable to pull secrets or registry auth: "


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Task failed ELB health checks in (target-group tg/web)", "health_check.timing"),
        ("Health checks failed with these codes: [404]", "health_check.path"),
        ("Health checks failed with these codes: [302]", "health_check.matcher"),
        ("Health checks failed with these codes: [500]", "application.error_response"),
        ("Request timed out", "network.security_group"),
        ("Target is in an Availability Zone that is not enabled for the load balancer", "network.zone"),
        ("Target group is not configured to receive traffic from the load balancer", "deployment_config.target_group"),
        (f"{RESOURCE}There is a connection issue between the task and Amazon ECR. Check it.", "network.egress"),
        (f"{RESOURCE}Secrets Manager can't find the specified secret", "secrets_config.missing"),
        (f"{RESOURCE}retrieved secret from Secrets Manager did not contain json key A", "secrets_config.malformed"),
        ("ResourceInitializationError: failed to validate logger args: The specified log group does not exist.",
         "secrets_config.log_group"),
        ("CannotPullContainerError: ref pull has been retried: toomanyrequests: Too Many Requests", "image.rate_limit"),
        ("exec /bin/bash: exec format error", "image.platform"),
        ("OutOfMemoryError: Container killed due to memory usage", "resources.memory"),
        ("CannotPullContainerError: write /var/lib: no space left on device", "resources.disk"),
        ("(service web) was unable to place a task. Reason: Capacity is unavailable at this time.", "capacity.fargate"),
        ("You\u2019ve reached the limit on the number of vCPUs you can run concurrently", "capacity.quota"),
        ("is already using a port required by your task", "capacity.host_port"),
        ('encountered error "RESOURCE:ENI"', "capacity.addresses"),
        ('encountered error "AGENT"', "aws_service.agent"),
        ("ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided.", "permissions.trust"),
        ("Your Spot Task was interrupted.", "capacity.interrupted"),
        ("exit code 137", "resources.memory"),
        ("0", "application.finished"),
        ("127", "application.command"),
    ],
)  # fmt: skip
def test_the_cause_that_a_message_speaks_for_is_told_first(text, cause, capsys):
    code = main(["explain", text, "--format", "json"])
    [first, *_] = json.loads(capsys.readouterr().out)["messages"]

    assert code == 0
    assert first["speaks_for"][0]["cause"] == cause
    assert first["checks"]


def test_a_wrapped_failure_is_explained_and_not_its_wrapping(capsys):
    main(["explain", f"(service web) was unable to place a task. Reason: {RESOURCE}i/o timeout"])

    assert "network.egress" in capsys.readouterr().out.split("By itself it speaks for:")[1].split("\n")[1]


def test_information_speaks_for_no_cause(capsys):
    code = main(["explain", "(service web) has reached a steady state."])

    assert code == 0
    assert "speaks for no cause" in capsys.readouterr().out


def test_what_is_not_known_is_said_in_one_line(capsys):
    code = main(["explain", "the dog ate it\x1b[31m"])
    out = capsys.readouterr().out

    assert code == 4
    assert out.count("\n") == 1
    assert "\x1b" not in out


def test_an_empty_text_is_wrong_usage():
    with pytest.raises(SystemExit) as stop:
        main(["explain", " "])

    assert stop.value.code == 2


def test_each_message_of_several_lines_is_explained_once(capsys, monkeypatch):
    text = "Request timed out\nexec format error\nRequest timed out\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    main(["explain", "-", "--format", "json"])
    findings = [row["finding"] for row in json.loads(capsys.readouterr().out)["messages"]]

    assert sorted(findings) == ["image_wrong_platform", "target_times_out"]


@pytest.mark.parametrize("piece", ["User: x is not authorized to perform: a ", "Request timed out\n", "x" * 60 + "\n"])
def test_work_is_linear_in_the_length_of_the_text(piece):
    def steps(text):
        count = 0

        def trace(_frame, _event, _argument):
            nonlocal count
            count += 1
            return trace

        explain("warm")
        sys.settrace(trace)
        try:
            explain(text)
        finally:
            sys.settrace(None)
        return count

    million = piece * (1_000_000 // len(piece))

    assert steps(million) <= 12 * steps(million[:125_000]) + 1000
