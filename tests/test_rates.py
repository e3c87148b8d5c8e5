"""Rates: never beyond a quarter of what AWS allows, first come, first served, and no wait where AWS does not answer."""

import threading
from itertools import pairwise
from types import SimpleNamespace

import botocore.endpoint
import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_notebook_lib.collect import Access, Clients, collect_incident, open_clients
from ecs_notebook_lib.collect.rates import Rates, seconds_between
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.knowledge.rates import bucket_of
from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.knowledge.treatments import write_operations
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.source import LiveSource

OPERATIONS = [
    "ecs:DescribeTasks",
    "ecs:ListTasks",
    "ecs:DescribeServices",
    "cloudtrail:LookupEvents",
    "kms:GetKeyPolicy",
]
SLOWEST = "ecs:RegisterTaskDefinition"
"""Five at once, then one in four seconds."""

REGIONS = ["us-east-1", "eu-west-1"]


class Clock:
    """A time that passes only when somebody sleeps, or says so."""

    def __init__(self):
        self.now, self.slept = 0.0, 0.0
        self._lock = threading.Lock()

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        with self._lock:
            self.now += seconds
            self.slept += seconds


def rates_of(clock):
    return Rates(clock=clock, sleep=clock.sleep)


def most(operation, seconds):
    """Return how many calls a quarter of AWS's bucket lets through in so many seconds."""
    row = bucket_of(operation)
    share = 1 if operation == "cloudtrail:LookupEvents" else 1 / 4
    return max(1.0, row.burst * share) + seconds * row.rate * share


def overdrawn(admitted):
    """Return the stretches of time in which more calls were let through than a quarter of AWS's bucket."""
    by_bucket = {}
    for operation, region, at in admitted:
        by_bucket.setdefault((bucket_of(operation).name, region), []).append((at, operation))
    return [
        (name, begin, end, count)
        for name, calls in by_bucket.items()
        for first, (begin, operation) in enumerate(calls)
        for count, (end, _) in enumerate(calls[first:], start=1)
        if count > most(operation, end - begin) + 1e-6
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(OPERATIONS),
            st.sampled_from(REGIONS),
            st.one_of(st.just(0.0), st.floats(0, 5)),
            st.integers(1, 40),
        ),
        max_size=12,
    )
)
def test_no_stretch_of_time_holds_more_calls_than_a_quarter_of_the_burst_and_of_the_rate(asked):
    clock = Clock()
    rates, admitted = rates_of(clock), []
    for operation, region, pause, calls in asked:
        clock.now += pause
        for _ in range(calls):
            rates.wait(operation, region)
            admitted.append((operation, region, clock.now))

    assert overdrawn(admitted) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_burst_does_not_wait_and_many_calls_pass_at_a_quarter_of_the_rate(operation):
    clock = Clock()
    rates, burst = rates_of(clock), int(most(operation, 0))
    for _ in range(burst):
        rates.wait(operation, "us-east-1")
    at_once = clock.now
    for _ in range(200):
        rates.wait(operation, "us-east-1")

    assert at_once == 0
    assert clock.now == pytest.approx(200 * seconds_between(operation), abs=seconds_between(operation))


def test_regions_and_apis_have_a_bucket_each_and_a_global_service_one_for_all():
    clock = Clock()
    rates = rates_of(clock)
    for region in REGIONS:
        for _ in range(25):
            rates.wait("ecs:ListTasks", region)
            rates.wait("ecs:DescribeServices", region)
    own = clock.slept
    for region in REGIONS:
        for _ in range(5):
            rates.wait("iam:GetRole", region)

    assert own == 0
    assert clock.slept > 0


def test_operations_of_one_bucket_share_its_tokens():
    clock = Clock()
    rates = rates_of(clock)
    for _ in range(13):
        rates.wait("ecs:ListTasks", "us-east-1")
        rates.wait("ecs:DescribeTasks", "us-east-1")

    assert clock.slept == pytest.approx(1 * seconds_between("ecs:ListTasks"))


def test_threads_together_stay_within_the_bucket():
    clock, admitted = Clock(), []
    rates = rates_of(clock)

    def call():
        for _ in range(25):
            rates.wait("ecs:ListTasks", "us-east-1")
            admitted.append(None)

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(admitted) == 400
    assert clock.now == pytest.approx((400 - most("ecs:ListTasks", 0)) * seconds_between("ecs:ListTasks"))


def test_who_came_first_is_served_first():
    """While one sleeps the others queue up; each is started only when the one before it stands in the queue."""
    clock, order, asleep, go_on = Clock(), [], threading.Event(), threading.Event()

    def sleep(seconds):
        asleep.set()
        assert go_on.wait(60)
        clock.sleep(seconds)

    rates = Rates(clock=clock, sleep=sleep)
    for _ in range(5):
        rates.wait(SLOWEST, "us-east-1")
    bucket = rates._bucket(SLOWEST, "us-east-1")

    def call(number):
        rates.wait(SLOWEST, "us-east-1")
        order.append((number, clock.now))

    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=call, args=(number,)))
        threads[-1].start()
        assert asleep.wait(60)
        while len(bucket._waiting) < number:
            threading.Event().wait(0)
    go_on.set()
    for thread in threads:
        thread.join()

    assert [number for number, _ in order] == list(range(6))
    assert all(later - earlier == pytest.approx(4.0) for (_, earlier), (_, later) in pairwise(order))


def test_every_row_names_operations_of_the_tables_and_its_source():
    known = {*every_operation(), *write_operations()}
    rows = read_table("rates")
    named = [operation for row in rows.values() for operation in row.get("operations", ())]

    assert set(named) <= known
    assert len(named) == len(set(named))
    assert all(row["source"] and row["burst"] >= row["rate"] > 0 for row in rows.values())
    assert {name for name in known if bucket_of(name).share != 1 / 4} == {"cloudtrail:LookupEvents"}


def test_each_try_of_a_call_waits(session, monkeypatch):
    """AWS counts tries, not calls."""
    world, asked, failed = build("clarity-backend"), [], []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))
    made = session(world)

    def fails_twice(request, **_):
        if len(failed) < 2:
            failed.append(request.url)
            raise ReadTimeoutError(endpoint_url=request.url)

    class Counted(Rates):
        def wait(self, operation, region):
            asked.append((operation, region))

    made.events.register_first("before-send.ecs.DescribeServices", fails_twice)
    client = Clients(made, rates=Counted()).get("ecs")
    client.describe_services(cluster=world.cluster, services=[world.service])

    assert asked == [("ecs:DescribeServices", world.region)] * 3


def test_one_incident_fits_into_the_bursts(session):
    """With AWS's rates in force nothing waits, but CloudTrail, which is asked under a deadline."""
    world, clock = build("clarity-backend"), Clock()
    world.refused.add("cloudtrail:LookupEvents")
    collect_incident(Clients(session(world), rates=rates_of(clock)), LiveSource(world.cluster, world.service))

    assert clock.slept == 0


def test_only_aws_itself_makes_calls_wait_unless_rates_are_given(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    aws, again = open_clients(Access(region="us-east-1")), open_clients(Access(region="eu-west-1"))
    own = Rates()
    given_rates = open_clients(Access(region="us-east-1"), rates=own)
    elsewhere = open_clients(Access(region="us-east-1", endpoint_url="http://127.0.0.1:9"))

    assert aws.rates is again.rates
    assert given_rates.rates is own
    assert [waits(aws), waits(given_rates), waits(elsewhere)] == [True, True, False]


def waits(clients):
    """Say whether a call waits for the rates before it is signed."""
    before = []
    plain = clients.get("cloudtrail")
    rates = clients.rates
    rates.wait = lambda *call: before.append(call)
    plain.meta.events.emit("before-sign.cloudtrail.LookupEvents", operation_name="LookupEvents")
    del rates.wait
    return before == [("cloudtrail:LookupEvents", "us-east-1")]
