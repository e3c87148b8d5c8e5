"""An account of the shape in which the nearest peer lost its way: few calls, short output, nobody else's tasks."""

from collections import Counter
from copy import deepcopy
from datetime import timedelta
from functools import cache

import orjson
import pytest

from ecs_notebook_lib.cli.text import print_diagnosis
from ecs_notebook_lib.collect import collect_incident
from ecs_notebook_lib.incident import Incident, simulated_clients
from ecs_notebook_lib.report.markdown import markdown_of
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.simulate.account import create_service, register
from ecs_notebook_lib.simulate.model import Program, TargetGroup
from ecs_notebook_lib.source import LiveSource

NEIGHBOUR = "billing"
BUDGETS = {("ecs", "elbv2", "logs"): 22, ("iam",): 12, ("ec2",): 8}


def with_target_groups(world, count):
    """Give the load balancer so many target groups, each with a rule; one of them is the neighbour's."""
    [first, *_] = world.balancer.groups.values()
    for number in range(count):
        name = NEIGHBOUR if number == 0 else f"team-{number:02d}"
        arn = world.arn("elasticloadbalancing", f"targetgroup/{name}/{number:016x}")
        shape = {**deepcopy(first.shape), "TargetGroupArn": arn, "TargetGroupName": name}
        world.balancer.groups[arn] = TargetGroup(shape, dict(first.attributes), first.nodes)


def busy_world():
    """Return the world: the service answers 404 on the checked path; a neighbour has crashed 60 times and more."""
    world = build("clarity-healthy", 3)
    with_target_groups(world, 40)
    crashing = Program((0.5, 1.0), {"/health": 200}, memory_mib=9000, memory_seconds=4)
    create_service(world, NEIGHBOUR, register(world, NEIGHBOUR, 7, crashing), desired=12)
    service = world.scheduler.services[world.service]
    moved = Program((2.0, 4.0), {"/api/health": 200, "/": 200}, ignores_sigterm=True)
    bad = register(world, world.service, 142, moved, check_path="/api/health")
    world.run_until(world.now + timedelta(minutes=40))
    world.scheduler.rollout.begin(service, bad)
    world.run_until(world.now + timedelta(minutes=14))
    in_namespace(world)
    return world


def in_namespace(world):
    """Put the service's images into a repository whose name has a namespace."""
    old, new = f"/{world.service}:", f"/platform/{world.service}:"
    world.programs = {image.replace(old, new): program for image, program in world.programs.items()}
    world.access.repositories[f"platform/{world.service}"] = None
    for definition in world.task_definitions.values():
        for container in definition["containerDefinitions"]:
            container["image"] = container["image"].replace(old, new)


@cache
def busy():
    """Return the incident, the calls that it took by operation, and the world."""
    world, called = busy_world(), Counter()
    plain = world.operations
    world.operations = {name: (lambda call, n=name: called.update([n]) or plain[n](call)) for name in plain}
    snapshot = collect_incident(simulated_clients(world), LiveSource(world.cluster, world.service))
    return Incident(snapshot), called, world


def test_the_account_is_as_busy_as_it_is_told():
    _, _, world = busy()
    tasks = [task.shape for task in world.tasks.by_arn.values() if task.shape["group"] == f"service:{NEIGHBOUR}"]

    assert sum("stopCode" in task for task in tasks) >= 60
    assert len(world.balancer.groups) >= 40


@pytest.mark.parametrize(("services", "most"), BUDGETS.items(), ids=["ecs-elb-logs", "iam", "vpc"])
def test_it_takes_few_calls(services, most, record_property):
    _, called, _ = busy()
    calls = sum(count for name, count in called.items() if name.partition(":")[0] in services)

    record_property(f"calls of {', '.join(services)}", f"{calls} (at most {most})")
    assert calls <= most, {n: c for n, c in called.items() if n.partition(":")[0] in services}


def test_health_check_comes_first_with_the_404_as_evidence_and_memory_has_its_evidence_against():
    incident, _, _ = busy()
    diagnosis = incident.diagnosis
    first = diagnosis.differential[0]
    memory = next(row for row in diagnosis.differential if row.cause == "resources.memory")
    evidence = [diagnosis.finding(name) for name in first.evidence_for if name.startswith("F")]

    assert first.cause == "health_check.path"
    assert any("404" in finding.statement for finding in evidence)
    assert memory.probability < 0.02
    assert memory.evidence_against
    assert set(incident.frames.containers["exit_code"].dropna()) == {137}


def test_no_task_of_the_neighbour_is_counted_and_the_namespaced_image_is_found():
    incident, _, world = busy()
    others = {task.id for task in world.tasks.by_arn.values() if task.shape["group"] != f"service:{world.service}"}
    image = incident.frames.named_things.set_index("kind").loc[["image"]]

    assert not others & set(incident.frames.tasks["task_id"])
    assert NEIGHBOUR not in orjson.dumps(incident.diagnosis.to_json()).decode()
    assert image["exists"].all()
    assert "platform/clarity-backend" in str(image["name"].iloc[0])


def test_the_output_is_short(capsys, record_property):
    incident, _, _ = busy()
    print_diagnosis(incident, color=False)
    sizes = {
        "text": len(capsys.readouterr().out.encode()),
        "json": len(orjson.dumps(incident.diagnosis.to_json())),
        "markdown": len(markdown_of(incident).encode()),
    }

    record_property("output", ", ".join(f"{name} {size // 1000} kB" for name, size in sizes.items()))
    assert max(sizes.values()) < 100_000
