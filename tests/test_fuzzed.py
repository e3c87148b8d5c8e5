"""What fuzzing found, each with the smallest input that showed it and what must be said of it."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

import benchmarks
from benchmarks.fuzz.targets import TARGETS, demo
from benchmarks.incomplete import everything
from ecs_notebook_lib.cases import load_case, snapshot_of
from ecs_notebook_lib.cases.observation import OBSERVATION
from ecs_notebook_lib.errors import CaseFileError, SnapshotError, WindowError
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.frames.coverage import COVERAGE
from ecs_notebook_lib.redact import Redactor
from ecs_notebook_lib.snapshot import load_snapshot, save_snapshot
from ecs_notebook_lib.source import parse_instant, parse_window

CASES = Path(benchmarks.__file__).parent / "cases"


def with_page(operation, change):
    """Return a snapshot in which the first page of an operation is changed."""
    first, *rest = demo().lines(operation).splitlines()
    lines = b"".join(line + b"\n" for line in (orjson.dumps(change(orjson.loads(first))), *rest))
    return replace(demo(), members={**demo().members, operation: lines})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda _page: None, "has a line that is no object", id="a-line-is-null"),
        pytest.param(lambda page: page | {"response": None}, "holds neither an answer nor an error", id="no-outcome"),
        pytest.param(lambda page: page | {"at": "2025-02-30T00:00:00Z"}, "that is not a time", id="no-such-day"),
        pytest.param(lambda page: page | {"at": "0001-01-01T00:00:00+23:59"}, "that is not a time", id="before-time"),
        pytest.param(lambda page: page | {"at": "9999-12-31T23:59:59-23:59"}, "that is not a time", id="after-time"),
    ],
)
def test_a_page_that_cannot_be_is_refused_in_one_line(change, words, tmp_path):
    path = save_snapshot(with_page("ecs:DescribeServices", change), tmp_path / "a.zip")

    with pytest.raises(SnapshotError) as refused:
        load_snapshot(path)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def changed(*path, value):
    """Return a change that puts a value where a path in the answer leads to."""

    def change(page):
        *above, last = ("response", *path)
        place = page
        for step in above:
            place = place[step]
        place[last] = value
        return page

    return change


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        pytest.param(
            "cloudwatch:GetMetricData",
            changed("MetricDataResults", 0, "Values", value=[1.0]),
            id="fewer-values-than-time-stamps",
        ),
        pytest.param(
            "logs:GetLogEvents", changed("events", 0, "timestamp", value=2**63 - 1), id="a-line-after-the-end-of-time"
        ),
    ],
)
def test_an_odd_answer_is_told_of_all_the_same(operation, change):
    everything(with_page(operation, change))


def test_a_whole_number_beside_a_missing_one_keeps_its_last_digits():
    frame = rows_frame([{"calls": 2**63 - 1}, {}], COVERAGE)

    assert frame["calls"].dropna().tolist() == [2**63 - 1]
    assert frame.dtypes["calls"] == "Int64"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01", "9999-12-31"])
def test_a_time_at_the_end_of_time_is_none(text):
    with pytest.raises(ValueError, match="cannot be reckoned with"):
        parse_instant(text)
    with pytest.raises(WindowError):
        parse_window(text, as_of=demo().as_of)


def test_a_case_file_whose_id_has_several_lines_is_refused_in_one(tmp_path):
    path = tmp_path / "case.json"
    path.write_bytes(orjson.dumps({"id": "first\nsecond\x1b[31m", "observed": None}))

    with pytest.raises(CaseFileError) as refused:
        load_case(path)

    assert "first second\\x1b[31m has no object under observed" in str(refused.value)


def case_of(tmp_path, containers):
    path = tmp_path / "case.json"
    path.write_bytes(orjson.dumps({"observed": {"stopped_tasks": {"containers": containers}}}))
    return load_case(path)


@pytest.mark.parametrize(
    ("containers", "exit_codes"),
    [
        (None, []),
        ({"exit_code": 137}, [137]),
        ([{"exit_code": 1}, {"exit_code": 0}], [1, 0]),
        (["app", {"exit_code": 2}], [2]),
        (True, []),
    ],
)
def test_a_container_of_a_case_may_stand_for_a_list_and_what_is_none_is_passed_over(containers, exit_codes, tmp_path):
    snapshot = snapshot_of(case_of(tmp_path, containers))

    everything(snapshot)
    assert Frames(snapshot).containers["exit_code"].tolist() == exit_codes


@pytest.mark.parametrize("line", [0, 20, 40])
def test_a_case_that_was_saved_as_a_snapshot_opens_as_the_same(line, tmp_path):
    path = tmp_path / "case.json"
    path.write_bytes((CASES / "dev.jsonl").read_bytes().splitlines()[line])
    snapshot = snapshot_of(load_case(path))

    assert load_snapshot(save_snapshot(snapshot, tmp_path / "case.zip")) == snapshot


@pytest.mark.parametrize(
    "observed", [[], {"service_events": True}, {"stopped_tasks": [{"containers": 1}]}, {"deployments": ["x"]}]
)
def test_a_saved_case_of_another_form_is_refused_in_one_line(observed, tmp_path):
    whole = snapshot_of(case_of(tmp_path, []))
    page = orjson.loads(whole.members[OBSERVATION])
    page["response"]["observed"] = observed
    path = save_snapshot(replace(whole, members={OBSERVATION: orjson.dumps(page) + b"\n"}), tmp_path / "case.zip")

    with pytest.raises(SnapshotError, match=r"has response\.observed"):
        load_snapshot(path)


@pytest.mark.parametrize("name", ["amazonaws.com", "amazonaws.com.cn", "api.aws", "AMAZONAWS.COM"])
def test_a_zone_of_aws_that_stands_by_itself_is_no_customers_name(name):
    text = f"see https://{name}/ and host={name}"

    assert Redactor(demo(), key=b"key").text(text) == text


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_the_fuzzer_fail_nowhere(name):
    for seed in [*TARGETS[name].seeds()][:2]:
        TARGETS[name].run(seed)
