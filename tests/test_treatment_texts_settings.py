"""Rules of the network, sizes of tasks and settings of rollouts: each text changes what is wrong, and no more."""

import json
from math import ceil

import pytest

from benchmarks.simulated import collected
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.fargate import is_fargate_size, smallest_fargate_size
from ecs_notebook_lib.network import evaluate_policy
from ecs_notebook_lib.rolling_update import bounds_of
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.treatment.texts import (
    READINESS,
    acl_entries,
    container_health_check,
    cpu_advice,
    egress_permission,
    endpoint_policy,
    grace_advice,
    image_by_digest,
    ingress_permission,
    log_group_missing,
    memory_advice,
    parameter_missing,
    percentages,
    percentages_advice,
    secret_missing,
    ways_out,
    zone_advice,
)


def diagnosed(name, number=0):
    return diagnose(Frames(collected(build(name, number))))


def closed(diagnosis, direction):
    hops = diagnosis.frames.network_path
    return hops[(hops["direction"] == direction) & (hops["verdict"] == "closed")]


@pytest.mark.parametrize("name", ["clarity-network", "balancer-blocked", "dropped-check-port"])
@pytest.mark.parametrize("number", [0, 1])
def test_the_rule_of_the_security_group_opens_the_way_of_the_load_balancer(name, number):
    world = build(name, number)
    diagnosis = diagnose(Frames(collected(world)))
    assert len(closed(diagnosis, "load_balancer_to_task"))

    for rule in ingress_permission(diagnosis):
        group = next(row for row in world.network.security_groups if row["GroupId"] == rule.group_id)
        group["IpPermissions"].append(dict(rule.permission))

    after = diagnose(Frames(collected(world)))
    assert not len(closed(after, "load_balancer_to_task"))
    assert ingress_permission(after) == ()
    assert all("IpRanges" not in rule.permission for rule in ingress_permission(diagnosis))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_entry_of_the_network_acl_stands_before_the_one_that_denies(number):
    diagnosis = diagnosed("acl-denies", number)

    entries = acl_entries(diagnosis)

    rows = diagnosis.frames.network_acl_entries
    assert entries
    for entry in entries:
        own = rows[(rows["network_acl_id"] == entry.network_acl_id) & (rows["egress"] == entry.params["Egress"])]
        denying = own[(own["action"] == "deny")]["rule_number"].max()
        assert 1 <= entry.params["RuleNumber"] < denying
        assert entry.params["RuleNumber"] not in set(own["rule_number"])
        assert entry.params["CidrBlock"] != "0.0.0.0/0"
    assert len({(one.network_acl_id, one.params["Egress"], one.params["RuleNumber"]) for one in entries}) == len(
        entries
    )


@pytest.mark.parametrize(("name", "number"), [("layers-denied", 0), ("layers-denied", 1), ("layers-denied@test", 0)])
def test_the_policy_of_the_endpoint_gains_the_bucket_of_the_layers_and_no_more(name, number):
    world = build(name, number)
    layers = f"arn:{world.partition}:s3:::prod-{world.region}-starport-layer-bucket/*"

    (policy,) = endpoint_policy(diagnose(Frames(collected(world))))

    row = {"VpcEndpointId": "vpce-1", "PolicyDocument": json.dumps(policy.after)}
    asked = [("s3:GetObject", layers), ("s3:PutObject", layers), ("s3:GetObject", "arn:aws:s3:::other/*")]
    assert [str(evaluate_policy(row, action=a, resource=r).verdict) for a, r in asked] == ["open", "closed", "closed"]
    assert policy.after["Statement"][:-1] == policy.before["Statement"]


def test_a_missing_way_out_names_the_endpoint_and_the_route_table():
    way = ways_out(diagnosed("no-way-out", 0))

    assert way.endpoints == (("com.amazonaws.eu-west-1.s3", "Gateway"),)
    assert way.route_tables
    assert json.loads(way.fragment.json)[0]["RouteTableIds"] == list(way.route_tables)


def test_a_zone_without_the_load_balancer_is_taken_out():
    advice = zone_advice(diagnosed("zone-not-enabled", 0))

    assert advice.take_out
    assert not set(advice.take_out) & set(advice.keep)


@pytest.mark.parametrize(
    "advise",
    [
        ingress_permission,
        egress_permission,
        acl_entries,
        endpoint_policy,
        ways_out,
        zone_advice,
        memory_advice,
        cpu_advice,
        grace_advice,
        percentages_advice,
        secret_missing,
        parameter_missing,
        log_group_missing,
    ],
)
def test_nothing_is_written_about_a_service_that_is_well(advise):
    assert not advise(diagnosed("varied-healthy"))


@pytest.mark.parametrize("name", ["memory-killed", "clarity-resources"])
@pytest.mark.parametrize("number", [0, 1])
def test_memory_is_at_least_doubled_where_the_peak_is_only_a_lower_bound(name, number):
    world = build(name, number)
    diagnosis = diagnose(Frames(collected(world)))
    definition = world.task_definitions[diagnosis.frames.history.examined.task_definition]

    advice = memory_advice(diagnosis)

    assert advice.is_lower_bound
    assert advice.task_memory >= 2 * int(definition["memory"])
    if "FARGATE" in definition["requiresCompatibilities"]:
        assert is_fargate_size(advice.cpu, advice.task_memory)


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ((256, 2100), (512, 3072)),
        ((300, 100), (512, 1024)),
        ((256, 513), (256, 1024)),
        ((8192, 20_000), (8192, 20_480)),
    ],
)
def test_a_size_is_rounded_up_to_one_that_fargate_has(wanted, size):
    assert smallest_fargate_size(*wanted) == size


def test_no_size_of_fargate_is_larger_than_the_largest():
    assert smallest_fargate_size(16_384, 122_881) is None


def test_more_cpu_is_a_size_that_fargate_has():
    advice = cpu_advice(diagnosed("cpu-starved"))

    assert advice.cpu >= 512
    assert is_fargate_size(advice.cpu, advice.memory)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_grace_period_is_longer_than_what_was_measured(number):
    diagnosis = diagnosed("slow-start", number)

    advice = grace_advice(diagnosis)

    assert advice.seconds > 1.4 * advice.measured_seconds
    assert advice.seconds > diagnosis.frames.services["health_check_grace_period_seconds"].iloc[0]
    assert json.loads(advice.fragment.json) == {"healthCheckGracePeriodSeconds": advice.seconds}


@pytest.mark.parametrize("desired", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("minimum", [34, 66, 75, 100])
@pytest.mark.parametrize("maximum", [100, 105, 133, 200])
def test_the_percentages_give_room_without_taking_a_healthy_task(desired, minimum, maximum):
    changed = percentages(desired, minimum, maximum)

    if bounds_of(desired, minimum, maximum).cycles is not None:
        assert changed is None
    else:
        after, smaller = bounds_of(desired, *changed), bounds_of(desired, changed[0], changed[1] - 1)
        assert after.start_room == 1
        assert after.lower == ceil(desired * minimum / 100)
        assert smaller.start_room < 1


@pytest.mark.parametrize(("desired", "expected"), [(1, (0, 100)), (2, (50, 100)), (3, (66, 100))])
def test_where_no_more_tasks_may_run_one_may_be_missing(desired, expected):
    changed = percentages(desired, 100, 100, may_exceed=False)

    assert changed == expected
    assert bounds_of(desired, *changed).stop_room == 1


@pytest.mark.parametrize("name", ["clarity-percentages", "no-room"])
def test_a_rollout_without_room_gets_percentages_that_leave_some(name):
    diagnosis = diagnosed(name)
    service = diagnosis.frames.services.iloc[0]

    advice = percentages_advice(diagnosis)

    assert advice.minimum == service["minimum_healthy_percent"]
    assert bounds_of(int(service["desired_count"]), advice.minimum, advice.maximum).start_room == 1


@pytest.mark.parametrize(
    ("name", "advise", "kind"),
    [
        ("secret-absent", secret_missing, "aws_secretsmanager_secret"),
        ("parameter-absent", parameter_missing, "aws_ssm_parameter"),
        ("log-group-missing", log_group_missing, "aws_cloudwatch_log_group"),
    ],
)
def test_what_does_not_exist_is_written_as_a_resource_without_a_value(name, advise, kind):
    (text,) = advise(diagnosed(name))

    assert text.fragment.terraform.startswith(f'resource "{kind}" ')
    assert "secret_string" not in text.fragment.terraform + text.fragment.cloudformation


def test_an_image_is_named_by_the_digest_that_ran_well():
    ((_, image, fragment),) = image_by_digest(diagnosed("memory-killed"))

    assert image.count("@sha256:") == 1
    assert ":" not in image.partition("@")[0].rpartition("/")[2]
    assert image in fragment.json


@pytest.mark.parametrize("path", ["/h'); import os; ('", "/a?b=${c}", "/\n"])
def test_a_path_that_would_be_a_program_is_not_put_into_one(path):
    assert container_health_check("web", runtime="python", port=80, path=path) is None


def test_a_check_of_the_container_needs_no_shell():
    command = json.loads(container_health_check("web", runtime="python", port=8000, path="/live").json)

    assert command["containerDefinitions"][0]["healthCheck"]["command"][0] == "CMD"


def test_readiness_and_liveness_are_told_apart():
    assert set(json.loads(READINESS.json)) == {"GET /live", "GET /ready"}
