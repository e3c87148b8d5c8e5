"""`ecs-notebook wait`: the deployment is followed, failures that last end the wait, and evidence is kept."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from benchmarks.first_answer import environment
from benchmarks.waiter import mend
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.collect import Access, open_clients
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.incident import Incident, simulated_clients
from ecs_notebook_lib.simulate import begin, paced, serve
from ecs_notebook_lib.snapshot import load_snapshot
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.wait import Wanted, Watch, wait_for
from ecs_notebook_lib.wait.attempts import failures_of, lasting_fault
from ecs_notebook_lib.wait.judging import Followed, Verdict, judge, judge_answer
from ecs_notebook_lib.wait.seen import Seen
from ecs_notebook_lib.wait.telling import Teller
from ecs_notebook_lib.wait.waiting import Clock, Patience, Result

NOON = parse_instant("2025-03-04T12:00:00Z")
POLL = 15.0


def world_clock(world, before=lambda _world: None):
    """Return a clock whose sleep lets the world's time pass."""

    def sleep(seconds):
        before(world)
        world.run_until(world.now + timedelta(seconds=seconds))

    return Clock(now=lambda: world.now.timestamp(), sleep=sleep)


def waited(name, seed=0, *, wanted=Wanted(), timeout=3600, before=lambda _world: None):  # noqa: B008
    """Return a world, the watch on it, what became of its service, and what was told."""
    world = begin(name, seed)
    watch = Watch(simulated_clients(world), world.cluster, [world.service])
    teller, lines = Teller(timeout=timeout), []
    results = wait_for(
        watch,
        wanted,
        Patience(timeout, POLL),
        tell=lambda result: lines.extend(teller.lines(result)),
        clock=world_clock(world, before),
    )
    return SimpleNamespace(world=world, watch=watch, result=results[world.service], lines=lines)


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("name", ["varied-healthy", "slow-rollout"])
def test_a_good_rollout_is_waited_for_until_it_is_stable(name, number):
    done = waited(name, 500 + number, timeout=7200)

    assert done.result.verdict.outcome == "stable"
    assert done.world.scheduler.services[done.world.service].deployments[0].shape["rolloutState"] == "COMPLETED"


@pytest.mark.parametrize("name", ["exec-format-error", "program-crashes", "no-way-out", "program-ends", "other-port"])
def test_a_fault_that_is_mended_after_the_first_failure_does_not_end_the_wait(name):
    assert waited(name, 1, before=mend).result.verdict.outcome == "stable"


FAULTS = [
    ("tag-missing", 3, "lasting_fault", "image.missing"),
    ("secret-absent", 0, "lasting_fault", "secrets_config.missing"),
    ("registry-refused", 0, "lasting_fault", "permissions.execution_role"),
    ("task-role-refused", 3, "lasting_fault", "permissions.task_role"),
    ("other-port", 0, "lasting_fault", "health_check.port"),
    ("program-crashes", 0, "lasting_fault", "application.crash"),
    ("role-not-assumed", 0, "lasting_fault", "permissions.trust"),
    ("constraint-unmet", 0, "lasting_fault", "deployment_config.constraint"),
    ("dependency-down-503", 0, "rolled_back", "dependency.unavailable"),
    ("alarm-rings", 0, "rolled_back", "application.error_response"),
    ("moved-health-path", 0, "deployment_failed", "health_check.path"),
    ("no-room", 0, "percentages", "deployment_config.percentages"),
]


@pytest.mark.parametrize(("name", "number", "code", "cause"), FAULTS)
def test_a_fault_that_lasts_ends_the_wait_with_its_cause_first(name, number, code, cause):
    done = waited(name, number)
    diagnosis = diagnose(Frames(done.watch.snapshot(done.world.service, lambda _step: None)))

    assert (done.result.verdict.outcome, done.result.verdict.code) == ("failed", code)
    assert diagnosis.differential[0].cause == cause


def test_a_deployment_that_is_superseded_is_not_waited_for():
    assert waited("deployed-again", 0).result.verdict.code == "superseded"


@pytest.mark.parametrize("name", ["too-many-pulls", "dependency-down-exit", "no-capacity", "maintenance"])
def test_what_may_pass_by_itself_is_waited_for_to_the_end(name):
    verdict = waited(name, 0, timeout=900).result.verdict

    assert (verdict.outcome, verdict.code) == ("failed", "time_out")


def test_a_wait_that_is_too_short_says_by_how_much():
    done = waited("slow-rollout", 0, timeout=300)

    assert done.result.verdict.code == "time_out"
    assert done.result.shortest > 300
    assert "that is too short: this rollout takes at least" in done.result.verdict.reason
    assert any("the time limit of 5 min 00 s is too short for it by" in line for line in done.lines)


def test_at_the_limit_it_looks_once_more():
    done = waited("varied-healthy", 3)
    seconds = (done.result.seen.at - parse_instant(done.result.followed.created_at)).total_seconds()

    assert waited("varied-healthy", 3, timeout=seconds + 1).result.verdict.outcome == "stable"
    assert waited("varied-healthy", 3, timeout=seconds - 2 * POLL).result.verdict.code == "time_out"


def test_a_rollback_that_looks_stable_is_no_success():
    done = waited("task-role-refused", 0)

    assert done.result.verdict.code == "rolled_back"
    assert "circuit breaker" in done.result.verdict.reason
    done.world.run_until(done.world.now + timedelta(minutes=20))
    aws = simulated_clients(done.world).get("ecs").get_waiter("services_stable")
    aws.wait(cluster=done.world.cluster, services=[done.world.service], WaiterConfig={"Delay": 0, "MaxAttempts": 1})


def test_a_task_set_is_followed_where_somebody_else_deploys():
    done = waited("other-controller", 0)

    assert done.result.verdict.outcome == "stable"
    assert any("can never succeed on it" in line for line in done.lines)


def test_a_deployment_that_is_not_there_is_waited_for_a_minute():
    done = waited("varied-healthy", 0, wanted=Wanted(task_definition="another:7"))

    assert done.result.verdict.code == "not_seen"


def test_a_look_at_a_service_that_stands_still_costs_two_calls():
    world = begin("varied-healthy", 3)
    world.run_until(world.now + timedelta(minutes=40))
    calls = Counter()
    dispatch = world.answer
    world._wire._dispatch = lambda call: (calls.update([f"{call.service}:{call.operation}"]), dispatch(call))[1]
    watch = Watch(simulated_clients(world), world.cluster, [world.service])
    watch.look([world.service], {})
    first = dict(calls)
    calls.clear()
    watch.look([world.service], {})

    assert first == {
        "ecs:DescribeServices": 1,
        "ecs:ListTasks": 2,
        "ecs:DescribeTasks": 1,
        "elbv2:DescribeTargetHealth": 1,
    }
    assert dict(calls) == {"ecs:DescribeServices": 1, "elbv2:DescribeTargetHealth": 1}


@pytest.mark.parametrize(
    ("status", "code"), [("DRAINING", "service_not_active"), ("INACTIVE", "service_not_active"), ("ACTIVE", "")]
)
def test_a_service_that_is_deleted_is_not_waited_for(status, code):
    assert judge_answer(Seen(NOON, {"status": status}), "web").code == code


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("MISSING", "failed"),
        ("AccessDeniedException", "failed"),
        ("ExpiredTokenException", "failed"),
        ("ClusterNotFoundException", "failed"),
        ("ThrottlingException", "waiting"),
        ("ServerException", "waiting"),
    ],
)
def test_an_error_ends_the_wait_only_if_asking_again_is_of_no_use(error, outcome):
    assert judge_answer(Seen(NOON, None, {"code": error, "message": ""}), "web").outcome == outcome


FOLLOWED = Followed("ecs-svc/1", "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:2", "arn:sd")


def blue_green(status, **record):
    deployments = [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "taskDefinition": "web:2"}]
    service = {
        "deployments": deployments,
        "desiredCount": 1,
        "runningCount": 1,
        "deploymentConfiguration": {"strategy": "BLUE_GREEN"},
    }
    return Seen(NOON, service, service_deployment={"status": status, **record})


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        ("IN_PROGRESS", "waiting", ""),
        ("SUCCESSFUL", "stable", "stable"),
        ("ROLLBACK_IN_PROGRESS", "failed", "rolled_back"),
        ("ROLLBACK_SUCCESSFUL", "failed", "rolled_back"),
        ("STOPPED", "failed", "stopped"),
    ],
)
def test_blue_green_is_judged_by_its_service_deployment(status, outcome, code):
    verdict = judge(blue_green(status), FOLLOWED)

    assert (verdict.outcome, verdict.code) == (outcome, code)


def task(name, created, ended, reason="Essential container in task exited", *, code=1, stop="EssentialContainerExited"):
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:111122223333:task/main/{name}",
        "startedBy": "ecs-svc/1",
        "createdAt": f"2025-03-04T11:{created}Z",
        "stoppedAt": f"2025-03-04T11:{ended}Z",
        "stopCode": stop,
        "stoppedReason": reason,
        "containers": [{"name": "web", "exitCode": code}],
    }


def fault_of(tasks, lines=None):
    seen = Seen(NOON, {"deployments": []}, tasks={row["taskArn"]: row for row in tasks}, lines=lines or {})
    found = lasting_fault(failures_of(seen, "ecs-svc/1"))
    return None if found is None else (found[0].kind, found[1])


NOT_FOUND = "CannotPullContainerError: Error response from daemon: manifest for r/web:9 not found: manifest unknown"
ROLLING = {"reason": "Scaling activity initiated by (deployment ecs-svc/1)", "stop": "ServiceSchedulerInitiated"}


@pytest.mark.parametrize(
    ("tasks", "fault"),
    [
        pytest.param([], None, id="nothing-ended"),
        pytest.param([task("a", "00:00", "01:00")], None, id="one-attempt"),
        pytest.param([task("a", "00:00", "01:00"), task("b", "00:01", "01:02")], None, id="one-attempt-of-two-tasks"),
        pytest.param([task("a", "00:00", "01:00"), task("b", "01:10", "02:00")], ("exited_by_itself", 2), id="two"),
        pytest.param([task("a", "00:00", "01:00"), task("b", "01:10", "02:00", code=0)], None, id="two-different-ends"),
        pytest.param(
            [task("a", "00:00", "01:00", NOT_FOUND, code=None, stop="TaskFailedToStart")],
            ("image_not_found", 1),
            id="the-message-decides",
        ),
        pytest.param(
            [
                task("a", "00:00", "01:00", **ROLLING),
                task("b", "01:10", "02:00", **ROLLING),
            ],
            None,
            id="stopped-by-the-rollout",
        ),
    ],
)  # fmt: skip
def test_a_second_attempt_is_a_task_that_was_created_after_one_failed(tasks, fault):
    assert fault_of(tasks) == fault


def test_a_dependency_that_may_come_up_is_no_fault_that_lasts():
    tasks = [task("a", "00:00", "01:00"), task("b", "01:10", "02:00")]
    waiting = {row["taskArn"]: ["connect ECONNREFUSED 10.0.4.7:5432"] for row in tasks}

    assert fault_of(tasks, waiting) is None
    assert fault_of(tasks, dict(list(waiting.items())[:1])) is None
    assert fault_of(tasks, {row["taskArn"]: ["listening on 8080"] for row in tasks}) == ("exited_by_itself", 2)


def test_equal_environment_values_stay_equal_between_the_wait_and_what_is_read_after_it():
    world = begin("program-crashes", 0)
    for definition in world.task_definitions.values():
        definition["containerDefinitions"][0]["environment"] = [{"name": "MODE", "value": "kept-secret"}]
    watch = Watch(simulated_clients(world), world.cluster, [world.service])
    wait_for(watch, Wanted(), Patience(1200, POLL), clock=world_clock(world))
    snapshot = watch.snapshot(world.service, lambda _step: None)
    pages = snapshot.records("ecs:DescribeTaskDefinition")
    values = {
        row["value"]
        for page in pages
        for container in page["response"]["taskDefinition"]["containerDefinitions"]
        for row in container.get("environment", ())
    }

    assert len(pages) > 2
    assert len(values) == 1
    assert "kept-secret" not in values


def test_each_event_and_each_way_of_failing_is_told_once():
    done = waited("program-crashes", 0)
    events = [line.partition("event: ")[2] for line in done.lines if "event: " in line]
    stops = [line for line in done.lines if " stopped: " in line]

    assert len(events) == len(set(events)) > 2
    assert len(stops) == 1
    assert 0 < sum(line.startswith("          | ") for line in done.lines) <= 5


def test_what_was_seen_while_waiting_stays_in_the_snapshot():
    done = waited("other-port", 0)
    kept = done.watch.kept(done.world.service)
    states = [
        row["TargetHealth"]["State"]
        for page in kept.records("elbv2:DescribeTargetHealth")
        for row in page["response"]["TargetHealthDescriptions"]
    ]

    assert len(kept.records("elbv2:DescribeTargetHealth")) > 5
    assert {"initial", "unhealthy", "healthy"} <= set(states)
    assert Incident(kept).diagnosis.differential[0].cause == "health_check.port"


@pytest.fixture
def served(monkeypatch):
    """Serve a world whose time passes sixty times as fast as ours."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "simulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "simulated")
    servers = []

    def start(name, seed=0, speed=60.0):
        world = begin(name, seed)
        servers.append(serve(paced(world, speed), "127.0.0.1"))
        where = ["--endpoint-url", servers[-1].url, "--region", world.region, "--cluster", world.cluster]
        return world, ["wait", *where, "--services", world.service, "--poll", "0.25", "--timeout", "60"]

    yield start
    for server in servers:
        server.close()


def test_the_command_says_why_and_what_goes_on(served, capsys, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    _, command = served("task-role-refused", 3)

    code = main([*command, "--github-summary"])
    out = capsys.readouterr()

    assert code == 255
    assert "Most likely (99 %): the task role does not allow what the application does." in out.out
    assert "still running in ECS" in out.out
    assert "aws ecs stop-service-deployment --service-deployment-arn arn:" in out.out
    assert "exit code 1" in out.err
    assert "permissions.task\\_role" in summary.read_text(encoding="utf-8")


def test_what_aws_or_a_container_says_does_not_reach_the_terminal_raw(served, capsys):
    world, command = served("log-group-missing", 0)
    for arn, hitches in world.hitches.items():
        world.hitches[arn] = [replace(row, text=row.text + "\x1b]0;owned\x07") for row in hitches]

    assert main(command) == 255
    out = capsys.readouterr()
    assert "\x1b]" not in out.out + out.err
    assert "\\x1b]0;owned" in out.out.partition("\n")[0]


def test_the_command_is_silent_about_what_is_well(served, capsys):
    world, command = served("varied-healthy", 1)

    code = main([*command, "--format", "json", "--quiet"])
    out = capsys.readouterr()

    assert (code, out.err) == (0, "")
    answer = json.loads(out.out)
    assert answer["schema"] == "ecs-notebook/wait/1"
    assert answer["stable"] is True
    assert answer["services"][0]["service"] == world.service


def test_several_services_are_asked_for_in_one_call():
    world = next(found for seed in range(20) if len((found := begin("tag-missing", seed)).scheduler.services) > 1)
    names = list(world.scheduler.services)
    watch = Watch(simulated_clients(world), world.cluster, names)
    patience = Patience(1200, POLL, fail_fast=False)
    results = wait_for(watch, Wanted(), patience, clock=world_clock(world))

    assert {name: row.verdict.outcome for name, row in results.items()} == {
        name: "failed" if name == world.service else "stable" for name in names
    }
    for name in names:
        pages = watch.kept(name).records("ecs:DescribeServices")
        assert {row["serviceName"] for page in pages for row in page["response"]["services"]} == {name}


def test_an_unknown_service_or_cluster_is_told_in_one_line(served, capsys):
    _, command = served("varied-healthy", 1)
    unknown = [*command[: command.index("--services") + 1], "wbe"]

    assert main(unknown) == 255
    assert capsys.readouterr().out == "wbe: failed: there is no service wbe in this cluster\n"


def test_ctrl_c_leaves_a_snapshot_that_can_be_read(served, capsys, tmp_path, monkeypatch):
    _, command = served("other-port", 0)
    looks = []

    def interrupt(seconds):
        looks.append(seconds)
        if len(looks) > 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("ecs_notebook_lib.wait.waiting.time.sleep", interrupt)
    monkeypatch.setattr(Clock.__init__, "__defaults__", (Clock().now, interrupt))

    assert main([*command, "--report", str(tmp_path)]) == 130
    [path] = tmp_path.glob("*.zip")
    assert str(path) in capsys.readouterr().err
    assert len(Incident(load_snapshot(path)).frames.services) == 1


def test_waiting_needs_no_pandas_until_something_failed(served):
    _, command = served("varied-healthy", 1)
    heavy = "{'pandas', 'rich', 'numpy'}"
    code = (
        f"import sys; from ecs_notebook_lib.cli import main as run; print(run({command!r}), {heavy} & {{*sys.modules}})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "0 set()"


def test_a_world_is_waited_for_over_http(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "simulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "simulated")
    world = begin("secret-absent", 0)
    with serve(world.respond, "127.0.0.1") as server:
        session = Access(region=world.region, endpoint_url=server.url)
        watch = Watch(open_clients(session), world.cluster, [world.service])
        result = wait_for(watch, Wanted(), Patience(900, POLL), clock=world_clock(world))[world.service]

    assert result.verdict.code == "lasting_fault"
    assert "ResourceInitializationError" in result.verdict.reason


def test_on_a_terminal_a_line_stands_below_what_scrolls_by():
    world = begin("program-crashes", 3)
    arguments = ["wait", "--cluster", world.cluster, "--services", world.service, "--poll", "0.5", "--timeout", "60"]
    with serve(paced(world, 30.0), "127.0.0.1") as server:
        shown, code = run_in_terminal(arguments, server.url, world.region)

    assert code == 255
    assert "following ecs-svc/" in shown
    assert re.search(rf"\d\d:\d\d of at least 01:42  {world.service}: desired 6, pending \d", shown)
    assert "\x1b[2K" in shown  # the standing line is wiped before it is drawn anew
    assert "application.crash" in shown


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            {"code": "ThrottlingException", "message": "Rate exceeded"},
            "did not answer: ThrottlingException",
        ),
        (None, "AWS tells nothing of it; asking again"),
    ],
)
def test_why_a_look_saw_nothing_is_told_once(error, told):
    teller = Teller(timeout=600)
    seen = Seen(at=parse_instant("2025-07-12T12:00:00Z"), service=None, error=error)
    result = Result("web", Verdict("waiting"), seen=seen)

    first, again = ["".join(teller.lines(result)) for _ in range(2)]

    assert told in first
    assert again == ""


def run_in_terminal(arguments, url, region):
    """Run the command with a pseudo-terminal in place of its three streams; return what was written there."""
    code = "import sys; from ecs_notebook_lib.cli import main; sys.exit(main(sys.argv[1:]))"
    variables = environment(url) | {"AWS_DEFAULT_REGION": region, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=follower, stdout=follower, stderr=follower, env=variables
    )
    os.close(follower)
    written = b""
    with suppress(OSError):  # Linux tells the end of a pseudo-terminal so
        while chunk := os.read(leader, 65536):
            written += chunk
    os.close(leader)
    return written.decode(), process.wait()
