"""The store of history: what AWS forgets is kept once, survives being stopped anywhere, and opens like today's."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from types import SimpleNamespace

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recorder import FAULTS, Ledger, Place, judged, killed, moto, task_states_in
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.collect import Clients, collect_incident
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.errors import StoreError
from ecs_notebook_lib.history.compacting import compact
from ecs_notebook_lib.history.files import Folder, files_at
from ecs_notebook_lib.history.opening import history_of
from ecs_notebook_lib.history.reading import rows_of_partition, rows_of_service
from ecs_notebook_lib.history.recorder import CALLS_A_SECOND, Recorder
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.store import Store, open_store
from ecs_notebook_lib.incident import Incident, open_incident, simulated_clients
from ecs_notebook_lib.simulate import begin, serve
from ecs_notebook_lib.snapshot import load_snapshot
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.source import LiveSource, parse_instant

NOON = parse_instant("2025-03-04T12:00:00Z")
LOOK = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def _keys_of_this_test(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def recorded(name, seed, folder, *, looks=40, step=LOOK, services=()):
    """Return a world that was recorded for so many looks, the recorder, and its store."""
    world, store = begin(name, seed), open_store(str(folder))
    began, ledger, clients, polls = world.now, Ledger(world), simulated_clients(world), []
    recorder = Recorder(clients, store, world.cluster, services)
    for _ in range(looks):
        polls.append(recorder.poll())
        world.run_until(world.now + step)
        ledger.look()
    recorder.poll()
    done = {"world": world, "store": store, "began": began, "clients": clients, "polls": polls, "recorder": recorder}
    return SimpleNamespace(**done, ledger=ledger)


def all_rows(store):
    [partition] = store.partitions()
    return rows_of_partition(store, partition)


def opened(done, window):
    """Return the incident as it is told with the store."""
    world = done.world
    source = LiveSource(world.cluster, world.service)
    history = history_of(done.store.files.location, done.clients, source, window)
    snapshot = collect_incident(
        done.clients,
        source,
        earlier=history.earlier,
        past=history.past,
        masker=history.masker,
    )
    return Incident(snapshot)


def wrong(rows, ledger):
    return {name: value for name, value in judged(rows, ledger).items() if name in FAULTS and value}


# What is kept.


@pytest.mark.parametrize(
    ("name", "number"), [("program-crashes", 0), ("task-role-refused", 3), ("moved-health-path", 0)]
)
def test_every_task_event_and_deployment_is_there_once(name, number, tmp_path):
    done = recorded(name, number, tmp_path)
    rows, service = all_rows(done.store), done.world.scheduler.services[done.world.service]
    times = Counter(row.key for row in rows if row.kind == "service_event")
    events = {event["id"] for event in service.shape["events"]}

    assert wrong(rows, done.ledger) == {}
    assert set(times.values()) == {1}
    assert events <= set(times)
    assert {deployment.id for deployment in service.deployments} <= {r.key for r in rows if r.kind == "deployment"}
    assert {row.key for row in rows if row.kind == "service"} >= {service.shape["serviceArn"]}


def test_a_look_at_what_did_not_change_keeps_nothing(tmp_path):
    done = recorded("varied-healthy", 1, tmp_path, looks=60, step=timedelta(minutes=2))
    files = done.store.files.listed("")

    assert dict(done.recorder.poll().kept) == {}
    assert done.store.files.listed("") == files


def test_targets_are_kept_with_their_states_and_when_they_went(tmp_path):
    done = recorded("moved-health-path", 0, tmp_path)
    rows = [row for row in all_rows(done.store) if row.kind == "target"]
    states = {(row.state or {}).get("TargetHealth", {}).get("State") for row in rows}
    there = {row.key: row.state is not None for row in rows}
    [group] = done.world.groups_of(done.world.scheduler.services[done.world.service])

    assert {"healthy", "unhealthy", "initial", None} <= states
    assert {key.partition(":")[0] for key, present in there.items() if present} == set(group.targets)


def test_only_the_services_that_are_named_are_recorded(tmp_path):
    done = recorded("program-crashes", 0, tmp_path, looks=3, services=[begin("program-crashes", 0).service])

    assert {row.service for row in all_rows(done.store)} == {done.world.service}


def test_each_day_can_be_read_by_itself(tmp_path):
    done = recorded("varied-healthy", 2, tmp_path, looks=60, step=timedelta(hours=1))
    [partition] = done.store.partitions()
    days = done.store.days(partition)
    now = done.world.now
    rows = rows_of_service(done.store, partition, done.world.service, (now - timedelta(minutes=1), now))

    assert len(days) > 2
    alive = {task.shape["taskArn"] for task in done.world.scheduler.services[done.world.service].tasks}
    assert {row.key for row in rows if row.kind == "task"} == alive
    assert {"service", "deployment"} <= {row.kind for row in rows}


def test_what_is_refused_is_neither_kept_nor_taken_for_gone(tmp_path):
    done = recorded("moved-health-path", 0, tmp_path, looks=20)
    before = len(all_rows(done.store))
    done.world.refused |= {"ecs:ListTasks", "ecs:DescribeServices", "elbv2:DescribeTargetHealth"}
    polled = done.recorder.poll()

    assert dict(polled.kept) == {}
    assert {line.partition(": ")[2] for line in polled.refused} >= {"ecs:ListTasks", "ecs:DescribeServices"}
    assert len(all_rows(done.store)) == before


def test_no_secret_is_in_the_store_and_its_key_is_outside(tmp_path):
    world = begin("program-crashes", 0)
    override = {"name": "app", "environment": [{"name": "PASSWORD", "value": "hunter2-not-to-be-kept"}]}
    for task in world.tasks.by_arn.values():
        task.shape["overrides"] = {"containerOverrides": [override]}
    arguments = ["record", "--cluster", world.cluster, "--store", str(tmp_path / "store"), "--once"]
    with served(world):
        assert main(arguments) == 0
    [row, *_] = [row for row in all_rows(open_store(str(tmp_path / "store"))) if row.kind == "task"]
    value = row.state["overrides"]["containerOverrides"][0]["environment"][0]["value"]
    [key] = (tmp_path / "state" / "ecs-notebook" / "store-keys").iterdir()

    assert value.startswith("hmac:")
    assert not any(b"hunter2" in path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert key.stat().st_mode & 0o077 == 0


def test_a_poll_says_how_long_the_next_must_wait_to_keep_within_a_quarter_of_the_limits(tmp_path):
    done = recorded("program-crashes", 0, tmp_path, looks=3)

    assert all(poll.shortest_pause == max(poll.calls.values()) / CALLS_A_SECOND for poll in done.polls)
    assert max(max(poll.calls.values()) for poll in done.polls) <= 2


# Stopped anywhere.


class StoppedError(Exception):
    """Stands for a machine that stops."""


class Failing:
    """Files of which a write, or a removal, may be the last thing that happens: before, in the middle, or after."""

    def __init__(self, folder, rng, share):
        self._files, self._rng, self._share = Folder(folder), rng, share
        self.location = self._files.location

    def put(self, path, content):
        self._stop(lambda: self._files.put(path, content), torn=f"{path.rpartition('/')[0]}/.torn.parquet.partial")

    def remove(self, path):
        self._stop(lambda: self._files.remove(path), torn="")

    def _stop(self, act, *, torn):
        if self._rng.random() >= self._share:
            return act()
        how = self._rng.choice(["before", "torn", "after"])
        if how == "torn" and torn:
            path = self._files._folder / torn
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"PAR1 torn")
        if how == "after":
            act()
        raise StoppedError

    def __getattr__(self, name):
        return getattr(self._files, name)


@settings(max_examples=6, deadline=None)
@given(number=st.integers(0, 10_000), recorders=st.integers(1, 2))
def test_recorders_that_stop_anywhere_lose_nothing_and_invent_nothing(number, recorders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    rng, world = Random(number), begin("program-crashes", number % 7)
    ledger, clients = Ledger(world), simulated_clients(world)
    store = Store(Failing(folder, rng, 0.3))
    running = [None] * recorders
    kept = Counter()
    for _ in range(30):
        for number in range(recorders):
            recorder = running[number] = running[number] or Recorder(clients, store, world.cluster)
            try:
                kept.update(recorder.poll().kept)
            except StoppedError:
                running[number] = None
            world.run_until(world.now + timedelta(seconds=rng.randint(1, 40)))
            ledger.look()
    store = open_store(str(folder))
    Recorder(clients, store, world.cluster).poll()
    rows = all_rows(store)

    assert wrong(rows, ledger) == {}
    assert kept["task"] <= task_states_in(store, *store.partitions())


def test_a_recorder_that_is_killed_loses_nothing_that_it_told(tmp_path):
    result = killed("program-crashes", 7, Place(str(tmp_path / "store"), tmp_path), kills=4)

    assert result["tasks"] > 0
    assert {name: result[name] for name in FAULTS if result[name]} == {}


def test_the_same_in_s3(tmp_path):
    with moto() as url:
        simulated_session("us-east-1").client("s3", endpoint_url=url).create_bucket(Bucket="recorded")
        result = killed("task-role-refused", 7, Place("s3://recorded/ecs", tmp_path, url), kills=3)
        s3 = simulated_session("us-east-1").client("s3", endpoint_url=url)
        keys = [row["Key"] for row in s3.list_objects_v2(Bucket="recorded")["Contents"]]
        left = s3.list_multipart_uploads(Bucket="recorded").get("Uploads", [])

    assert result["tasks"] > 0
    assert {name: result[name] for name in FAULTS if result[name]} == {}
    assert left == []
    assert all(key.startswith("ecs/account=") and key.endswith(".parquet") for key in keys)


STATES = st.lists(st.sampled_from(["healthy", "unhealthy", "draining", None]), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), things=st.dictionaries(st.sampled_from("abc"), STATES, min_size=1))
def test_a_reader_sees_each_change_once_however_often_it_was_kept(data, things, tmp_path_factory):
    store = open_store(str(tmp_path_factory.mktemp("store")))
    told = [row for key, states in things.items() for row in target_rows(key, states)]
    copies = data.draw(st.lists(st.sampled_from(told), max_size=10))
    mixed = data.draw(st.permutations([*told, *copies]))
    size = data.draw(st.integers(1, 5))
    for start in range(0, len(mixed), size):
        store.keep(mixed[start : start + size])
    seen = {key: [row.state for row in all_rows(store) if row.key == key] for key in things}

    assert seen == {key: changes([row.state for row in target_rows(key, states)]) for key, states in things.items()}


def target_rows(key, states):
    row = Row(NOON, "target", "111122223333", "us-east-1", "prod", "web", "group", key, None, "live", None)
    return [
        replace(row, at=NOON + timedelta(hours=3 * n), state=None if state is None else {"State": state})
        for n, state in enumerate(states)
    ]


def changes(states):
    return [state for n, state in enumerate(states) if n == 0 or state != states[n - 1]]


# Made one file a day.


def test_a_day_that_is_over_becomes_one_file_that_tells_the_same(tmp_path):
    done = recorded("moved-health-path", 0, tmp_path, looks=50, step=timedelta(minutes=40))
    before, files = all_rows(done.store), len(done.store.files.listed(""))
    today = done.world.now.date()
    compacted = list(compact(done.store, before=today))
    [partition] = done.store.partitions()
    old = [day for day in done.store.days(partition) if day < today]

    assert {len(done.store.paths(partition, [day])) for day in old} == {1}
    assert sum(row.files for row in compacted) > len(compacted)
    assert len(done.store.files.listed("")) < files
    assert all_rows(done.store) == before
    assert list(compact(done.store, before=today)) == []


@settings(max_examples=6, deadline=None)
@given(number=st.integers(0, 10_000))
def test_compacting_that_stops_anywhere_or_runs_twice_loses_nothing(number, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    told = [row for key in "abcdef" for row in target_rows(key, ["healthy", "unhealthy", None, "healthy"] * 3)]
    for start in range(0, len(told), 5):
        open_store(str(folder)).keep(told[start : start + 5])
    before = all_rows(open_store(str(folder)))
    failing, tomorrow = Store(Failing(folder, Random(number), 0.3)), NOON.date() + timedelta(days=30)
    for _ in range(6):
        try:
            list(compact(failing, before=tomorrow))
        except StoppedError:
            assert all_rows(open_store(str(folder))) == before
    list(compact(open_store(str(folder)), before=tomorrow))

    assert all_rows(open_store(str(folder))) == before


# Opened.


@pytest.mark.parametrize(
    ("name", "number"), [("program-crashes", 0), ("task-role-refused", 3), ("tag-missing", 3), ("moved-health-path", 0)]
)
def test_an_incident_of_long_ago_opens_as_it_was(name, number, tmp_path):
    done = recorded(name, number, tmp_path)
    world, moment = done.world, done.world.now
    then = Incident(collect_incident(done.clients, LiveSource(world.cluster, world.service)))
    expected = then.diagnosis.differential[0].cause, then.diagnosis.state.status, then.examined.revision
    tasks = set(then.frames.tasks["task_arn"])
    world.run_until(world.now + timedelta(days=5))
    window = f"{(done.began - timedelta(hours=6)).isoformat()}/{moment.isoformat()}"
    now = opened(done, window)

    assert (now.diagnosis.differential[0].cause, now.diagnosis.state.status, now.examined.revision) == expected
    assert now.snapshot.as_of == moment
    assert tasks <= set(now.frames.tasks["task_arn"])
    assert {page["origin"] for page in now.snapshot.records("ecs:DescribeTasks")} == {"store"}
    assert {page["origin"] for page in now.snapshot.records("ecs:DescribeTaskDefinition")} == {"live"}


def test_what_ecs_has_forgotten_is_joined_to_what_it_tells_today(tmp_path):
    done = recorded("moved-health-path", 0, tmp_path)
    kept = set(done.ledger.lived)
    done.world.run_until(done.world.now + timedelta(hours=30))
    source = LiveSource(done.world.cluster, done.world.service)
    alone = Incident(collect_incident(done.clients, source))
    joined = opened(done, (done.began - timedelta(hours=6)).isoformat())

    assert kept <= set(joined.frames.tasks["task_arn"])
    assert set(
        joined.frames.tasks.set_index("task_arn").loc[list(kept - set(alone.frames.tasks["task_arn"])), "origin"]
    ) == {"store"}
    assert set(joined.frames.events["origin"]) <= {"live", "store"}
    assert not kept <= set(alone.frames.tasks["task_arn"])
    assert set(alone.frames.events["event_id"]) <= set(joined.frames.events["event_id"])
    assert len(joined.frames.deployments) == len(alone.frames.deployments)
    assert joined.diagnosis.differential[0].cause == "health_check.path"


def test_the_command_joins_a_store_over_http(tmp_path, capsys):
    done = recorded("tag-missing", 3, tmp_path / "store")
    moment = done.world.now
    done.world.run_until(done.world.now + timedelta(days=2))
    window = f"{(done.began - timedelta(hours=6)).isoformat()}/{moment.isoformat()}"
    source = f"live:{done.world.cluster}/{done.world.service}"
    out = tmp_path / "incident.zip"
    with served(done.world):
        options = ["--store", str(tmp_path / "store"), "--window", window]
        assert main(["collect", source, *options, "--out", str(out), "--quiet"]) == 0
        assert main(["diagnose", source, *options, "--quiet", "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out.partition("\n")[2])

    assert document["differential"][0]["cause"] == "image.missing"
    assert document["incident"]["as_of"] == utc_text(moment)
    assert load_snapshot(out).as_of == moment


@contextmanager
def served(world):
    """Serve a world, with boto3's environment pointing at it."""
    with serve(world.respond, "127.0.0.1") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        patch.setenv("AWS_DEFAULT_REGION", world.region)
        patch.setenv("AWS_ACCESS_KEY_ID", "simulated")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "simulated")
        yield server


# From events that AWS has kept.


def test_events_that_aws_has_kept_open_like_what_was_recorded(tmp_path, capsys):
    done = recorded("program-crashes", 0, tmp_path / "recorded", looks=20)
    world, file = done.world, tmp_path / "events.jsonl"
    tasks = [row for row in all_rows(done.store) if row.kind == "task" and row.service == world.service]
    deployment = world.scheduler.services[world.service].deployments[0]
    arn = world.scheduler.services[world.service].shape["serviceArn"]
    failed = {"eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": deployment.id}
    failed |= {"updatedAt": utc_text(world.now), "reason": "ECS deployment circuit breaker: task failed to start."}
    lines = [event_of(row, "ECS Task State Change", row.state, [row.key]) for row in tasks]
    lines.append(event_of(tasks[-1], "ECS Deployment State Change", failed, [arn]))
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["record", "--store", str(tmp_path / "store"), "--from-events", str(file)]) == 0
    told = capsys.readouterr().err
    assert main(["record", "--store", str(tmp_path / "store"), "--from-events", str(file), "--quiet"]) == 0
    world.run_until(world.now + timedelta(hours=40))
    done.store = open_store(str(tmp_path / "store"))
    incident = opened(done, (done.began - timedelta(hours=6)).isoformat())
    [action] = incident.frames.service_actions.itertuples()
    own = incident.frames.tasks.set_index("task_arn").loc[list({row.key for row in tasks})]

    assert f"kept 1 state of a deployment, {len(tasks)} states of tasks" in told
    assert set(own["origin"]) <= {"event", "live"}
    assert "event" in set(own["origin"])
    assert (action.name, action.deployment_id) == ("SERVICE_DEPLOYMENT_FAILED", deployment.id)
    assert incident.diagnosis.differential[0].cause == "application.crash"


def event_of(row, kind, detail, resources):
    """Return an event as EventBridge delivers it."""
    return {
        "version": "0",
        "id": f"{kind}-{row.key}-{row.version}",
        "detail-type": kind,
        "source": "aws.ecs",
        "account": row.account,
        "time": utc_text(row.at),
        "region": row.region,
        "resources": resources,
        "detail": detail,
    }


def test_what_is_no_event_is_told_and_keeps_nothing(tmp_path, capsys):
    file = tmp_path / "events.jsonl"
    file.write_text('{"hello": "world"}\n{"detail-type": "EC2 Instance State-change Notification"}\n{"torn')

    assert main(["record", "--store", str(tmp_path / "store"), "--from-events", str(file)]) == 1
    assert "there was no event of ECS in what was read" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_the_first_look_tells_what_aws_keeps_itself_or_how_it_would(tmp_path, capsys):
    world = begin("varied-healthy", 0)
    arguments = ["record", "--cluster", world.cluster, "--store", str(tmp_path / "store"), "--once"]
    with served(world):
        assert main(arguments) == 0
    told = capsys.readouterr().err

    assert "aws events put-rule" in told or "event capture" in told
    assert "kept " in told


# What goes wrong.


def test_what_a_store_cannot_be_is_told_in_one_line(tmp_path, capsys):
    world = begin("varied-healthy", 0)
    file = tmp_path / "file"
    file.write_text("not a folder")
    with served(world):
        for location, word in [
            ("gs://bucket/x", "only a folder"),
            ("s3://A_B/x", "no name of a bucket"),
            (str(file), ""),
        ]:
            arguments = ["record", "--cluster", world.cluster, "--store", location, "--once"]
            assert main(arguments) == 1
            [line] = capsys.readouterr().err.strip().splitlines()
            assert line.startswith("ecs-notebook: ")
            assert word in line


@pytest.mark.parametrize("options", [["--cluster", "nowhere"], ["--services", "nothing"]])
def test_a_cluster_or_service_that_is_not_there_is_told_in_one_line(options, tmp_path, capsys):
    world = begin("varied-healthy", 0)
    with served(world):
        assert main(["record", "--cluster", world.cluster, "--store", str(tmp_path / "store"), *options]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()

    assert f"is named '{options[1]}'" in line
    assert (world.cluster if "--cluster" in options else world.service) in line


def test_a_bucket_that_is_not_there_is_told_in_one_line(tmp_path, capsys, monkeypatch):
    world = begin("varied-healthy", 0)
    with served(world), moto() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        assert main(["record", "--cluster", world.cluster, "--store", "s3://not-there/x", "--once"]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()

    assert "s3://not-there/x" in line
    assert "S3 says" in line


def test_a_window_without_an_end_ends_where_the_store_does(tmp_path):
    done = recorded("varied-healthy", 0, tmp_path, looks=2)  # a world of last year

    assert history_of(str(tmp_path), done.clients, LiveSource(done.world.cluster, done.world.service), "3d").earlier


def test_a_service_that_was_never_recorded_is_told(tmp_path):
    done = recorded("varied-healthy", 0, tmp_path, looks=2)

    with pytest.raises(StoreError, match="holds nothing of absent"):
        history_of(str(tmp_path), done.clients, LiveSource(done.world.cluster, "absent"), "3h")


def test_how_a_service_stood_is_not_made_up_where_only_its_tasks_were_kept(tmp_path):
    done = recorded("program-crashes", 0, tmp_path / "all", looks=4)
    store = open_store(str(tmp_path / "tasks"))
    store.keep([row for row in all_rows(done.store) if row.kind == "task"])
    source = LiveSource(done.world.cluster, done.world.service)
    began = (done.world.now - timedelta(hours=2)).isoformat()

    with pytest.raises(StoreError, match="how the service stood was not recorded"):
        history_of(str(tmp_path / "tasks"), done.clients, source, f"{began}/{done.world.now.isoformat()}")


@pytest.mark.parametrize("source", ["demo:clarity-backend", "snapshot.zip"])
def test_only_a_live_source_is_joined_with_a_store(source, tmp_path):
    with pytest.raises(StoreError, match="only live:"):
        open_incident(source, store=str(tmp_path))


def test_the_command_without_a_cluster_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["record", "--store", str(tmp_path), "--region", "us-east-1"])

    assert ended.value.code == 2
    assert "--cluster is missing" in capsys.readouterr().err


def test_a_place_in_s3_needs_access():
    with pytest.raises(StoreError, match="no access to AWS was given"):
        files_at("s3://history/ecs")


def test_recording_needs_the_base_install_only(tmp_path):
    world = begin("varied-healthy", 0)
    arguments = ["record", "--cluster", world.cluster, "--store", str(tmp_path / "store"), "--once"]
    code = (
        "import sys; from ecs_notebook_lib.cli import main; "
        f"code = main({arguments!r}); print('duckdb' in sys.modules); sys.exit(code)"
    )
    with served(world):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_clients_of_a_bucket_go_where_the_session_goes():
    clients = Clients(boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"))  # noqa: S106

    assert clients.storage_settings() == {
        "access_key": "a",
        "secret_key": "b",
        "session_token": None,
        "region": "eu-west-1",
    }
