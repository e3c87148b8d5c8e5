"""Varied worlds: every recipe, both dialects, alone and in pairs, and healthy ones."""

import json
import tomllib
from datetime import timedelta
from functools import cache
from importlib.resources import files

import pytest

from benchmarks.simulated import Door
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.simulate import RECIPES, UnknownScenarioError, World, build, build_varied, install
from ecs_notebook_lib.simulate.dialects import DIALECTS
from ecs_notebook_lib.simulate.pairs import PAIRS

FAMILIES = tomllib.loads(files("ecs_notebook_lib.knowledge").joinpath("causes.toml").read_text(encoding="utf-8"))
CAUSES = {f"{family}.{name}" for family, causes in FAMILIES.items() for name in causes}
SEEN_ELSEWHERE = {"permissions.deployer"}
"""Seen in the errors of the command line only."""
SEEDS = range(2)


@cache
def world_of(name: str, seed: int, dialect: str) -> World:
    return build_varied(name.split("+") if name else [], seed, dialect=dialect)


@cache
def _door_and_clients():
    door, session = Door(), simulated_session("us-east-1")
    install(session, door)
    return door, {name: session.client(name) for name in ("ecs", "elbv2", "logs", "ec2")}


def clients_of(world: World):
    door, clients = _door_and_clients()
    door.world = world
    return clients


def told(world: World) -> str:
    """Return everything that DescribeServices and DescribeTasks tell, as one text."""
    services = [service.shape for service in world.scheduler.services.values()]
    tasks = [task.shape for task in world.tasks.by_arn.values()]
    return json.dumps([services, tasks], default=str)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_builds_worlds_whose_truth_is_its_cause(name, dialect):
    truths = {world_of(name, seed, dialect).truth for seed in SEEDS}

    assert truths == {(RECIPES[name].cause,)}


def test_every_cause_has_a_recipe_or_a_reason_why_not():
    missing = CAUSES - {recipe.cause for recipe in RECIPES.values()}

    assert missing == SEEN_ELSEWHERE


def test_every_recipe_names_a_known_cause():
    assert {recipe.cause for recipe in RECIPES.values()} <= CAUSES


@pytest.mark.parametrize("name", ["moved-health-path", "secret-absent", "slow-rollout", ""])
def test_equal_seeds_give_equal_worlds_and_others_differ(name):
    first, again = (told(build_varied([name] if name else [], 5)) for _ in range(2))
    other = told(build_varied([name] if name else [], 6))

    assert first == again
    assert first != other


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_healthy_world_has_completed_its_last_deployment(number, dialect):
    world = world_of("", number, dialect)
    shape = world.scheduler.services[world.service].shape

    assert world.truth == ()
    assert [row["rolloutState"] for row in shape["deployments"]] == ["COMPLETED"]
    assert shape["runningCount"] == shape["desiredCount"]
    assert any("has reached a steady state." in event["message"] for event in shape["events"])


@pytest.mark.parametrize("number", range(8))
def test_a_slow_rollout_goes_on_without_a_failure_after_the_waiter_gave_up(number):
    world = world_of("slow-rollout", number, "training")
    primary = world.scheduler.services[world.service].shape["deployments"][0]

    assert (world.now - primary["createdAt"]).total_seconds() > 585
    assert (primary["rolloutState"], primary["failedTasks"]) == ("IN_PROGRESS", 0)


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_a_pair_has_two_causes_of_different_kinds(pair):
    world = world_of("+".join(pair), 1, "test")

    assert set(world.truth) == {RECIPES[name].cause for name in pair}
    assert len(set(world.truth)) == 2


def test_there_are_pairs_enough():
    assert len(PAIRS) >= 20


@pytest.mark.parametrize(
    "name", ["no-way-out+answers-500", "interface-fails+program-crashes", "memory-killed+balancer-blocked"]
)
@pytest.mark.parametrize("number", SEEDS)
def test_both_faults_of_a_pair_stop_tasks(name, number):
    world = world_of(name, number, "training")
    reasons = {
        task.shape["stoppedReason"].partition(" (")[0][:40]
        for task in world.tasks.by_arn.values()
        if not task.shape.get("stoppedReason", "Scaling").startswith("Scaling")
    }

    assert len(reasons) >= 2


@pytest.mark.parametrize("name", RECIPES)
def test_boto3_reads_every_world_without_an_error(name):
    world = world_of(name, 0, "test")
    ecs, elbv2, logs, ec2 = clients_of(world).values()

    [service] = ecs.describe_services(cluster=world.cluster, services=[world.service])["services"]
    for status in ("RUNNING", "STOPPED"):
        arns = ecs.list_tasks(cluster=world.cluster, serviceName=world.service, desiredStatus=status)["taskArns"]
        assert not arns or ecs.describe_tasks(cluster=world.cluster, tasks=arns[:100])["failures"] == []
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    for row in service["loadBalancers"]:
        elbv2.describe_target_health(TargetGroupArn=row["targetGroupArn"])
    logs.describe_log_groups()
    for group in world.log_groups:
        logs.filter_log_events(logGroupName=group, limit=50)
    ec2.describe_subnets()
    ec2.describe_route_tables()

    assert definition["family"] == world.service


@pytest.mark.parametrize(
    "name",
    [
        "moved-health-path",
        "moved-health-path@test",
        "memory-killed+balancer-blocked@test",
        "varied-healthy",
        "slow-rollout",
    ],
)
def test_a_demo_is_named_by_recipes_and_dialect(name):
    assert build(name, 2).scenario == name


@pytest.mark.parametrize("name", ["moved-helth-path", "moved-health-path@dutch", "moved-health-path+nothing", "+"])
def test_a_name_that_nobody_knows_is_refused(name):
    with pytest.raises(UnknownScenarioError):
        build(name)


@pytest.mark.parametrize("name", ["proxy-ends", "proxy-unhealthy", "log-router-ends"])
def test_the_containers_of_a_task_have_different_names(name):
    worlds = [world_of(name, seed, dialect) for seed in range(8) for dialect in DIALECTS]
    tasks = [task.shape["containers"] for world in worlds for task in world.tasks.by_arn.values()]

    assert len(tasks) > len(worlds)
    assert [names for row in tasks if len(set(names := [one["name"] for one in row])) < len(names)] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_dialects_share_neither_framework_nor_region(dialect):
    others = [row for name, row in DIALECTS.items() if name != dialect]

    for other in others:
        assert not set(DIALECTS[dialect].frameworks) & set(other.frameworks)
        assert not set(DIALECTS[dialect].regions) & set(other.regions)


def test_no_log_line_has_a_slot_left_open():
    named = "iso clf plain slash app port target sentence code host path"
    slots = ["{" + name + "}" for name in named.split()]
    worlds = [world_of(name, 1, dialect) for name in RECIPES for dialect in DIALECTS]
    streams = [list(group.streams.values())[-3:] for world in worlds for group in world.log_groups.values()]
    begun = [stream for row in streams for stream in row]
    lines = [text for one in begun for _, text in one.lines(one.created_at, one.created_at + timedelta(minutes=2))]

    assert [line for line in lines if any(slot in line for slot in slots)] == []


def test_no_sentence_of_aws_has_a_slot_left_open():
    texts = [told(world_of(name, 1, dialect)) for name in RECIPES for dialect in DIALECTS]

    assert [
        slot for slot in ("{image}", "{region}", "{request}", "{address}", "{secret}") for t in texts if slot in t
    ] == []
