"""One operation goes wrong, in each way that AWS or the network knows: the run ends, and names what it did not see."""

import threading

import pytest
from botocore.config import Config

from benchmarks.faults import FURTHER, HIGHEST_WRONG, INCIDENTS, NEVER_ASKED, Cell, asked_of, run, session_of, world_of
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.collect import Caller, Clients, Request, access, collect_incident
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.collect.patience import LOST_SECONDS, Patience
from ecs_notebook_lib.errors import AccessError
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.error_codes import Kind, kind_of
from ecs_notebook_lib.knowledge.operations import every_operation, operations
from ecs_notebook_lib.report import words
from ecs_notebook_lib.simulate import Injected, Injecting, install, serve
from ecs_notebook_lib.source import LiveSource

from .conftest import environment

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
ELSEWHERE = {"efs:DescribeFileSystems": INCIDENTS[2], "efs:DescribeMountTargets": INCIDENTS[2]} | {
    "ecs:ListContainerInstances": INCIDENTS[1],
    "ecs:DescribeContainerInstances": INCIDENTS[1],
    **FURTHER,
}
"""Who asks for what the first incident does not."""

CELLS = [
    Cell(ELSEWHERE.get(operation, INCIDENTS[0]), operation, fault)
    for operation in operations()
    if operation not in NEVER_ASKED
    for fault in Injected
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_fault_ends_in_a_diagnosis_that_names_the_gap_and_accuses_nobody_wrongly(cell):
    row = run(cell)

    assert not row.is_bug, row.error
    assert row.is_told, (row.hits, row.told, row.error)
    assert row.wrong <= HIGHEST_WRONG


def test_every_operation_is_asked_by_the_incident_that_it_goes_wrong_in():
    for operation in operations():
        asked = operation in asked_of(ELSEWHERE.get(operation, INCIDENTS[0]))

        assert asked == (operation not in NEVER_ASKED), operation


def opened(operation, fault, *, config=ONCE):
    world = world_of(INCIDENTS[0])
    door, session = Injecting(world, operation, fault), simulated_session(world.region)
    install(session, door.respond)
    return door, Clients(session, config=config)


def collected(operation, fault):
    world = world_of(INCIDENTS[0])
    return Incident(collect_incident(opened(operation, fault)[1], LiveSource(world.cluster, world.service)))


def streams(number):
    return [Request("logs:GetLogEvents", {"logGroupName": "/g", "logStreamName": f"s/{n}"}) for n in range(number)]


def test_what_was_asked_early_is_in_the_snapshot_though_nobody_gathered_it():
    world, may_answer = world_of(INCIDENTS[0]), threading.Event()
    session = simulated_session(world.region)
    install(session, lambda request: world.respond(request) if may_answer.wait(60) else None)
    caller = Caller(Clients(session))
    caller.begin(Request("logs:DescribeLogGroups"))
    assert not caller.pages

    may_answer.set()
    caller.finish()

    assert [page.operation for page in caller.pages] == ["logs:DescribeLogGroups"]


@pytest.mark.parametrize("fault", [Injected.THROTTLED, Injected.FAILED, Injected.RESET, Injected.SILENT], ids=str)
def test_what_is_not_answered_is_not_asked_anew_for_each_of_a_hundred_resources(fault):
    door, clients = opened("logs:GetLogEvents", fault)
    caller = Caller(clients)

    answers = [caller.gather([request])[0] for request in streams(100)]

    assert door.hits == 2
    assert {answer.error["code"] for answer in answers[2:]} == {"NotAsked"}
    assert "failed 2 times in a row" in answers[-1].error["message"]
    assert len(caller.pages) == 100


def test_a_permission_that_is_missing_is_asked_for_each_resource():
    door, clients = opened("logs:GetLogEvents", Injected.DENIED)

    Caller(clients).gather(streams(100))

    assert door.hits == 100


def test_a_caller_that_forgets_its_answers_asks_anew():
    door, clients = opened("logs:GetLogEvents", Injected.FAILED)
    caller = Caller(clients)
    for request in streams(3):
        caller.gather([request])
    caller.forget()
    caller.gather(streams(1))

    assert door.hits == 3


def test_once_much_time_is_lost_a_service_that_did_not_answer_is_left_alone_and_the_others_are_not():
    patience, silence = Patience(), {"code": "ReadTimeoutError", "status": None}
    patience.note("iam:GetRole", silence, LOST_SECONDS - 1)
    before = patience.reason_against("iam:ListRolePolicies")
    patience.note("ecs:ListTasks", silence, 1)

    assert before == ""
    assert "iam did not answer before" in patience.reason_against("iam:ListRolePolicies")
    assert patience.reason_against("logs:GetLogEvents") == ""
    patience.note("iam:GetRole", None, 0)
    assert patience.reason_against("iam:ListRolePolicies") == ""


@pytest.mark.parametrize(("seconds", "tries"), [(0.0, 1), (60.0, 3)], ids=["time-is-up", "there-is-time"])
def test_a_call_is_not_tried_again_once_its_time_is_up(seconds, tries, monkeypatch):
    monkeypatch.setattr(access, "_RETRY_SECONDS", seconds)
    door, clients = opened("iam:GetRole", Injected.FAILED, config=Config(retries={"total_max_attempts": 3}))

    answer = Caller(clients).call("iam:GetRole", RoleName="r")

    assert answer.error["code"] == "InternalFailure"
    assert door.hits == tries


def test_the_longest_call_follows_from_the_settings():
    session = session_of(world_of(INCIDENTS[0]))

    assert Clients(session).longest_call_seconds == 40 + 20 + 35
    assert Clients(session, config=ONCE).longest_call_seconds == 35
    assert Clients(session, config=Config(read_timeout=1, retries={"total_max_attempts": 2})).longest_call_seconds == 13


def test_a_session_that_expires_half_way_keeps_what_was_read_and_says_so():
    incident = collected("logs:GetLogEvents", Injected.EXPIRED)
    [told] = words.banners(incident)

    assert told.startswith("The session expired while AWS was read: ")
    assert "Sign in again" in told
    assert incident.diagnosis.state.status == "failing"
    hidden = incident.coverage.set_index("operation").loc["iam:SimulatePrincipalPolicy"]
    assert hidden["hides"]
    assert set(incident.frames.gaps) >= {"log_events", "access"}


@pytest.mark.parametrize(
    ("operation", "fault", "words_"),
    [
        pytest.param("ecs:DescribeServices", Injected.SKEWED, "this machine's clock, which is", id="clock"),
        pytest.param("ecs:DescribeServices", Injected.EXPIRED, "does not accept the credentials", id="session"),
    ],
)
def test_a_session_that_was_never_good_ends_the_run_in_one_line(operation, fault, words_):
    with pytest.raises(AccessError, match=words_):
        Caller(opened(operation, fault)[1]).call(operation, cluster="c", services=["s"])


def test_a_clock_that_is_refused_half_way_is_told():
    [told] = words.banners(collected("s3:GetBucketPolicy", Injected.SKEWED))

    assert "the clock of the machine that asked is wrong" in told


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("ThrottlingException", "Rate exceeded", Kind.THROTTLED),
        ("RequestLimitExceeded", "", Kind.THROTTLED),
        ("UnauthorizedOperation", "", Kind.DENIED),
        ("ExpiredTokenException", "", Kind.SESSION_OVER),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match", Kind.NOT_ACCEPTED),
        ("SignatureDoesNotMatch", "Signature expired: 20250101T000000Z is now earlier than", Kind.CLOCK),
        ("RequestTimeTooSkewed", "", Kind.CLOCK),
        ("ReadTimeoutError", "", Kind.NO_ANSWER),
        ("ValidationException", "", Kind.OTHER),
    ],
)
def test_error_codes_say_what_they_mean(code, message, kind):
    assert kind_of(code, message) is kind


ASKED_BY_COMMANDS = (
    "ecs:DescribeServices",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:DescribeTaskDefinition",
    "elbv2:DescribeTargetHealth",
    "logs:GetLogEvents",
    "events:ListRules",
)
COMMANDS = {
    "diagnose": (["live:{cluster}/{service}", "--quiet"], {1, 3, 4}),
    "wait": (["--cluster", "{cluster}", "--services", "{service}", "--timeout", "0.5", "--poll", "0.2"], {255}),
    "record": (["--cluster", "{cluster}", "--services", "{service}", "--once", "--store", "{store}"], {0, 1}),
}
"""Each command with its arguments, and the exit codes that it may end with."""

QUICK = [fault for fault in Injected if fault not in (Injected.SILENT, Injected.THROTTLED_A_WHILE)]
"""A time-out takes the half minute that production waits for an answer."""


@pytest.mark.parametrize("fault", QUICK, ids=str)
@pytest.mark.parametrize("operation", ASKED_BY_COMMANDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_with_a_documented_exit_code_and_no_traceback(
    command, operation, fault, monkeypatch, tmp_path, capsys
):
    world = world_of(INCIDENTS[0])
    door = Injecting(world, operation, fault)
    given, codes = COMMANDS[command]
    named = {"cluster": world.cluster, "service": world.service, "store": str(tmp_path)}
    with serve(door.respond, "127.0.0.1") as server:
        for name, value in (environment(server.url) | {"AWS_MAX_ATTEMPTS": "1"}).items():
            monkeypatch.setenv(name, value)
        code = main([command, *(argument.format(**named) for argument in given)])
    told = capsys.readouterr()

    assert code in codes
    assert "Traceback" not in told.err
    if code == 1:
        assert told.err.strip().splitlines()[-1].startswith("ecs-notebook: ")


def test_every_operation_has_a_member_that_it_always_answers_with():
    assert all(operation.always for operation in every_operation().values())
