"""The simulated account keeps AWS's rules while time passes."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from ecs_notebook_lib.simulate import HTTPRequest, build
from ecs_notebook_lib.simulate.access import Role, decide
from ecs_notebook_lib.simulate.account import BALANCER_GROUP, FORMER_ROLE, TASK_ROLE, allow, policy
from ecs_notebook_lib.simulate.network import rule
from ecs_notebook_lib.simulate.rollout import threshold

from .conftest import FAILING

POLLS, INTERVAL = 40, timedelta(seconds=15)


def stable(service):
    return len(service.shape["deployments"]) == 1 and service.shape["runningCount"] == service.desired


@pytest.mark.parametrize("name", FAILING)
def test_awss_waiter_would_fail_standing_still_and_running_on(name, seed):
    world = build(name, seed)
    service = world.scheduler.services[world.service]
    seen = []
    for _ in range(POLLS):
        seen.append(stable(service))
        world.run_until(world.now + INTERVAL)

    assert not any(seen)


def test_the_story_is_told_as_it_was(seed):
    world = build("clarity-backend", seed)
    service = world.scheduler.services[world.service]
    shape = service.shape

    assert world.truth == ("permissions.task_role",)
    assert shape["runningCount"] == 0
    assert [d["rolloutState"] for d in shape["deployments"]].count("IN_PROGRESS") >= 2
    assert shape["deploymentConfiguration"]["minimumHealthyPercent"] == 50
    assert not shape["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]
    minimums = [row.record["deploymentConfiguration"]["minimumHealthyPercent"] for row in service.past]
    assert 0 in minimums
    statuses = [(row.shape["taskDefinition"].rpartition(":")[2], row.record["status"]) for row in service.past]
    assert statuses[1] == ("140", "SUCCESSFUL")
    assert {status for _, status in statuses[2:5]} == {"ROLLBACK_SUCCESSFUL"}
    assert world.now.microsecond == 0


def test_only_the_old_revision_answers_the_load_balancer_with_200():
    world = build("clarity-backend")
    begin = world.now - timedelta(hours=3)
    group = world.log_groups["/ecs/clarity-backend"]
    answered = [
        when
        for stream in group.streams.values()
        for when, line in stream.lines(begin, world.now)
        if "ELB-HealthChecker" in line and "200 OK" in line
    ]
    own = [
        when
        for stream in group.streams.values()
        for when, line in stream.lines(world.now - timedelta(minutes=10), world.now)
        if "127.0.0.1" in line and "200 OK" in line
    ]

    assert answered
    assert max(answered) < world.now - timedelta(hours=1)
    assert own


@pytest.mark.parametrize("name", FAILING)
def test_a_mended_fault_lets_the_service_recover(name):
    world = build(name, 1)
    service = world.scheduler.services[world.service]

    def mend(world):
        role = world.access.roles[TASK_ROLE]
        role.inline["everything"] = policy(allow("*"))
        world.access.roles["clarity-backend-execution"].inline["everything"] = policy(allow("*"))
        for group in world.network.security_groups:
            group["IpPermissions"].append(rule(8000, group=BALANCER_GROUP))
        next(iter(world.balancer.groups.values())).shape["HealthCheckPath"] = (
            "/api/health" if "check" in name else "/health"
        )

    world.edit(mend)
    world.run_until(world.now + timedelta(hours=2))

    assert stable(service)
    assert service.deployments[0].shape["rolloutState"] == "COMPLETED"
    assert service.deployments[0].record["status"] == "SUCCESSFUL"
    assert "has reached a steady state" in service.shape["events"][0]["message"]


def test_never_more_tasks_than_the_maximum_allows():
    world = build("clarity-backend", 2)
    service = world.scheduler.services[world.service]
    most = 0
    for _ in range(600):
        world.run_until(world.now + timedelta(seconds=2))
        most = max(most, sum(not task.stopping for task in service.tasks))

    assert most == 2 * service.desired


def test_without_room_above_the_desired_count_old_tasks_stop_first():
    world = build("clarity-healthy", 1)
    service = world.scheduler.services[world.service]
    service.shape["deploymentConfiguration"] |= {"minimumHealthyPercent": 50, "maximumPercent": 100}
    world.scheduler.rollout.begin(service, service.past[1].shape["taskDefinition"])
    alive, ready = [], []
    for _ in range(900):
        world.run_until(world.now + timedelta(seconds=1))
        alive.append(sum(not task.stopping for task in service.tasks))
        ready.append(sum(world.scheduler.healthy(task) for task in service.tasks))

    assert max(alive) == service.desired
    assert min(ready) == -(-service.desired // 2)
    assert stable(service)


def test_the_same_state_is_told_once_in_six_hours():
    world = build("clarity-permissions-execution")
    world.run_until(world.now + timedelta(hours=3))
    events = world.scheduler.services[world.service].shape["events"]

    told = [event["createdAt"] for event in events if "is unable to consistently start" in event["message"]]
    assert told
    assert all(later - earlier >= timedelta(hours=6) for later, earlier in pairwise(told))
    assert sum("has started" in event["message"] for event in events) > 20


def test_tasks_and_events_are_forgotten_as_ecs_does():
    world = build("clarity-backend")
    stopped = [task.shape["stoppedAt"] for task in world.tasks.by_arn.values() if "stoppedAt" in task.shape]

    assert min(stopped) > world.now - timedelta(minutes=71)
    assert min(stopped) < world.now - timedelta(minutes=50)
    assert len(world.scheduler.services[world.service].shape["events"]) == 100


def test_a_steady_service_says_so_about_every_six_hours():
    world = build("clarity-healthy")
    events = world.scheduler.services["clarity-worker"].shape["events"]
    times = [event["createdAt"] for event in events if "steady state" in event["message"]]
    gaps = {round((later - earlier).total_seconds() / 3600) for later, earlier in pairwise(times)}

    assert gaps == {6}


def test_the_same_seed_is_the_same_world_byte_for_byte():
    request = HTTPRequest(
        "POST",
        "/",
        {
            "Authorization": "Credential=A/20250712/us-east-1/ecs/aws4_request, SignedHeaders=x",
            "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.DescribeServices",
        },
        b'{"cluster": "clarity-backend-cluster", "services": ["clarity-backend"]}',
    )

    first, second, other = (build("clarity-backend", seed).respond(request).body for seed in (4, 4, 5))

    assert first == second
    assert first != other


@pytest.mark.parametrize(("desired", "expected"), [(1, 3), (6, 3), (7, 4), (10, 5), (25, 13), (400, 200), (999, 200)])
def test_the_circuit_breaker_opens_at_awss_threshold(desired, expected):
    assert threshold(desired) == expected


def test_the_circuit_breaker_ends_a_rollout_whose_tasks_do_not_start_and_rolls_back():
    world = build("clarity-permissions-execution")
    service = world.scheduler.services[world.service]
    good = service.past[1].shape["taskDefinition"]
    bad = service.shape["taskDefinition"]
    world.scheduler.rollout.begin(service, good)
    world.run_until(world.now + timedelta(minutes=30))
    service.shape["deploymentConfiguration"] |= {
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "minimumHealthyPercent": 100,
    }
    failed = world.scheduler.rollout.begin(service, bad)
    world.run_until(world.now + timedelta(hours=1))

    assert failed.record["status"] == "ROLLBACK_SUCCESSFUL"
    assert failed.record["deploymentCircuitBreaker"]["failureCount"] >= 3
    assert service.shape["taskDefinition"] == good
    assert stable(service)


def test_list_tasks_filters_and_pages(world, session):
    ecs = session(world).client("ecs")
    where = {"cluster": world.cluster, "serviceName": world.service}
    dead = ecs.get_paginator("list_tasks").paginate(**where, desiredStatus="STOPPED").build_full_result()["taskArns"]
    living = ecs.list_tasks(**where)["taskArns"]
    pages = list(ecs.get_paginator("list_tasks").paginate(**where, desiredStatus="STOPPED"))

    assert not set(dead) & set(living)
    assert len(pages) == -(-len(dead) // 100)
    assert len(set(dead)) == len(dead)
    assert ecs.list_tasks(**where, desiredStatus="PENDING")["taskArns"] == []
    assert not set(ecs.list_tasks(cluster=world.cluster, serviceName="clarity-worker")["taskArns"]) & set(living + dead)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda ecs, _: ecs.describe_services(cluster="other", services=["x"]), "ClusterNotFoundException"),
        (lambda ecs, w: ecs.describe_services(cluster=w.cluster, services=["x"] * 11), "InvalidParameterException"),
        (lambda ecs, w: ecs.describe_tasks(cluster=w.cluster, tasks=["x"] * 101), "InvalidParameterException"),
        (lambda ecs, w: ecs.list_tasks(cluster=w.cluster, serviceName="x"), "ServiceNotFoundException"),
        (lambda ecs, _: ecs.describe_task_definition(taskDefinition="x:1"), "ClientException"),
    ],
)
def test_limits_and_errors_are_awss(world, session, call, code):
    ecs = session(world).client("ecs")

    with pytest.raises(ecs.exceptions.ClientError) as caught:
        call(ecs, world)

    assert caught.value.response["Error"]["Code"] == code


def test_log_pages_end_as_awss_do(world, session):
    logs = session(world).client("logs")
    group = world.log_groups["/ecs/clarity-backend"]
    name = max(group.streams, key=lambda name: group.streams[name].count(group.created_at, world.now))
    where = {"logGroupName": group.name, "logStreamName": name, "limit": 5}
    first = logs.get_log_events(**where, startFromHead=True)
    second = logs.get_log_events(**where, startFromHead=True, nextToken=first["nextForwardToken"])
    last = logs.get_log_events(**where)
    after = logs.get_log_events(**where, nextToken=last["nextForwardToken"])

    assert [e["timestamp"] for e in first["events"]] == sorted(e["timestamp"] for e in first["events"])
    assert first["events"][-1]["timestamp"] <= second["events"][0]["timestamp"]
    assert after["events"] == []
    assert after["nextForwardToken"] == last["nextForwardToken"]


def test_target_states_follow_the_health_check():
    world = build("clarity-health-check")
    group = next(iter(world.balancer.groups.values()))
    seen = Counter()
    for _ in range(200):
        world.run_until(world.now + timedelta(seconds=3))
        seen.update((target.state, target.reason) for target in group.targets.values())

    assert seen[("unhealthy", "Target.ResponseCodeMismatch")]
    assert seen[("initial", "Elb.InitialHealthChecking")]
    assert seen[("draining", "Target.DeregistrationInProgress")]
    assert not any(state == "healthy" for state, _ in seen)


def role_with(world, *statements):
    role = world.access.roles[TASK_ROLE]
    role.inline = {"p": policy(*statements)}
    return role


BUCKET_OBJECT = "arn:aws:s3:::clarity-backend-uploads/a"


@pytest.mark.parametrize(
    ("statements", "bucket", "expected"),
    [
        pytest.param([], None, "implicitDeny", id="nothing-allows"),
        pytest.param([allow("s3:Get*", on="*")], None, "allowed", id="identity-allows"),
        pytest.param([allow("S3:getobject", on="*")], None, "allowed", id="actions-ignore-case"),
        pytest.param([allow("s3:GetObject", on="arn:aws:s3:::other/*")], None, "implicitDeny", id="another-resource"),
        pytest.param(
            [allow("s3:*"), {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}],
            None,
            "explicitDeny",
            id="deny-wins",
        ),
        pytest.param(
            [allow("s3:*")],
            [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
            "explicitDeny",
            id="bucket-denies",
        ),
        pytest.param(
            [],
            [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
            "allowed",
            id="bucket-allows-in-one-account",
        ),
    ],
)
def test_access_is_decided_as_iam_does(world, statements, bucket, expected):
    role: Role = role_with(world, *statements)
    world.access.buckets["clarity-backend-uploads"] = policy(*bucket) if bucket else None

    assert decide(world.access, role, "task", "s3:GetObject", BUCKET_OBJECT).verdict == expected


def test_the_last_good_revision_had_a_broader_role_in_some_worlds():
    roles = {
        next(
            row["taskRoleArn"]
            for arn, row in build("clarity-backend", seed).task_definitions.items()
            if arn.endswith("d:140")
        )
        for seed in range(8)
    }

    assert {arn.rpartition("/")[2] for arn in roles} == {TASK_ROLE, FORMER_ROLE}
