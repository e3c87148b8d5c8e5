"""An organisation's history on Dask: the same numbers as one machine's and one incident's, each thing once."""

import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recorder import moto
from ecs_notebook_lib.collect import Access
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.errors import MissingExtraError, SchedulerError, StoreError
from ecs_notebook_lib.fleet.history import OrganisationHistory, summary
from ecs_notebook_lib.fleet.parts import Choice, StorePlace
from ecs_notebook_lib.fleet.schedulers import connected, open_executor
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.history.compacting import compact
from ecs_notebook_lib.history.reading import changes_in, each_change_once, rows_of_partition
from ecs_notebook_lib.history.recorder import Recorder
from ecs_notebook_lib.history.replay import AsOf, pages_of
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import SCHEMA, open_store, table_of
from ecs_notebook_lib.incident import simulated_clients
from ecs_notebook_lib.simulate import begin
from ecs_notebook_lib.snapshot import IncidentName, Snapshot
from ecs_notebook_lib.snapshot.model import members_of, utc_text
from ecs_notebook_lib.source import parse_instant

DAY = parse_instant("2026-03-04T00:00:00Z")
ACCOUNT, REGION, CLUSTER, SERVICE = "111122223333", "us-east-1", "prod", "orders"
CLUSTER_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"
SERVICE_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/{SERVICE}"
FAILING = "task-role-refused"
COUNTS = ["tasks_started", "tasks_stopped", "tasks_failed", "deployments_failed"]


@pytest.fixture(autouse=True)
def _in_this_thread():
    import dask

    with dask.config.set(scheduler="synchronous"):
        yield


def at(text):
    """Return an instant from its day, counted from the first, and time: `2 00:10`."""
    number, clock = text.split()
    hours, minutes = map(int, clock.split(":"))
    return DAY + timedelta(days=int(number) - 1, hours=hours, minutes=minutes)


def row(told_at, kind, key, state, *, service=SERVICE, version=None, cluster=CLUSTER, account=ACCOUNT, origin="live"):
    scope = CLUSTER_ARN if kind in ("task", "service") else SERVICE_ARN
    return Row(at(told_at), kind, account, REGION, cluster, service, scope, key, version, origin, state)


def task_row(told_at, *, number=1, version=3, **options):
    """Return what a look tells of a task; `started` and `stopped` are when it did, `code` and `reason` why."""
    times = {f"{name}At": utc_text(at(options.pop(name))) for name in ("started", "stopped") if name in options}
    why = {"stopCode": options.pop("code", None), "stoppedReason": options.pop("reason", None)}
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/{number:032x}"
    state = {"taskArn": arn, "clusterArn": CLUSTER_ARN, "createdAt": utc_text(DAY), **times}
    return row(told_at, "task", arn, {**state, **{k: v for k, v in why.items() if v}}, version=version, **options)


def deployment_row(told_at, running=0, *, state="IN_PROGRESS", number=1, updated="1 12:00", **options):
    told = {
        "id": f"ecs-svc/{number}",
        "runningCount": running,
        "rolloutState": state,
        "updatedAt": utc_text(at(updated)),
    }
    return row(told_at, "deployment", f"ecs-svc/{number}", None if running is None else told, **options)


def service_row(told_at, desired, **options):
    return row(told_at, "service", SERVICE_ARN, {"serviceArn": SERVICE_ARN, "desiredCount": desired}, **options)


def kept(folder, *rows):
    """Return a store in which each row was kept by a look of its own."""
    store = open_store(str(folder))
    for told in rows:
        store.keep([told])
    return store


def history_of(store, *, rows=200_000, **choice):
    return OrganisationHistory(StorePlace(store.files.location), Choice(**choice), rows=rows)


def service_days(store, **options):
    return history_of(store, **options).service_days().compute()


def by_day(store, column):
    """Return a column of the only service, by the number of the day."""
    days = service_days(store)
    numbers = (days["day"] - DAY) // timedelta(days=1) + 1
    return dict(zip(numbers, days[column], strict=True))


# The same numbers as one incident's, over days that were recorded.


@pytest.fixture(scope="module")
def organisation(tmp_path_factory):
    """A store of one night in two accounts, in one of which a service fails under two names; half is told twice."""
    store = open_store(str(tmp_path_factory.mktemp("organisation")))
    for name in (FAILING, "varied-healthy"):
        world = begin(name, 1)
        recorder = Recorder(simulated_clients(world), store, world.cluster)
        world.run_until(midnight_after(world.now.date()) - timedelta(hours=1))
        for _ in range(10):
            recorder.poll()
            world.run_until(world.now + timedelta(minutes=15))
    store.keep([renamed(told, "-a") for told in rows_of_partition(store, failing(store))])
    for partition in store.partitions():
        told = rows_of_partition(store, partition)
        store.keep(told[: len(told) // 2])
    list(compact(store, before=store.days(failing(store))[1]))
    return store


@pytest.fixture(scope="module")
def days(organisation):
    """The days of all services, as threads of this process make them."""
    return service_days(organisation)


def failing(store):
    """Return the cluster in which a service fails."""
    name = begin(FAILING, 1).cluster.rpartition("/")[2]
    return next(partition for partition in store.partitions() if partition.cluster == name)


def renamed(told, suffix):
    """Return a row as one of another service: its tasks and deployments are others."""
    names = {"task": "taskArn", "deployment": "id", "service": "serviceArn"}
    state = told.state and {**told.state, **({names[told.kind]: told.key + suffix} if told.kind in names else {})}
    return replace(told, service=told.service + suffix, key=told.key + suffix, scope=told.scope + suffix, state=state)


def reference(store):
    """Return the same as `service_days` of each service by the frames of one incident over all its days."""
    found = []
    for partition in store.partitions():
        rows = rows_of_partition(store, partition)
        for service in sorted({told.service for told in rows} - {""}):
            own = [told for told in rows if told.service == service]
            found += [(partition, service, day, *counts) for day, counts in counts_by_day(store, partition, own)]
    return found


def counts_by_day(store, partition, rows):
    tasks = frames_of(partition, rows).tasks
    failed_at = {}
    for told in rows:
        if told.kind == "deployment" and told.state and told.state["rolloutState"] == "FAILED":
            failed_at.setdefault(told.key, parse_instant(told.state["updatedAt"]).date())
    codes = tasks["stop_code"].isin(["TaskFailedToStart", "EssentialContainerExited"])
    unhealthy = tasks["reason_kind"].isin(["failed_elb_health_checks", "failed_container_health_checks"])
    for day in store.days(partition):
        started, stopped = (tasks[name].dt.date == day for name in ("started_at", "stopped_at"))
        failed = stopped & (codes | unhealthy)
        yield day, (*(int(which.sum()) for which in (started, stopped, failed)), list(failed_at.values()).count(day))


def frames_of(partition, rows):
    incident = IncidentName(partition.cluster, "", REGION, partition.account, (rows[0].at, rows[-1].at))
    members = members_of(pages_of(rows, partition.cluster), partition.account)
    return Frames(Snapshot(incident, rows[-1].at, None, False, "", members))


@pytest.mark.parametrize("rows", [200_000, 300], ids=["a-day-a-partition", "some-services-a-partition"])
def test_each_service_and_day_counts_what_one_incidents_frames_count(organisation, rows):
    history = history_of(organisation, rows=rows)
    days = history.service_days().compute()
    counted = [
        (row.account, row.cluster, row.service, row.day.date(), *(int(getattr(row, name)) for name in COUNTS))
        for row in days.itertuples()
    ]

    expected = [(where.account, where.cluster, *rest) for where, *rest in reference(organisation)]
    assert sorted(counted) == sorted(expected)
    assert days[COUNTS[:3]].sum().gt(20).all()
    assert (history.changes().npartitions > len(history.days)) == (rows == 300)


def test_the_reasons_of_a_day_add_up_to_its_stopped_tasks(organisation, days):
    keys = ["account", "cluster", "service", "day"]
    days = days.set_index(keys)
    reasons = history_of(organisation).stopped_tasks().compute().groupby(keys)[["tasks", "tasks_failed"]].sum()

    told = reasons.reindex(days.index).fillna(0)
    assert list(told["tasks"]) == list(days["tasks_stopped"])
    assert list(told["tasks_failed"]) == list(days["tasks_failed"])


def test_each_change_of_a_day_is_there_once(organisation, days):
    changes = history_of(organisation).changes().compute()

    own = changes[changes["service"] != ""]
    assert own.groupby(["account", "day", "service"]).size().sum() == days["changes"].sum()
    versions = own[own["version"].notna()]
    assert not versions.duplicated(["account", "day", "kind", "scope", "key", "version"]).any()


STATES = st.sampled_from([None, {"status": "A"}, {"status": "B"}])
TOLD = st.tuples(st.sampled_from(["target", "task", "service_event"]), st.integers(0, 3), st.sampled_from([None, 1, 2]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TOLD, STATES, st.sampled_from("xy")), min_size=1, max_size=12))
def test_what_is_told_twice_is_dropped_as_in_one_incidents_history(told):
    rows = [row(f"1 0{hour}:00", kind, key, state, version=v) for (kind, hour, v), state, key in told]
    table = table_of(rows)

    once = pa.Table.from_batches(each_change_once(table, "changed_at"), SCHEMA)
    columns = [(name, "ascending") for name in SCHEMA.names]
    assert table.take(changes_in(table)).sort_by(columns).equals(once.sort_by(columns))


def test_of_states_that_were_seen_at_once_the_text_says_which_is_first():
    pairs = list(combinations("ABCDEF", 2))
    looks = [row("1 01:00", "target", one + other, {"status": one}) for one, other in pairs]
    both = [
        row("1 02:00", "target", one + other, {"status": status}) for one, other in pairs for status in (other, one)
    ]

    assert len(changes_in(table_of([*looks, *both]))) == 2 * len(pairs)


@pytest.fixture(scope="module")
def table(organisation):
    """The summary, as threads of this process make it."""
    return summary(history_of(organisation))


def test_the_summary_is_one_row_a_service_and_names_its_most_frequent_failure(table, days):

    assert list(table["tasks_failed"]) == sorted(table["tasks_failed"], reverse=True)
    assert len(table) == len(days[["account", "service"]].drop_duplicates()) > 3
    assert table["tasks_failed"].sum() == days["tasks_failed"].sum()
    exiting = table[table["stop_code"] == "EssentialContainerExited"]
    assert set(exiting["service"]) == {begin(FAILING, 1).service + suffix for suffix in ("", "-a")}
    assert table.loc[table["tasks_failed"] == 0, ["stop_code", "first_failing_day"]].isna().all(axis=None)


# Each thing on its own day.


@pytest.mark.parametrize(
    ("rows", "stopped"),
    [
        pytest.param([task_row("1 12:01", stopped="1 12:00")], {1: 1}, id="on-its-day"),
        pytest.param(
            [service_row("1 00:00", 1), task_row("2 00:01", stopped="1 23:59")], {1: 1, 2: 0}, id="seen-after-midnight"
        ),
        pytest.param(
            [task_row("1 23:31", stopped="1 23:30"), task_row("2 00:01", stopped="1 23:30")],
            {1: 1, 2: 0},
            id="told-anew-after-midnight",
        ),
        pytest.param(
            [service_row("1 00:00", 1), service_row("2 00:00", 1), task_row("3 00:00", stopped="1 12:00")],
            {1: 0, 2: 0, 3: 0},
            id="told-two-days-later",
        ),
        pytest.param(
            [task_row("1 12:01", stopped="1 12:00"), task_row("1 12:02", stopped="1 12:00")], {1: 1}, id="two-recorders"
        ),
        pytest.param(
            [task_row("1 12:01", stopped="1 12:00", origin="event"), task_row("1 12:02", version=4, stopped="1 12:00")],
            {1: 1},
            id="an-event-and-a-look",
        ),
        pytest.param([task_row("1 12:01", started="1 12:00")], {1: 0}, id="running"),
    ],
)
def test_a_stop_counts_once_on_the_day_of_the_stop(rows, stopped, tmp_path):
    assert by_day(kept(tmp_path, *rows), "tasks_stopped") == stopped


def test_a_task_that_runs_for_days_started_on_one_of_them(tmp_path):
    rows = [task_row(f"{day} 00:00", started="1 09:00", version=day + 3) for day in (2, 3, 4)]
    store = kept(tmp_path, task_row("1 09:01", started="1 09:00"), *rows)

    assert by_day(store, "tasks_started") == {1: 1, 2: 0, 3: 0, 4: 0}


def test_a_deployment_that_stays_failed_failed_on_one_day(tmp_path):
    rows = [deployment_row(f"{day} 00:00", state="FAILED", updated=f"{day} 00:00") for day in (2, 3)]
    store = kept(tmp_path, deployment_row("1 12:01", state="FAILED", updated="1 12:00"), *rows)

    assert by_day(store, "deployments_failed") == {1: 1, 2: 0, 3: 0}


def test_a_failed_deployment_that_only_an_event_tells_of_counts(tmp_path):
    detail = {"eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": "ecs-svc/9"}
    rows = [row("1 12:00", "deployment_event", key, detail, origin="event") for key in ("e1", "e2")]

    assert by_day(kept(tmp_path, *rows), "deployments_failed") == {1: 1}


def test_tasks_that_no_service_started_are_left_out(tmp_path):
    days = service_days(kept(tmp_path, task_row("1 12:01", service="", stopped="1 12:00"), service_row("1 00:00", 1)))

    assert list(days["service"]) == [SERVICE]


# Minutes below the desired count.


@pytest.mark.parametrize(
    ("rows", "minutes"),
    [
        pytest.param(
            [service_row("1 00:00", 2), deployment_row("1 00:00", 2), service_row("1 09:00", 2)], 0, id="well"
        ),
        pytest.param(
            [service_row("1 00:00", 2), *(deployment_row(f"1 0{n}:00", c) for n, c in ((0, 2), (1, 1), (2, 2)))],
            60,
            id="an-hour",
        ),
        pytest.param(
            [
                service_row("1 00:00", 2),
                deployment_row("1 00:00", 2),
                deployment_row("1 01:00", 1),
                deployment_row("1 01:00", 1, number=2),
            ],
            0,
            id="two-deployments-together",
        ),
        pytest.param(
            [
                service_row("1 00:00", 2),
                deployment_row("1 00:00", 2),
                deployment_row("1 01:00", None),
                deployment_row("1 01:30", 2, number=2),
            ],
            30,
            id="its-deployment-went",
        ),
        pytest.param(
            [
                service_row("1 00:00", 2),
                deployment_row("1 00:00", 2),
                service_row("1 01:00", 3),
                deployment_row("1 01:15", 3),
            ],
            15,
            id="more-are-wanted",
        ),
        pytest.param(
            [service_row("1 00:00", 2), deployment_row("1 00:00", 1), task_row("1 02:00", number=2, service="other")],
            120,
            id="up-to-the-last-row-of-the-cluster",
        ),
        pytest.param(
            [service_row("1 23:00", 2), deployment_row("1 23:00", 1), service_row("2 00:01", 2)],
            60,
            id="up-to-midnight",
        ),
        pytest.param([deployment_row("1 00:00", 1), deployment_row("1 09:00", 2)], None, id="no-desired-count"),
    ],
)
def test_minutes_below_the_desired_count(rows, minutes, tmp_path):
    days = service_days(kept(tmp_path, *rows))
    [found] = days.loc[(days["service"] == SERVICE) & (days["day"] == DAY), "below_desired_minutes"]

    assert found == minutes if minutes is not None else found is pd.NA


def test_minutes_below_are_those_of_every_moments_answer(organisation, days):
    partition, name = failing(organisation), begin(FAILING, 1).service
    own = [told for told in rows_of_partition(organisation, partition) if told.service == name]
    day = organisation.days(partition)[-1]
    begins = sorted({told.at for told in own if told.at.date() == day})
    answers = [(AsOf(own, moment).service(), until - moment) for moment, until in pairwise(begins)]
    below = sum((lasts for s, lasts in answers if s["runningCount"] < s["desiredCount"]), timedelta())

    [found] = days.loc[(days["service"] == name) & (days["day"].dt.date == day), "below_desired_minutes"]
    assert below > timedelta(minutes=10)
    assert found == pytest.approx(below / timedelta(minutes=1))


def midnight_after(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


# What is read.


def test_only_what_is_chosen_is_read(tmp_path):
    told = {"stopped": "1 12:00", "code": "TaskFailedToStart"}
    store = kept(tmp_path, task_row("1 12:01", **told), task_row("1 12:01", **told, cluster="dev"))
    for folder in (f"account={ACCOUNT}/region={REGION}/cluster=dev/day=2026-03-04", f"{chosen_day(9)}"):
        store.files.put(f"{folder}/broken.parquet", b"no Parquet")

    table = summary(history_of(store, clusters=frozenset({CLUSTER}), last=DAY.date()))

    assert table[["cluster", "tasks_failed", "stop_code"]].to_numpy().tolist() == [[CLUSTER, 1, "TaskFailedToStart"]]


def chosen_day(number):
    return f"account={ACCOUNT}/region={REGION}/cluster={CLUSTER}/day=2026-03-{number:02d}"


def test_the_day_after_the_last_one_still_tells_of_it(tmp_path):
    store = kept(tmp_path, service_row("1 00:00", 1), task_row("2 00:01", stopped="1 23:59"))

    days = service_days(store, last=DAY.date())

    assert days[["day", "tasks_stopped"]].to_numpy().tolist() == [[DAY, 1]]


@pytest.mark.parametrize(
    "choice", [{"accounts": frozenset({"999999999999"})}, {"first": DAY.date() + timedelta(days=5)}]
)
def test_a_choice_of_which_nothing_is_kept_is_told_in_one_line(choice, tmp_path):
    with pytest.raises(StoreError, match=r"holds nothing of what is asked for\. Check names and days"):
        history_of(kept(tmp_path, service_row("1 00:00", 1)), **choice)


def test_a_store_in_s3_is_opened_where_the_tasks_run(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto() as url:
        access = Access(region=REGION, endpoint_url=url)
        simulated_session(REGION).client("s3", endpoint_url=url).create_bucket(Bucket="history")
        place = StorePlace("s3://history/ecs", access)
        place.open().keep([task_row("1 12:01", stopped="1 12:00"), service_row("1 00:00", 1)])

        days = OrganisationHistory(place).service_days().compute()

    assert list(days["tasks_stopped"]) == [1]


# Where it runs.


@contextmanager
def local_cluster(workers):
    """A Dask scheduler and some workers in this process, on ports that are free."""
    from distributed import LocalCluster

    here = {"processes": False, "protocol": "tcp", "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=workers, threads_per_worker=1, **here) as made:
        yield made


@pytest.fixture
def cluster():
    with local_cluster(2) as made:
        yield made


def test_a_scheduler_gives_the_same_result(organisation, table, cluster):
    with connected(cluster.scheduler_address):
        there = summary(history_of(organisation))

    pd.testing.assert_frame_equal(table, there)


def test_tasks_are_run_by_threads_or_by_the_scheduler_alike(cluster):
    for address in ("", cluster.scheduler_address):
        with open_executor(address, 2) as executor:
            assert list(executor.map(abs, [-1, 2, -3])) == [1, 2, 3]
            assert isinstance(executor.submit(int, "x").exception(), ValueError)


@pytest.mark.parametrize(
    "address", ["localhost:8786", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tcp://[::1", "tcp://a:b"]
)
def test_what_is_no_address_is_told_in_one_line(address):
    with pytest.raises(SchedulerError, match=r"no address of one\. Give tcp://HOST:PORT\."), open_executor(address, 2):
        pass


@pytest.mark.parametrize("listens", [False, True], ids=["nobody-listens", "no-scheduler-answers"])
def test_a_scheduler_that_does_not_answer_is_given_up(listens, monkeypatch):
    monkeypatch.setattr("ecs_notebook_lib.fleet.schedulers._TIMEOUT", 0.3)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listens:
            other.listen()
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"

        with pytest.raises(SchedulerError, match=r"nothing answers in 0\.3 seconds"), open_executor(address, 2):
            pass


def test_a_worker_in_place_of_its_scheduler_is_refused(cluster):
    worker = next(iter(cluster.workers.values())).address

    with pytest.raises(SchedulerError, match="it is a Worker"), open_executor(worker, 2):
        pass


def test_a_scheduler_without_workers_is_refused(monkeypatch):
    monkeypatch.setattr("ecs_notebook_lib.fleet.schedulers._TIMEOUT", 2)
    refused = pytest.raises(SchedulerError, match=r"it has no workers\. Start some with: dask worker")

    with local_cluster(0) as made, refused, open_executor(made.scheduler_address, 2):
        pass


@pytest.mark.parametrize("name", ["dask", "duckdb"])
def test_without_the_extra_one_line_names_it(name, monkeypatch, tmp_path):
    store = kept(tmp_path, service_row("1 00:00", 1))
    monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtraError, match=r"ecs-notebook-lib\[fleet\]"):
        history_of(store)


def test_a_scheduler_without_dask_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(MissingExtraError, match=r"ecs-notebook-lib\[fleet\]"), open_executor("tcp://127.0.0.1:1", 2):
        pass


def test_importing_this_loads_no_dask():
    code = "import sys, ecs_notebook_lib.fleet.history, ecs_notebook_lib.fleet.schedulers as s\n"
    code += "with s.open_executor('', 1) as e: e.submit(abs, -1).result()\n"
    code += "print({'dask', 'distributed'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
