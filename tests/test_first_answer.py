"""Live, over HTTP: the first answer comes before the rest is asked for, and the printed commands run as they stand."""

import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ecs_notebook_lib.simulate import build, serve

from .conftest import STORIES, environment, incident_of

COMMAND = [sys.executable, "-c", "import sys; from ecs_notebook_lib.cli import main; sys.exit(main())"]
SOURCE = "live:clarity-backend-cluster/clarity-backend"
AWS = str(Path(sys.executable).parent / "aws")
AWS_2 = shutil.which("aws", path="/usr/local/bin:/usr/bin")


def test_the_leading_cause_is_told_while_logs_and_roles_are_not_in_yet():
    world, told = build("clarity-health-check"), threading.Event()
    late = ("logs:GetLogEvents", "iam:GetRole", "iam:SimulatePrincipalPolicy", "cloudwatch:GetMetricData")
    plain = dict(world.operations)

    def wait_for_first_answer(name):
        def answer(call):
            assert told.wait(60), "the first answer waits for what should come after it"
            return plain[name](call)

        return answer

    world.operations = plain | {name: wait_for_first_answer(name) for name in late}
    with serve(unlocked(world), "127.0.0.1") as server:
        process = subprocess.Popen(
            [*COMMAND, "diagnose", SOURCE],
            env=environment(server.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "first answer" in line:
                told.set()
        answer = process.stdout.read()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    [first] = [line for line in lines if "first answer" in line]
    assert "the load balancer asks for a path that the application does not answer" in first
    assert "Before logs, roles" in first
    assert process.returncode == 3
    assert "clarity-backend answered 404" in answer.replace("clarity-backend:146", "clarity-backend")


def unlocked(world):
    """Return the world's answers without its lock, so that one call may wait for another."""
    return world._wire.respond


def test_quiet_means_no_first_answer_and_an_error_does_not_wait_for_it():
    with serve(build("clarity-healthy").respond, "127.0.0.1") as server:
        quiet = subprocess.run(
            [*COMMAND, "diagnose", SOURCE, "--quiet"],
            env=environment(server.url),
            capture_output=True,
            text=True,
            check=False,
        )
        wrong = subprocess.run(
            [*COMMAND, "diagnose", "live:nowhere/nothing"],
            env=environment(server.url),
            capture_output=True,
            text=True,
            check=False,
        )

    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert wrong.returncode == 1
    assert "first answer" not in wrong.stderr
    assert wrong.stderr.strip().splitlines()[-1].startswith("ecs-notebook: ")


@pytest.mark.parametrize("name", STORIES[:4])
def test_the_storys_commands_run_as_printed(name):
    """`aws logs tail` is of version 2 of the AWS CLI; where that is not installed, `make soak` says so."""
    commands = [row.command for row in incident_of(name).diagnosis.commands if row.command]
    ran = 0
    with serve(build(name).respond, "127.0.0.1") as server:
        for command in commands:
            program, *arguments = shlex.split(command)
            tail = arguments[:2] == ["logs", "tail"]
            if tail and AWS_2 is None:
                continue
            endpoint = ["--endpoint-url", server.url] if tail else []
            done = subprocess.run(
                [AWS_2 if tail else AWS, *arguments, *endpoint],
                env=environment(server.url),
                capture_output=True,
                text=True,
                check=False,
            )
            assert program == "aws"
            assert done.returncode == 0, (command, done.stderr)
            silent = tail and not incident_of(name).frames.tasks["started_at"].notna().any()
            assert done.stdout.strip() or silent, command
            ran += 1

    assert {command.split()[1] for command in commands} == {"elbv2", "ecs", "logs", "iam", "ec2"}
    assert ran >= len(commands) - 1
