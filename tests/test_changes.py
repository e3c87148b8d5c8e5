"""What changed: compared by field, told by CloudTrail, ranked, and never with a secret in it."""

import json
import re
from datetime import UTC, datetime, timedelta
from random import Random

import orjson
import pandas as pd
import pytest

from benchmarks.changes import UNRELATED, judge
from ecs_notebook_lib.collect import changes as collect_changes_module
from ecs_notebook_lib.collect.access import Clients, simulated_session
from ecs_notebook_lib.collect.caller import Caller
from ecs_notebook_lib.collect.changes import collect_changes
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.trail_body import kept_event, project
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.diagnosis.checks.changes import changes as changes_check
from ecs_notebook_lib.diagnosis.what_changed import rank_changes
from ecs_notebook_lib.examined import deployment_history, well_since
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.changes import CHANGES, Side, changes_frame
from ecs_notebook_lib.frames.comparing import definition_differences, text_of, without_secrets
from ecs_notebook_lib.frames.trail import events_of, left_out
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.change_events import OPERATION, change_events
from ecs_notebook_lib.knowledge.change_kinds import GROUP, MOST_DECIBANS, change_kind_of, change_kinds
from ecs_notebook_lib.knowledge.weights import causes, finding_kinds
from ecs_notebook_lib.plots import plot_changes
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.change_tables import between_table, changes_table, diff_table, line_of
from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.report.markdown import markdown_of
from ecs_notebook_lib.simulate import build, build_varied, install, serve
from ecs_notebook_lib.simulate.brought import BROUGHT

from .conftest import FAILING, collect, incident_of

SECRET = "correct-horse-battery"  # noqa: S105  what the story's DATABASE_URL holds
AT = datetime(2025, 7, 12, 9, tzinfo=UTC)


# Two task definitions, by field.


def container(**members):
    return {"name": "web", "image": "web:1", "essential": True, **members}


def differing(before, after):
    """Return (member, before, after) of what differs in the container of two definitions."""
    definitions = [{"containerDefinitions": [container(**row)]} for row in (before, after)]
    return [(row.member, row.before, row.after) for row in definition_differences(*definitions)]


WEB = "containerDefinitions[web]"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({}, {"image": "web:2"}, [(f"{WEB}.image", "web:1", "web:2")], id="image"),
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(
            {"environment": [{"name": "A", "value": "hmac:1"}, {"name": "B", "value": "hmac:2"}]},
            {"environment": [{"name": "B", "value": "hmac:2"}, {"name": "A", "value": "hmac:1"}]},
            [],
            id="another-order-of-variables",
        ),
        pytest.param(
            {"environment": [{"name": "A", "value": "hmac:1"}]},
            {"environment": [{"name": "A", "value": "hmac:2"}]},
            [(f"{WEB}.environment[A]", "(a value)", "(value differs)")],
            id="a-masked-value-only-differs",
        ),
        pytest.param(
            {"environment": [{"name": "PORT", "value": "80"}]},
            {"environment": [{"name": "PORT", "value": "8080"}]},
            [(f"{WEB}.environment[PORT]", "80", "8080")],
            id="a-port-is-plain",
        ),
        pytest.param(
            {},
            {"environment": [{"name": "A", "value": "hmac:1"}]},
            [(f"{WEB}.environment[A]", "", "(a value)")],
            id="a-variable-more",
        ),
        pytest.param(
            {"secrets": [{"name": "S", "valueFrom": "arn:a"}]},
            {},
            [(f"{WEB}.secrets[S]", "arn:a", "")],
            id="a-secret-less",
        ),
        pytest.param(
            {"healthCheck": {"command": ["CMD", "x"], "interval": 30, "timeout": 5, "retries": 3}},
            {"healthCheck": {"command": ["CMD", "x"]}},
            [],
            id="a-default-written-out",
        ),
        pytest.param({"environment": []}, {}, [], id="an-empty-list-is-none"),
        pytest.param(
            {"command": ["a", "b"]}, {"command": ["b", "a"]}, [(f"{WEB}.command", "a, b", "b, a")], id="order"
        ),
        pytest.param(
            {"dependsOn": [{"containerName": "a"}, {"containerName": "b"}]},
            {"dependsOn": [{"containerName": "b"}, {"containerName": "a"}]},
            [],
            id="another-order-of-what-it-waits-for",
        ),
        pytest.param(
            {"portMappings": [{"containerPort": 80, "hostPort": 80}]},
            {"portMappings": [{"containerPort": 80, "hostPort": 0}]},
            [
                (
                    f"{WEB}.portMappings[80]",
                    '{"containerPort": 80, "hostPort": 80}',
                    '{"containerPort": 80, "hostPort": 0}',
                )
            ],
            id="a-port-by-its-number",
        ),
        pytest.param(
            {"logConfiguration": {"logDriver": "awslogs", "options": {"token": "hmac:1"}}},
            {"logConfiguration": {"logDriver": "awslogs", "options": {"token": "hmac:2"}}},
            [
                (
                    f"{WEB}.logConfiguration",
                    '{"logDriver": "awslogs", "options": {"token": "(a value)"}}',
                    "(value differs)",
                )
            ],
            id="a-masked-option-only-differs",
        ),
    ],
)
def test_task_definitions_are_compared_by_field(before, after, told):
    assert differing(before, after) == told


def test_a_container_that_came_and_one_that_went_are_a_change_each():
    one, other = (
        {"containerDefinitions": [container()]},
        {"containerDefinitions": [container(name="envoy", image="e:1")]},
    )

    assert [(row.member, row.before, row.after) for row in definition_differences(one, other)] == [
        ("containerDefinitions[envoy]", "", "e:1"),
        ("containerDefinitions[web]", "web:1", ""),
    ]


def test_what_names_a_revision_is_no_change():
    before = {"taskDefinitionArn": "a:1", "revision": 1, "status": "INACTIVE", "registeredAt": "x", "cpu": "256"}
    after = {"taskDefinitionArn": "a:2", "revision": 2, "status": "ACTIVE", "registeredAt": "y", "cpu": "512"}

    assert [(row.member, row.before, row.after) for row in definition_differences(before, after)] == [
        ("cpu", "256", "512")
    ]


@pytest.mark.parametrize("number", range(40))
def test_a_definition_in_another_order_is_the_same(number):
    rng = Random(number)
    world = build_varied(["program-crashes"], number)
    definition = next(iter(world.task_definitions.values()))

    assert list(definition_differences(definition, shuffled(definition, rng))) == []


def shuffled(value, rng, name=""):
    if isinstance(value, dict):
        items = [(key, shuffled(item, rng, key)) for key, item in value.items()]
        rng.shuffle(items)
        return dict(items)
    if isinstance(value, list) and name not in ("command", "entryPoint"):
        rows = [shuffled(item, rng) for item in value]
        rng.shuffle(rows)
        return rows
    return value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("serve --password hunter2 --port 80", "serve --password (a value) --port 80"),
        ("env DB_PASSWORD=hunter2 serve", "env DB_PASSWORD=(a value) serve"),
        ("curl http://ann:hunter2@db/health", "curl http://ann:(a value)@db/health"),
        ("API_KEY=hunter2", "API_KEY=(a value)"),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:web/settings-a1b2c3", None),
        ("curl -f http://localhost:8080/health || exit 1", None),
        ("tokenizer --workers 4", None),
    ],
)
def test_what_a_command_line_gives_as_a_secret_is_not_shown(text, shown):
    assert without_secrets(text) == (text if shown is None else shown)
    assert "hunter2" not in text_of([text, "--x"])


# What of CloudTrail reaches a disk.


def event_with(name, asked, **members):
    body = {"eventName": name, "eventSource": "x", "requestParameters": asked, **members}
    return {"EventId": "1", "EventName": name, "AccessKeyId": "ASIASECRET", "CloudTrailEvent": json.dumps(body)}


def test_of_a_request_only_what_the_table_names_is_kept():
    asked = {"secretId": "web", "secretString": SECRET, "clientRequestToken": SECRET}

    kept = kept_event(event_with("PutSecretValue", asked, additionalEventData={"x": SECRET}), Masker()._value)

    assert SECRET not in json.dumps(kept)
    assert "ASIASECRET" not in json.dumps(kept)
    assert json.loads(kept["CloudTrailEvent"])["requestParameters"] == {"secretId": "web"}


@pytest.mark.parametrize("name", change_events())
@pytest.mark.parametrize("hidden", ["secretString", "password", "environment", "authenticateOidcConfig", "value"])
def test_no_member_that_the_table_does_not_name_is_kept_of_any_event(name, hidden):
    row = change_events()[name]
    top = row.resource.partition(".")[0]
    asked = {top: "thing" if "." not in row.resource else {"x": SECRET}, hidden: {"x": SECRET}, "Other": [SECRET]}

    assert SECRET not in kept_event(event_with(name, asked), Masker()._value)["CloudTrailEvent"]


@pytest.mark.parametrize(
    "body", ["", "no json", "[1, 2]", '"x"', "null", '{"requestParameters": "x", "eventName": []}']
)
def test_a_body_that_is_none_is_kept_as_an_empty_one(body):
    kept = kept_event({"EventId": "1", "CloudTrailEvent": body}, Masker()._value)

    assert set(kept) >= {"EventId"}
    assert "x" not in json.loads(kept.get("CloudTrailEvent", "{}")).get("requestParameters", {})


def test_a_masked_value_equals_that_of_the_task_definition():
    incident = incident_of("clarity-backend")
    page = next(
        page for page in incident.snapshot.records(OPERATION) if "RegisterTaskDefinition" in str(page["params"])
    )
    newest = json.loads(page["response"]["Events"][0]["CloudTrailEvent"])["requestParameters"]
    told = {row["name"]: row["value"] for row in newest["containerDefinitions"][0]["environment"]}
    environment = incident.frames.environment
    known = environment[environment["task_definition"].str.endswith(":146")].set_index("name")["value"].to_dict()

    assert told == known
    assert told["DATABASE_URL"].startswith("hmac:")


@pytest.mark.parametrize("name", FAILING)
def test_no_secret_value_shows_in_any_of_what_is_told(name):
    incident = incident_of(name)
    told = [
        incident.snapshot.lines(OPERATION).decode(),
        incident.frames.changes.to_csv(),
        incident.frames.trail_events.to_csv(),
        diff_table(incident).to_csv(),
        changes_table(incident).to_csv(),
        orjson.dumps(incident.diagnosis.to_json()).decode(),
        markdown_of(incident),
    ]

    assert not [text for text in told if SECRET in text]
    assert not [text for text in told[1:2] + told[3:] if "hmac:" in text]


def test_a_projection_keeps_what_the_paths_lead_to():
    value = {"a": [{"b": 1, "c": 2}, {"b": 3}], "d": {"e": 4, "f": 5}, "g": 6}

    assert project(value, ["a[].b", "d.e"]) == {"a": [{"b": 1}, {"b": 3}], "d": {"e": 4}}
    assert project(value, []) == {}
    assert project(value, ["d"]) == {"d": {"e": 4, "f": 5}}


# How CloudTrail is asked.


class Clock:
    """A clock that moves when somebody sleeps, or by what a call takes."""

    def __init__(self, call_seconds=0.0):
        self.now, self.slept, self.call_seconds = 0.0, [], call_seconds

    def __call__(self):
        self.now += self.call_seconds
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Rationed(Caller):
    """A caller whose endpoint counts calls, as AWS's do."""

    def is_rationed(self, _operation, _region=""):
        return True


def caller_of(world, kind=Caller):
    session = simulated_session(world.region)
    install(session, world.respond)
    return kind(Clients(session))


def asked_names(caller):
    return [page.params["LookupAttributes"][0]["AttributeValue"] for page in caller.pages]


def ask(caller, world, clock, **options):
    since = world.now - timedelta(days=30)
    collect_changes(caller, since=since, until=world.now, clock=clock, sleep=clock.sleep, **options)


def test_another_endpoint_is_asked_for_every_name_without_a_pause():
    world, clock = build("clarity-backend"), Clock()
    caller = caller_of(world)

    ask(caller, world, clock)

    assert clock.slept == []
    assert set(asked_names(caller)) == set(change_events())
    assert asked_names(caller)[0] == next(iter(change_events()))


def test_aws_is_asked_twice_a_second_and_no_longer_than_the_deadline():
    world, clock = build("clarity-backend"), Clock()
    caller = caller_of(world, Rationed)

    ask(caller, world, clock)

    assert clock.now <= collect_changes_module.DEADLINE_SECONDS
    assert len(caller.pages) <= 2 * collect_changes_module.DEADLINE_SECONDS + 1
    assert len(caller.pages) >= 28
    assert asked_names(caller) == list(change_events())[: len(set(asked_names(caller)))]


def test_two_regions_have_a_ration_each():
    world = build_varied(["task-role-refused"], 3000)
    clock, alone = Clock(), Clock()
    caller, other = caller_of(world, Rationed), caller_of(build("clarity-backend"), Rationed)

    ask(caller, world, clock)
    ask(other, build("clarity-backend"), alone)

    assert world.region != "us-east-1"
    assert len(set(asked_names(caller))) > len(set(asked_names(other)))
    assert {page.region for page in caller.pages} == {"us-east-1", world.region}


def test_a_slow_answer_takes_of_the_deadline():
    world, clock = build("clarity-backend"), Clock(call_seconds=1.0)
    caller = caller_of(world)

    ask(caller, world, clock, deadline=6.0)

    assert 0 < len(caller.pages) < 6


def test_a_region_that_refuses_is_not_asked_again():
    world, clock = build("clarity-backend"), Clock()
    world.refused.add(OPERATION)
    caller = caller_of(world)

    ask(caller, world, clock)

    assert [page.error["code"] for page in caller.pages] == ["AccessDeniedException"]


def test_what_was_not_asked_in_time_is_told_by_name():
    world, clock = build("clarity-backend"), Clock()
    caller = caller_of(world, Rationed)
    ask(caller, world, clock, deadline=2.0)
    pages = [orjson.loads(page.line("1")) for page in caller.pages]

    text = left_out(pages, world.region)

    assert text.startswith("not asked in time: ")
    assert list(change_events())[-1] in text
    assert next(iter(change_events())) not in text


def test_more_events_than_were_read_are_told():
    world = build("clarity-healthy")
    for number in range(120):
        world.edit(lambda w, n=number: w.access.buckets.update({"clarity-backend-uploads": {"Statement": [], "n": n}}))
    world.run_until(world.now + timedelta(hours=1))
    caller = caller_of(world)
    ask(caller, world, Clock())

    assert (
        left_out([orjson.loads(page.line("1")) for page in caller.pages], world.region)
        == "only the newest: PutBucketPolicy"
    )


@pytest.mark.parametrize(
    ("url", "rationed"),
    [
        ("https://cloudtrail.us-east-1.amazonaws.com", True),
        ("https://cloudtrail.cn-north-1.amazonaws.com.cn", True),
        ("http://127.0.0.1:5000", False),
        ("https://amazonaws.com.example.org", False),
        ("http://localhost:4566", False),
    ],
)
def test_only_aws_own_endpoints_are_rationed(url, rationed, monkeypatch):
    import boto3

    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    clients = Clients(session, endpoint_url=url)

    assert clients.is_aws(clients.get("cloudtrail")) is rationed


def test_the_simulated_account_is_not_rationed():
    clients = Clients(simulated_session("us-east-1"))

    assert not clients.is_aws(clients.get("cloudtrail"))


def test_a_deployment_that_is_well_is_not_asked_about():
    assert OPERATION not in incident_of("clarity-healthy").snapshot.operations
    assert len(incident_of("clarity-healthy").frames.changes) == 0
    assert OPERATION in incident_of("clarity-backend").snapshot.operations


@pytest.mark.parametrize(("home", "region"), [("eu-west-1", "us-east-1"), ("cn-northwest-1", "cn-north-1")])
def test_iam_is_asked_in_the_first_region_of_the_partition(home, region):
    assert change_events()["PutRolePolicy"].region(home) == region
    assert change_events()["UpdateService"].region(home) == home


# The frame.


def test_going_back_to_a_revision_does_not_begin_the_line_anew():
    rows = [
        deployment("a", "web:1", 0, "SUCCESSFUL"),
        deployment("b", "web:2", 10, "STOPPED"),
        deployment("c", "web:1", 20, "SUCCESSFUL"),
        deployment("d", "web:3", 30, "IN_PROGRESS"),
    ]
    history = deployment_history([], service_deployments=rows, service_revisions=REVISIONS)

    assert history.last_good.service_deployment == "c"
    assert history.good_since == AT


def test_another_good_revision_in_between_begins_it_anew():
    rows = [
        deployment("a", "web:1", 0, "SUCCESSFUL"),
        deployment("b", "web:2", 10, "SUCCESSFUL"),
        deployment("c", "web:1", 20, "SUCCESSFUL"),
        deployment("d", "web:3", 30, "IN_PROGRESS"),
    ]
    history = deployment_history([], service_deployments=rows, service_revisions=REVISIONS)

    assert history.good_since == AT + timedelta(minutes=20)


def steady(minutes):
    moment = (AT + timedelta(minutes=minutes)).isoformat()
    return {"message": "(service web) has reached a steady state.", "createdAt": moment}


@pytest.mark.parametrize(
    ("rows", "events", "failed", "since"),
    [
        pytest.param([("d", "web:3", 30, "IN_PROGRESS")], [steady(5), steady(10), steady(40)], 35, 10, id="before-it"),
        pytest.param([("d", "web:3", 0, "SUCCESSFUL")], [steady(5), steady(20), steady(40)], 35, 20, id="failed-later"),
        pytest.param([("d", "web:3", 30, "IN_PROGRESS")], [], 35, None, id="never-steady"),
        pytest.param(
            [("a", "web:1", 0, "SUCCESSFUL"), ("d", "web:3", 30, "IN_PROGRESS")],
            [steady(20)],
            35,
            0,
            id="deployments-tell",
        ),
    ],
)
def test_without_a_good_deployment_the_line_begins_at_the_last_steady_state(rows, events, failed, since):
    told = [deployment(*row) for row in rows]
    history = deployment_history([], service_deployments=told, service_revisions=REVISIONS)

    known = well_since(history, events, AT + timedelta(minutes=failed))

    assert known == (None if since is None else AT + timedelta(minutes=since))


REVISIONS = [{"serviceRevisionArn": name, "taskDefinition": name} for name in ("web:1", "web:2", "web:3")]


def deployment(name, revision, minutes, status):
    return {
        "serviceDeploymentArn": name,
        "targetServiceRevision": {"arn": revision},
        "createdAt": (AT + timedelta(minutes=minutes)).isoformat(),
        "status": status,
    }


def side(name="web:1", *, digests=None, **members):
    history = deployment_history(
        [], service_deployments=[deployment("a", name, 0, "SUCCESSFUL")], service_revisions=REVISIONS
    )
    definition = {"containerDefinitions": [container()], **members.pop("definition", {})}
    return Side(
        history.deployments[0], definition, members.get("revision", {}), members.get("record", {}), digests or {}
    )


def test_another_content_behind_an_unchanged_tag_is_a_change_of_the_digest():
    frame = changes_frame(side(digests={"web": "sha256:a"}), side("web:2", digests={"web": "sha256:b"}), [], {})

    [row] = frame.to_dict("records")
    assert (row["member"], row["before"], row["after"]) == (f"{WEB}.imageDigest", "sha256:a", "sha256:b")
    assert change_kind_of(row["subject"], row["member"], row["effect"]).name == "image_changed"


def test_the_same_content_behind_an_unchanged_tag_is_no_change():
    same = {"web": "sha256:a"}

    assert len(changes_frame(side(digests=same), side("web:2", digests=same), [], {})) == 0


def test_another_tag_is_no_second_change_of_the_digest():
    other = side("web:2", definition={"containerDefinitions": [container(image="web:2")]}, digests={"web": "sha256:b"})

    frame = changes_frame(side(digests={"web": "sha256:a"}), other, [], {})

    assert list(frame["member"]) == [f"{WEB}.image"]


def test_subnets_and_groups_are_compared_as_sets():
    one, other = (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": row}}} for row in (["a", "b"], ["b", "a"])
    )
    third = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}}

    assert len(changes_frame(side(revision=one), side("web:2", revision=other), [], {})) == 0
    assert list(changes_frame(side(revision=one), side("web:2", revision=third), [], {})["before"]) == ["a, b"]


def test_the_frame_keeps_its_schema_without_rows():
    empty = incident_of("clarity-healthy").frames.changes

    assert list(empty.columns) == CHANGES.names
    assert dict(empty.dtypes.astype(str)) == CHANGES.dtypes


def trail(*rows):
    return pd.DataFrame(
        [
            {
                "event_id": str(number),
                "event_name": name,
                "event_source": "",
                "event_at": pd.Timestamp(AT),
                "username": "ann",
                "body": json.dumps(
                    {
                        "eventSource": f"{change_events()[name].source}.amazonaws.com",
                        "requestParameters": asked,
                        **more,
                    }
                ),
            }
            for number, (name, asked, more) in enumerate(rows)
        ]
    )


def test_a_call_that_aws_refused_changed_nothing():
    frame = trail(
        ("DeleteRole", {"roleName": "web"}, {"errorCode": "AccessDenied"}), ("DeleteRole", {"roleName": "web"}, {})
    )

    assert [event.id for event in events_of(frame)] == ["1"]


def test_who_repeats_what_is_as_it_was_changes_nothing():
    asked = {"service": "web", "cluster": "demo", "desiredCount": 2, "deploymentConfiguration": {"maximumPercent": 200}}
    events = events_of(trail(("UpdateService", asked, {}), ("UpdateService", {**asked, "desiredCount": 0}, {})))
    good = side(
        record={"targetServiceRevision": {"requestedTaskCount": 2}, "deploymentConfiguration": {"maximumPercent": 200}}
    )
    used = {"service": frozenset({"web"}), "cluster": frozenset({"demo"})}

    frame = changes_frame(good, side("web:2"), events, used)

    assert list(frame["member"]) == ["desiredCount"]
    assert (frame["before"][0], frame["after"][0], frame["related"][0]) == ("2", "0", True)


def test_a_service_of_that_name_in_another_cluster_is_another_service():
    asked = {"service": "web", "cluster": "other", "desiredCount": 0}
    used = {"service": frozenset({"web"}), "cluster": frozenset({"demo"})}

    frame = changes_frame(side(), side("web:2"), events_of(trail(("UpdateService", asked, {}))), used)

    assert not frame["related"][0]


@pytest.mark.parametrize(
    "asked",
    [{}, {"service": []}, {"service": "web", "deploymentConfiguration": "x"}, {"ipPermissions": {"items": [1]}}],
)
@pytest.mark.parametrize("name", change_events())
def test_requests_of_another_form_than_aws_has_end_in_rows_not_in_errors(name, asked):
    frame = changes_frame(
        side(), side("web:2"), events_of(trail((name, asked, {}))), {"cluster": frozenset({"default"})}
    )

    assert list(frame.columns) == CHANGES.names


def test_who_registered_and_who_deployed_is_told():
    rows = incident_of("clarity-network").frames.changes.set_index("member")

    assert rows.loc["containerDefinitions[clarity-backend].image", "who"] == "pipeline"
    assert rows.loc["networkConfiguration.awsvpcConfiguration.securityGroups", "known_from"] == "both"


def test_without_cloudtrail_the_revisions_still_tell():
    incident = incident_of("clarity-network", 0, frozenset({OPERATION}))
    result = next(row for row in incident.diagnosis.results if row.check == "changes")

    assert set(incident.frames.changes["known_from"]) == {"revisions"}
    assert "containerDefinitions[clarity-backend].image" in set(incident.frames.changes["member"])
    assert "CloudTrail was not read (AccessDeniedException: LookupEvents)" in result.reason
    assert dict(between_table(incident).itertuples(index=False))["refused"] == "AccessDeniedException in us-east-1"


def test_a_refusal_makes_no_cause_less_likely():
    """What CloudTrail tells weighs little, so that its refusal is a gap, and no reason to doubt what was seen."""
    whole, without = incident_of("clarity-network"), incident_of("clarity-network", 0, frozenset({OPERATION}))
    first = [incident.diagnosis.differential[0] for incident in (whole, without)]

    assert first[0].cause == first[1].cause
    assert abs(first[0].probability - first[1].probability) < 0.02


# Which change it was.

SAMPLE = (
    "moved-health-path",
    "task-role-refused",
    "resource-policy-denies",
    "layers-denied",
    "secret-absent",
    "balancer-blocked",
    "no-way-out",
    "cpu-starved",
    "program-crashes",
    "command-not-executable",
    "proxy-ends",
    "count-reset",
)


def test_the_true_change_comes_first_among_unrelated_ones(record_property):
    judged = [judge((name, 3100 + number)) for number, name in enumerate(SAMPLE)]
    told = [row for row in judged if row.rank is not None]
    first = sum(row.rank == 1 for row in told)

    record_property("the true change ranked first", f"{first} of {len(told)}, with {UNRELATED} unrelated ones")
    assert len(told) >= 11
    assert first >= 0.9 * len(told), [(row.name, row.seed, row.rank, row.first) for row in told if row.rank != 1]


@pytest.mark.parametrize("name", [name for name in BROUGHT if name.startswith("clarity-")])
def test_the_true_change_of_each_story_comes_first(name):
    assert judge((name, 0)).rank == 1


def test_the_ranking_is_the_same_every_time_and_says_why():
    frames = incident_of("clarity-backend").frames
    probabilities = {row.cause: row.probability for row in incident_of("clarity-backend").diagnosis.differential}

    once, again = (rank_changes(frames, probabilities) for _ in range(2))

    assert once == again
    assert len(once) == len(frames.changes)
    assert all(row.because for row in once)
    assert [row.score for row in once] == sorted((row.score for row in once), reverse=True)


def test_another_cause_makes_another_change_the_likeliest():
    frames = incident_of("clarity-backend").frames

    crash = rank_changes(frames, {"application.crash": 1.0})[0]
    percentages = rank_changes(frames, {"deployment_config.percentages": 1.0})[0]

    assert (crash.kind, percentages.kind) == ("image_changed", "percentages_changed")


def test_what_neither_deployment_uses_counts_next_to_nothing():
    frames = Frames(incident_of("clarity-backend").snapshot)
    likely = {"permissions.task_role": 0.5, "application.crash": 0.3, "deployment_config.percentages": 0.2}
    used = {row.change_id: row.score for row in rank_changes(frames, likely)}

    frames.changes = frames.changes.assign(related=pd.array([False] * len(used), dtype="boolean"))

    assert max(used.values()) > 0.1
    assert all(row.score <= 0.05 * used[row.change_id] for row in rank_changes(frames, likely))


def test_changes_of_other_things_are_told_as_such():
    world = build_varied(["task-role-refused"], 3000, unrelated=3)
    frames = Frames(collect(world))
    resources = frames.changes.set_index("resource")["related"].to_dict()

    assert resources[f"{world.service}-reports"] is False
    assert resources[f"{world.service}-task"] is True


# The findings.


def test_a_change_weighs_little_and_many_do_not_add_up():
    kinds = [finding_kinds()[name] for name in change_kinds()]

    assert {kind.group for kind in kinds} == {GROUP}
    assert max(weight for kind in kinds for weight in kind.weights.values()) <= MOST_DECIBANS
    assert finding_kinds()["image_changed"].weights == {}


def test_every_kind_of_event_that_can_bring_something_has_a_kind_of_change():
    for row in change_events().values():
        members = [row.member] if row.member else ["healthCheckPath", "desiredCount"]
        kinds = [change_kind_of(row.subject, member, row.effect) for member in members]

        assert any(kinds) or row.effect == "registered", row.name


def test_every_cause_that_a_configuration_can_bring_is_brought_by_some_change():
    brought = {cause for cause in causes() if any(kind.share(cause) for kind in change_kinds().values())}

    assert set(causes()) - brought <= {
        "permissions.deployer",
        "network.interface",
        "aws_service.disruption",
        "aws_service.agent",
        "deployment_config.superseded",
        "deployment_config.controller",
        "deployment_config.scale_in_protection",
    }


def test_a_change_long_before_or_of_another_thing_weighs_nothing():
    incident = incident_of("clarity-backend")
    found = list(changes_check(incident.frames))
    stopped = [row for row in found if row.parts["member"] == "serviceDeployment"]

    assert any(row.weighs for row in found)
    assert stopped
    assert all(not finding_kinds()[row.kind].weights for row in stopped)


def test_a_case_file_has_no_changes_and_says_so():
    from ecs_notebook_lib.cases import Case, snapshot_of

    frames = Frames(
        snapshot_of(Case("one", {"stopped_tasks": [{"stopped_reason": "Essential container in task exited"}]}))
    )
    result = next(row for row in diagnose(frames).results if row.check == "changes")

    assert len(frames.changes) == 0
    assert (result.outcome, result.findings) == ("not_checked", ())


# What people see.


def test_the_first_ranked_change_stands_in_the_verdict():
    incident = incident_of("clarity-network")

    told = words.what_changed(incident)

    assert "other security groups of the tasks" in told
    assert "by pipeline" in told
    assert told in markdown_of(incident).replace("\\", "")
    assert incident.diagnosis.to_json()["changes"][0]["member"].endswith("securityGroups")
    assert words.what_changed(incident_of("clarity-healthy")) == ""


def test_the_line_of_time_has_its_two_ends_and_a_mark_a_change():
    incident = incident_of("clarity-backend")
    ax = plot_changes(**line_of(incident))

    labels = ax.get_legend_handles_labels()[1]
    assert {"last good", "first failure", "most likely brought it"} <= set(labels)
    assert len(ax.get_yticklabels()) == len(incident.frames.changes)


def test_an_empty_line_says_so():
    ax = plot_changes(incident_of("clarity-healthy").frames.changes)

    assert [text.get_text() for text in ax.texts] == ["No change is known"]


def test_what_comes_from_cloudtrail_is_shown_and_never_obeyed():
    evil = "<script>$x_1$" + "A" * 900
    world = build("clarity-backend")
    world.edit(lambda w: w.access.roles["clarity-backend-task"].inline.update({evil: {"Statement": []}}))
    event = world.trail.events[-1]
    object.__setattr__(event, "session", f"{evil}\x1b[31m")
    object.__setattr__(event, "at", world.now - timedelta(days=2))
    object.__setattr__(event, "visible_at", world.now - timedelta(days=2))
    incident = Incident(collect(world))

    html = Table(diff_table(incident))._repr_html_()
    figure = plot_changes(**line_of(incident)).figure

    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "\x1b" not in html + markdown_of(incident)
    assert max(map(len, re.findall(r"<td>.*?</td>", html))) < 4000
    figure.canvas.draw()


def test_live_over_http_tells_the_same_changes():
    import boto3

    world = build("clarity-backend")
    with serve(world.respond, "127.0.0.1") as server:
        session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
        caller = Caller(Clients(session, endpoint_url=server.url))
        collect_changes(caller, since=world.now - timedelta(days=30), until=world.now)
    names = {event["EventName"] for page in caller.pages for event in page.response["Events"]}

    assert {"PutRolePolicy", "DeleteRolePolicy", "UpdateService", "RegisterTaskDefinition"} <= names
