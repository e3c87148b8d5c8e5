"""Events that AWS has kept: each documented sample gives its row, however it lies, and what keeps events is found."""

import gzip
import json
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import boto3
import botocore.session
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recorder import moto as moto_server
from ecs_notebook_lib.collect import Caller, Clients
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.errors import AccessError, EventSourceError
from ecs_notebook_lib.history.events import Tally, rows_of_event, rows_of_lines
from ecs_notebook_lib.history.keeping import kept_by_aws
from ecs_notebook_lib.history.patterns import passing
from ecs_notebook_lib.history.setting_up import events_group, setup_commands
from ecs_notebook_lib.history.sources import needs_aws, open_events
from ecs_notebook_lib.history.splitting import split_objects
from ecs_notebook_lib.history.unpacking import unpacked
from ecs_notebook_lib.knowledge.event_types import event_types
from ecs_notebook_lib.knowledge.operations import every_operation, least_policy, operations
from ecs_notebook_lib.simulate import build, serve
from ecs_notebook_lib.simulate.capture import add_action_logs, add_rule, capture_group, keep

from .conftest import environment

SAMPLES = Path(__file__).parent / "data" / "ecs_events"
SAMPLE = {path.stem: path.read_bytes() for path in sorted(SAMPLES.glob("*.json"))}
EVENTS = [json.loads(text) for text in SAMPLE.values()]
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
ECS = "arn:aws:ecs:eu-west-1:111122223333:"
ORDERS, DEFAULT = f"{ECS}service/orders-cluster/orders", f"{ECS}service/default/orders"
ID = object()
"""Stands for the event's own id."""

ROWS = {
    "task_fargate": ("task", f"{ECS}task/orders-cluster/e9", "orders-cluster", "", 3, "2026-02-03T08:15:42"),
    "task_ec2": ("task", f"{ECS}task/orders-cluster/", "orders-cluster", "", 4, "2026-02-04T10:01:06"),
    "task_fargate_2023": ("task", f"{ECS}task/orders-cluster/", "orders-cluster", "", 4, "2021-06-07T09:30:58"),
    "container_instance": (
        *("container_instance", f"{ECS}container-instance/"),
        *("default", "", 1201, "2017-03-09T12:20:06"),
    ),
    "service_steady_state": ("service_action", ID, "default", "orders", None, "2026-01-12T19:27:22"),
    "capacity_provider_steady_state": ("service_action", ID, "default", "orders", None, "2026-01-12T19:37:00"),
    "service_task_start_impaired": ("service_action", ID, "default", "orders", None, "2026-01-12T19:55:38"),
    "service_task_placement_failure_fargate": ("service_action", ID, "default", "orders", None, "2026-01-12T20:05:38"),
    "service_task_placement_failure_ec2": ("service_action", ID, "default", "orders", None, "2026-01-12T20:15:38"),
    "deployment_in_progress": ("deployment_event", ID, "default", "orders", None, "2026-01-13T12:31:14"),
    "deployment_rolling_back": ("deployment_event", ID, "default", "orders", None, "2026-01-13T12:41:14"),
    "deployment_completed": ("deployment_event", ID, "default", "orders", None, "2026-01-13T12:51:14"),
    "deployment_failed": ("deployment_event", ID, "default", "orders", None, "2026-01-13T13:01:14"),
    "hook_awaiting_action": ("deployment_event", ID, "orders-cluster", "orders", None, "2026-05-20T15:54:41"),
    "container_instance_health_container_runtime": (
        *("service_action", ID, "orders-cluster", ""),
        *(None, "2026-06-11T00:49:20"),
    ),
    "container_instance_health_accelerated_compute": (
        *("service_action", ID, "orders-cluster", ""),
        *(None, "2026-06-11T01:49:20"),
    ),
    "container_instance_health_daemon": ("service_action", ID, "orders-cluster", "", None, "2026-06-11T02:49:20"),
    "container_instance_health_agent_connectivity": (
        *("service_action", ID, "orders-cluster", ""),
        *(None, "2026-08-02T22:34:20"),
    ),
    "daemon_task_failed_to_run": ("service_action", ID, "orders-cluster", "", None, "2026-04-24T12:00:00"),
    "daemon_task_creation_failed": ("service_action", ID, "orders-cluster", "", None, "2026-04-24T12:01:00"),
    "daemon_deployment_pending": ("deployment_event", ID, "orders-cluster", "", None, "2026-04-25T15:54:41"),
    "action_log_service_deployment": (
        *("deployment_event", "", "orders-cluster", "orders"),
        *(None, "2026-07-25T17:32:10.986000"),
    ),
    "action_log_daemon": ("service_action", "", "orders-cluster", "", None, "2026-07-25T17:20:50"),
}


def rows(*lines):
    return list(rows_of_lines(lines, masker=Masker(b"key")))


def event(detail_type="ECS Task State Change", **changes):
    """Return an event of a service's task; `changes` are to its detail."""
    [sample] = [told for told in EVENTS if told.get("detail-type") == detail_type][:1]
    return {**sample, "detail": {**sample["detail"], **changes}}


def line(told):
    return orjson.dumps(told)


# What an event tells.


def test_every_documented_type_of_event_has_a_sample_and_each_sample_a_row_in_the_table():
    assert {told["detail-type"] for told in EVENTS if "detail-type" in told} == set(event_types())
    assert set(ROWS) == set(SAMPLE)


@pytest.mark.parametrize("name", SAMPLE)
def test_each_sample_gives_the_row_that_one_expects(name):
    kind, key, cluster, service, version, at = ROWS[name]
    told = json.loads(SAMPLE[name])

    [row] = rows(*SAMPLE[name].splitlines())

    assert (row.kind, row.cluster, row.service, row.version) == (kind, cluster, service, version)
    assert row.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert row.key == told["id"] if key is ID else row.key
    assert (row.account, row.region, row.origin) == ("111122223333", "eu-west-1", "event")
    of_service = service and kind not in ("task", "container_instance")
    assert row.scope == (f"{ECS}service/{cluster}/{service}" if of_service else f"{ECS}cluster/{cluster}")


def test_a_task_is_told_as_describe_tasks_tells_it_with_its_texts_of_times():
    told = json.loads(SAMPLE["task_fargate"])["detail"]
    del told["updatedAt"]  # DescribeTasks has none

    [row] = rows(SAMPLE["task_fargate"])

    assert row.key == told["taskArn"]
    assert {**row.state, "overrides": None} == {**told, "overrides": None}
    assert row.state["createdAt"] == "2026-02-03T08:15:21.877Z"


def test_values_of_overridden_environments_are_masked_and_equal_ones_stay_equal():
    first, second = rows(SAMPLE["task_fargate"], SAMPLE["task_fargate"])
    environment_ = first.state["overrides"]["containerOverrides"][1]["environment"]
    values = {row["name"]: row["value"] for row in environment_}

    assert values["STAGE"].startswith("hmac:")
    assert values["REGION"] == "eu-west-1"
    assert b"ecsfargate" not in orjson.dumps(first.state)
    assert first.state == second.state


def test_a_task_of_a_service_is_of_that_service_and_in_the_scope_of_what_a_recorder_sees():
    [row] = rows_of_event(event(group="service:orders"))

    assert (row.service, row.scope) == ("orders", row.state["clusterArn"])


def test_a_container_instance_is_told_as_describe_container_instances_tells_it():
    told = json.loads(SAMPLE["container_instance"])["detail"]

    [row] = rows(SAMPLE["container_instance"])

    assert row.key == told["containerInstanceArn"]
    assert row.state == {name: value for name, value in told.items() if name not in ("clusterArn", "updatedAt")}


@pytest.mark.parametrize(
    ("resource", "cluster"),
    [
        pytest.param("service/orders-cluster/orders", "orders-cluster", id="long"),
        pytest.param("service/orders", "", id="old"),
    ],
)
def test_a_service_is_known_by_the_long_and_by_the_old_form_of_its_arn(resource, cluster):
    told = event("ECS Deployment State Change") | {"resources": [ECS + resource]}

    [row] = rows_of_event(told)

    assert (row.service, row.cluster, row.scope) == ("orders", cluster, ECS + resource)


def test_what_a_service_action_says_is_kept_whole():
    [row] = rows(SAMPLE["service_task_placement_failure_ec2"])

    assert row.state == json.loads(SAMPLE["service_task_placement_failure_ec2"])["detail"]


@pytest.mark.parametrize("name", ["action_log_service_deployment", "action_log_daemon"])
def test_an_action_log_has_level_and_name_where_an_event_has_them(name):
    [row] = rows(SAMPLE[name])

    assert row.state["eventType"] in ("WARN", "ERROR")
    assert row.state["eventName"] in ("SERVICE_DEPLOYMENT_ROLLBACK_FAILED", "DAEMON_TASK_START_IMPAIRED")
    assert row.key == rows(SAMPLE[name])[0].key != ""


@pytest.mark.parametrize("version", [None, "x", -1, 10**30, [], True])
def test_a_task_whose_version_is_none_is_kept_without_one(version):
    [row] = rows_of_event(event(version=version))

    assert row.version is None


# However they lie.

LAYOUTS = {
    "a line each": lambda told: b"".join(line(one) + b"\n" for one in told),
    "a line each, with spaces": lambda told: b"\n\n".join(json.dumps(one).encode() for one in told) + b"\r\n",
    "without line ends": lambda told: b"".join(map(line, told)),
    "an array": orjson.dumps,
    "an array over many lines": lambda told: json.dumps(told, indent=4).encode(),
    "an array, an event a line": lambda told: b"[\n" + b",\n".join(map(line, told)) + b"\n]\n",
    "over many lines": lambda told: b"\n".join(json.dumps(one, indent=2).encode() for one in told),
    "over many lines, keys sorted, not indented": lambda told: b"\n".join(
        json.dumps(one, indent=0, sort_keys=True).encode() for one in told
    ),
    "log events": lambda told: b"\n".join(line(log_event(one)) for one in told),
    "what filter-log-events prints": lambda told: json.dumps(
        {"events": [log_event(one) for one in told], "searchedLogStreams": [], "nextToken": "t"}, indent=4
    ).encode(),
    "what filter-log-events prints, without line ends": lambda told: line({"events": [log_event(o) for o in told]}),
    "what a subscription filter sends": lambda told: line(
        {"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": [log_event(one) for one in told]}
    ),
    "what an export task writes": lambda told: b"".join(b"2026-01-12T19:27:22.695Z " + line(o) + b"\n" for o in told),
    "with a byte order mark": lambda told: b"\xef\xbb\xbf" + b"\n".join(map(line, told)),
}
PACKINGS = {
    "plain": lambda text: text,
    "gzip": gzip.compress,
    "gzip twice": lambda text: gzip.compress(gzip.compress(text)),
    "two gzip files in a row": lambda text: (
        gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :])
    ),
}


def log_event(told):
    return {"logStreamName": "s", "timestamp": 1, "message": json.dumps(told), "eventId": "1"}


def by_key(found):
    states = ((row, orjson.dumps(row.state, option=orjson.OPT_SORT_KEYS)) for row in found)
    return sorted((row.kind, row.key, str(row.at), row.version, state) for row, state in states)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_the_layout_does_not_matter_nor_where_the_text_was_cut(layout, size):
    text = LAYOUTS[layout](EVENTS)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    tally = Tally()

    found = list(rows_of_lines(split_objects(pieces), masker=Masker(b"key"), tally=tally))

    assert by_key(found) == by_key(rows(*map(line, EVENTS)))
    assert tally.left_out == {}
    assert tally.events == len(EVENTS)


@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(len(EVENTS))),
    cuts=st.lists(st.integers(0, len(EVENTS)), max_size=3),
    layouts=st.lists(st.sampled_from(sorted(LAYOUTS)), min_size=4, max_size=4),
    packings=st.lists(st.sampled_from(sorted(PACKINGS)), min_size=4, max_size=4),
)
def test_rows_do_not_depend_on_how_events_lie_in_files(tmp_path_factory, order, cuts, layouts, packings):
    folder = tmp_path_factory.mktemp("events")
    bounds = [0, *sorted(cuts), len(order)]
    for number, (begin, end) in enumerate(pairwise(bounds)):
        text = LAYOUTS[layouts[number]]([EVENTS[index] for index in order[begin:end]])
        (folder / f"{number}.any").write_bytes(PACKINGS[packings[number]](text))
    tally = Tally()

    found = list(rows_of_lines(open_events(str(folder), None, ALWAYS), masker=Masker(b"key"), tally=tally))

    assert [row.key for row in found] == [rows(line(EVENTS[index]))[0].key for index in order]
    assert by_key(found) == by_key(rows(*map(line, EVENTS)))
    assert tally.left_out == {}


WHOLE = line(event())


ENDS = range(1, len(WHOLE), 97)
TOLD_APART = [end for end in ENDS if not WHOLE[:end].count(b'"') % 2 and WHOLE[end - 1] not in b":[,"]
"""Ends at which no object may come: after them the next event is told apart even without a line end."""


@pytest.mark.parametrize(("end", "after"), [*((end, b"\n") for end in ENDS), *((end, b"") for end in TOLD_APART)])
def test_an_event_that_breaks_off_is_counted_and_the_next_ones_are_read(end, after):
    tally = Tally()

    found = list(
        rows_of_lines([after.join([WHOLE[:end], line(event(version=7)), line(event(version=8))])], tally=tally)
    )

    assert [row.version for row in found] == [7, 8]
    [(reason, (count, first))] = tally.left_out.items()
    assert (reason, count) == ("damaged JSON", 1)
    assert WHOLE.decode().startswith(first.strip())


OTHER_FORM = "not in the form in which ECS sends its events"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(b"ERROR no event at all", "no JSON", id="text"),
        pytest.param(b'tail of an event"}}', "no JSON", id="a-tail"),
        pytest.param(b"\x00\xff\xfe", "no JSON", id="bytes"),
        pytest.param(b"4711", "no event of ECS", id="a-number"),
        pytest.param(b'{"Type": "Container", "TaskId": "1"}', "no event of ECS", id="a-performance-log"),
        pytest.param(b'{"detail-type": 3, "detail": {}}', "events of type '3'", id="a-type-that-is-no-text"),
        pytest.param(b'{"timestamp": 1, "message": "GET / 200"}', "no event of ECS", id="a-line-of-an-application"),
        pytest.param(b'{"timestamp": 1, "message": "{\\"detail"}', "damaged JSON", id="a-message-that-breaks-off"),
        pytest.param(b'{"detail-type": "AWS API Call"}', "events of type 'AWS API Call'", id="another-type"),
        pytest.param(line(event() | {"time": "soon"}), OTHER_FORM, id="no-time"),
        pytest.param(line(event() | {"detail": "x"}), OTHER_FORM, id="no-detail"),
        pytest.param(line(event(taskArn=None)), OTHER_FORM, id="no-task"),
        pytest.param(line(event(containers="x")), OTHER_FORM, id="no-list"),
        pytest.param(line(event(overrides=[1])), OTHER_FORM, id="no-structure"),
        pytest.param(b'{"actionSourceId": "x", "detail": {}}', OTHER_FORM, id="no-timestamp"),
        pytest.param(b'{"a": NaN}', "damaged JSON", id="no-number"),
        pytest.param(b'{"a": ' + b'{"a": ' * 2000 + b"}" * 2001, "damaged JSON", id="too-deep"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_counted_and_named_once_and_never_fatal(text, reason):
    tally = Tally()

    found = list(rows_of_lines([line(event(version=1)), text, text, line(event(version=2))], tally=tally))

    assert [row.version for row in found] == [1, 2]
    assert {name: count for name, (count, _) in tally.left_out.items()} == {reason: 2}
    [sentence] = tally.told()
    assert sentence.startswith(f"2 left out: {reason}; the first begins ")
    assert sentence.isprintable()


def test_texts_may_be_given_too_with_or_without_line_ends():
    assert [row.version for row in rows(json.dumps(event(version=1)), json.dumps(event(version=2)) + "\n")] == [1, 2]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"{", b"}", b'"', b"\n", b"\\", WHOLE])), max_size=12)
)
def test_whatever_bytes_come_reading_ends_and_loses_none_of_what_is_no_mark(pieces):
    told = list(split_objects(pieces))

    list(rows_of_lines(told))
    assert sum(map(len, told)) <= sum(map(len, pieces))


@pytest.mark.parametrize("text", [b'{"a": "b,', b'{"a": "b,\\', b'{"a": "b\\",'])
def test_a_string_that_a_line_end_breaks_ends_what_it_is_in(text):
    tally = Tally()

    assert list(rows_of_lines([text, b'{"c": 1}', SAMPLE["action_log_daemon"]], tally=tally)) != []

    assert {name: count for name, (count, _) in tally.left_out.items()} == {"damaged JSON": 1, "no event of ECS": 1}


def test_an_entry_of_an_action_log_is_told_apart_from_what_broke_off_before_it():
    [row] = rows(b'{"a": 1,', line(json.loads(SAMPLE["action_log_daemon"])))

    assert row.kind == "service_action"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def places_in(value):
    """Return each container in a value with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(value, key) for key in keys] + [place for key in keys for place in places_in(value[key])]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLE)), st.lists(st.tuples(st.integers(0, 300), JSON_VALUES), min_size=1, max_size=3))
def test_an_event_with_anything_in_any_place_is_a_row_or_left_out_and_never_fatal(name, changes):
    told, tally = json.loads(SAMPLE[name]), Tally()
    for number, value in changes:
        places = places_in(told)
        holder, key = places[number % len(places)]
        holder[key] = value

    found = list(rows_of_lines([json.dumps(told)], tally=tally))

    assert len(found) == tally.events
    assert len(found) + sum(count for count, _ in tally.left_out.values()) == 1
    assert all(isinstance(text, str) for row in found for text in (row.account, row.cluster, row.service, row.key))
    assert tally.told() is not None


def test_a_value_without_an_end_is_given_up_at_a_limit(monkeypatch):
    monkeypatch.setattr("ecs_notebook_lib.history.splitting._LONGEST", 10_000)
    pieces = iter([b'{"a": [', *[b"1," * 1000] * 50])

    given_up = next(split_objects(pieces))

    assert given_up.startswith(b'{"a": [1,1,')
    assert len(list(pieces)) > 40


def test_unpacking_yields_pieces_of_a_bounded_size():
    bomb = gzip.compress(b"0" * (64 << 20))

    assert max(map(len, unpacked([bomb]))) <= 1 << 20


# Files.


def test_a_file_a_folder_and_a_pattern_are_read_in_the_order_of_names(tmp_path):
    (tmp_path / "deep").mkdir()
    names = [f"{number * 7 % 20:02}.json" for number in range(20)]
    for number, name in enumerate([*names, "deep/c.log.gz", ".hidden"]):
        text = line(event(version=number))
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    in_order = sorted(range(20), key=names.__getitem__)

    def versions(place):
        return [row.version for row in rows_of_lines(open_events(str(place), None, ALWAYS))]

    assert versions(tmp_path / "07.json") == [1]
    assert versions(tmp_path) == [*in_order, 20]
    assert versions(tmp_path / "*.json*") == in_order
    assert versions(tmp_path / "**" / "*.gz") == [20]
    assert not needs_aws(str(tmp_path))


@pytest.mark.parametrize("name", ["nothing.jsonl", "*.nothing", "", "empty/"])
def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    with pytest.raises(EventSourceError, match="there is no such file") as missing:
        open_events(name, None, ALWAYS)

    assert repr(name) in str(missing.value)
    assert "log-group:NAME" in str(missing.value)


def test_gzip_that_breaks_off_is_told_with_the_file_after_what_came_before(tmp_path):
    text = b"".join(line(event(version=number, stoppedReason=f"{number * 7919:x}" * 9)) for number in range(500))
    (tmp_path / "x").write_bytes(gzip.compress(text)[:-30])
    found = []

    with pytest.raises(EventSourceError, match="damaged gzip"):
        found.extend(row.version for row in rows_of_lines(open_events(str(tmp_path / "x"), None, ALWAYS)))

    assert found == list(range(len(found)))
    assert len(found) > 100


# S3 and log groups, on somebody else's AWS.


@pytest.fixture(scope="module")
def moto():
    with moto_server() as url:
        yield url


def session_of(region="us-east-1"):
    return boto3.Session(region_name=region, aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106


@pytest.fixture
def elsewhere(moto):
    return Clients(session_of(), endpoint_url=moto)


def whole_client(clients, service):
    """Return a client with all of its service's operations, also those that the kit does not call."""
    return clients._session.client(service, endpoint_url=clients._endpoint_url)


def read(place, clients, window=ALWAYS):
    return [row.version for row in rows_of_lines(open_events(place, clients, window))]


def test_objects_of_a_bucket_are_read_in_the_order_of_their_keys(elsewhere):
    bucket = whole_client(elsewhere, "s3")
    bucket.create_bucket(Bucket="kept")
    for number, key in enumerate(["ecs/2026/02", "ecs/2026/01", "other/1", "ecs/2026/03"]):
        text = line(event(version=number)) + line(event(version=number + 10))
        bucket.put_object(Bucket="kept", Key=key, Body=gzip.compress(text) if number else text)
    bucket.put_object(Bucket="kept", Key="ecs/", Body=b"")

    assert read("s3://kept/ecs/", elsewhere) == [1, 11, 0, 10, 3, 13]
    assert read("s3://kept", elsewhere) == [1, 11, 0, 10, 3, 13, 2, 12]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert read("s3://kept/ecs/", elsewhere, (tomorrow, tomorrow + timedelta(days=1))) == []


def test_more_objects_than_a_page_has_are_all_read(elsewhere, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    bucket = whole_client(elsewhere, "s3")
    bucket.create_bucket(Bucket="many")
    for number in range(10):
        bucket.put_object(Bucket="many", Key=str(number), Body=line(event(version=number)))

    assert read("s3://many/", elsewhere) == list(range(10))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("s3://no-such-bucket/x", "there is no such bucket"),
        ("s3://empty/x", "no object's key begins so"),
        ("log-group:/no/such/group", "there is no such log group"),
        ("log-group:", "it names nothing"),
        ("s3://", "it names nothing"),
    ],
)
def test_a_place_that_is_not_there_is_told_in_one_line(elsewhere, place, words):
    whole_client(elsewhere, "s3").create_bucket(Bucket="empty")

    with pytest.raises(EventSourceError, match=words) as missing:
        read(place, elsewhere)

    assert repr(place) in str(missing.value)


def test_a_place_at_aws_needs_a_session():
    with pytest.raises(EventSourceError, match="no session"):
        open_events("s3://kept/", None, ALWAYS)


@pytest.mark.parametrize("place", ["s3://kept/", "log-group:x"])
def test_an_endpoint_that_nobody_answers_is_told_in_one_line(place):
    clients = Clients(session_of(), endpoint_url="http://127.0.0.1:9")
    clients._config = clients._config.merge(type(clients._config)(retries={"total_max_attempts": 1}))

    with pytest.raises(AccessError, match="cannot be read"):
        read(place, clients)


@pytest.mark.parametrize(
    ("place", "operation", "action"),
    [
        ("s3://kept/", "s3:ListObjectsV2", "s3:ListBucket"),
        ("log-group:g", "logs:FilterLogEvents", "logs:FilterLogEvents"),
    ],
)
def test_a_refusal_names_the_action_to_allow(world, clients, place, operation, action):
    world.refused |= {operation}

    with pytest.raises(EventSourceError, match=f"AWS refuses {action}"):
        read(place, clients(world))


def test_a_log_group_is_read_in_its_window(elsewhere):
    now = datetime.now(UTC).replace(microsecond=0)
    logs = whole_client(elsewhere, "logs")
    logs.create_log_group(logGroupName="/aws/events/x")
    logs.create_log_stream(logGroupName="/aws/events/x", logStreamName="s")
    written = [
        {"timestamp": int((now - timedelta(minutes=minutes)).timestamp() * 1000), "message": text.decode()}
        for minutes, text in ((90, line(event(version=1))), (30, line(event(version=2))), (20, b"{"), (10, WHOLE))
    ]
    logs.put_log_events(logGroupName="/aws/events/x", logStreamName="s", logEvents=written)

    assert read("log-group:/aws/events/x", elsewhere) == [1, 2, 4]
    assert read("log-group:/aws/events/x", elsewhere, (now - timedelta(hours=1), now)) == [2, 4]


def captured_world():
    world = build("clarity-backend")
    world.edit(lambda world: keep(world, capture_group(world.cluster)))
    world.run_until(world.now + timedelta(minutes=40))
    return world


def test_an_empty_page_that_has_a_token_is_not_the_end(clients):
    world = captured_world()
    whole = world.operations["logs:FilterLogEvents"]

    def sparse(call):
        token = call.params.pop("nextToken", None)
        return whole(call) if token else {"events": [], "searchedLogStreams": [], "nextToken": "n/0"}

    expected = read(f"log-group:{capture_group(world.cluster)}", clients(world))
    world.operations = {**world.operations, "logs:FilterLogEvents": sparse}

    assert read(f"log-group:{capture_group(world.cluster)}", clients(world)) == expected != []


def test_events_that_a_simulated_account_has_captured_are_read_over_http():
    world = captured_world()
    with serve(world.respond, "127.0.0.1") as server:
        clients = Clients(session_of(world.region), endpoint_url=server.url)
        [keeper] = kept_by_aws(Caller(clients), world.cluster).keepers
        found = list(rows_of_lines(open_events(keeper.events, clients, ALWAYS)))

    assert {row.kind for row in found} == {"task"}
    assert {row.service for row in found} == {world.service}
    assert {row.state["lastStatus"] for row in found} == {"STOPPED"}
    assert len({row.key for row in found}) == len(found) > 1


# What AWS keeps.


def keeping(world, refused=(), cluster=None):
    world.refused |= set(refused)
    with serve(world.respond, "127.0.0.1") as server:
        clients = Clients(session_of(world.region), endpoint_url=server.url)
        return kept_by_aws(Caller(clients), cluster or world.cluster)


TASKS = {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]}


def group_of(world, name, days):
    world.edit(lambda world: keep(world, name))
    world.log_groups[name].retention_days = days
    return world.arn("logs", f"log-group:{name}")


@pytest.mark.parametrize("as_arn", [False, True], ids=["name", "arn"])
def test_event_capture_is_found_with_its_retention_and_how_to_read_it(world, as_arn):
    group_of(world, capture_group(world.cluster), 7)

    found = keeping(world, cluster=world.cluster_arn if as_arn else None)

    [keeper] = found.keepers
    assert (keeper.what, keeper.retention_days, keeper.is_on) == ("event capture", 7, True)
    assert keeper.events == f"log-group:{capture_group(world.cluster)}"
    assert keeper.passing.is_all
    assert keeper.line.endswith(f"for 7 days. Read it with --from-events {keeper.events}")
    assert (found.unknown, found.is_off) == ((), False)


def test_where_nothing_is_kept_that_is_certain(world):
    found = keeping(world)

    assert (found.keepers, found.unknown, found.is_off) == ((), (), True)


def test_a_rule_to_a_log_group_says_which_types_it_covers(world):
    target = group_of(world, "/aws/events/mine", None)
    world.edit(lambda world: add_rule(world, "mine", TASKS | {"detail": {"lastStatus": ["STOPPED"]}}, f"{target}:*"))

    [keeper] = keeping(world).keepers

    assert (keeper.name, keeper.events, keeper.retention_days) == ("mine", "log-group:/aws/events/mine", None)
    assert keeper.passing.detail_types == ("ECS Task State Change",)
    assert keeper.passing.narrowed_by == ("detail.lastStatus",)
    assert "It keeps only ECS Task State Change that it chooses by detail.lastStatus." in keeper.line


@pytest.mark.parametrize(
    ("pattern", "state"),
    [
        pytest.param({"source": ["aws.ecs"]}, "DISABLED", id="disabled"),
        pytest.param({"source": ["aws.ec2"]}, "ENABLED", id="another-source"),
        pytest.param({"source": ["aws.ecs"], "detail-type": ["AWS API Call via CloudTrail"]}, "ENABLED", id="no-event"),
        pytest.param(TASKS | {"detail": {"clusterArn": [f"{ECS}cluster/x"]}}, "ENABLED", id="another-cluster"),
    ],
)
def test_a_rule_that_passes_on_nothing_of_the_cluster_does_not_count(world, pattern, state):
    target = group_of(world, "/aws/events/mine", 1)
    world.edit(lambda world: add_rule(world, "mine", pattern, target, state=state))

    assert keeping(world).is_off


def test_a_delivery_stream_leads_to_its_bucket(world):
    stream = world.arn("firehose", "deliverystream/events")
    settings_ = {"BucketARN": "arn:aws:s3:::kept", "Prefix": "ecs/!{timestamp:yyyy}/"}
    world.holdings.delivery_streams["events"] = {
        "Destinations": [{"DestinationId": "1", "ExtendedS3DestinationDescription": settings_}]
    }
    world.edit(lambda world: add_rule(world, "mine", {"source": [{"prefix": "aws."}]}, stream))

    [keeper] = keeping(world).keepers

    assert keeper.events == "s3://kept/ecs/"


def test_a_target_that_gets_something_else_than_the_event_cannot_be_read(world):
    target = group_of(world, "/aws/events/mine", 1)
    world.edit(lambda world: add_rule(world, "mine", TASKS, target))
    world.holdings.rule_targets["mine"][0]["InputPath"] = "$.detail"

    found = keeping(world)

    [keeper] = found.keepers
    assert keeper.events == ""
    assert "It cannot be read: its target gets something else than the event (InputPath)." in keeper.line
    assert found.is_off


def test_a_rule_whose_log_group_is_gone_keeps_nothing(world):
    world.edit(lambda world: add_rule(world, "mine", TASKS, world.arn("logs", "log-group:/aws/events/gone")))

    found = keeping(world)

    assert "there is no log group /aws/events/gone" in found.keepers[0].line
    assert found.is_off


@pytest.mark.parametrize(
    ("kind", "resource", "events"),
    [
        ("CWL", "logs", "log-group:/aws/vendedlogs/ecs/action-logs/{cluster}"),
        ("S3", "s3", "s3://kept/"),
    ],
)
def test_action_logs_are_found_where_they_are_delivered(world, kind, resource, events):
    group = group_of(world, f"/aws/vendedlogs/ecs/action-logs/{world.cluster}", 30) if kind == "CWL" else ""
    world.edit(lambda world: add_action_logs(world, group or "arn:aws:s3:::kept", kind))

    [keeper] = keeping(world).keepers

    assert (keeper.what, keeper.events) == ("action logs", events.format(cluster=world.cluster))
    assert keeper.retention_days == (30 if kind == "CWL" else None)


def test_action_logs_of_another_cluster_do_not_count(world):
    world.edit(lambda world: add_action_logs(world, "arn:aws:s3:::kept", "S3"))
    world.holdings.delivery_sources[0]["resourceArns"] = [f"{ECS}cluster/another"]

    assert keeping(world).is_off


def test_what_was_captured_before_is_found_when_the_rule_is_gone(world):
    group_of(world, capture_group(world.cluster), 7)
    world.holdings.rules.clear()

    found = keeping(world)

    [keeper] = found.keepers
    assert (keeper.is_on, keeper.events) == (False, f"log-group:{capture_group(world.cluster)}")
    assert "is off now, but what it kept is there" in keeper.line
    assert found.is_off


def test_more_rules_than_a_page_has_are_all_seen(world):
    target = group_of(world, "/aws/events/mine", 1)
    for number in range(230):
        world.edit(lambda world, number=number: add_rule(world, f"r{number:03}", {"source": ["aws.s3"]}, target))
    world.edit(lambda world: add_rule(world, "z", TASKS, target))

    assert [keeper.name for keeper in keeping(world).keepers] == ["z"]


RECORDING = [name for name, operation in every_operation().items() if operation.record]


@pytest.mark.parametrize("operation", [name for name in RECORDING if not name.startswith("s3:")])
def test_what_was_refused_is_unknown_and_not_off(world, operation):
    stream = world.arn("firehose", "deliverystream/events")
    world.edit(lambda world: add_rule(world, "mine", TASKS, stream))

    found = keeping(world, refused=[operation])

    assert any(text.endswith(f"AccessDeniedException: {operation}") for text in found.unknown)
    assert not found.is_off


def test_where_rules_are_refused_a_group_that_is_there_is_read_all_the_same(world):
    group_of(world, capture_group(world.cluster), 7)

    [keeper] = keeping(world, refused=["events:ListRules"]).keepers

    assert keeper.is_on is None
    assert keeper.line == (
        f"event capture {keeper.name} has kept events, each for 7 days. Read it with --from-events {keeper.events}"
    )


def test_where_groups_are_refused_the_rule_is_found_and_its_retention_unknown(world):
    group_of(world, capture_group(world.cluster), 7)

    found = keeping(world, refused=["logs:DescribeLogGroups"])

    [keeper] = found.keepers
    assert (keeper.events, keeper.retention_days) == (f"log-group:{capture_group(world.cluster)}", None)
    assert any("the retention of" in text for text in found.unknown)


@pytest.mark.parametrize(
    ("matchers", "covers"),
    [
        ([{"prefix": "ECS Task"}], 1),
        ([{"wildcard": "ECS*Change"}], 6),
        ([{"wildcard": "*Instance*State*"}], 1),
        ([{"suffix": "Action"}], 2),
        ([{"anything-but": ["ECS Task State Change"]}], 7),
        ([{"anything-but": {"prefix": "ECS Daemon"}}], 6),
        ([{"equals-ignore-case": "ecs task state change"}], 1),
        ([{"exists": True}], 8),
        ([{"exists": False}], 0),
        ([{"numeric": [">", 1]}], 0),
        ("ECS Task State Change", 0),
    ],
)
def test_each_kind_of_matcher_is_understood(matchers, covers):
    found = passing(json.dumps({"source": ["aws.ecs"], "detail-type": matchers}), cluster_arn="orders-cluster")

    assert len(found.detail_types if found else ()) == covers


@pytest.mark.parametrize(
    ("resources", "narrowed"),
    [
        pytest.param([{"prefix": f"{ECS}service/orders-cluster/"}], (), id="all-of-the-cluster"),
        pytest.param([f"{ECS}service/orders-cluster/orders"], ("resources",), id="one-service"),
        pytest.param([{"prefix": f"{ECS}service/"}], ("resources",), id="all-services"),
        pytest.param([{"prefix": f"{ECS}service/other/"}], None, id="another-cluster"),
        pytest.param([f"{ECS}service/other/orders"], None, id="another-clusters-service"),
    ],
)
def test_a_rule_that_chooses_by_resources_is_about_the_cluster_or_not(resources, narrowed):
    found = passing(json.dumps({"source": ["aws.ecs"], "resources": resources}), cluster_arn="orders-cluster")

    assert (found.narrowed_by if found else None) == narrowed


@pytest.mark.parametrize(
    "pattern", ["{", "[]", "null", '{"source": "aws.ecs"}', '{"source": ["aws.ecs"], "detail-type": {}}']
)
def test_a_pattern_that_cannot_be_read_passes_on_nothing(pattern):
    assert passing(pattern, cluster_arn="orders-cluster") is None


# The set-up.


def test_the_printed_set_up_can_be_run_and_is_then_found(moto, elsewhere):
    commands = setup_commands("printed", "us-east-1", "123456789012")
    where = environment(moto)

    for command in commands:
        words = [str(Path(sys.executable).parent / "aws"), *shlex.split(command)[1:]]
        subprocess.run(words, env=where, check=True, capture_output=True)

    [keeper] = kept_by_aws(Caller(elsewhere), "printed").keepers
    assert keeper.events == f"log-group:{events_group('printed')}"
    assert (keeper.retention_days, keeper.passing.is_all) == (90, True)
    [policy] = whole_client(elsewhere, "logs").describe_resource_policies()["resourcePolicies"]
    [statement] = json.loads(policy["policyDocument"])["Statement"]
    assert statement["Resource"] == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/ecs-notebook/*"


def test_the_set_ups_rule_lets_a_clusters_events_through_and_no_others(elsewhere):
    for command in setup_commands("orders-cluster", "us-east-1", "123456789012"):
        call(elsewhere, command)
    text = [line(told).replace(b"eu-west-1:111122223333", b"us-east-1:123456789012") for told in EVENTS]
    sent = [told for told in map(json.loads, text) if "detail-type" in told]

    for told in sent:
        entry = {"Source": told["source"], "DetailType": told["detail-type"], "Detail": json.dumps(told["detail"])}
        whole_client(elsewhere, "events").put_events(Entries=[{**entry, "Resources": told["resources"]}])

    found = list(rows_of_lines(open_events(f"log-group:{events_group('orders-cluster')}", elsewhere, ALWAYS)))
    about = [told for told in sent if any("/orders-cluster/" in arn for arn in told["resources"])]
    assert len(found) == len(about) > 8
    assert {row.cluster for row in found} == {"orders-cluster"}
    assert {row.state["eventName"] for row in found if row.kind == "deployment_event"} == {
        "HOOK_AWAITING_ACTION",
        "DAEMON_DEPLOYMENT_PENDING",
    }


def call(clients, command):
    """Do with boto3 what a printed command says: its options are the parameters' names in lower case."""
    (
        _,
        service,
        operation,
        *options,
    ) = shlex.split(command)
    client = whole_client(clients, service)
    method = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
    names = {botocore.xform_name(name, "-"): name for name in shape.members}
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert given.pop("--region") == clients.region
    parameters = {names[option.removeprefix("--")]: value for option, value in given.items()}
    for name, value in parameters.items():
        if shape.members[name].type_name in ("list", "integer"):
            parameters[name] = json.loads(value)
    getattr(client, method)(**parameters)


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-central-1", "aws")]
)
def test_the_set_up_is_right_in_each_partition(region, partition):
    text = " ".join(setup_commands("c", region, "111122223333"))

    assert f"arn:{partition}:logs:{region}:111122223333:log-group:/aws/events/ecs-notebook/c" in text
    assert text.count("arn:") == text.count(f"arn:{partition}:")


def test_long_clusters_of_one_beginning_have_rules_of_their_own():
    names = {shlex.split(setup_commands("c" * 100 + end, "us-east-1", "111122223333")[3])[4] for end in ("a", "b")}

    assert len(names) == 2
    assert {len(name) for name in names} == {64}


# The table of operations.


def test_the_policy_has_the_recordings_actions_only_when_asked():
    plain, recording = (set(least_policy(record=record)["Statement"][0]["Action"]) for record in (False, True))

    assert recording - plain == {every_operation()[name].iam for name in RECORDING}
    assert {"s3:ListBucket", "s3:GetObject", "events:ListRules"} <= recording - plain
    assert not set(RECORDING) & set(operations())


@pytest.mark.parametrize("name", RECORDING)
def test_no_operation_of_the_recording_writes(name):
    operation = every_operation()[name]
    model = botocore.session.Session().get_service_model(operation.service)

    assert operation.action.startswith(("Describe", "List", "Get"))
    assert operation.action in model.operation_names
    assert operation.hides
