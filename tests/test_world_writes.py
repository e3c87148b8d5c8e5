"""Calls that change the simulated account: what they change, what they refuse, and which faults they mend."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from functools import cache

import pytest
from botocore.exceptions import ClientError

from benchmarks.simulated import Door
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.simulate import RECIPES, World, build, build_varied, install
from ecs_notebook_lib.simulate.account import allow, policy
from ecs_notebook_lib.simulate.trail_tables import state_of

MINUTES = timedelta(minutes=1)
HOURS = timedelta(hours=1)
_ANSWERED_ONLY = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
)
"""Members of a task definition that RegisterTaskDefinition does not take."""


@cache
def _door_and_clients():
    door, session = Door(), simulated_session("us-east-1")
    install(session, door)
    names = ("ecs", "elbv2", "logs", "iam", "ec2", "cloudformation", "cloudtrail")
    return door, {name: session.client(name) for name in names}


class Person:
    """Somebody who may change a world, by AWS's calls only."""

    def __init__(self, world: World) -> None:
        self.world = world

    def client(self, name: str):
        door, clients = _door_and_clients()
        door.world = self.world
        return clients[name]

    def call(self, operation: str, **params):
        """Make a call such as `ecs:update_service`; cluster and service are added where they are needed."""
        service, _, method = operation.partition(":")
        if operation == "ecs:update_service":
            params = {"cluster": self.world.cluster, "service": self.world.service} | params
        elif service == "ecs" and method in ("stop_task", "update_task_protection", "describe_services"):
            params = {"cluster": self.world.cluster} | params
        return getattr(self.client(service), method)(**params)

    @property
    def service(self):
        return self.world.scheduler.services[self.world.service]

    def wait(self, time: timedelta) -> None:
        self.world.run_until(self.world.now + time)

    @property
    def failing(self) -> str:
        """Return the revision that the story deployed last."""
        return self.service.past[-1].shape["taskDefinition"]

    @property
    def good(self) -> str:
        return self.service.past[0].shape["taskDefinition"]

    @property
    def group(self):
        return self.world.balancer.groups[self.service.shape["loadBalancers"][0]["targetGroupArn"]]

    def definition(self, arn: str):
        return self.call("ecs:describe_task_definition", taskDefinition=arn)["taskDefinition"]

    def copy(self, edit: Callable[[dict, dict], object] = lambda _row, _main: None, *, of: str = "") -> str:
        """Register a copy of the failing revision with an edit of it and of its first container."""
        row = self.definition(of or self.failing)
        row = {name: value for name, value in row.items() if name not in _ANSWERED_ONLY}
        edit(row, row["containerDefinitions"][0])
        return self.call("ecs:register_task_definition", **row)["taskDefinition"]["taskDefinitionArn"]

    def deploy(self, arn: str = "", **params):
        params = {"taskDefinition": arn or self.failing, "forceNewDeployment": True} | params
        return self.call("ecs:update_service", **params)


def stable(world: World) -> bool:
    """Say whether the newest deployment is the only one, completed, with all its tasks."""
    shape = world.scheduler.services[world.service].shape
    states = [row["rolloutState"] for row in shape["deployments"]]
    return states == ["COMPLETED"] and shape["runningCount"] == shape["desiredCount"]


def stays_stable(person: Person) -> bool:
    """Say whether a service is stable for minutes, with the same tasks: some end only after they counted as healthy."""
    seen, tasks = [], list(person.service.tasks)
    for _ in range(8):
        seen.append(stable(person.world) and person.service.tasks == tasks)
        person.wait(MINUTES)
    return all(seen)


def code_of(refusal) -> str:
    return refusal.value.response["Error"]["Code"]


# What begins a deployment, and what does not (ECS_FACTS 10.1).


def _network(person: Person):
    network = deepcopy(person.service.shape["networkConfiguration"])
    network["awsvpcConfiguration"]["assignPublicIp"] = "DISABLED"
    return network


BEGIN = {
    "taskDefinition": lambda person: person.copy(),
    "networkConfiguration": _network,
    "platformVersion": lambda _person: "1.4.0",
    "loadBalancers": lambda _person: [],
    "serviceRegistries": lambda _person: [{"registryArn": "arn:aws:servicediscovery:us-east-1:111122223333:service/s"}],
    "serviceConnectConfiguration": lambda _person: {"enabled": True, "namespace": "clarity"},
    "volumeConfigurations": lambda _person: [
        {"name": "data", "managedEBSVolume": {"roleArn": "arn:aws:iam::111122223333:role/ebs"}}
    ],
    "vpcLatticeConfigurations": lambda _person: [
        {"roleArn": "arn:aws:iam::111122223333:role/l", "targetGroupArn": "arn:aws:vpc-lattice:tg", "portName": "web"}
    ],
    "forceNewDeployment": lambda _person: True,
}
BEGIN_NOT = {
    "desiredCount": 5,
    "deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 150},
    "healthCheckGracePeriodSeconds": 77,
    "availabilityZoneRebalancing": "ENABLED",
    "placementConstraints": [{"type": "distinctInstance"}],
    "placementStrategy": [{"type": "random"}],
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
    "enableExecuteCommand": True,
    "enableECSManagedTags": True,
    "propagateTags": "SERVICE",
}


@pytest.mark.parametrize("member", BEGIN)
def test_these_members_begin_a_deployment(member):
    person = Person(build("clarity-healthy"))
    value = BEGIN[member](person)
    before = [row["id"] for row in person.service.shape["deployments"]]

    answer = person.call("ecs:update_service", **{member: value})["service"]
    person.wait(HOURS)

    assert [row["id"] for row in answer["deployments"]][1:] == before
    assert answer["deployments"][0]["status"] == "PRIMARY"
    assert stable(person.world)
    shown = person.service.shape if member in person.service.shape else person.service.deployments[0].shape
    assert member == "forceNewDeployment" or shown[member] == value


@pytest.mark.parametrize("member", BEGIN_NOT)
def test_these_members_begin_none(member):
    person = Person(build("clarity-healthy"))
    before = [row["id"] for row in person.service.shape["deployments"]]
    shape = deepcopy(person.service.shape)

    answer = person.call("ecs:update_service", **{member: BEGIN_NOT[member]})["service"]

    assert [row["id"] for row in answer["deployments"]] == before
    value = answer[member]
    assert (value.items() >= BEGIN_NOT[member].items()) if isinstance(value, dict) else value == BEGIN_NOT[member]
    others = {name for name in shape if name not in (member, "deployments")}
    assert {name: person.service.shape[name] for name in others} == {name: shape[name] for name in others}
    assert state_of(person.world) == state_of(build("clarity-healthy"))


@pytest.mark.parametrize("member", ["taskDefinition", "networkConfiguration", "loadBalancers", "desiredCount"])
def test_a_value_that_the_service_has_already_begins_none(member):
    person = Person(build("clarity-healthy"))
    before = [row["id"] for row in person.service.shape["deployments"]]

    person.call("ecs:update_service", **{member: person.service.shape[member]})

    assert [row["id"] for row in person.service.shape["deployments"]] == before


def test_a_family_alone_is_its_newest_active_revision():
    person = Person(build("clarity-healthy"))
    newest, inactive = person.copy(), person.copy()
    person.world.task_definitions[inactive]["status"] = "INACTIVE"

    answer = person.call("ecs:update_service", taskDefinition="clarity-backend")["service"]

    assert answer["taskDefinition"] == newest


def test_the_service_is_at_the_new_count_soon_and_percentages_hold_at_once():
    person = Person(build("clarity-percentages"))

    person.call(
        "ecs:update_service",
        desiredCount=1,
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200},
    )
    person.wait(1 * HOURS)

    assert stable(person.world)
    assert person.service.shape["runningCount"] == 1


def test_a_new_deployment_supersedes_one_that_goes_on():
    person = Person(build("clarity-network"))
    going_on = person.service.past[-1].record

    person.deploy(person.good)
    person.wait(2 * MINUTES)

    assert going_on["status"] == "STOPPED"
    assert going_on["statusReason"] == "Service deployment was stopped because a new deployment was started."


# What is refused.

ARN = "arn:aws:ecs:us-east-1:111122223333:"
REFUSALS = [
    ("ecs:update_service", {"service": "nobody"}, "ServiceNotFoundException"),
    ("ecs:update_service", {"cluster": "nobody"}, "ClusterNotFoundException"),
    ("ecs:update_service", {"taskDefinition": "clarity-backend:999"}, "ClientException"),
    ("ecs:update_service", {"taskDefinition": "clarity-backend:139"}, "ClientException"),
    ("ecs:update_service", {"desiredCount": -1}, "InvalidParameterException"),
    (
        "ecs:update_service",
        {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}},
        "InvalidParameterException",
    ),
    (
        "ecs:update_service",
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0"]}}},
        "InvalidParameterException",
    ),
    (
        "ecs:update_service",
        {"capacityProviderStrategy": [{"capacityProvider": "nobody"}]},
        "InvalidParameterException",
    ),
    (
        "ecs:update_service",
        {"loadBalancers": [{"targetGroupArn": "tg", "containerName": "c", "containerPort": 1}]},
        "InvalidParameterException",
    ),
    (
        "ecs:stop_service_deployment",
        {"serviceDeploymentArn": f"{ARN}service-deployment/a/b/c"},
        "ServiceDeploymentNotFoundException",
    ),
    ("ecs:stop_task", {"task": "0" * 32}, "InvalidParameterException"),
    ("ecs:update_task_protection", {"tasks": ["a"] * 11, "protectionEnabled": True}, "InvalidParameterException"),
    ("ecs:register_task_definition", {"family": "f", "containerDefinitions": []}, "ClientException"),
    (
        "ecs:register_task_definition",
        {
            "family": "f",
            "containerDefinitions": [{"name": "a", "image": "b"}],
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "4096",
        },
        "ClientException",
    ),
    (
        "ecs:register_task_definition",
        {"family": "f", "containerDefinitions": [{"name": "a", "image": "b"}], "taskRoleArn": "me"},
        "ClientException",
    ),
    ("elbv2:modify_target_group", {"TargetGroupArn": "tg"}, "TargetGroupNotFound"),
    ("elbv2:modify_target_group_attributes", {"TargetGroupArn": "tg", "Attributes": []}, "TargetGroupNotFound"),
    ("logs:create_log_group", {"logGroupName": "/ecs/clarity-backend"}, "ResourceAlreadyExistsException"),
    ("logs:delete_log_group", {"logGroupName": "nobody"}, "ResourceNotFoundException"),
    ("iam:put_role_policy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": "{}"}, "NoSuchEntityException"),
    ("iam:delete_role_policy", {"RoleName": "clarity-backend-task", "PolicyName": "p"}, "NoSuchEntityException"),
    (
        "iam:put_role_policy",
        {"RoleName": "clarity-backend-task", "PolicyName": "p", "PolicyDocument": "{"},
        "MalformedPolicyDocument",
    ),
    (
        "iam:update_assume_role_policy",
        {"RoleName": "clarity-backend-task", "PolicyDocument": '{"Statement": [{"Effect": "Allow"}]}'},
        "MalformedPolicyDocument",
    ),
    (
        "ec2:authorize_security_group_ingress",
        {"GroupId": "sg-0", "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"},
        "InvalidGroup.NotFound",
    ),
    (
        "ec2:revoke_security_group_ingress",
        {
            "GroupId": "sg-0fedcba9876543210",
            "IpProtocol": "tcp",
            "FromPort": 1,
            "ToPort": 1,
            "CidrIp": "10.0.0.0/8",
        },
        "InvalidPermission.NotFound",
    ),
    ("cloudformation:describe_stacks", {"StackName": "nobody"}, "ValidationError"),
]


@pytest.mark.parametrize(("operation", "params", "code"), REFUSALS)
def test_what_aws_refuses_changes_nothing(operation, params, code):
    person = Person(build("clarity-healthy"))
    next(row for arn, row in person.world.task_definitions.items() if arn.endswith(":139"))["status"] = "INACTIVE"
    before = json.dumps([state_of(person.world).__repr__(), person.service.shape], default=str)

    with pytest.raises(ClientError) as refusal:
        person.call(operation, **params)

    assert code_of(refusal).removesuffix("Exception") == code.removesuffix("Exception")
    assert json.dumps([state_of(person.world).__repr__(), person.service.shape], default=str) == before


def test_an_inactive_service_is_not_updated():
    person = Person(build("clarity-healthy"))
    person.service.shape["status"] = "INACTIVE"

    with pytest.raises(ClientError) as refusal:
        person.call("ecs:update_service", desiredCount=1)

    assert code_of(refusal) == "ServiceNotActiveException"


@pytest.mark.parametrize("kind", ["CODE_DEPLOY", "EXTERNAL"])
@pytest.mark.parametrize("params", [{"taskDefinition": "clarity-backend"}, {"forceNewDeployment": True}])
def test_another_controller_leaves_only_little_to_this_call(kind, params):
    person = Person(build("clarity-healthy"))
    person.service.shape["deploymentController"] = {"type": kind}

    with pytest.raises(ClientError) as refusal:
        person.call("ecs:update_service", **params)
    person.call("ecs:update_service", desiredCount=1, healthCheckGracePeriodSeconds=33)

    assert code_of(refusal) == "InvalidParameterException"
    assert person.service.desired == 1


# Stopping a rollout.


def test_a_rollout_that_is_stopped_goes_back():
    person = Person(build("clarity-network"))
    arn = person.service.shape["currentServiceDeployment"]

    person.call("ecs:stop_service_deployment", serviceDeploymentArn=arn)
    person.call("ecs:stop_service_deployment", serviceDeploymentArn=arn)  # it goes on as it does
    person.wait(HOURS)

    assert stable(person.world)
    [record] = [row.record for row in person.service.past if row.record["serviceDeploymentArn"] == arn]
    assert record["status"] == "ROLLBACK_SUCCESSFUL"
    assert person.service.shape["taskDefinition"].endswith(":140")


def test_it_goes_back_to_a_deployment_of_which_no_task_is_left():
    person = Person(build("clarity-backend", 2))
    assert not any(row.shape["rolloutState"] == "COMPLETED" for row in person.service.deployments)

    person.call("ecs:stop_service_deployment", serviceDeploymentArn=person.service.shape["currentServiceDeployment"])
    person.wait(HOURS)

    assert stable(person.world)
    assert person.service.shape["taskDefinition"].endswith(":140")


def test_a_deployment_that_ended_is_not_stopped():
    person = Person(build("clarity-healthy"))

    with pytest.raises(ClientError) as refusal:
        person.call(
            "ecs:stop_service_deployment", serviceDeploymentArn=person.service.shape["currentServiceDeployment"]
        )

    assert code_of(refusal) == "ConflictException"


def test_abort_is_no_valid_way_to_stop():
    person = Person(build("clarity-network"))

    with pytest.raises(ClientError) as refusal:
        person.call(
            "ecs:stop_service_deployment",
            serviceDeploymentArn=person.service.shape["currentServiceDeployment"],
            stopType="ABORT",
        )

    assert code_of(refusal) == "InvalidParameterException"


def test_a_first_rollout_has_nothing_to_go_back_to():
    person = Person(build_varied(["absent-health-path"], 0))
    record = person.service.past[-1].record

    with pytest.raises(ClientError) as refusal:
        person.call("ecs:stop_service_deployment", serviceDeploymentArn=record["serviceDeploymentArn"])

    assert code_of(refusal) == "ConflictException"
    assert record["status"] == "IN_PROGRESS"


# Tasks.


def test_a_stopped_task_is_replaced_and_counts_as_no_failure():
    person = Person(build("clarity-healthy"))
    [first, *_] = person.service.tasks

    answer = person.call("ecs:stop_task", task=first.id, reason="it looks sick")
    person.wait(HOURS / 2)

    assert (answer["task"]["stopCode"], answer["task"]["stoppedReason"]) == ("UserInitiated", "it looks sick")
    assert stable(person.world)
    assert first not in person.service.tasks
    assert person.service.deployments[0].shape["failedTasks"] == 0


def test_a_protected_task_is_not_scaled_in_until_its_protection_ends():
    person = Person(build("clarity-healthy"))
    tasks = [task.shape["taskArn"] for task in person.service.tasks]

    answer = person.call(
        "ecs:update_task_protection", tasks=[*tasks, "0" * 32], protectionEnabled=True, expiresInMinutes=60
    )
    person.call("ecs:update_service", desiredCount=0)
    person.wait(30 * MINUTES)
    kept = person.service.shape["runningCount"]
    person.wait(HOURS)

    assert [row["reason"] for row in answer["failures"]] == ["MISSING"]
    assert {row["expirationDate"] for row in answer["protectedTasks"]} == {person.world.now - 30 * MINUTES}
    assert (kept, person.service.shape["runningCount"]) == (len(tasks), 0)


# Health checks.

WRONG = {
    "path": {"HealthCheckPath": "/never-there"},
    "matcher": {"Matcher": {"HttpCode": "204"}},
    "port": {"HealthCheckPort": "9999"},
}


@pytest.mark.parametrize("name", ["clarity-healthy", "varied-healthy"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_check_harms_the_revision_that_was_well(name, wrong):
    person = Person(build(name, 11))
    tasks = list(person.service.tasks)
    assert stable(person.world)
    assert person.group.targets

    answer = person.call("elbv2:modify_target_group", TargetGroupArn=person.group.arn, **WRONG[wrong])
    person.wait(30 * MINUTES)

    assert answer["TargetGroups"][0].items() >= WRONG[wrong].items()
    assert not any(task in person.service.tasks for task in tasks)
    assert not any(person.world.scheduler.healthy(task) for task in person.service.tasks)
    assert any(
        "failed ELB health checks" in task.shape.get("stoppedReason", "") for task in person.world.tasks.by_arn.values()
    )


@pytest.mark.parametrize("name", ["clarity-healthy", "varied-healthy"])
def test_a_check_that_still_passes_harms_nobody(name):
    person = Person(build(name, 11))
    tasks = list(person.service.tasks)

    person.call(
        "elbv2:modify_target_group",
        TargetGroupArn=person.group.arn,
        Matcher={"HttpCode": "200-299"},
        HealthCheckIntervalSeconds=40,
    )
    person.wait(HOURS)

    assert person.service.tasks == tasks
    assert {target.state for target in person.group.targets.values()} == {"healthy"}


def test_a_wrong_check_that_is_taken_back_lets_the_service_recover():
    person = Person(build("varied-healthy", 11))
    path = person.group.shape["HealthCheckPath"]

    for asked in ("/never-there", path):
        person.call("elbv2:modify_target_group", TargetGroupArn=person.group.arn, HealthCheckPath=asked)
        person.wait(HOURS)

    assert stable(person.world)


@pytest.mark.parametrize(
    "wrong",
    [
        {"HealthCheckTimeoutSeconds": 30, "HealthCheckIntervalSeconds": 30},
        {"HealthCheckPath": "health"},
        {"HealthCheckPort": "http"},
        {"Matcher": {"HttpCode": "200-999"}},
    ],
)
def test_a_check_that_cannot_be_is_refused(wrong):
    person = Person(build("clarity-healthy"))
    before = deepcopy(person.group.shape)

    with pytest.raises(ClientError) as refusal:
        person.call("elbv2:modify_target_group", TargetGroupArn=person.group.arn, **wrong)

    assert code_of(refusal) == "ValidationError"
    assert person.group.shape == before


def test_draining_takes_as_long_as_the_attribute_says():
    person = Person(build("clarity-healthy"))
    row = {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}

    answer = person.call("elbv2:modify_target_group_attributes", TargetGroupArn=person.group.arn, Attributes=[row])

    assert row in answer["Attributes"]
    assert person.group.drain_time == timedelta(seconds=5)


# Security groups, roles, log groups.

PERMISSION = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
GROUP = "sg-0fedcba9876543210"


@pytest.mark.parametrize("side", ["ingress", "egress"])
def test_a_rule_comes_once_and_goes_by_its_id_or_its_words(side):
    person = Person(build("clarity-healthy"))
    before = person.call("ec2:describe_security_groups", GroupIds=[GROUP])["SecurityGroups"]
    given = {"GroupId": GROUP, "IpPermissions": [PERMISSION]}

    answer = person.call(f"ec2:authorize_security_group_{side}", **given)
    with pytest.raises(ClientError) as refusal:
        person.call(f"ec2:authorize_security_group_{side}", **given)
    [rule] = answer["SecurityGroupRules"]
    person.call(f"ec2:revoke_security_group_{side}", GroupId=GROUP, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    person.call(f"ec2:authorize_security_group_{side}", **given)
    person.call(f"ec2:revoke_security_group_{side}", **given)

    assert answer["Return"] is True
    assert (rule["IsEgress"], rule["CidrIpv4"], rule["FromPort"]) == (side == "egress", "10.0.0.0/8", 443)
    assert code_of(refusal) == "InvalidPermission.Duplicate"
    assert person.call("ec2:describe_security_groups", GroupIds=[GROUP])["SecurityGroups"] == before


def test_a_policy_comes_and_goes():
    person = Person(build("clarity-healthy"))
    document = policy(allow("s3:PutObject"))
    name = {"RoleName": "clarity-backend-task", "PolicyName": "more"}

    person.call("iam:put_role_policy", **name, PolicyDocument=json.dumps(document))
    held = person.call("iam:get_role_policy", **name)["PolicyDocument"]
    person.call("iam:delete_role_policy", **name)

    assert held == document
    assert "more" not in person.call("iam:list_role_policies", RoleName=name["RoleName"])["PolicyNames"]


def test_a_deleted_log_group_stops_nobody():
    person = Person(build("clarity-healthy"))

    person.call("logs:delete_log_group", logGroupName="/ecs/clarity-backend")
    person.call("ecs:stop_task", task=person.service.tasks[0].id)
    person.wait(HOURS)
    stopped = [task.shape.get("stoppedReason", "") for task in person.world.tasks.by_arn.values()]
    person.call("logs:create_log_group", logGroupName="/ecs/clarity-backend")
    person.call("logs:put_retention_policy", logGroupName="/ecs/clarity-backend", retentionInDays=7)
    person.wait(HOURS)

    assert any("The specified log group does not exist" in text for text in stopped)
    assert stable(person.world)


# What is read beside.


def test_tags_are_answered_to_who_asks_for_them():
    person = Person(build("clarity-healthy"))
    person.service.shape["tags"] = [{"key": "team", "value": "clarity"}]

    plain, tagged = (
        person.call("ecs:describe_services", services=["clarity-backend"], **more)["services"][0]
        for more in ({}, {"include": ["TAGS"]})
    )

    assert "tags" not in plain
    assert tagged["tags"] == [{"key": "team", "value": "clarity"}]


def test_a_stack_is_known_by_name_and_id():
    person = Person(build("clarity-healthy"))
    stack = {"StackName": "app", "StackId": "arn:stack/app", "StackStatus": "CREATE_COMPLETE"}
    person.world.holdings.stacks["app"] = stack | {"CreationTime": person.world.now}

    found = [
        person.call("cloudformation:describe_stacks", StackName=name)["Stacks"] for name in ("app", "arn:stack/app")
    ]

    assert [row["StackStatus"] for rows in found for row in rows] == ["CREATE_COMPLETE"] * 2


# Who wrote, and what.


def _writes(person: Person):
    """Return an operation and members for each that changes something."""
    role = {"RoleName": "clarity-backend-task", "PolicyName": "more"}
    definition = {"family": "other", "containerDefinitions": [{"name": "a", "image": "b", "memory": 128}]}
    rule, document = {"GroupId": GROUP, "IpPermissions": [PERMISSION]}, json.dumps(policy(allow("*")))
    task = person.service.tasks[0].id
    return [
        ("ecs:update_service", {"desiredCount": 1}),
        ("ecs:update_service", {"forceNewDeployment": True}),
        ("ecs:update_service", {"enableExecuteCommand": True}),
        ("ecs:stop_service_deployment", {"serviceDeploymentArn": None}),
        ("ecs:register_task_definition", definition),
        ("ecs:update_task_protection", {"tasks": [task], "protectionEnabled": True}),
        ("ecs:stop_task", {"task": task}),
        ("elbv2:modify_target_group", {"TargetGroupArn": person.group.arn, "HealthCheckPath": "/"}),
        (
            "elbv2:modify_target_group_attributes",
            {"TargetGroupArn": person.group.arn, "Attributes": [{"Key": "stickiness.enabled", "Value": "true"}]},
        ),
        ("logs:create_log_group", {"logGroupName": "new"}),
        ("logs:put_retention_policy", {"logGroupName": "new", "retentionInDays": 7}),
        ("logs:delete_log_group", {"logGroupName": "new"}),
        ("iam:put_role_policy", role | {"PolicyDocument": document}),
        ("iam:delete_role_policy", role),
        (
            "iam:update_assume_role_policy",
            {
                "RoleName": "clarity-backend-task",
                "PolicyDocument": json.dumps(person.world.access.roles["clarity-backend-task"].trust),
            },
        ),
        ("ec2:authorize_security_group_ingress", rule),
        ("ec2:revoke_security_group_ingress", rule),
        ("ec2:authorize_security_group_egress", rule),
        ("ec2:revoke_security_group_egress", rule),
    ]


def test_each_write_is_counted_and_told_once_by_cloudtrail():
    person = Person(build("clarity-healthy"))
    before = len(person.world.trail.events)
    calls = _writes(person)
    for operation, params in calls:
        if "serviceDeploymentArn" in params:
            params["serviceDeploymentArn"] = person.service.shape["currentServiceDeployment"]
        person.call(operation, **params)
    person.world.edit(lambda _world: None)
    names = ["".join(word.title() for word in operation.partition(":")[2].split("_")) for operation, _ in calls]
    told = person.world.trail.events[before:]

    assert [name.partition(":")[2] for name, _ in person.world.writes] == names
    assert {name for name, _ in person.world.writes} == person.world.writing
    assert [event.call.name for event in told] == names
    assert {event.session for event in told} == {"session"}
    assert told[0].record["requestParameters"] == {
        "cluster": person.world.cluster,
        "service": "clarity-backend",
        "desiredCount": 1,
    }
    assert told[4].record["responseElements"]["taskDefinition"]["revision"] == 1
    assert told[12].record["requestParameters"]["policyName"] == "more"
    assert told[15].record["requestParameters"]["ipPermissions"]["items"][0]["fromPort"] == 443


@pytest.mark.parametrize(
    ("table", "code"), [("refused", "AccessDeniedException"), ("throttled", "ThrottlingException")]
)
def test_a_write_may_be_refused_and_is_counted_and_told_with_its_error(table, code):
    person = Person(build("clarity-healthy"))
    getattr(person.world, table).add("ecs:UpdateService")
    before = deepcopy(person.service.shape)

    with pytest.raises(ClientError) as refusal:
        person.call("ecs:update_service", desiredCount=9)

    assert code_of(refusal) == code
    assert person.service.shape == before
    assert [name for name, _ in person.world.writes] == ["ecs:UpdateService"] * len(person.world.writes)
    assert person.world.trail.events[-1].record["errorCode"] == code


def test_reading_writes_nothing():
    person = Person(build("clarity-healthy"))
    before = len(person.world.trail.events)

    person.call("ecs:describe_services", services=["clarity-backend"])

    assert person.world.writes == []
    assert len(person.world.trail.events) == before


# What mends a fault.


def _allow_all(person: Person, member: str) -> None:
    role = person.definition(person.failing)[member].rpartition("/")[2]
    document = json.dumps(policy(allow("*")))
    person.call("iam:put_role_policy", RoleName=role, PolicyName="everything", PolicyDocument=document)


def _check(**asked):
    """Return the mend that changes the load balancer's health check."""
    return lambda person: person.call("elbv2:modify_target_group", TargetGroupArn=person.group.arn, **asked)


def _main(**members):
    """Return the mend that deploys a copy whose first container has these members; None takes one away."""

    def edit(_row, main) -> None:
        for name, value in members.items():
            main.pop(name, None)
            main |= {} if value is None else {name: value}

    return lambda person: person.deploy(person.copy(edit))


def _whole(**members):
    """Return the mend that deploys a copy which has these members."""
    return lambda person: person.deploy(person.copy(lambda row, _main: row.update(members)))


def _good_image(person: Person) -> None:
    image = person.definition(person.good)["containerDefinitions"][0]["image"]
    person.deploy(person.copy(lambda _row, main: main.update(image=image)))


def _service(**members):
    """Return the mend that sets members of the service, and deploys again."""
    return lambda person: person.deploy(**members)


def _roles(person: Person) -> None:
    def edit(row, _main) -> None:
        prefix = row["taskRoleArn"].rpartition("/")[0]
        row |= {f"{kind}RoleArn": f"{prefix}/{person.world.service}-{kind}" for kind in ("task", "execution")}

    person.deploy(person.copy(edit))


def _let_balancer_in(person: Person, port: int = 0) -> None:
    [group] = person.service.shape["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
    port = port or person.service.shape["loadBalancers"][0]["containerPort"]
    pair = [{"GroupId": person.world.load_balancers[0]["SecurityGroups"][0]}]
    row = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pair}
    person.call("ec2:authorize_security_group_ingress", GroupId=group, IpPermissions=[row])


def _to_public_subnets(person: Person) -> None:
    """Deploy into the VPC's public subnets, with public addresses, and the usual group."""
    tasks = set(person.world.zones)
    outer = [row["SubnetId"] for row in person.world.network.subnets if row["SubnetId"] not in tasks]
    group = person.world.slots["task_group"]
    network = {"subnets": outer or list(tasks), "securityGroups": [group], "assignPublicIp": "ENABLED"}
    person.deploy(networkConfiguration={"awsvpcConfiguration": network})


def _fewer_subnets(person: Person, chosen: slice) -> None:
    network = deepcopy(person.service.shape["networkConfiguration"]["awsvpcConfiguration"])
    network["subnets"] = list(person.world.zones)[chosen]
    person.deploy(networkConfiguration={"awsvpcConfiguration": network})


def _port_of_the_program(person: Person) -> None:
    def edit(_row, main) -> None:
        main["portMappings"] = [{"containerPort": port, "protocol": "tcp"}]

    image = person.definition(person.failing)["containerDefinitions"][0]["image"]
    port = person.world.programs[image].script.port
    try:
        _let_balancer_in(person, port)
    except ClientError as refusal:
        assert refusal.response["Error"]["Code"] == "InvalidPermission.Duplicate"  # noqa: PT017  in some worlds it may
    [row] = person.service.shape["loadBalancers"]
    person.deploy(person.copy(edit), loadBalancers=[row | {"containerPort": port}])


def _without_sidecars(person: Person) -> None:
    def edit(row, main) -> None:
        main |= {"dependsOn": [], "logConfiguration": _logging(person)}
        row["containerDefinitions"] = [main]

    person.deploy(person.copy(edit))


def _logging(person: Person):
    group = next(name for name in person.world.log_groups if name == f"/ecs/{person.world.service}")
    options = {"awslogs-group": group, "awslogs-region": person.world.region, "awslogs-stream-prefix": "app"}
    return {"logDriver": "awslogs", "options": options}


def _usual_logging(person: Person) -> None:
    person.deploy(person.copy(lambda _row, main: main.update(logConfiguration=_logging(person))))


def _log_group(person: Person) -> None:
    main = person.definition(person.failing)["containerDefinitions"][0]
    person.call("logs:create_log_group", logGroupName=main["logConfiguration"]["options"]["awslogs-group"])


def _without_volumes(person: Person) -> None:
    person.deploy(person.copy(lambda row, main: (row.update(volumes=[]), main.update(mountPoints=[]))))


def _unprotect(person: Person) -> None:
    tasks = [task.shape["taskArn"] for task in person.service.tasks if task.protected]
    person.call("ecs:update_task_protection", tasks=tasks, protectionEnabled=False)


def _without_constraints(person: Person) -> None:
    person.deploy(person.copy(lambda row, _main: row.update(placementConstraints=[])), placementConstraints=[])


ROLE, EXECUTION = (
    (lambda person: _allow_all(person, "taskRoleArn")),
    (lambda person: _allow_all(person, "executionRoleArn")),
)
NO_CHECK, NO_SECRETS = _main(healthCheck=None), _main(secrets=None)
LARGE, DISK = _whole(cpu="4096", memory="30720"), _whole(ephemeralStorage={"sizeInGiB": 100})
SMALL = _whole(cpu="512", memory="4096")
ROLLING = _service(deploymentConfiguration={"strategy": "ROLLING"})
MENDS = {
    "moved-health-path": _check(HealthCheckPath="/"),
    "absent-health-path": _check(HealthCheckPath="/"),
    "killed-after-failed-checks": _check(HealthCheckPath="/"),
    "redirect-to-https": _check(Matcher={"HttpCode": "200-399"}),
    "redirect-to-login": _check(Matcher={"HttpCode": "200-399"}),
    "login-demanded": _check(Matcher={"HttpCode": "200-499"}),
    "forbidden-to-check": _check(Matcher={"HttpCode": "200-499"}),
    "host-not-allowed": _check(Matcher={"HttpCode": "200-499"}),
    "other-port": _port_of_the_program,
    "wrong-check-port": _check(HealthCheckPort="traffic-port"),
    "dropped-check-port": _check(HealthCheckPort="traffic-port"),
    "speaks-tls": _check(HealthCheckProtocol="HTTPS"),
    "speaks-plain": _check(HealthCheckProtocol="HTTP"),
    "slow-start": _service(healthCheckGracePeriodSeconds=1200),
    "warming-up": _service(healthCheckGracePeriodSeconds=1200),
    "slow-answers": _check(HealthCheckIntervalSeconds=60, HealthCheckTimeoutSeconds=30),
    "check-tool-missing": NO_CHECK,
    "check-asks-elsewhere": NO_CHECK,
    "check-needs-shell": NO_CHECK,
    "task-role-refused": ROLE,
    "task-role-unready": ROLE,
    "secret-refused": EXECUTION,
    "registry-refused": EXECUTION,
    "log-stream-refused": EXECUTION,
    "pull-refused": EXECUTION,
    "parameter-refused": EXECUTION,
    "role-not-assumed": _roles,
    "secret-absent": NO_SECRETS,
    "secret-empty": NO_SECRETS,
    "parameter-absent": NO_SECRETS,
    "json-key-absent": NO_SECRETS,
    "secret-not-json": NO_SECRETS,
    "secret-version-malformed": NO_SECRETS,
    "partial-secret-arn": NO_SECRETS,
    "log-group-missing": _log_group,
    "env-file-absent": _main(environmentFiles=None),
    "directory-absent": _without_volumes,
    "file-system-unreachable": _without_volumes,
    "tag-missing": _good_image,
    "repository-missing": _good_image,
    "no-such-platform": _whole(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
    "exec-format-error": _whole(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
    "exec-format-unsaid": _whole(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
    "too-many-pulls": _good_image,
    "program-crashes": _good_image,
    "answers-500": _good_image,
    "listens-on-loopback": _good_image,
    "balancer-blocked": _let_balancer_in,
    "acl-denies": _to_public_subnets,
    "no-way-out": _to_public_subnets,
    "zone-not-enabled": lambda person: _fewer_subnets(person, slice(0, 2)),
    "zone-without-fargate": _to_public_subnets,
    "few-addresses": _to_public_subnets,
    "memory-killed": LARGE,
    "heap-full": LARGE,
    "cpu-starved": LARGE,
    "cpu-starved-answers": LARGE,
    "disk-full-pulling": DISK,
    "disk-full-running": DISK,
    "files-exhausted": _main(ulimits=[{"name": "nofile", "softLimit": 65536, "hardLimit": 65536}]),
    "command-not-executable": _main(command=None),
    "log-router-ends": _without_sidecars,
    "proxy-ends": _without_sidecars,
    "proxy-unhealthy": _without_sidecars,
    "logging-socket-absent": _usual_logging,
    "no-room": _service(deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200}),
    "protected-tasks": _unprotect,
    "count-reset": _service(desiredCount=2),
    "alarm-rings": _service(deploymentConfiguration={"alarms": {"alarmNames": [], "enable": False, "rollback": False}}),
    "hook-fails": ROLLING,
    "traffic-shift-refused": ROLLING,
    "listener-rule-unfit": ROLLING,
    "above-limit": SMALL,
    "spot-interrupted": _service(capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}]),
    "wrong-strategy": _whole(requiresCompatibilities=["FARGATE"]),
    "constraint-unmet": _without_constraints,
    "zone-empty": lambda person: _fewer_subnets(person, slice(0, 2)),
}
"""By recipe, the calls that mend it. Where they do not deploy by themselves, the failing revision is deployed again."""
NOT_MENDED = {
    **dict.fromkeys(
        ("interface-fails", "internal-error", "ecs-unavailable", "maintenance", "no-capacity"), "AWS's own trouble"
    ),
    **dict.fromkeys(
        ("quota-reached", "too-many-provisioning", "few-interfaces"), "others of the account use up what there is"
    ),
    **dict.fromkeys(
        ("no-instances", "empty-provider", "agent-away", "instances-terminated", "instances-draining"),
        "it takes instances, and no call here adds or mends one",
    ),
    **dict.fromkeys(
        ("instances-full", "host-port-taken", "attribute-missing"),
        "a copy that asks for less mends it in the worlds in which the revision is at fault, and not the instances",
    ),
    **dict.fromkeys(
        ("dependency-down-exit", "dependency-down-waiting", "dependency-down-503"), "the dependency is down by itself"
    ),
    **dict.fromkeys(
        ("program-crashes-silently", "program-ends", "own-check-500"), "only another image mends the application"
    ),
    "resource-policy-denies": "no call here changes the policy of a bucket or a secret",
    "layers-denied": "no call here changes the policy of an endpoint",
    "registration-refused": "ECS's own role is not in the account",
    "group-of-other-vpc": "it takes another target group",
    "nothing-forwards": "no call here changes a listener",
    "other-controller": "nothing is broken that ECS could mend",
    "slow-rollout": "nothing is broken",
    "deployed-again": "the pipeline goes on deploying",
}
FARGATE = {
    *("no-such-platform", "exec-format-error", "exec-format-unsaid"),
    *("memory-killed", "heap-full", "cpu-starved", "cpu-starved-answers"),
}
"""Recipes whose mend takes Fargate: the instances are of another processor, or too small."""
OUTER = {"few-addresses", "zone-without-fargate", "acl-denies"}
"""Recipes whose mend takes other subnets than the tasks' own."""


def _fits(person: Person, recipe: str) -> bool:
    """Say whether this seed has what the mend of a recipe needs."""
    world = person.world
    outer = len(world.network.subnets) > len(world.zones)
    known = MENDS[recipe] is not _good_image or len(person.service.past) > 1
    return (
        known and (recipe not in FARGATE or not world.scheduler.placement.instances) and (recipe not in OUTER or outer)
    )


def _begun(recipe: str, *, number: int) -> Person:
    """Return the first world, or a later one, in which a recipe can be mended, a while after its last deployment."""
    found = (Person(build_varied([recipe], seed, begun=True)) for seed in range(60))
    fitting = [
        person for person, _ in zip((one for one in found if _fits(one, recipe)), range(number + 1), strict=False)
    ]
    person = fitting[number]
    person.wait(12 * MINUTES)
    return person


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("recipe", MENDS)
def test_a_fault_is_mended_by_its_calls(recipe, number):
    person = _begun(recipe, number=number)
    deployments = len(person.service.past)

    MENDS[recipe](person)
    if len(person.service.past) == deployments:
        person.deploy()
    newest = person.service.past[-1]
    person.wait(3 * HOURS)

    assert stays_stable(person)
    assert person.service.deployments == [newest]
    assert person.service.desired > 0


@pytest.mark.parametrize("recipe", [name for name in MENDS if name not in ("count-reset", "protected-tasks")])
def test_to_deploy_again_mends_no_fault(recipe):
    person = _begun(recipe, number=0)

    person.deploy()
    newest = person.service.past[-1]
    person.wait(3 * HOURS)

    assert not (stays_stable(person) and person.service.deployments == [newest])


@pytest.mark.parametrize("recipe", [name for name in MENDS if name not in ("count-reset", "protected-tasks")])
def test_a_copy_without_an_edit_mends_no_fault(recipe):
    person = _begun(recipe, number=1)

    person.deploy(person.copy())
    newest = person.service.past[-1]
    person.wait(3 * HOURS)

    assert not (stays_stable(person) and person.service.deployments == [newest])


def test_every_recipe_has_its_mend_or_a_reason_why_not():
    assert set(MENDS) | set(NOT_MENDED) == set(RECIPES)
    assert not set(MENDS) & set(NOT_MENDED)
