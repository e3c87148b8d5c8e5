"""Who trusts ECS, and where tasks can be placed: trust policies, container instances, capacity providers."""

import json

import pytest

from ecs_notebook_lib.diagnosis.checks import run_checks
from ecs_notebook_lib.policy import evaluate_trust
from ecs_notebook_lib.simulate.account import SERVICE, TASK_ROLE

from .test_existence import ACCOUNT, CAPACITY, REGION, allow, definition_of, launched_on, look, state, trusting


def trust(*statements):
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return str(evaluate_trust(document, account=ACCOUNT, region=REGION).verdict)


def source(pattern, operator="ArnLike"):
    return {operator: {"aws:SourceArn": pattern}}


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        pytest.param([allow()], "allowed", id="as-usual"),
        pytest.param([allow(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"])], "allowed", id="one-of-several"),
        pytest.param([allow() | {"Action": "sts:*"}], "allowed", id="wildcard-action"),
        pytest.param([allow("ecs.amazonaws.com")], "implicit_deny", id="another-service"),
        pytest.param([], "implicit_deny", id="nobody"),
        pytest.param([allow() | {"Action": "sts:TagSession"}], "implicit_deny", id="another-action"),
        pytest.param([allow(), allow() | {"Effect": "Deny"}], "explicit_deny", id="deny-wins"),
        pytest.param([allow(StringEquals={"aws:SourceAccount": ACCOUNT})], "allowed", id="its-account"),
        pytest.param(
            [allow(StringEquals={"aws:SourceAccount": "444455556666"})], "implicit_deny", id="another-account"
        ),
        pytest.param([allow(**source(f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"))], "allowed", id="any-of-ecs"),
        pytest.param([allow(**source(f"arn:aws:ecs:eu-west-1:{ACCOUNT}:*"))], "implicit_deny", id="wrong-region"),
        pytest.param(
            [allow(**source(f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/web"))], "implicit_deny", id="a-cluster-never-fits"
        ),
        pytest.param([allow(**source(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/*"))], "undecided", id="some-of-ecs"),
        pytest.param([allow(StringEquals={"sts:ExternalId": "x"})], "implicit_deny", id="no-external-id"),
        pytest.param([allow(StringEquals={"aws:PrincipalOrgID": "o-1"})], "undecided", id="a-key-not-known"),
        pytest.param([allow() | {"Principal": "*"}], "undecided", id="everybody"),
    ],
)
def test_a_trust_policy_is_read_as_ecs_meets_it(statements, verdict):
    assert trust(*statements) == verdict


def test_a_trust_policy_that_cannot_be_read_is_undecided():
    assert str(evaluate_trust("{", account=ACCOUNT, region=REGION).verdict) == "undecided"


def test_only_a_certain_refusal_to_trust_is_a_finding():
    doubtful = allow(**source(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/*"))

    assert "role_cannot_be_assumed" in look(trusting(allow("ec2.amazonaws.com")))[1]
    assert "role_cannot_be_assumed" not in look(trusting(doubtful))[1]
    assert "role_cannot_be_assumed" not in look(trusting(allow("ec2.amazonaws.com")), refused=["iam:GetRole"])[1]


def test_a_role_of_the_same_name_and_another_path_is_not_the_one_that_is_named():
    def moved(world):
        definition_of(world)["taskRoleArn"] = f"arn:aws:iam::{ACCOUNT}:role/apps/{TASK_ROLE}"

    frames, _ = look(moved)
    roles = frames.named_things[frames.named_things["kind"] == "role"].set_index("named_by")

    [missing] = [f for row in run_checks(frames) for f in row.findings if f.kind == "role_missing"]

    assert missing.rows == (f"arn:aws:iam::{ACCOUNT}:role/apps/{TASK_ROLE}",)
    assert not roles.loc["taskRoleArn", "exists"]
    assert roles.loc["taskRoleArn", "detail"].endswith(f"role/{TASK_ROLE}")


# Capacity.


def instance(number, *, connected=True, status="ACTIVE", memory=3904):
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/clarity-backend-cluster/{number:032x}"
    row = {
        "containerInstanceArn": arn,
        "ec2InstanceId": f"i-{number:017x}",
        "status": status,
        "agentConnected": connected,
        "runningTasksCount": 0,
        "remainingResources": [
            {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        ],
        "registeredResources": [{"name": "MEMORY", "type": "INTEGER", "integerValue": 3904}],
    }
    return lambda world: world.holdings.container_instances.update({arn: row})


def on_instances(world):
    launched_on(world, "EC2")


def without_size(world):
    for member in ("cpu", "memory"):
        definition_of(world).pop(member)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        pytest.param([on_instances], {"no_container_instances"}, id="none"),
        pytest.param([], set(), id="fargate-needs-none"),
        pytest.param([on_instances, instance(1)], set(), id="one-that-takes-tasks"),
        pytest.param(
            [on_instances, instance(1, connected=False)], {"instance_agents_disconnected"}, id="its-agent-is-away"
        ),
        pytest.param([on_instances, instance(1, connected=False), instance(2)], set(), id="one-of-two-is-connected"),
        pytest.param([on_instances, instance(1, status="DRAINING")], set(), id="a-draining-one-is-no-lost-agent"),
        pytest.param([on_instances, instance(1, memory=1024)], {"no_instance_has_room"}, id="full"),
        pytest.param([on_instances, instance(1, memory=1024), instance(2)], set(), id="one-of-two-is-full"),
        pytest.param([on_instances, instance(1, memory=None)], set(), id="room-is-not-known"),
        pytest.param([on_instances, instance(1, memory=64), without_size], set(), id="need-is-not-known"),
    ],
)
def test_instances_matter_only_to_a_service_that_is_placed_on_them(changes, kinds):
    assert look(*changes)[1] & CAPACITY == kinds


def test_what_is_left_of_an_instance_is_a_column():
    frames, _ = look(on_instances, instance(1))
    [row] = frames.container_instances.to_dict("records")

    assert (row["remaining_cpu"], row["registered_memory"], row["agent_connected"]) == (2048, 3904, True)
    assert "1 of 1 instances take tasks" in set(frames.named_things["detail"].dropna())


def provided_by(*names):
    def change(world):
        shape = world.scheduler.services[SERVICE].shape
        shape.pop("launchType", None)
        shape["capacityProviderStrategy"] = [{"capacityProvider": name, "weight": 1, "base": 0} for name in names]

    return change


def provider(name, instances):
    def change(world):
        arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1:autoScalingGroupName/{name}-group"
        world.holdings.capacity_providers[name] = {
            "capacityProviderArn": world.arn("ecs", f"capacity-provider/{name}"),
            "name": name,
            "status": "ACTIVE",
            "autoScalingGroupProvider": {"autoScalingGroupArn": arn, "managedScaling": {"status": "DISABLED"}},
        }
        member = {
            "AvailabilityZone": "us-east-1a",
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": False,
        }
        world.holdings.auto_scaling_groups[f"{name}-group"] = {
            "AutoScalingGroupName": f"{name}-group",
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": instances,
            "DefaultCooldown": 300,
            "AvailabilityZones": ["us-east-1a"],
            "HealthCheckType": "EC2",
            "CreatedTime": world.now,
            "Instances": [member | {"InstanceId": f"i-{number}"} for number in range(instances)],
        }

    return change


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        pytest.param([provided_by("spot"), provider("spot", 0)], True, id="empty"),
        pytest.param([provided_by("spot"), provider("spot", 2)], False, id="two-instances"),
        pytest.param([provided_by("spot", "big"), provider("spot", 0), provider("big", 1)], False, id="the-other-has"),
        pytest.param([provided_by("FARGATE", "spot"), provider("spot", 0)], False, id="fargate-beside-it"),
        pytest.param([provided_by("FARGATE_SPOT")], False, id="fargate-alone"),
    ],
)
def test_an_empty_capacity_provider_counts_if_no_other_can_take_the_tasks(changes, fires):
    frames, kinds = look(*changes)

    assert ("capacity_provider_empty" in kinds) == fires
    assert frames.named_things.set_index("kind").loc[["capacity_provider"], "exists"].all()


def test_a_provider_that_the_cluster_does_not_have_is_not_there():
    frames, _ = look(provided_by("nobody"))

    assert state(frames, "capacity_provider")[0] is False


# What a reader sees.
