"""`explain`: what a message means by itself, through the command."""

import io
import json
import sys

import pytest

from ecs_notebook_lib.cli import main
from ecs_notebook_lib.diagnosis.explaining import explain
from ecs_notebook_lib.knowledge.messages import templates

from .conftest import steps

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
        ("Exited (137) 2 minutes ago", "resources.memory"),
        ('"exitCode": 127,', "application.command"),
        ("exit code 3", "application.crash"),
        ("Target.Timeout", "network.security_group"),
        ("Target.ResponseCodeMismatch", "health_check.path"),
        ("Target.NotRegistered", "deployment_config.target_group"),
        ("Elb.InternalError", "aws_service.disruption"),
        ("service web port 80 is unhealthy in target-group tg due to (reason Health checks failed with these codes: "
         "[404])", "health_check.path"),
    ],
)  # fmt: skip
def test_the_cause_that_a_message_speaks_for_is_told_first(text, cause, capsys):
    code = main(["explain", text, "--format", "json"])
    [first, *_] = json.loads(capsys.readouterr().out)["messages"]

    assert code == 0
    assert first["speaks_for"][0]["cause"] == cause
    assert first["checks"]


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("Target.Timeout", "target_times_out"),
        ("Target.FailedHealthChecks", "target_refuses"),
        ("Target.ResponseCodeMismatch", "target_answers_unnamed_code"),
        ("Target.IpUnusable", "target_group_does_not_fit"),
        ("Target.InvalidState", "target_stopped"),
        ("Elb.InternalError", "target_internal_error"),
        ("Elb.RegistrationInProgress", ""),
    ],
)
def test_a_reason_code_is_known_as_it_stands_in_a_response_of_aws(code, finding):
    [told] = explain(f'"Reason": "{code}",')

    assert (told.place, told.finding) == ("target_health", finding)


def test_a_rejected_status_that_is_not_named_leaves_several_causes_open():
    [told] = explain("Target.ResponseCodeMismatch")
    causes = [spoken.cause for spoken in told.speaks_for]

    assert "matcher" in told.meaning
    assert "description" in told.meaning
    assert {"health_check.path", "health_check.matcher", "application.error_response"} <= set(causes)
    assert told.speaks_for[0].probability < 0.7


def test_a_status_that_is_named_beside_the_reason_code_tells_more_than_the_code():
    text = "unhealthy, Target.ResponseCodeMismatch: Health checks failed with these codes: [302]"

    assert explain(text)[0].finding == "target_redirects"


CI = "User: arn:aws:sts::111122223333:assumed-role/github-ci/run"
TASK = "User: arn:aws:sts::111122223333:assumed-role/web/528ccd77af10807abb75c103ce17ec71"


@pytest.mark.parametrize(
    "text",
    [
        f"{CI} is not authorized to perform: ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:1:service/c/web "
        "because no identity-based policy allows the ecs:UpdateService action",
        f"AccessDeniedException: {CI} is not authorized to perform: ecs:RegisterTaskDefinition on resource: *",
        "An error occurred (ClientException) when calling the RegisterTaskDefinition operation: "
        f"{CI} is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/ecsTaskExecutionRole",
        "AccessDeniedException ... is not authorized to perform: ecs:UpdateService",
        "AccessDeniedException: User ci is not authorized to perform: ecs:CreateService on resource: web",
        "not authorized to perform: iam:PassRole",
    ],
)
def test_a_refused_call_of_whoever_deploys_is_not_blamed_on_a_role_of_the_task(text):
    [told] = explain(text)

    assert told.speaks_for[0].cause == "permissions.deployer"
    assert "permissions.execution_role" not in [spoken.cause for spoken in told.speaks_for]


@pytest.mark.parametrize(
    "text",
    [
        f"{CI} is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
        f"{TASK} is not authorized to perform: ecs:UpdateService on resource: *",
        "not authorized to perform: ecs:RegisterContainerInstance",
        "User: x is not authorized to perform: ecs:Poll on resource: *",
    ],
)
def test_a_refused_call_of_a_task_or_of_the_agent_does_not_speak_for_the_deployer(text):
    [told] = explain(text)

    assert "permissions.deployer" not in [spoken.cause for spoken in told.speaks_for]


def test_a_wrapped_failure_is_explained_and_not_its_wrapping(capsys):
    main(["explain", f"(service web) was unable to place a task. Reason: {RESOURCE}i/o timeout"])

    assert "network.egress" in capsys.readouterr().out.split("By itself it speaks for:")[1].split("\n")[1]


@pytest.mark.parametrize(
    "text",
    [
        "(service web) has reached a steady state.",
        "Target registration is in progress",
        "Elb.InitialHealthChecking",
        "Target.DeregistrationInProgress",
        "exit code 143",
    ],
)
def test_information_speaks_for_no_cause(text, capsys):
    code = main(["explain", text])

    assert code == 0
    assert "speaks for no cause" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (0, "ended_without_error"),
        (3, "exited_by_itself"),
        (125, "container_settings_wrong"),
        (130, "exited_by_itself"),
        (132, "crashed_by_signal"),
        (139, "crashed_by_signal"),
        (143, ""),
        (255, "exited_by_itself"),
    ],
)
def test_each_exit_code_comes_to_a_finding_and_names_its_source(code, finding):
    [told] = explain(str(code))

    assert told.finding == finding
    assert told.source


def test_a_number_beyond_the_exit_codes_is_not_known():
    assert explain("404") == ()


def test_what_is_not_known_is_said_in_one_line(capsys):
    code = main(["explain", "the dog ate it\x1b[31m"])
    out = capsys.readouterr().out

    assert code == 4
    assert out.count("\n") == 1
    assert "\x1b" not in out


@pytest.mark.parametrize("text", [*sorted({row.sample for row in templates()}), "137", "exit code 132"])
def test_a_source_is_named_that_people_can_look_up(text):
    sources = [row.source for row in explain(text)]

    assert sources
    assert not [source for source in sources if "ECS_FACTS" in source]


def test_a_section_of_the_notes_is_shown_as_the_page_at_aws(capsys):
    main(["explain", "unable to pull, i/o timeout"])
    [line] = [line for line in capsys.readouterr().out.splitlines() if "Source:" in line]

    assert "stopped task error codes (https://docs.aws.amazon.com/" in line


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


def test_the_exit_codes_of_several_containers_are_each_explained():
    codes = [row.parts["exit_code"] for row in explain("app: exit code 1\nproxy: exit code 137\n")]

    assert codes == ["1", "137"]


@pytest.mark.parametrize("odd", ["\x1b[31m", "\u202e", "\x9b31m", "\udcff"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_stands_in_a_message_is_shown_and_not_obeyed(odd, form, capsys):
    code = main(["explain", f"CannotPullContainerError: failed to resolve ref we{odd}b:9: not found", "--format", form])
    out = capsys.readouterr().out

    assert code == 0
    assert odd not in out
    assert "b:9" in out


def test_bytes_that_are_no_text_do_not_stop_it(capsys, monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO(b"caf\xe9 \xff\nRequest timed out\n"), encoding="ascii")
    monkeypatch.setattr(sys, "stdin", piped)

    code = main(["explain", "-"])

    assert code == 0
    assert "network.security_group" in capsys.readouterr().out


def test_a_message_is_found_in_the_middle_of_many_lines():
    lines = [f"request {number} served" for number in range(1_000)]
    text = "\n".join([*lines[:500], "exec format error", *lines[500:]])

    assert "image_wrong_platform" in {row.finding for row in explain(text)}


@pytest.mark.parametrize("piece", ["User: x is not authorized to perform: a ", "Request timed out\n", "exit " * 9, " "])
def test_work_is_linear_in_the_length_of_the_text(piece):
    million = piece * (1_000_000 // len(piece))
    explain("warm")

    assert steps(lambda: explain(million)) <= 12 * steps(lambda: explain(million[:125_000])) + 1000


def test_work_is_linear_in_the_number_of_different_lines():
    lines = [f"{number} GET /items/{number} took {number} ms" for number in range(1_800)]
    few, many = "\n".join(lines[:200]), "\n".join(lines[200:])
    explain("warm")

    assert steps(lambda: explain(many)) <= 12 * steps(lambda: explain(few)) + 1000
