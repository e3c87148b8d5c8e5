"""Proposals fit the incident, name what they rest on, and are calls that AWS takes."""

import json
import shlex
import subprocess

import boto3
import pytest
from botocore.validate import ParamValidator

from benchmarks.simulated import collected
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.incident import Incident, open_incident
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.knowledge.treatments import STAGES, kinds, write_operations
from ecs_notebook_lib.knowledge.weights import causes
from ecs_notebook_lib.simulate import RECIPES, build
from ecs_notebook_lib.treatment.action import REGISTERED
from ecs_notebook_lib.treatment.proposing import PREVENTING, PROPOSERS, propose_for

from .conftest import incident_of

UNHEALTHY = (
    "(service web) (task 0123456789abcdef0123456789abcdef) (port 80) is unhealthy in (target-group "
    "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef) due to (reason Health "
    "checks failed with these codes: [404])"
)
GOING_BACK = {"stop_deployment", "roll_back"}
MENDING = {
    "clarity-backend": "task_role_policy",
    "clarity-permissions-execution": "execution_role_policy",
    "clarity-network": "former_network",
    "clarity-resources": "memory",
    "clarity-percentages": "percentages",
    "clarity-slow": "wait_longer",
    "check-needs-shell": "former_container_check",
    "dropped-check-port": "health_check_port",
    "redirect-to-login": "health_check_matcher",
    "slow-start": "grace_period",
    "registry-refused": "former_roles",
    "role-not-assumed": "former_roles",
    "secret-version-malformed": "secret_reference",
    "log-group-missing": "log_group",
    "no-such-platform": "platform",
    "zone-not-enabled": "fewer_subnets",
    "cpu-starved": "cpu",
    "disk-full-pulling": "ephemeral_storage",
    "files-exhausted": "open_files",
    "no-room": "percentages",
    "protected-tasks": "task_protection",
    "count-reset": "desired_count",
    "secret-absent": "secret_missing",
    "resource-policy-denies": "resource_policy",
}


def every_action(incident):
    return (*incident.treatment.immediate, *incident.treatment.long_term)


@pytest.mark.parametrize(("name", "kind"), MENDING.items())
def test_the_cause_is_treated_by_what_mends_it(name, kind):
    proposed = [[row.name for row in incident_of(name, seed).treatment.immediate] for seed in range(3)]

    assert any(kind in names for names in proposed), proposed


def test_every_proposal_is_a_call_that_aws_takes_and_names_findings_that_exist():
    session, validator = boto3.Session(region_name="us-east-1"), ParamValidator()
    seen = set()
    for name in list(RECIPES)[::9]:
        incident = incident_of(name, 2)
        known = dict(incident.diagnosis.findings)
        for action in every_action(incident):
            seen.add(action.name)
            assert set(action.findings) <= known.keys()
            assert action.because
            assert action.kind.risk
            assert action.kind.undo
            assert action.kind.verify
            for call in action.calls:
                row = write_operations()[call.operation]
                shape = session.client(row.service).meta.service_model.operation_model(row.action).input_shape
                given = {} if call.edits else dict(call.params)
                assert not validator.validate(given, shape).has_errors() or call.edits, (name, call)
                assert shlex.split(call.command)[:2] == ["aws", row.service]
                compile(call.code, "code", "exec")
    assert len(seen) > 9


def test_the_tables_of_treatments_agree():
    named = {name for cause in causes().values() for name in cause.treatments}

    assert named <= kinds().keys()
    assert named == PROPOSERS.keys()
    assert {row.stage for row in kinds().values()} == set(STAGES)
    made_elsewhere = GOING_BACK | {"tell_apart", "mend", "new_deployment"} | {row.__name__ for row in PREVENTING}
    assert kinds().keys() == named | made_elsewhere
    assert all(row.read in every_operation() for row in write_operations().values())


def test_going_back_comes_first_where_the_deployment_brought_it_and_not_where_it_would_not_help():
    first = {
        name: incident_of(name).treatment.immediate[0].name for name in ("clarity-network", "clarity-health-check")
    }

    assert set(first.values()) <= GOING_BACK
    assert not GOING_BACK & {row.name for row in incident_of("clarity-percentages").treatment.immediate}
    assert not GOING_BACK & {row.name for row in incident_of("clarity-slow").treatment.immediate}


def test_a_role_that_was_changed_is_not_gone_back_from_for_the_old_revision_has_it_too():
    by_change = {}
    for seed in range(6):
        incident = incident_of("clarity-backend", seed)
        changed = "role" if incident.diagnosis.changes[0].kind == "role_policy_changed" else "revision"
        goes_back = bool(GOING_BACK & {row.name for row in incident.treatment.immediate})
        by_change.setdefault(changed, set()).add(goes_back)

    assert by_change == {"role": {False}, "revision": {True}}


def test_what_is_in_place_already_is_left_out():
    world = build("clarity-network")
    service = world.scheduler.services[world.service]
    service.shape["deploymentConfiguration"]["deploymentCircuitBreaker"] = {"enable": True, "rollback": True}
    without = {row.name for row in Incident(collected(world)).treatment.long_term}

    assert "circuit_breaker" in {row.name for row in incident_of("clarity-network").treatment.long_term}
    assert "circuit_breaker" not in without


def test_of_a_healthy_service_nothing_is_proposed_at_once():
    for seed in range(4):
        assert incident_of("clarity-healthy", seed).treatment.immediate == ()
        assert incident_of("varied-healthy", seed).treatment.immediate == ()


def test_the_whole_deployment_configuration_is_written_and_only_what_is_said_changes():
    [action] = [row for row in incident_of("clarity-network").treatment.long_term if row.name == "circuit_breaker"]
    [call] = action.calls
    service = build("clarity-network").scheduler.services["clarity-backend"].shape

    written = call.params["deploymentConfiguration"]

    assert written.keys() == service["deploymentConfiguration"].keys()
    assert {row.member for row in action.changes} == {
        "deploymentConfiguration.deploymentCircuitBreaker.enable",
        "deploymentConfiguration.deploymentCircuitBreaker.rollback",
    }


def test_a_registration_is_written_without_values_of_variables():
    incident = incident_of("clarity-resources")
    action = next(row for row in every_action(incident) if row.name == "memory")
    register, deploy = action.calls

    assert deploy.params["taskDefinition"] == REGISTERED
    assert int(register.edits["memory"]) > 3072
    assert "hmac:" not in json.dumps([register.command, register.code])
    assert "jq" in register.command
    assert "describe-task-definition" in register.command


def registrations(incident):
    return [(incident, call) for row in incident.treatment.immediate for call in row.calls if call.edits]


@pytest.mark.parametrize("name", ["clarity-resources", "check-needs-shell", "secret-version-malformed"])
def test_the_printed_python_edits_the_definition_that_it_says(name):
    incident, call = next(found for seed in range(5) for found in registrations(incident_of(name, seed)))
    pages = incident.snapshot.records("ecs:DescribeTaskDefinition")
    described = {page["params"]["taskDefinition"]: page["response"]["taskDefinition"] for page in pages}
    definition = described[call.params["taskDefinition"]]
    registered = {}

    class Client:
        def describe_task_definition(self, **_asked):
            return {"taskDefinition": json.loads(json.dumps(definition))}

        def register_task_definition(self, **given):
            registered.update(given)

    class Boto3:
        client = staticmethod(lambda _service: Client())

    exec(call.code, {"boto3": Boto3})  # noqa: S102  the kit's own text

    for path, value in call.edits.items():
        member = path.rpartition(".")[2]
        holder = registered if "." not in path else registered["containerDefinitions"][0]
        assert holder[member] == value
    assert not {"revision", "status", "registeredAt"} & registered.keys()


@pytest.mark.parametrize("path", ["memory", "containerDefinitions[app].image"])
def test_the_printed_command_edits_by_jq_where_it_is_installed(path):
    from shutil import which

    from ecs_notebook_lib.treatment.commands import shell_command

    if which("jq") is None:
        pytest.skip("jq is not installed")
    command = shell_command("ecs:RegisterTaskDefinition", {"taskDefinition": "web:1"}, {path: "new"})
    program = shlex.split(command.partition("jq ")[2].partition(" >")[0])[0]
    given = json.dumps({"memory": "1", "revision": 3, "containerDefinitions": [{"name": "app", "image": "old"}]})
    edited = json.loads(subprocess.run(["jq", program], input=given, capture_output=True, text=True, check=True).stdout)

    assert "revision" not in edited
    assert (edited["memory"] if path == "memory" else edited["containerDefinitions"][0]["image"]) == "new"


def test_a_case_file_gets_words_and_no_calls(tmp_path):
    case = tmp_path / "case.json"
    case.write_text(json.dumps({"id": "one", "observed": {"events": [UNHEALTHY]}}))
    incident = open_incident(f"case:{case}")

    assert incident.treatment.immediate
    assert not [call for row in every_action(incident) for call in row.calls]


def test_two_causes_that_need_opposite_treatments_are_told_apart_first():
    found = []
    for name in ("zone-without-fargate", "dependency-down-waiting", "exec-format-unsaid", "attribute-missing"):
        for seed in range(3):
            incident = incident_of(name, seed)
            first, second = incident.diagnosis.differential[:2]
            told = [row for row in incident.treatment.immediate if row.name == "tell_apart"]
            near = first.probability < 0.6 and second.probability >= 0.2
            if told:
                found.append(told[0])
                assert near
                assert second.cause in told[0].because
    assert found == [] or all(row.command for row in found)


def test_the_document_tells_every_part_of_an_action():
    document = incident_of("clarity-network").diagnosis.to_json()["treatment"]
    [first, *_] = document["immediate"]

    assert {"action", "command", "risk", "undo", "treats"} <= first.keys()
    assert first["iam"] == ["ecs:UpdateService"]
    assert first["treats"] == "network.security_group"
    assert first["command"].startswith("aws ecs update-service --cluster clarity-backend-cluster")
    assert all(row["before"] != row["after"] for row in first["changes"])
    assert json.loads(json.dumps(document)) == document


def test_the_alternative_cause_can_be_treated_for_comparison():
    diagnosis = incident_of("clarity-network").diagnosis

    other = propose_for(diagnosis, "health_check.timing")

    assert all(row.treats == "health_check.timing" for row in other)


def test_treat_prints_what_to_do_and_says_that_it_is_simulated(capsys):
    assert main(["treat", "demo:clarity-network", "--quiet"]) == 0

    shown = capsys.readouterr().out

    assert "Simulated data" in shown
    assert "[--apply roll_back]" in shown
    assert "aws ecs update-service --cluster clarity-backend-cluster --service clarity-backend" in shown
    assert shown.index("Now") < shown.index("So that it does not come again") < shown.index("Prognosis")


def test_treat_prints_a_document_for_programs(capsys):
    assert main(["treat", "demo:clarity-network", "--quiet", "--format", "json"]) == 0

    document = json.loads(capsys.readouterr().out)

    assert document.keys() == {"treatment", "prognosis"}
    assert document["treatment"]["immediate"][0]["action"] == "roll_back"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demo:clarity-network", "--apply", "roll_back", "--confirm", "clarity-backend"], "a simulated incident"),
        (["demo:clarity-network", "--apply", "grace_period"], "not proposed for this incident; proposed is"),
        (["--undo", "nothing.jsonl"], "nothing.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["treat", "--quiet", *arguments]) == 1

    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_dry_run_of_a_demo_prints_the_calls_and_asks_no_account(capsys):
    assert main(["treat", "demo:clarity-network", "--quiet", "--apply", "roll_back", "--dry-run"]) == 0

    shown = capsys.readouterr()

    assert shown.out.startswith("ecs:UpdateService needs ecs:UpdateService\n  aws ecs update-service")
    assert "this source is not live" in shown.err


def test_the_policy_of_treat_keeps_what_writes_apart(capsys):
    assert main(["policy", "--treat"]) == 0

    statements = {row["Sid"]: set(row["Action"]) for row in json.loads(capsys.readouterr().out)["Statement"]}

    assert "sts:GetCallerIdentity" in statements["EcsNotebookRead"]
    assert "ecs:UpdateService" in statements["EcsNotebookTreat"]
    assert {"iam:PutRolePolicy", "logs:DeleteLogGroup"} <= statements["EcsNotebookTreatWithAllow"]
    assert not statements["EcsNotebookRead"] & (
        statements["EcsNotebookTreat"] | statements["EcsNotebookTreatWithAllow"]
    )
