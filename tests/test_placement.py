"""Places for tasks: container instances and Fargate, what ECS says when there is none, and where AWS shows why."""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.simulate import RECIPES, World, build_varied, install, recipes_capacity, recipes_fargate
from ecs_notebook_lib.simulate.instances import InstanceType, Need, add_instance, remove_instance
from ecs_notebook_lib.simulate.model import Deployment, Service, Task
from ecs_notebook_lib.simulate.placement import Place, satisfies

NAMES = [recipe.name for module in (recipes_capacity, recipes_fargate) for recipe in module.RECIPES]
KIND = InstanceType("m5.large", 2048, 7680, 2)
ZONE, SUBNET = "us-east-1a", "subnet-0a"


# Where a task fits.


def small_world(**definition: object) -> tuple[World, Service, Deployment]:
    """Return a cluster without instances, and a service of the EC2 launch type in it."""
    world = World("small", 0, start=datetime(2025, 6, 2, tzinfo=UTC), cluster="main", service="web")
    world.zones[SUBNET] = ZONE
    usual = {"cpu": "512", "memory": "1024", "networkMode": "awsvpc", "containerDefinitions": [{"portMappings": []}]}
    world.task_definitions["web:1"] = usual | definition
    service = Service({"serviceName": "web", "launchType": "EC2", "placementConstraints": []})
    network = {"awsvpcConfiguration": {"subnets": [SUBNET], "securityGroups": []}}
    deployment = Deployment({"id": "ecs-svc/1", "taskDefinition": "web:1", "networkConfiguration": network}, {})
    return world, service, deployment


def on(port: int, mode: str = "bridge") -> dict[str, object]:
    """Return members of a definition that asks for a host port."""
    mapping = {"containerPort": port, "hostPort": port, "protocol": "tcp"}
    return {"networkMode": mode, "containerDefinitions": [{"portMappings": [mapping]}]}


@pytest.mark.parametrize(
    ("definition", "others", "lacks"),
    [
        pytest.param({}, Need(2048 - 512, 0), "", id="exactly-the-cpu"),
        pytest.param({}, Need(2048 - 511, 0), "has insufficient CPU units available.", id="one-unit-short"),
        pytest.param({}, Need(0, 7680 - 1024), "", id="exactly-the-memory"),
        pytest.param({}, Need(0, 7680 - 1023), "has insufficient memory available.", id="one-mib-short"),
        pytest.param(on(8080), Need(0, 0, (8081,)), "", id="another-port"),
        pytest.param(on(8080), Need(0, 0, (8080,)), "is already using a port required by your task.", id="the-port"),
        pytest.param(
            on(8080, "host"), Need(0, 0, (8080,)), "is already using a port required by your task.", id="host"
        ),
        pytest.param(on(0), Need(0, 0, (8080,)), "", id="docker-chooses-the-port"),
        pytest.param(on(51678), Need(0, 0), "is already using a port required by your task.", id="the-agents-port"),
        pytest.param(
            {"requiresAttributes": [{"name": "ecs.capability.gmsa"}]},
            Need(0, 0),
            "is missing an attribute required by your task.",
            id="attribute",
        ),
        pytest.param(
            {"runtimePlatform": {"cpuArchitecture": "ARM64"}},
            Need(0, 0),
            "is missing an attribute required by your task.",
            id="architecture",
        ),
        pytest.param({"runtimePlatform": {"cpuArchitecture": "X86_64"}}, Need(0, 0), "", id="its-architecture"),
        pytest.param(
            {"placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.instance-type =~ g4dn.*"}]},
            Need(0, 0),
            'encountered error "MemberOf placement constraint unsatisfied."',
            id="constraint",
        ),
    ],
)
def test_an_instance_takes_a_task_up_to_its_last_unit(definition, others, lacks):
    world, service, deployment = small_world(**definition)
    instance = add_instance(world, KIND, ZONE)
    instance.others = others

    answer = world.scheduler.placement.ask(service, deployment)

    if not lacks:
        assert isinstance(answer, Place)
        assert answer.instance is instance
    else:
        assert answer == (
            "was unable to place a task because no container instance met all of its requirements. The closest "
            f"matching (container-instance {instance.id}) {lacks} For more information, see the Troubleshooting "
            "section of the Amazon ECS Developer Guide."
        )


@pytest.mark.parametrize(
    ("taken", "fits"), [pytest.param(1, True, id="one-is-left"), pytest.param(2, False, id="none-is-left")]
)
def test_a_task_with_its_own_interface_needs_a_free_one(taken, fits):
    world, service, deployment = small_world()
    add_instance(world, KIND, ZONE).other_interfaces = taken

    answer = world.scheduler.placement.ask(service, deployment)

    assert isinstance(answer, Place) is fits
    assert fits or 'encountered error "RESOURCE:ENI".' in answer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"connected": False}, "doesn't have the agent connected.", id="agent"),
        pytest.param({"zone": "us-east-1b"}, 'encountered error "LOCATION".', id="zone"),
    ],
)
def test_an_instance_that_cannot_be_reached_takes_nothing(change, words):
    world, service, deployment = small_world()
    instance = add_instance(world, KIND, ZONE)
    for member, value in change.items():
        setattr(instance, member, value)

    assert words in world.scheduler.placement.ask(service, deployment)


def test_the_closest_instance_is_the_one_that_fails_last():
    world, service, deployment = small_world()
    away, full = (add_instance(world, KIND, ZONE) for _ in range(2))
    away.connected, full.others = False, Need(2048, 0)

    answer = world.scheduler.placement.ask(service, deployment)

    assert f"(container-instance {full.id}) has insufficient CPU" in answer


def test_a_draining_instance_takes_no_task_though_it_has_room():
    world, service, deployment = small_world()
    draining, active = (add_instance(world, KIND, ZONE) for _ in range(2))
    draining.status = "DRAINING"

    place = world.scheduler.placement.ask(service, deployment)

    assert place.instance is active


@pytest.mark.parametrize(
    ("strategy", "where"),
    [pytest.param([], "cluster", id="launch-type"), pytest.param([{"capacityProvider": "spot"}], "capacity provider")],
)
def test_without_instances_ecs_says_where_it_looked(strategy, where):
    world, service, deployment = small_world()
    service.shape["capacityProviderStrategy"] = strategy
    if strategy:
        add_instance(world, KIND, ZONE, provider="other")

    answer = world.scheduler.placement.ask(service, deployment)

    assert f"requirements. Reason: No Container Instances were found in your {where}." in answer


def test_a_place_is_given_back_when_its_task_has_stopped():
    world, service, deployment = small_world(cpu="1500")
    instance = add_instance(world, KIND, ZONE)
    shape = {"taskArn": "task/1", "taskDefinitionArn": "web:1", "containers": [{}], "attachments": []}
    task = Task(shape, deployment, "10.0.1.10")

    world.scheduler.placement.take(world.scheduler.placement.ask(service, deployment), task, shape)
    full = world.scheduler.placement.ask(service, deployment)
    world.scheduler.placement.release(task)

    assert "insufficient CPU" in full
    assert isinstance(world.scheduler.placement.ask(service, deployment), Place)
    assert (instance.cpu, instance.memory, instance.interfaces) == (2048, 7680, 2)


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("attribute:ecs.instance-type == m5.large", True),
        ("attribute:ecs.instance-type =~ m5.*", True),
        ("attribute:ecs.instance-type =~ m5", False),
        ("attribute:ecs.instance-type != m5.large", False),
        ("attribute:ecs.instance-type in [t3.large, m5.large]", True),
        ("attribute:ecs.instance-type in [t3.large]", False),
        ("attribute:stack == blue", False),
        ("attribute:stack exists", False),
        ("attribute:ecs.ami-id exists", True),
        ("runningTasksCount == 0", False),
    ],
)
def test_an_expression_of_a_constraint_compares_one_attribute(expression, met):
    attributes = {"ecs.instance-type": "m5.large", "ecs.ami-id": "ami-0a"}

    assert satisfies(expression, attributes) is met


# What each recipe shows through boto3.


@cache
def world_of(name: str, seed: int, dialect: str = "training") -> World:
    return build_varied([name], seed, dialect=dialect)


def client(world: World, service: str):
    session = simulated_session("us-east-1")
    install(session, world.respond)
    return session.client(service)


def service_of(world: World) -> dict:
    [service] = client(world, "ecs").describe_services(cluster=world.cluster, services=[world.service])["services"]
    return service


def tasks_of(world: World) -> list[dict]:
    ecs = client(world, "ecs")
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=world.cluster, serviceName=world.service, desiredStatus=status)["taskArns"]
    ]
    return ecs.describe_tasks(cluster=world.cluster, tasks=arns[:100])["tasks"] if arns else []


def instances_of(world: World) -> list[dict]:
    ecs = client(world, "ecs")
    arns = ecs.list_container_instances(cluster=world.cluster)["containerInstanceArns"]
    if not arns:
        return []
    return ecs.describe_container_instances(cluster=world.cluster, containerInstances=arns)["containerInstances"]


def said(world: World) -> str:
    """Return what events and stopped reasons say, and what the account kept of tasks that ECS forgot."""
    events = [row["message"] for row in service_of(world)["events"]]
    reasons = [row.get("stoppedReason", "") for row in tasks_of(world)]
    kept = [line for group in world.log_groups.values() if "events" in group.streams for line in captured(world, group)]
    return "\n".join([*events, *reasons, *kept])


def captured(world, group):
    return [text for _, text in group.streams["events"].lines(group.created_at, world.now)]


TELLS = {
    "no-instances": ["No Container Instances were found in your cluster."],
    "empty-provider": ["No Container Instances were found in your capacity provider.", "EMPTY CAPACITY PROVIDER"],
    "instances-full": ["has insufficient CPU units available.", "has insufficient memory available."],
    "host-port-taken": ["is already using a port required by your task."],
    "few-interfaces": ['encountered error "RESOURCE:ENI".', "Unable to attach network interface to unused device"],
    "instances-terminated": ["Host EC2 (instance i-"],
    "instances-draining": ["container instance is in DRAINING state"],
    "agent-away": ["doesn't have the agent connected.", 'error "AGENT".', "Timed out waiting for Amazon ECS Agent"],
    "constraint-unmet": ['encountered error "MemberOf placement constraint unsatisfied."'],
    "attribute-missing": ["is missing an attribute required by your task.", 'encountered error "ATTRIBUTE".'],
    "zone-empty": ["is missing an attribute required by your task.", 'encountered error "LOCATION".'],
    "few-addresses": ["InsufficientFreeAddressesInSubnet"],
    "no-capacity": ["Capacity is unavailable at this time. Please try again later or in a different availability zone"],
    "quota-reached": ["You've reached the limit on the number of", "You\u2019ve reached the limit on the number of"],
    "above-limit": ["The requested CPU configuration is above", "The requested MEMORY configuration is above"],
    "too-many-provisioning": ["because the tasks provisioning capacity limit was exceeded."],
    "spot-interrupted": ["Your Spot Task was interrupted."],
    "wrong-strategy": ["The selected task definition is not compatible with the selected compute strategy."],
}


@pytest.mark.parametrize("dialect", ["training", "test"])
@pytest.mark.parametrize("name", NAMES)
def test_each_fault_is_told_in_awss_words_and_by_no_other_of_them(name, dialect):
    own = TELLS[name]
    foreign = {words for other, rows in TELLS.items() if other != name for words in rows} - set(own)

    texts = [said(world_of(name, seed, dialect)) for seed in range(4)]

    assert all(any(words in text for words in own) for text in texts)
    assert [words for words in foreign for text in texts if words in text] == []


def test_every_cause_of_room_has_a_recipe():
    causes = {RECIPES[name].cause for name in NAMES}

    assert causes == {
        "capacity.instances",
        "capacity.host_port",
        "capacity.fargate",
        "capacity.quota",
        "capacity.addresses",
        "capacity.interrupted",
        "aws_service.agent",
        "deployment_config.constraint",
    }


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_worlds(name):
    worlds = [build_varied([name], 7) for _ in range(2)]

    first, again = (json.dumps([service_of(world), instances_of(world)], default=str) for world in worlds)

    assert first == again


# Where AWS shows it.


def seen(name: str, shows, *, seeds: int = 16) -> list[bool]:
    """Return for each world of a recipe whether its facts show the fault."""
    return [shows(world_of(name, seed)) for seed in range(seeds)]


def agents_away(world):
    return not any(row["agentConnected"] for row in instances_of(world))


def no_room(world):
    definition = client(world, "ecs").describe_task_definition(taskDefinition=service_of(world)["taskDefinition"])
    need = {name.upper(): int(definition["taskDefinition"][name]) for name in ("cpu", "memory")}
    rows = [{row["name"]: row["integerValue"] for row in one["remainingResources"]} for one in instances_of(world)]
    return all(any(left[name] < needed for name, needed in need.items()) for left in rows)


def no_addresses(world):
    rows = client(world, "ec2").describe_subnets(SubnetIds=list(world.zones))["Subnets"]
    return all(row["AvailableIpAddressCount"] <= 2 for row in rows)


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        pytest.param("agent-away", agents_away, id="agentConnected"),
        pytest.param("instances-full", no_room, id="remainingResources"),
        pytest.param("few-addresses", no_addresses, id="AvailableIpAddressCount"),
    ],
)
def test_most_worlds_still_show_the_fault_and_some_only_tell_it(name, shows):
    answers = seen(name, shows)

    assert len(answers) / 2 < sum(answers) < len(answers)


@pytest.mark.parametrize("number", range(6))
def test_a_taken_host_port_is_listed_by_every_instance(number):
    world = world_of("host-port-taken", number)
    definition = client(world, "ecs").describe_task_definition(taskDefinition=service_of(world)["taskDefinition"])
    asked = {str(row["hostPort"]) for row in definition["taskDefinition"]["containerDefinitions"][0]["portMappings"]}
    used = [
        next(set(row["stringSetValue"]) for row in instance["remainingResources"] if row["name"] == "PORTS")
        for instance in instances_of(world)
    ]

    assert used
    assert all(asked & ports for ports in used)


def test_an_empty_provider_has_a_group_without_instances():
    world = world_of("empty-provider", 0)
    ecs, scaling = client(world, "ecs"), client(world, "autoscaling")
    name = service_of(world)["capacityProviderStrategy"][0]["capacityProvider"]

    [provider] = ecs.describe_capacity_providers(capacityProviders=[name])["capacityProviders"]
    group = provider["autoScalingGroupProvider"]["autoScalingGroupArn"].rpartition("autoScalingGroupName/")[2]
    [found] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]

    assert (found["DesiredCapacity"], found["Instances"]) == (0, [])


def test_draining_instances_are_shown_as_such():
    states = [{row["status"] for row in instances_of(world_of("instances-draining", seed))} for seed in range(4)]

    assert all("DRAINING" in state for state in states)


def test_a_reached_quota_is_one_that_service_quotas_lists():
    rows = client(world_of("quota-reached", 0), "service-quotas").list_service_quotas(ServiceCode="fargate")["Quotas"]

    assert {row["QuotaName"] for row in rows} == {
        "Fargate On-Demand vCPU resource count",
        "Fargate Spot vCPU resource count",
    }


# Shapes of the launch types.


def test_a_task_on_an_instance_has_no_platform_and_names_its_instance():
    world = world_of("agent-away", 0)
    service, instances = service_of(world), {row["containerInstanceArn"] for row in instances_of(world)}
    running = [row for row in tasks_of(world) if row["lastStatus"] == "RUNNING"]

    assert running
    assert {row["launchType"] for row in running} == {"EC2"}
    assert {row["containerInstanceArn"] for row in running} <= instances
    assert not any("platformVersion" in row for row in [*running, service, *service["deployments"]])


def test_a_task_on_its_hosts_network_binds_ports_and_has_no_interface():
    world = world_of("host-port-taken", 1)
    running = [row for row in tasks_of(world) if row["lastStatus"] == "RUNNING"]
    [bound, *_] = running[0]["containers"][0]["networkBindings"]

    assert bound["hostPort"] == bound["containerPort"]
    assert not any(row.get("attachments") for row in running)
    assert "networkConfiguration" not in service_of(world)


def test_a_service_on_spot_shows_its_strategy_in_place_of_a_launch_type():
    world = world_of("spot-interrupted", 0)
    service, tasks = service_of(world), tasks_of(world)

    for row in (service, *service["deployments"]):
        assert row["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT"
        assert "launchType" not in row
    assert {(row["launchType"], row["capacityProviderName"]) for row in tasks} == {("FARGATE", "FARGATE_SPOT")}


def test_a_service_on_fargate_is_shown_as_ever():
    service = service_of(world_of("no-capacity", 1))

    assert {row["launchType"] for row in service["deployments"]} <= {"FARGATE"}


# What follows.


def has_breaker(world):
    return service_of(world)["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]


def test_tasks_are_placed_when_the_obstacle_is_gone():
    world = build_varied(["agent-away"], 3)
    for instance in world.scheduler.placement.instances:
        instance.connected = True
    world.scheduler.placement.rules.clear()

    world.run_until(world.now + timedelta(minutes=40))

    assert service_of(world)["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_breaker_opens_when_tasks_have_found_no_place_for_long():
    world = next(w for w in (build_varied(["constraint-unmet"], seed) for seed in range(12)) if has_breaker(w))

    world.run_until(world.now + timedelta(minutes=70))

    assert any("deployment failed: tasks failed to start." in row["message"] for row in service_of(world)["events"])


def test_with_a_breaker_ecs_also_counts_the_tasks_that_it_could_not_launch():
    texts = [said(world_of("no-capacity", seed, dialect)) for seed in range(10) for dialect in ("training", "test")]
    told = [line for text in texts for line in text.splitlines() if "could not launch" in line]

    assert told
    assert all(re.search(r"\) could not launch \d+ tasks for deployment ecs-svc/\d+\. \S", line) for line in told)


@pytest.mark.parametrize(
    ("minutes", "more"), [pytest.param(60, 0, id="within-the-hour"), pytest.param(370, 1, id="after-six-hours")]
)
def test_the_same_refusal_is_told_again_after_six_hours_only(minutes, more):
    world = next(w for w in (build_varied(["constraint-unmet"], seed) for seed in range(9)) if not has_breaker(w))
    before = said(world).count("unable to place")

    world.run_until(world.now + timedelta(minutes=minutes))

    assert said(world).count("unable to place") - before == more


def test_a_terminated_instance_leaves_the_cluster():
    world, *_ = small_world()
    first, second = (add_instance(world, KIND, ZONE) for _ in range(2))

    remove_instance(world, first)

    assert [row["containerInstanceArn"] for row in instances_of(world)] == [second.arn]
