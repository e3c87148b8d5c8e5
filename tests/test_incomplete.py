"""Answers of AWS in which any member may be absent: frames keep their columns, nothing raises, and the gap is told."""

from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.incomplete import Generator, IncompleteAWS, everything, places_of, short, without
from benchmarks.simulated import collected
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.incident import Incident, simulated_clients
from ecs_notebook_lib.knowledge.operations import every_operation, operations
from ecs_notebook_lib.simulate import begin, build
from ecs_notebook_lib.simulate.wire.models import operation_model
from ecs_notebook_lib.snapshot.whole import INCOMPLETE
from ecs_notebook_lib.snapshot.whole import whole as usable
from ecs_notebook_lib.wait import Wanted, Watch, wait_for
from ecs_notebook_lib.wait.waiting import Patience

from .test_wait import world_clock

SCENARIOS = ("clarity-backend", "clarity-network", "clarity-health-check", "no-capacity", "clarity-healthy")
ALWAYS = [(name, path) for name, row in every_operation().items() for path in row.always]
FEW, MANY = 6, 40
"""How many examples `make test` tries of a property, and how many times the seeds `make soak` does."""


@cache
def whole(name):
    return short(collected(build(name)), elements=6)


@cache
def places(name):
    return places_of(whole(name))


def holds(request, strategies, test):
    """Try a property: the same few examples each time, with many seeds as many as they allow."""
    seeds = request.config.getoption("seeds")
    examples = FEW if seeds == 1 else MANY * seeds // 2
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    tried = settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=checks
    )
    tried(given(**strategies)(test))()


@st.composite
def cuts(draw):
    """Draw an incident, the places at which members are absent, from how many of the structures, and whether null."""
    name = draw(st.sampled_from(SCENARIOS))
    dropped = draw(st.sets(st.sampled_from(places(name)), min_size=1, max_size=60))
    return name, frozenset(dropped), draw(st.integers(1, 3)), draw(st.booleans())


def test_an_incident_that_lacks_any_members_is_told_of_all_the_same(request):
    def test(cut):
        name, dropped, every, null = cut
        everything(without(whole(name), dropped, every=every, null=null))

    holds(request, {"cut": cuts()}, test)


def test_answers_made_up_from_awss_shapes_are_told_of_all_the_same(request):
    def test(name, chance, asked):
        everything(Generator(whole(name), chance).snapshot(asked))

    names = st.sets(st.sampled_from(sorted(every_operation())), min_size=1, max_size=8)
    chance = st.integers(0, 2**32).map(Random)
    holds(request, {"name": st.sampled_from(SCENARIOS), "chance": chance, "asked": names}, test)


def test_a_live_answer_that_lacks_any_members_ends_no_run(request):
    def test(cut):
        name, dropped, every, _ = cut
        everything(collected(IncompleteAWS(build(name), dropped, every=every)))

    holds(request, {"cut": cuts()}, test)


def test_nor_does_it_end_a_wait(request):
    dropped = st.sets(st.sampled_from([row for row in places("clarity-backend") if row[0] in WATCHED]), min_size=1)

    def test(dropped, every):
        world = begin("program-crashes", 1)
        aws = IncompleteAWS(world, dropped, every=every)
        watch = Watch(simulated_clients(aws), world.cluster, [world.service])
        wait_for(watch, Wanted(), Patience(900, 60), tell=lambda _row: None, clock=world_clock(world))

    holds(request, {"dropped": dropped, "every": st.integers(1, 3)}, test)


WATCHED = ("ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListTasks", "elbv2:DescribeTargetHealth")


@pytest.mark.parametrize(("name", "path"), ALWAYS, ids=[f"{name}-{path}" for name, path in ALWAYS])
def test_what_aws_always_sends_stands_in_its_model(name, path):
    row = every_operation()[name]
    shape = operation_model(row.service, row.action).output_shape

    for step in path.split("."):
        shape = shape.members[step.removesuffix("[]")]
        shape = shape.member if step.endswith("[]") else shape


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_aws_always_sends_is_missed_in_whole_answers(name):
    told = Frames(whole(name)).coverage

    assert not told["error"].str.startswith(INCOMPLETE).any()


def place_of(operation, path):
    """Return the place of a member in the answers of an operation."""
    return (operation, *(one for step in path.split(".") for one in _steps(step)))


def _steps(step):
    return (step.removesuffix("[]"), "[]") if step.endswith("[]") else (step,)


SENT = [(name, path) for name, path in ALWAYS if place_of(name, path) in places_of(collected(build(SCENARIOS[0])))]


@pytest.mark.parametrize(("name", "path"), SENT, ids=[f"{name}-{path}" for name, path in SENT])
def test_what_aws_always_sends_and_is_absent_is_a_gap_with_its_reason(name, path):
    incident = Incident(without(whole(SCENARIOS[0]), {place_of(name, path)}))
    told = incident.coverage.set_index("operation").loc[name]

    assert name in operations()
    assert told["status"] == "failed"
    assert told["error"] == f"{INCOMPLETE}: {name.partition(':')[2]}"
    assert told["message"] == f"AWS's answer lacks {path}"
    assert told["hides"]


@pytest.mark.parametrize("text", ["", "<html>", '{"Statement": [', "[]", "1"])
def test_a_policy_that_is_no_document_is_a_gap(text):
    answer = {"Policy": text}

    kept, error = usable("s3:GetBucketPolicy", answer)

    assert (kept, error["code"]) == (None, INCOMPLETE)
    assert "Policy" in error["message"]
    assert usable("s3:GetBucketPolicy", {"Policy": '{"Statement": []}'})[1] is None
    assert usable("secretsmanager:GetResourcePolicy", {"ARN": "arn"}) == ({"ARN": "arn"}, None)
