"""Carrying a treatment out, and taking it back: guarded, written down, read back; and nothing else can write."""

import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import orjson
import pytest

from benchmarks.first_answer import COMMAND, environment
from benchmarks.simulated import operation_of
from benchmarks.treatments import FLAGS, configuration, is_stable, laid_out
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.incident import open_incident
from ecs_notebook_lib.simulate import HTTPResponse, begin, build, install, serve
from ecs_notebook_lib.snapshot import Simulated
from ecs_notebook_lib.treatment.apply import HalfDoneError, NotAppliedError, apply_action, check, undo
from ecs_notebook_lib.treatment.apply.whole import Reader
from ecs_notebook_lib.treatment.journals import JournalError, rows_of
from ecs_notebook_lib.widgets.treating import treatment_buttons

from .conftest import incident_of

SILENT = {"tell": lambda _text: None}


@contextmanager
def table_of(name, seed=1):
    with laid_out(name, seed) as table:
        yield table


def proposed(table, name):
    incident = table.incident()
    action = incident.treatment.action(name)
    assert action is not None, [row.name for row in incident.treatment.immediate]
    return action, incident


def apply(table, action, incident, *, typed=None, allowed=FLAGS):
    name = table.world.service if typed is None else typed
    return apply_action(action, incident.snapshot, table.hands, typed=lambda: name, allowed=allowed, **SILENT)


def let_pass(world, minutes):
    for _ in range(minutes):
        if not is_stable(world):
            world.run_until(world.now + timedelta(minutes=1))


CURES = [
    ("clarity-network", 0, "roll_back"),
    ("no-room", 1, "percentages"),
    ("dropped-check-port", 1, "health_check_port"),
    ("log-group-missing", 2, "log_group"),
    ("secret-refused", 2, "execution_role_policy"),
    ("count-reset", 1, "desired_count"),
    ("check-needs-shell", 1, "former_container_check"),
    ("role-not-assumed", 3, "former_roles"),
]


@pytest.mark.parametrize(("name", "number", "kind"), CURES)
def test_what_is_applied_mends_the_world_and_undo_restores_it_field_by_field(name, number, kind):
    with table_of(name, number) as table:
        before = configuration(table.world)
        action, incident = proposed(table, kind)

        done = apply(table, action, incident)
        changed = configuration(table.world)
        let_pass(table.world, 60)
        mended = is_stable(table.world)
        undo(done.journal, table.hands, typed=lambda: table.world.service, allowed=FLAGS, **SILENT)

        assert done.results == ("done",) * len(action.calls)
        assert mended
        assert changed != before or kind == "log_group"
        assert configuration(table.world) == before


def test_what_ecs_gave_up_is_deployed_anew_once_its_cause_is_mended():
    with table_of("log-group-missing", 1) as table:
        action, incident = proposed(table, "log_group")
        assert [row.name for row in incident.treatment.immediate] == ["log_group", "new_deployment"]
        apply(table, action, incident)
        table.world.run_until(table.world.now + timedelta(minutes=2))
        again, fresh = proposed(table, "new_deployment")

        apply(table, again, fresh)
        let_pass(table.world, 30)

        assert is_stable(table.world)


def test_intent_stands_in_the_journal_before_the_call_and_the_outcome_after():
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "roll_back")
        journals = []
        respond = table.hands.writer.call

        def call(operation, params):
            journals.append(rows_of(next(table.hands.folder.glob("*.jsonl"))))
            return respond(operation, params)

        table.hands.writer.call = call
        done = apply(table, action, incident)

        assert [row["kind"] for row in journals[0]] == ["begin", "intent"]
        assert [row["kind"] for row in rows_of(done.journal)] == ["begin", "intent", "outcome"]


GUARDS = {
    "another account": lambda i: replace(i.snapshot, incident=replace(i.snapshot.incident, account="999988887777")),
    "another region": lambda i: replace(i.snapshot, incident=replace(i.snapshot.incident, region="eu-west-3")),
    "too old": lambda i: replace(i.snapshot, as_of=i.snapshot.as_of - timedelta(minutes=16)),
    "simulated": lambda i: replace(i.snapshot, simulated=Simulated("x", 1)),
    "shared": lambda i: replace(i.snapshot, redacted=True),
}
WORDS = {
    "another account": "999988887777",
    "another region": "eu-west-3",
    "too old": "16 minutes ago",
    "simulated": "a simulated incident",
    "shared": "a shared snapshot",
}


@pytest.mark.parametrize("guard", GUARDS)
def test_what_does_not_fit_the_account_is_refused_and_nothing_is_written(guard):
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "roll_back")
        snapshot = GUARDS[guard](incident)

        with pytest.raises(NotAppliedError, match=WORDS[guard]):
            apply_action(action, snapshot, table.hands, typed=lambda: table.world.service, **SILENT)

        assert table.world.writes == []
        assert not list(table.hands.folder.glob("*"))


def test_a_case_file_is_refused():
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "roll_back")

        with pytest.raises(NotAppliedError, match="a case file"):
            check(action, incident.snapshot, table.hands, allowed=(), reported=True)


def test_another_name_than_the_services_is_refused():
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "roll_back")

        with pytest.raises(NotAppliedError, match="not the service"):
            apply(table, action, incident, typed="clarity")

        assert table.world.writes == []


MOVED = {
    "the count": lambda w, s: w.scheduler.scale(s, s.desired + 1),
    "a deployment": lambda w, s: w.scheduler.rollout.begin(s, s.shape["taskDefinition"]),
    "the percentages": lambda _w, s: s.shape["deploymentConfiguration"].update(maximumPercent=150),
    "the grace period": lambda _w, s: s.shape.update(healthCheckGracePeriodSeconds=17),
}


@pytest.mark.parametrize("what", MOVED)
def test_what_moved_since_the_snapshot_is_said_and_refused(what):
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "roll_back")
        MOVED[what](table.world, table.world.scheduler.services[table.world.service])

        with pytest.raises(NotAppliedError, match=r"moved since the snapshot: service .* was .*, and is "):
            apply(table, action, incident)

        assert table.world.writes == []


def test_a_target_group_that_moved_is_refused_too():
    with table_of("dropped-check-port", 1) as table:
        action, incident = proposed(table, "health_check_port")
        [group] = table.world.balancer.groups.values()
        group.shape["HealthCheckPath"] = "/moved"

        with pytest.raises(NotAppliedError, match=r"HealthCheckPath was .*, and is /moved"):
            apply(table, action, incident)


def test_what_needs_a_flag_is_text_without_it():
    with table_of("secret-refused", 2) as table:
        action, incident = proposed(table, "execution_role_policy")

        with pytest.raises(NotAppliedError, match="--allow iam"):
            apply(table, action, incident, allowed=())

        assert table.world.writes == []


def test_text_for_people_is_refused():
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "blue_green")

        with pytest.raises(NotAppliedError, match="text for people"):
            apply(table, action, incident)


@pytest.mark.parametrize(("status", "refused"), [("UPDATE_IN_PROGRESS", True), ("UPDATE_COMPLETE", False)])
def test_nothing_is_done_while_cloudformation_updates_the_service(status, refused):
    with table_of("clarity-network", 0) as table:
        world = table.world
        stack = world.arn("cloudformation", "stack/backend/6f0c")
        world.scheduler.services[world.service].shape["tags"] = [{"key": "aws:cloudformation:stack-id", "value": stack}]
        world.holdings.stacks["backend"] = {
            "StackName": "backend",
            "StackId": stack,
            "StackStatus": status,
            "CreationTime": world.now,
        }
        action, incident = proposed(table, "roll_back")

        if refused:
            with pytest.raises(NotAppliedError, match=status):
                apply(table, action, incident)
            assert world.writes == []
        else:
            told = []
            apply_action(action, incident.snapshot, table.hands, typed=lambda: world.service, tell=told.append)
            assert "CloudFormation owns it" in told[0]


def test_terraform_is_told_as_the_owner():
    with table_of("clarity-network", 0) as table:
        world = table.world
        world.scheduler.services[world.service].shape["tags"] = [{"key": "managed-by", "value": "terraform"}]
        action, incident = proposed(table, "roll_back")

        told = []
        apply_action(action, incident.snapshot, table.hands, typed=lambda: world.service, tell=told.append)

        assert told[0].startswith("Terraform seems to own it")


def test_a_member_that_the_model_does_not_know_is_refused(session):
    world = build("clarity-network")
    clients = SimpleNamespace(get=session(world).client)
    reader = Reader(clients)
    answer = reader.read("ecs:DescribeServices", cluster=world.cluster, services=[world.service])

    def with_news(request):
        response = world.respond(request)
        body = orjson.loads(response.body)
        body["services"][0]["deploymentConfiguration"]["rocketBooster"] = True
        return HTTPResponse(response.status, response.headers, orjson.dumps(body))

    newer = simulated_session(world.region)
    install(newer, with_news)
    assert answer["services"]
    with pytest.raises(NotAppliedError, match=r"services\.deploymentConfiguration\.rocketBooster"):
        Reader(SimpleNamespace(get=newer.client)).read(
            "ecs:DescribeServices", cluster=world.cluster, services=[world.service]
        )


def test_undo_refuses_when_a_third_hand_has_been_there():
    with table_of("no-room", 1) as table:
        action, incident = proposed(table, "percentages")
        done = apply(table, action, incident)
        service = table.world.scheduler.services[table.world.service]
        service.shape["deploymentConfiguration"]["maximumPercent"] = 175
        writes = len(table.world.writes)

        with pytest.raises(NotAppliedError, match="has changed it since"):
            undo(done.journal, table.hands, typed=lambda: table.world.service, **SILENT)

        assert len(table.world.writes) == writes


def test_undo_takes_back_once_and_by_a_journal_of_its_own():
    with table_of("no-room", 1) as table:
        action, incident = proposed(table, "percentages")
        done = apply(table, action, incident)
        undone = undo(done.journal, table.hands, typed=lambda: table.world.service, **SILENT)

        assert rows_of(undone.journal)[0]["undoes"] == done.journal.name
        with pytest.raises(NotAppliedError, match="taken back already"):
            undo(done.journal, table.hands, typed=lambda: table.world.service, **SILENT)


def test_a_dry_run_of_undo_prints_the_inverse_calls_and_makes_none(served, capsys):
    with table_of("no-room", 1) as table:
        action, incident = proposed(table, "percentages")
        done = apply(table, action, incident)
        writes = len(table.world.writes)

        assert main(["treat", "--undo", str(done.journal), "--dry-run"]) == 0

        assert capsys.readouterr().out.startswith("ecs:UpdateService needs ecs:UpdateService\n  aws ecs update-service")
        assert len(table.world.writes) == writes


def test_undo_of_a_log_group_needs_its_own_flag():
    with table_of("log-group-missing", 2) as table:
        action, incident = proposed(table, "log_group")
        done = apply(table, action, incident)

        with pytest.raises(NotAppliedError, match="--allow deletion"):
            undo(done.journal, table.hands, typed=lambda: table.world.service, **SILENT)


def test_a_refused_call_is_told_with_aws_own_words_and_stands_in_the_journal():
    with table_of("clarity-network", 0) as table:
        action, incident = proposed(table, "roll_back")
        table.world.refused.add("ecs:UpdateService")

        with pytest.raises(HalfDoneError, match="AccessDenied"):
            apply(table, action, incident)

        [path] = table.hands.folder.glob("*.jsonl")
        assert rows_of(path)[-1]["result"] == "refused"


def test_what_is_so_already_is_not_done_again():
    with table_of("log-group-missing", 2) as table:
        action, incident = proposed(table, "log_group")
        apply(table, action, incident)
        writes = len(table.world.writes)

        again = apply(table, action, incident)

        assert again.results == ("already",)
        assert len(table.world.writes) == writes


def test_a_registration_reuses_the_revision_that_is_there_and_no_value_reaches_the_journal():
    with table_of("check-needs-shell", 1) as table:
        action, incident = proposed(table, "former_container_check")
        definition = table.world.task_definitions[action.calls[0].params["taskDefinition"]]
        definition["containerDefinitions"][0]["environment"].append({"name": "TOKEN", "value": "hush-hush"})
        done = apply(table, action, incident)
        registered = [row for row in table.world.writes if row[0] == "ecs:RegisterTaskDefinition"]

        assert len(registered) == 1
        assert any(row["value"] == "hush-hush" for row in registered[0][1]["containerDefinitions"][0]["environment"])
        assert b"hush-hush" not in done.journal.read_bytes()


def test_a_journal_that_is_damaged_or_none_is_one_line(tmp_path):
    (tmp_path / "none.jsonl").write_text('{"kind": "begin"}\n')
    (tmp_path / "broken.jsonl").write_text("not json\n{}\n")

    for name in ("none.jsonl", "broken.jsonl"):
        with pytest.raises(JournalError, match=name):
            rows_of(tmp_path / name)


# Killed in the middle.


class Gate:
    """A world's door that kills whoever makes the first write, before it or after it has its effect."""

    def __init__(self, world, *, after):
        self.world, self.after, self.process = world, after, None
        self.calls = Counter()

    def __call__(self, request):
        operation = operation_of(request)
        self.calls[operation] += 1
        if operation == "UpdateService" and self.process is not None:
            process, self.process = self.process, None
            if self.after:
                answer = self.world.respond(request)
                process.send_signal(signal.SIGKILL)
                return answer
            process.send_signal(signal.SIGKILL)
            process.wait()
            raise ConnectionAbortedError
        return self.world.respond(request)


def treat(url, world, folder, *arguments):
    command = [sys.executable, "-c", COMMAND, "treat", f"live:{world.cluster}/{world.service}", "--quiet"]
    command += ["--journal", str(folder), "--confirm", world.service, *arguments]
    return subprocess.Popen(
        command,
        env={**environment(url), "AWS_DEFAULT_REGION": world.region, "AWS_REGION": world.region},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("after", "state"), [(False, "has not been done"), (True, "has been done")])
def test_a_treatment_that_was_killed_is_found_and_its_state_told_and_nothing_is_done_twice(tmp_path, after, state):
    world = build("no-room", 1)
    gate = Gate(world, after=after)
    with serve(gate, "127.0.0.1") as server:
        gate.process = first = treat(server.url, world, tmp_path, "--apply", "percentages")
        first.communicate(timeout=120)
        second = treat(server.url, world, tmp_path, "--apply", "percentages" if not after else "circuit_breaker")
        _, told = second.communicate(timeout=120)
        third = treat(server.url, world, tmp_path, "--apply", "percentages" if not after else "circuit_breaker")
        third.communicate(timeout=120)

    [left] = [
        path
        for path in tmp_path.glob("*.jsonl")
        if rows_of(path)[0]["action"] == "percentages" and any(row.get("found_later") for row in rows_of(path))
    ]
    written = [params for name, params in world.writes if name == "ecs:UpdateService"]
    changes = [row["deploymentConfiguration"] for row in written]
    assert first.returncode == -signal.SIGKILL
    assert second.returncode == 1
    assert f"of {left} {state}" in told
    assert third.returncode == 0
    assert len(changes) == (1 if not after else 2)
    assert all(changes[0] != other for other in changes[1:])


# Nothing else writes.


@pytest.mark.parametrize(
    "arguments",
    [
        ["diagnose", "{source}"],
        ["collect", "{source}", "--out", "{folder}/x.zip"],
        ["treat", "{source}"],
        ["treat", "{source}", "--apply", "roll_back", "--dry-run"],
        ["record", "--cluster", "{cluster}", "--store", "{folder}/store", "--once"],
        ["wait", "--cluster", "{cluster}", "--services", "{service}", "--timeout", "1", "--poll", "1"],
        ["policy", "--treat"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[2:3]),
)
def test_no_other_command_makes_a_write_call(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    world = build("clarity-network")
    names = {"cluster": world.cluster, "service": world.service, "folder": str(tmp_path)}
    names["source"] = f"live:{world.cluster}/{world.service}"
    with serve(world.respond, "127.0.0.1") as server:
        for name, value in environment(server.url).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        main([word.format(**names) for word in arguments])

    assert world.writes == []
    assert not list(tmp_path.glob("reports/treatment/*"))


# Followed to the end, and in the notebook.


@pytest.fixture
def served(monkeypatch, tmp_path):
    """Return a way to serve a world to commands of this process; its time passes by so many seconds a look."""
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def serving(world, *, a_look=0.0, after_a_write=False):
        def respond(request):
            if operation_of(request) == "DescribeServices" and (world.writes or not after_a_write):
                world.run_until(world.now + timedelta(seconds=a_look))
            return world.respond(request)

        with serve(respond, "127.0.0.1") as server:
            for name, value in {**environment(server.url), "AWS_DEFAULT_REGION": world.region}.items():
                if name.startswith("AWS_"):
                    monkeypatch.setenv(name, value)
            monkeypatch.setenv("AWS_REGION", world.region)
            yield f"live:{world.cluster}/{world.service}"

    return serving


@pytest.fixture
def reports(monkeypatch):
    """Return what reports would be written of; tests/test_report.py writes one with a journal."""
    written = []

    def write(incident, *, folder, journal):
        written.append((incident, folder, journal))
        return SimpleNamespace(html=f"{folder}/report.html")

    monkeypatch.setattr("ecs_notebook_lib.report.write_report", write)
    return written


def test_what_was_done_is_followed_against_the_forecast_and_told_in_the_report(served, tmp_path, capsys, reports):
    world = build("no-room", 1)
    with served(world, a_look=15.0, after_a_write=True) as source:
        arguments = ["treat", source, "--quiet", "--apply", "percentages", "--confirm", world.service]
        code = main([*arguments, "--watch", "--poll", "0.01", "--report", "out"])

    told = capsys.readouterr().out
    [journal] = tmp_path.glob("reports/treatment/*.jsonl")
    watched = rows_of(journal)[-1]
    assert code == 0
    assert "1 of 1 calls made and read back" in told
    assert "Stable after" in told
    assert "Report: out/report.html" in told
    assert (watched["kind"], watched["outcome"]) == ("watched", "stable")
    assert watched["forecast"]["p50"] is not None
    assert [(folder, path.name) for _, folder, path in reports] == [("out", journal.name)]


def test_watching_a_service_that_fails_ends_with_3(served, capsys, reports):
    world = begin("tag-missing", 1)
    with served(world, a_look=15.0) as source:
        code = main(["treat", source, "--quiet", "--watch", "--poll", "0.01", "--report", "out"])

    assert code == 3
    assert "Not stable after" in capsys.readouterr().out


def test_the_button_is_dead_until_the_name_is_typed_and_then_does_what_the_command_does(served):
    world = build("no-room", 1)
    with served(world) as source:
        incident = open_incident(source)
        panel = treatment_buttons(incident, folder="journal")
        name, _flags, button, told = panel.below
        dead = button.disabled
        button.click()
        untouched = list(world.writes)
        name.value = world.service
        button.click()

    assert panel.controls["action"].value.name == "percentages"
    assert dead
    assert untouched == []
    assert [operation for operation, _ in world.writes] == ["ecs:UpdateService"]
    assert "Done. The journal is journal/" in told.value


def test_the_button_tells_why_it_does_not(served):
    with served(build("no-room", 1)):
        incident = incident_of("no-room", 1)
        name, _flags, button, told = treatment_buttons(incident, folder="journal").below
        name.value = incident.snapshot.incident.service
        button.click()

    assert "a simulated incident" in told.value
