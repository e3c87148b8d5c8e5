"""Before deploying: what would stop a revision is told from what it names, and what was not read is never fine."""

import json
import subprocess
import sys
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from ecs_notebook_lib.cli import main
from ecs_notebook_lib.collect import collect_incident
from ecs_notebook_lib.diagnosis.preflight import Answer
from ecs_notebook_lib.errors import CandidateError
from ecs_notebook_lib.incident import Incident, open_incident, simulated_clients
from ecs_notebook_lib.knowledge.operations import operations
from ecs_notebook_lib.knowledge.preflight import likeliest_cause, questions
from ecs_notebook_lib.knowledge.weights import causes, check_rows, finding_kinds
from ecs_notebook_lib.simulate import build, serve
from ecs_notebook_lib.simulate.access import Secret
from ecs_notebook_lib.simulate.account import allow, role_arn
from ecs_notebook_lib.simulate.varied_account import add_role, register_next
from ecs_notebook_lib.snapshot import load_snapshot, save_snapshot
from ecs_notebook_lib.source import LiveSource

from .conftest import environment

SEED = 1
"""Two tasks on Fargate behind a load balancer, with 100 % and 150 %; nothing is wrong with them."""

EXIT_CODES = {"ok": 0, "would_fail": 3, "unknown": 4}


def healthy(seed=SEED):
    return build("varied-healthy", seed)


def nothing(_world, _definition):
    """Change nothing."""


def main_of(definition):
    return definition["containerDefinitions"][0]


def service_of(world):
    return world.scheduler.services[world.service]


def settings(world):
    """Return the ARN of the secret that exists, and that the execution role may read."""
    return next(iter(world.access.secrets))


def table(world):
    return world.arn("dynamodb", f"table/{world.service}-table")


def judged(change=nothing, *, refused=(), ask=None, seed=SEED, before=nothing):
    """Return what would become of the next revision of a healthy service, changed; `before` edits the running one."""
    world = healthy(seed)
    before(world, world.task_definitions[service_of(world).shape["taskDefinition"]])
    arn = register_next(world, change)
    world.refused |= set(refused)
    return preflight(world, ask(world) if ask else arn)


def incident_of(world, candidate):
    source = LiveSource(world.cluster, world.service)
    return Incident(collect_incident(simulated_clients(world), source, candidate=candidate))


def preflight(world, candidate):
    return incident_of(world, candidate).preflight


def outcomes(result, question):
    return {str(row.outcome) for row in result.rows if row.question.name == question}


def told(result, outcome):
    return {row.question.name for row in result.rows if row.outcome == outcome}


# What is wrong with a revision, or with what it relies on.


def tag_missing(world, definition):
    world.holdings.unpushed.add(main_of(definition)["image"])


def only_for_arm(world, definition):
    world.holdings.platforms[main_of(definition)["image"]] = ("linux/arm64",)


def secret_missing(world, definition):
    main_of(definition)["secrets"] = [{"name": "KEY", "valueFrom": settings(world)[:-6] + "zzzzzz"}]


def parameter_missing(_world, definition):
    main_of(definition)["secrets"] = [{"name": "KEY", "valueFrom": "/none/of/that"}]


def secret_named_in_part(world, definition):
    main_of(definition)["secrets"] = [{"name": "KEY", "valueFrom": settings(world)[:-7]}]


def secret_not_allowed(world, definition):
    other = world.arn("secretsmanager", "secret:other-Ab3dE9")
    world.access.secrets[other] = Secret(other, "other", world.now)
    main_of(definition)["secrets"] = [{"name": "KEY", "valueFrom": other}]


def log_group_missing(_world, definition):
    main_of(definition)["logConfiguration"]["options"]["awslogs-group"] = "/ecs/none"


def task_role_narrower(world, definition):
    add_role(world, "narrow")
    definition["taskRoleArn"] = role_arn(world, "narrow")


def task_role_loses_one_action(world, definition):
    add_role(world, "narrow", allow("dynamodb:PutItem", "dynamodb:Query", on=table(world)))
    definition["taskRoleArn"] = role_arn(world, "narrow")


def names_its_table(world, definition):
    main_of(definition)["environment"].append({"name": "TABLE_ARN", "value": table(world)})


def container_renamed(_world, definition):
    main_of(definition)["name"] = "application"


def port_changed(_world, definition):
    main_of(definition)["portMappings"] = [{"containerPort": 9999, "protocol": "tcp"}]


def role_not_trusting(world, definition):
    add_role(world, "elsewhere", service="ec2.amazonaws.com")
    definition["taskRoleArn"] = role_arn(world, "elsewhere")


def role_missing(world, definition):
    definition["taskRoleArn"] = role_arn(world, "none")


def no_execution_role(_world, definition):
    del definition["executionRoleArn"]


def bridged(_world, definition):
    definition |= {"networkMode": "bridge", "compatibilities": ["EC2"]}


def percentages_stuck(world, _definition):
    service_of(world).shape["deploymentConfiguration"] |= {"minimumHealthyPercent": 100, "maximumPercent": 100}


def subnets_full(world, _definition):
    for row in world.network.subnets:
        world.network.taken_elsewhere[row["SubnetId"]] = 250


def one_address_left(world, _definition):
    subnets_full(world, _definition)
    service_of(world).shape["deploymentConfiguration"]["maximumPercent"] = 200
    subnet = next(iter(world.zones))
    taken = world.addresses_taken(next(r["CidrBlock"] for r in world.network.subnets if r["SubnetId"] == subnet))
    world.network.taken_elsewhere[subnet] = 250 - taken - 1


def way_in_closed(world, _definition):
    for row in world.network.security_groups:
        row["IpPermissions"] = []


def way_out_closed(world, _definition):
    for row in world.network.route_tables:
        row["Routes"] = [route for route in row["Routes"] if route.get("GatewayId") == "local"]
    world.network.endpoints.clear()


def forwarded_elsewhere(world, _definition):
    [(arn, group)] = world.balancer.groups.items()
    other = arn.replace(f"/{world.service}/", "/another/")
    world.balancer.groups[other] = replace(group, shape=group.shape | {"TargetGroupArn": other})
    for row in world.listeners:
        row["DefaultActions"] = [{"Type": "forward", "TargetGroupArn": other}]


def inactive(_world, definition):
    definition["status"] = "INACTIVE"


def draining_service(world, _definition):
    service_of(world).shape["status"] = "DRAINING"


STOPS = [
    (tag_missing, "image", "image.missing"),
    (only_for_arm, "image", "image.platform"),
    (secret_missing, "secrets", "secrets_config.missing"),
    (parameter_missing, "secrets", "secrets_config.missing"),
    (secret_named_in_part, "secrets", "secrets_config.malformed"),
    (secret_not_allowed, "execution_role", "permissions.execution_role"),
    (log_group_missing, "log_group", "secrets_config.log_group"),
    (no_execution_role, "fits_service", "permissions.execution_role"),
    (container_renamed, "fits_service", "deployment_config.target_group"),
    (port_changed, "fits_service", "deployment_config.target_group"),
    (bridged, "fits_service", "deployment_config.constraint"),
    (draining_service, "fits_service", ""),
    (role_not_trusting, "roles", "permissions.trust"),
    (role_missing, "roles", "permissions.trust"),
    (percentages_stuck, "percentages", "deployment_config.percentages"),
    (subnets_full, "addresses", "capacity.addresses"),
    (way_in_closed, "way_in", "network.security_group"),
    (way_out_closed, "way_out", "network.egress"),
    (forwarded_elsewhere, "forwarding", "deployment_config.target_group"),
    (inactive, "definition", ""),
]


@pytest.mark.parametrize(("change", "question", "cause"), STOPS, ids=lambda value: getattr(value, "__name__", None))
def test_what_would_stop_a_revision_is_told_with_its_cause(change, question, cause):
    result = judged(change)

    rows = [row for row in result.rows if row.outcome is Answer.WOULD_FAIL]
    assert question in {row.question.name for row in rows}
    assert cause in {row.cause for row in rows if row.question.name == question}
    assert result.outcome == "would_fail"


# Look-alikes: the same change, done right.


def secret_there(world, definition):
    main_of(definition)["secrets"] = [{"name": "KEY", "valueFrom": f"{settings(world)}:key::"}]


def built_for_arm(world, definition):
    only_for_arm(world, definition)
    definition["runtimePlatform"] = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}


def log_group_made_by_the_first_task(world, definition):
    log_group_missing(world, definition)
    main_of(definition)["logConfiguration"]["options"]["awslogs-create-group"] = "true"
    name = definition["executionRoleArn"].rpartition("/")[2]
    world.access.roles[name].inline["logs"] = {
        "Version": "2012-10-17",
        "Statement": [allow("logs:CreateLogGroup", on="*")],
    }


def another_role_as_wide(world, definition):
    add_role(world, "wide", allow("dynamodb:*", on=table(world)))
    definition["taskRoleArn"] = role_arn(world, "wide")


def sidecar_added(_world, definition):
    main = main_of(definition)
    definition["containerDefinitions"].append(main | {"name": "sidecar", "portMappings": [], "essential": False})


@pytest.mark.parametrize(
    "change",
    [nothing, secret_there, built_for_arm, log_group_made_by_the_first_task, another_role_as_wide, sidecar_added],
    ids=lambda change: change.__name__,
)
def test_a_change_that_is_done_right_stops_nothing(change):
    result = judged(change)

    assert told(result, Answer.WOULD_FAIL) == set()
    assert result.outcome == "ok"


def test_a_task_role_that_loses_all_of_what_the_running_one_may_do_would_stop_it():
    result = judged(task_role_narrower, before=names_its_table_and_may_use_it)

    assert outcomes(result, "task_role") == {"would_fail"}


def names_its_table_and_may_use_it(world, definition):
    names_its_table(world, definition)
    name = definition["taskRoleArn"].rpartition("/")[2]
    world.access.roles[name].inline["application"]["Statement"] = [allow("dynamodb:*", on=table(world))]


def test_a_task_role_that_loses_one_action_of_several_is_a_warning():
    result = judged(task_role_loses_one_action, before=names_its_table_and_may_use_it)

    assert outcomes(result, "task_role") == {"warning"}
    assert result.outcome == "ok"


def test_a_role_as_wide_as_the_running_ones_is_fine():
    result = judged(another_role_as_wide, before=names_its_table_and_may_use_it)

    assert outcomes(result, "task_role") == {"ok"}


def test_what_the_running_role_may_not_do_either_is_only_a_warning():
    result = judged(before=names_its_table_and_may_do_nothing)

    assert outcomes(result, "task_role") == {"warning"}


def names_its_table_and_may_do_nothing(world, definition):
    names_its_table(world, definition)
    world.access.roles[definition["taskRoleArn"].rpartition("/")[2]].inline.clear()


# Warnings: it would come up.


def variable_gone(_world, definition):
    main_of(definition)["environment"] = main_of(definition)["environment"][:1]


def of_another_family(_world, definition):
    definition |= {"family": "other", "revision": 1}


def little_memory(_world, definition):
    definition["memory"] = "16"


def breaker_off(world, _definition):
    service_of(world).shape["deploymentConfiguration"]["deploymentCircuitBreaker"] = {"enable": False}


def all_may_stop(world, _definition):
    service_of(world).shape["deploymentConfiguration"]["minimumHealthyPercent"] = 0


def one_at_a_time(world, _definition):
    world.scheduler.scale(service_of(world), 12)
    service_of(world).shape["deploymentConfiguration"] |= {"minimumHealthyPercent": 100, "maximumPercent": 109}


@pytest.mark.parametrize(
    ("change", "question", "words"),
    [
        (variable_gone, "variables", "STAGE"),
        (of_another_family, "fits_service", "other"),
        (little_memory, "resources", "memory 16 MiB"),
        (breaker_off, "circuit_breaker", "off"),
        (one_address_left, "addresses", "1 free"),
        (all_may_stop, "percentages", "Every old task may stop"),
        (one_at_a_time, "pace", "--timeout"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_harms_without_stopping_is_a_warning_and_ends_with_0(change, question, words):
    result = judged(change)

    rows = [row for row in result.rows if row.question.name == question and row.outcome is Answer.WARNING]
    assert len(rows) == 1
    assert words in rows[0].statement
    assert result.outcome == "ok"


def test_a_rollout_that_is_under_way_is_told_with_what_becomes_of_it():
    world = healthy()
    first = register_next(world)
    world.scheduler.rollout.begin(service_of(world), first)
    second = register_next(world)

    [row] = [row for row in preflight(world, second).rows if row.question.name == "under_way"]

    assert row.outcome is Answer.WARNING
    assert first.rpartition("/")[2] in row.statement
    assert "STOPPED" in row.statement
    assert row.cause == "deployment_config.superseded"


def test_alarms_that_would_end_the_rollout_are_named_and_left_open():
    def alarmed(world, _definition):
        service_of(world).shape["deploymentConfiguration"]["alarms"] = {
            "enable": True,
            "rollback": True,
            "alarmNames": ["errors"],
        }

    result = judged(alarmed)

    [row] = [row for row in result.rows if row.question.name == "alarms"]
    assert (row.outcome, row.refused) == (Answer.NOT_CHECKED, False)
    assert "--alarm-names errors" in row.statement
    assert result.outcome == "ok"


# What is refused, and what is not there.


@pytest.mark.parametrize(
    ("operation", "open_"),
    [
        ("ecr:DescribeImages", "image"),
        ("ecr:BatchGetImage", "image"),
        ("secretsmanager:DescribeSecret", "secrets"),
        ("iam:GetRole", "roles"),
        ("iam:SimulatePrincipalPolicy", "execution_role"),
        ("ec2:DescribeSubnets", "addresses"),
        ("ec2:DescribeRouteTables", "way_out"),
        ("ec2:DescribeSecurityGroups", "way_in"),
        ("ecs:DescribeServices", "fits_service"),
        ("ecs:DescribeTaskDefinition", "definition"),
    ],
)
def test_a_refused_read_leaves_its_question_open_and_is_never_fine(operation, open_):
    result = judged(secret_there, refused=[operation])

    rows = [row for row in result.rows if row.question.name == open_]
    assert {row.outcome for row in rows} == {Answer.NOT_CHECKED}
    assert any("AccessDenied" in row.statement or "UnauthorizedOperation" in row.statement for row in rows)
    assert result.outcome == "unknown"


@pytest.mark.parametrize("operation", sorted(operations()))
def test_no_refusal_turns_what_would_stop_it_into_something_fine(operation):
    result = judged(everything_wrong, refused=[operation])

    for question in EVERYTHING:
        assert "ok" not in outcomes(result, question)
    assert result.outcome != "ok"


EVERYTHING = {
    "image": tag_missing,
    "secrets": secret_missing,
    "log_group": log_group_missing,
    "roles": role_missing,
    "way_in": way_in_closed,
    "way_out": way_out_closed,
    "forwarding": forwarded_elsewhere,
    "percentages": percentages_stuck,
}


def everything_wrong(world, definition):
    for change in EVERYTHING.values():
        change(world, definition)


def test_of_an_image_that_is_not_there_no_platform_is_asked():
    result = judged(tag_missing)

    assert outcomes(result, "image") == {"would_fail"}


def test_a_definition_that_does_not_exist_would_fail_and_leaves_the_rest_open():
    result = judged(ask=lambda world: f"{world.service}:9999")

    assert outcomes(result, "definition") == {"would_fail"}
    assert outcomes(result, "image") == {"not_checked"}
    assert outcomes(result, "percentages") == {"ok"}


@pytest.mark.parametrize("form", ["arn", "revision", "family"])
def test_arn_revision_and_family_name_the_same(form):
    world = healthy()
    arn = register_next(world, tag_missing)
    revision = arn.rpartition("/")[2]
    asked = {"arn": arn, "revision": revision, "family": revision.partition(":")[0]}[form]

    result = preflight(world, asked)

    assert result.candidate.task_definition == arn
    assert told(result, Answer.WOULD_FAIL) == {"image"}


def test_the_running_revision_itself_is_read_once_by_whatever_name():
    world = healthy()
    running = service_of(world).shape["taskDefinition"]

    incident = incident_of(world, running.rpartition("/")[2])

    assert incident.preflight.outcome == "ok"
    assert incident.frames.task_definitions["task_definition"].is_unique


# At rest, and on the command line.


def test_a_snapshot_gives_the_same_answer_again(tmp_path):
    world = healthy()
    arn = register_next(world, everything_wrong)
    incident = incident_of(world, arn)
    path = save_snapshot(incident.snapshot, tmp_path / "a.zip")

    again = open_incident(path, task_definition=arn.rpartition("/")[2])

    assert again.preflight.to_json()["rows"] == incident.preflight.to_json()["rows"]
    assert Incident(load_snapshot(path)).preflight.outcome == "would_fail"
    assert again.diagnosis.state.status == "stable"


def test_a_snapshot_of_another_revision_says_what_to_do():
    world = healthy()
    arn = register_next(world)
    incident = Incident(incident_of(world, "").snapshot, task_definition=arn)

    with pytest.raises(CandidateError, match=f"diagnose live:{world.cluster}/{world.service} --task-definition {arn}"):
        _ = incident.preflight


def test_the_examined_revision_can_be_judged_from_any_snapshot():
    incident = open_incident("demo:clarity-backend")
    name = incident.examined.revision

    result = Incident(incident.snapshot, task_definition=name).preflight

    assert told(result, Answer.WOULD_FAIL) == {"task_role"}


def test_without_a_candidate_a_manifest_says_nothing_of_one(tmp_path):
    import zipfile

    path = save_snapshot(incident_of(healthy(), "").snapshot, tmp_path / "a.zip")

    assert "candidate" not in json.loads(zipfile.ZipFile(path).read("manifest.json"))


@pytest.mark.parametrize(("source", "words"), [("case:x.json", "case file"), ("none.zip", "no such file")])
def test_what_cannot_be_judged_is_one_line(source, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["diagnose", source, "--task-definition", "web:2"]) == 1
    told_ = capsys.readouterr()
    assert told_.out == ""
    assert words in told_.err


@pytest.mark.parametrize(
    ("change", "refused"), [(nothing, ()), (tag_missing, ()), (nothing, ("ecr:DescribeImages",))], ids=["0", "3", "4"]
)
def test_the_command_over_http_asks_only_to_read(change, refused):
    world = healthy()
    arn = register_next(world, change)
    world.refused |= set(refused)
    asked = []

    def respond(request):
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        asked.append(target or parse_qs(request.body.decode()).get("Action", [request.method])[0])
        return world.respond(request)

    command = [sys.executable, "-c", "import sys; from ecs_notebook_lib.cli import main; sys.exit(main())"]
    source = ["diagnose", f"live:{world.cluster}/{world.service}", "--task-definition", arn, "--format", "json"]
    with serve(respond, "127.0.0.1") as server:
        variables = environment(server.url) | {"AWS_REGION": world.region, "AWS_DEFAULT_REGION": world.region}
        done = subprocess.run([*command, *source], env=variables, capture_output=True, text=True, check=False)

    document = json.loads(done.stdout)
    assert document["schema"] == "ecs-notebook/preflight/1"
    assert done.returncode == EXIT_CODES[document["outcome"]], done.stderr
    assert document["outcome"] == ("unknown" if refused else "ok" if change is nothing else "would_fail")
    assert "... service" in done.stderr
    assert set(asked) <= {row.action for row in operations().values()} | {"GET"}


def test_text_and_markdown_tell_the_verdict_and_obey_nothing(capsys, tmp_path):
    world = healthy()
    arn = register_next(world, lambda _w, definition: main_of(definition).update(image="evil\x1b[31m<b>|:1"))
    path = save_snapshot(incident_of(world, arn).snapshot, tmp_path / "a.zip")

    assert main(["diagnose", str(path), "--quiet", "--task-definition", arn]) == 3
    text = capsys.readouterr().out
    assert main(["diagnose", str(path), "--quiet", "--task-definition", arn, "--format", "markdown"]) == 3
    markdown = capsys.readouterr().out

    assert f"{arn.rpartition('/')[2]} would fail: way_out." in text  # only endpoints lead out, and none to Docker Hub
    assert "\x1b" not in text + markdown
    assert "<b>" not in markdown
    assert "| not checked | image |" in markdown


def test_collect_keeps_what_a_later_answer_needs(capsys, tmp_path):
    path = tmp_path / "a.zip"
    main(["collect", "demo:clarity-healthy", "--quiet", "--task-definition", "clarity-backend", "--out", str(path)])
    capsys.readouterr()

    assert main(["diagnose", str(path), "--quiet", "--task-definition", "clarity-backend"]) == 0


def test_every_question_names_checks_findings_and_causes_that_exist():
    for question in questions().values():
        kinds = {kind for name in question.checks for row in [check_rows()[name]] for kind in row.kinds + row.states}
        assert set(question.fails + question.warns) <= kinds
        assert {likeliest_cause(kind) for kind in question.fails} <= set(causes())
        assert not question.good or question.good in finding_kinds()
