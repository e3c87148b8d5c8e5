"""CloudTrail of the simulated account: the calls that an edit takes, and how LookupEvents tells of them."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.simulate import RECIPES, SCENARIOS, build, build_varied, install
from ecs_notebook_lib.simulate.account import allow, policy
from ecs_notebook_lib.simulate.brought import BROUGHT, NOT_BROUGHT
from ecs_notebook_lib.simulate.network import rule
from ecs_notebook_lib.simulate.unrelated import IN_ACCOUNT, IN_REVISION

ROLE, EXECUTION, GROUP = "clarity-backend-task", "clarity-backend-execution", "sg-0fedcba9876543210"
TABLE, BUCKET = "rtb-0a9b8c7d6e5f40312", "clarity-backend-uploads"


def trail_of(world, region=""):
    session = simulated_session(region or world.region)
    install(session, world.respond)
    return session.client("cloudtrail")


def looked_up(world, name="", region="", **params):
    attributes = [{"AttributeKey": "EventName", "AttributeValue": name}] if name else []
    pages = trail_of(world, region).get_paginator("lookup_events")
    return [row for page in pages.paginate(LookupAttributes=attributes, **params) for row in page["Events"]]


def put_policy(world):
    world.access.roles[ROLE].inline["more"] = policy(allow("s3:PutObject"))


def group_of(world):
    return world.balancer.groups[next(iter(world.balancer.groups))]


def first_route(world):
    return next(row for row in world.network.route_tables if row["RouteTableId"] == TABLE)["Routes"]


EDITS = {
    "PutRolePolicy": (put_policy, {"roleName": ROLE, "policyName": "more"}),
    "DeleteRolePolicy": (lambda w: w.access.roles[EXECUTION].inline.clear(), {"roleName": EXECUTION}),
    "DetachRolePolicy": (lambda w: w.access.roles[EXECUTION].attached.clear(), {"roleName": EXECUTION}),
    "UpdateAssumeRolePolicy": (
        lambda w: setattr(w.access.roles[ROLE], "trust", policy(allow("sts:AssumeRole"))),
        {"roleName": ROLE},
    ),
    "DeleteRole": (lambda w: w.access.roles.pop("clarity-backend-app"), {"roleName": "clarity-backend-app"}),
    "DeleteBucketPolicy": (lambda w: w.access.buckets.update({BUCKET: None}), {"bucketName": BUCKET}),
    "PutBucketPolicy": (lambda w: w.access.buckets.update({BUCKET: policy()}), {"bucketName": BUCKET}),
    "DeleteSecret": (lambda w: w.access.secrets.clear(), {}),
    "AuthorizeSecurityGroupIngress": (
        lambda w: w.network.group(GROUP)["IpPermissions"].append(rule(22, cidr="10.0.0.0/8")),
        {"groupId": GROUP},
    ),
    "RevokeSecurityGroupIngress": (
        lambda w: w.network.group(GROUP)["IpPermissions"].clear(),
        {
            "groupId": GROUP,
            "ipPermissions": {
                "items": [
                    {
                        "ipProtocol": "tcp",
                        "fromPort": 8000,
                        "toPort": 8000,
                        "groups": {"items": [{"groupId": "sg-0123456789abcdef0", "userId": "111122223333"}]},
                        "ipRanges": {},
                        "ipv6Ranges": {},
                        "prefixListIds": {},
                    }
                ]
            },
        },
    ),
    "RevokeSecurityGroupEgress": (
        lambda w: w.network.group(GROUP)["IpPermissionsEgress"].clear(),
        {"groupId": GROUP},
    ),
    "DeleteRoute": (
        lambda w: first_route(w).pop(1),
        {"routeTableId": TABLE, "destinationCidrBlock": "0.0.0.0/0"},
    ),
    "ReplaceRoute": (
        lambda w: first_route(w)[1].update(GatewayId="igw-0aaaaaaaaaaaaaaaa"),
        {"routeTableId": TABLE, "gatewayId": "igw-0aaaaaaaaaaaaaaaa"},
    ),
    "ModifyTargetGroup": (
        lambda w: group_of(w).shape.update(HealthCheckPath="/up", Matcher={"HttpCode": "204"}),
        {"healthCheckPath": "/up", "matcher": {"httpCode": "204"}},
    ),
    "ModifyTargetGroupAttributes": (
        lambda w: group_of(w).attributes.update({"stickiness.enabled": "true"}),
        {"attributes": [{"key": "stickiness.enabled", "value": "true"}]},
    ),
    "ModifyListener": (lambda w: w.listeners[0].update(DefaultActions=[{"Type": "redirect"}]), {}),
    "SetSecurityGroups": (lambda w: w.load_balancers[0].update(SecurityGroups=[GROUP]), {"securityGroups": [GROUP]}),
    "DeleteLogGroup": (lambda w: w.log_groups.pop("/ecs/clarity-worker"), {"logGroupName": "/ecs/clarity-worker"}),
    "PutRetentionPolicy": (
        lambda w: setattr(w.log_groups["/ecs/clarity-worker"], "retention_days", 7),
        {"logGroupName": "/ecs/clarity-worker", "retentionInDays": 7},
    ),
    "DeleteVpcEndpoints": (
        lambda w: w.network.endpoints.clear(),
        {"DeleteVpcEndpointsRequest": {"VpcEndpointId": {"tag": 1, "content": "vpce-0b1c2d3e4f5a60718"}}},
    ),
    "UpdateService": (
        lambda w: w.scheduler.services[w.service].shape.update(healthCheckGracePeriodSeconds=77),
        {"service": "clarity-backend", "healthCheckGracePeriodSeconds": 77},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_told_as_the_call_that_it_takes(name):
    world, (edit, params) = build("clarity-healthy"), EDITS[name]
    before = len(world.trail.events)

    world.edit(edit)

    told = [event for event in world.trail.events[before:] if event.call.name == name]
    assert [event.call.name for event in world.trail.events[before:]] == [name] * len(told)
    assert len(told) == 1
    assert told[0].record["requestParameters"].items() >= json.loads(json.dumps(params)).items()


def test_an_edit_that_changes_nothing_is_no_call():
    world = build("clarity-healthy")
    before = len(world.trail.events)

    world.edit(lambda _world: None)

    assert len(world.trail.events) == before


def test_events_come_newest_first_and_page_by_page():
    world = build("clarity-healthy")
    for number in range(120):
        world.edit(lambda w, n=number: w.access.buckets.update({BUCKET: policy(allow(f"s3:Action{n}"))}))
    world.run_until(world.now + timedelta(hours=1))

    pages = list(trail_of(world).get_paginator("lookup_events").paginate())

    assert [len(page["Events"]) for page in pages[:2]] == [50, 50]
    times = [event["EventTime"] for page in pages for event in page["Events"]]
    assert times == sorted(times, reverse=True)
    assert (
        len({event["EventId"] for page in pages for event in page["Events"]}) == len(times) == len(world.trail.events)
    )


def test_an_event_is_visible_only_some_minutes_later():
    world = build("clarity-healthy")
    world.edit(put_policy)

    at_once = looked_up(world, "PutRolePolicy")
    world.run_until(world.now + timedelta(minutes=15))

    assert at_once == []
    [event] = looked_up(world, "PutRolePolicy")
    assert event["Username"] == json.loads(event["CloudTrailEvent"])["userIdentity"]["arn"].rpartition("/")[2]


def test_events_of_iam_stand_in_the_first_region_only():
    world = build_varied(["task-role-refused"], 3000, unrelated=3)

    assert world.region != "us-east-1"
    assert looked_up(world, "PutRolePolicy") == []
    assert looked_up(world, "PutRolePolicy", region="us-east-1") != []
    assert looked_up(world, "UpdateService", region="us-east-1") == []


def test_start_and_end_bound_the_events():
    world = build("clarity-backend")
    [first, *_, last] = sorted(looked_up(world, "UpdateService"), key=lambda event: event["EventTime"])

    bounded = looked_up(world, "UpdateService", StartTime=first["EventTime"], EndTime=first["EventTime"])

    assert {event["EventTime"] for event in bounded} == {first["EventTime"]}
    assert last["EventTime"] > first["EventTime"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        pytest.param(
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "A"}] * 2},
            "InvalidLookupAttributesException",
            id="two-attributes",
        ),
        pytest.param({"NextToken": "what"}, "InvalidNextTokenException", id="token"),
        pytest.param({"StartTime": "2025-01-02", "EndTime": "2025-01-01"}, "InvalidTimeRangeException", id="range"),
    ],
)
def test_what_cloudtrail_does_not_take_is_refused(params, code):
    with pytest.raises(ClientError) as refusal:
        trail_of(build("clarity-healthy")).lookup_events(**params)

    assert refusal.value.response["Error"]["Code"] == code


def test_who_deployed_and_what_was_asked_stand_in_the_body():
    world = build("clarity-backend")
    event = looked_up(world, "RegisterTaskDefinition")[0]
    body = json.loads(event["CloudTrailEvent"])

    assert (event["Username"], body["userIdentity"]["type"]) == ("pipeline", "AssumedRole")
    assert body["requestParameters"]["family"] == "clarity-backend"
    assert body["responseElements"]["taskDefinition"]["taskDefinitionArn"].endswith(":146")


def test_every_recipe_says_which_change_brings_it_or_why_none_does():
    assert set(RECIPES) == (set(BROUGHT) | set(NOT_BROUGHT)) - set(SCENARIOS)
    assert not set(BROUGHT) & set(NOT_BROUGHT)
    assert all(NOT_BROUGHT.values())


@pytest.mark.parametrize("name", [name for name in BROUGHT if name in RECIPES])
def test_some_seed_of_a_recipe_that_a_change_brings_knows_it(name):
    assert any(build_varied([name], seed, unrelated=3).brought for seed in range(3000, 3004))


@pytest.mark.parametrize("name", NOT_BROUGHT)
def test_what_no_change_brought_knows_of_none(name):
    assert build_varied([name], 3000, unrelated=3).brought == []


def test_there_are_ten_or_more_harmless_changes():
    assert len(IN_ACCOUNT) >= 10
    assert len(IN_REVISION) >= 2


@pytest.mark.parametrize("number", range(3))
def test_unrelated_changes_stand_between_the_last_good_and_the_failing_deployment(number):
    world = build_varied(["moved-health-path"], number, unrelated=8)
    good, failing = world.scheduler.services[world.service].past[0], world.scheduler.services[world.service].past[-1]
    between = [event for event in world.trail.events if event.call.name not in ("CreateService", "UpdateService")]
    inside = [e for e in between if good.shape["createdAt"] < e.at < failing.shape["createdAt"].replace(microsecond=0)]

    assert len(inside) >= 5


@pytest.mark.parametrize("name", ["program-crashes", "task-role-refused", "no-way-out"])
def test_a_world_without_unrelated_changes_does_not_know_that_there_could_be_some(name):
    plain, asked = build_varied([name], 7), build_varied([name], 7, unrelated=0)

    shapes = [world.scheduler.services[world.service].shape for world in (plain, asked)]
    assert json.dumps(shapes[0], default=str) == json.dumps(shapes[1], default=str)
