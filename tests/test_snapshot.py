"""A snapshot at rest: the same content gives the same bytes, and a file from a stranger is checked."""

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecs_notebook_lib.errors import SnapshotError
from ecs_notebook_lib.snapshot import IncidentName, Snapshot, load_snapshot, save_snapshot
from ecs_notebook_lib.snapshot.checking import shapes

from .conftest import incident_of
from .shapes import table

NOW = datetime(2025, 7, 12, 9, 15, tzinfo=UTC)
NAME = IncidentName("cluster", "service", "us-east-1", "111122223333", (NOW, NOW))
LINE = (
    b'{"at":"2025-07-12T09:15:00Z","account":"1","region":"r","params":{},"page":0,"origin":"live","error":null,'
    b'"response":{"a":1}}\n'
)


def small():
    return Snapshot(NAME, NOW, None, False, "1", {"ecs:ListTasks": LINE})


def written(tmp_path):
    return save_snapshot(small(), tmp_path / "a.zip")


def rewritten(path, change):
    """Return the path of a copy whose members `change` has edited."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def manifest(**changes):
    def change(members):
        document = json.loads(members["manifest.json"]) | changes
        return members | {"manifest.json": json.dumps(document).encode()}

    return change


def test_what_was_saved_comes_back(tmp_path):
    snapshot = incident_of("clarity-backend").snapshot

    assert load_snapshot(save_snapshot(snapshot, tmp_path / "a.zip")) == snapshot


def test_the_same_content_gives_the_same_bytes(tmp_path):
    first, second = (save_snapshot(small(), tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))

    assert first == second


def test_nothing_half_written_is_left_behind(tmp_path):
    save_snapshot(small(), tmp_path / "a.zip")

    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def bomb(members):
    return members | {"ecs.ListTasks.jsonl": b"0" * 50_000_000}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda m: m | {"../evil.jsonl": b"{}\n"}, "is named", id="path-traversal"),
        pytest.param(lambda m: m | {"run.sh": b"x"}, "is named", id="foreign-member"),
        pytest.param(lambda _: {"ecs.ListTasks.jsonl": LINE}, "no manifest.json", id="no-manifest"),
        pytest.param(lambda m: m | {"ecs.ListTasks.jsonl": LINE.replace(b"1", b"2")}, "checksum", id="edited"),
        pytest.param(bomb, "larger than it says", id="larger-than-the-manifest-says"),
        pytest.param(lambda m: m | {"ecs.Other.jsonl": LINE}, "not those that its manifest lists", id="one-too-many"),
        pytest.param(manifest(schema="ecs-notebook/snapshot/2"), "newer version", id="newer"),
        pytest.param(manifest(schema="somebody/else/1"), "its schema is", id="foreign-schema"),
        pytest.param(manifest(incident=None), "not one of ours", id="no-incident"),
        pytest.param(manifest(as_of="yesterday"), "not one of ours", id="no-time"),
        pytest.param(lambda m: m | {"manifest.json": b"[]"}, "not one of ours", id="manifest-is-a-list"),
        pytest.param(lambda m: m | {"manifest.json": b"{" * 100_000}, "not one of ours", id="manifest-is-deep"),
    ],
)
def test_a_damaged_foreign_or_hostile_file_is_refused_in_one_line(tmp_path, change, words):
    path = rewritten(written(tmp_path), change)

    with pytest.raises(SnapshotError) as refused:
        load_snapshot(path)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_member_whose_header_lies_about_its_size_is_refused(tmp_path):
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    name = b"ecs.ListTasks.jsonl"
    central = data.rfind(name) - 46
    data[central + 24 : central + 28] = (5).to_bytes(4, "little")
    path.write_bytes(bytes(data))

    with pytest.raises(SnapshotError):
        load_snapshot(path)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 100])
def test_what_is_no_zip_is_refused(tmp_path, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)

    with pytest.raises(SnapshotError):
        load_snapshot(path)


def test_a_truncated_file_is_refused_wherever_it_was_cut(tmp_path):
    whole = written(tmp_path).read_bytes()
    path = tmp_path / "cut.zip"
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(SnapshotError):
            load_snapshot(path)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = written(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("ecs.ListTasks.jsonl", LINE)

    with pytest.raises(SnapshotError, match="two members of one name"):
        load_snapshot(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    for path, words in ((tmp_path / "none.zip", "no such file"), (tmp_path, "it is a folder")):
        with pytest.raises(SnapshotError, match=words):
            load_snapshot(path)


def test_the_forms_of_pages_are_those_of_awss_model():
    assert shapes() == table()


def page(**changes):
    record = {
        "at": "2025-07-12T09:15:00Z",
        "account": "111122223333",
        "region": "us-east-1",
        "params": {"cluster": "c", "tasks": ["t"]},
        "page": 0,
        "origin": "live",
        "error": None,
        "response": {"tasks": [{"taskArn": "t"}]},
    }
    return json.dumps(record | changes).encode()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(page(response=[]), "response that is no object", id="response-is-a-list"),
        pytest.param(page(response="x"), "response that is no object", id="response-is-a-text"),
        pytest.param(page(response={"tasks": {}}), "response.tasks that is no list", id="list-is-an-object"),
        pytest.param(page(response={"tasks": ["x"]}), "response.tasks[] that is no object", id="element-is-a-text"),
        pytest.param(page(response={"tasks": [{"taskArn": 1}]}), "that is not a text", id="text-is-a-number"),
        pytest.param(
            page(response={"tasks": [{}, {"taskArn": None}, {"taskArn": 1}]}), "not a text", id="the-last-one"
        ),
        pytest.param(page(response={"tasks": [{"createdAt": "soon"}]}), "that is not a time", id="time-is-none"),
        pytest.param(
            page(response={"tasks": [{"containers": [{"exitCode": True}]}]}), "not a whole number", id="number"
        ),
        pytest.param(page(error="denied"), "error that is no object", id="error-is-a-text"),
        pytest.param(page(error={}), "an error without a code", id="error-without-a-code"),
        pytest.param(page(params=[]), "params that is no object", id="params-is-a-list"),
        pytest.param(page(params={"cluster": "c"}), "was asked without tasks", id="a-parameter-is-missing"),
        pytest.param(page(params={"tasks": "t"}), "params.tasks that is no list", id="a-parameter-of-another-type"),
        pytest.param(page(at="now"), "at that is not a time", id="no-time"),
        pytest.param(page(at=None), "has no at", id="time-is-null"),
        pytest.param(b"[]", "a line that is no object", id="line-is-a-list"),
        pytest.param(b"{}", "has no at", id="line-is-empty"),
        pytest.param(b"", "is no JSON", id="line-is-blank"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, "is no JSON", id="deep"),
        pytest.param(b"\xff\xfe", "is no JSON", id="not-utf-8"),
        pytest.param(b"NaN", "is no JSON", id="not-a-number"),
    ],
)
def test_a_page_of_another_form_than_awss_is_refused_in_one_line(tmp_path, line, words):
    snapshot = replace(small(), members={"ecs:DescribeTasks": line + b"\n"})
    path = save_snapshot(snapshot, tmp_path / "a.zip")

    with pytest.raises(SnapshotError) as refused:
        load_snapshot(path)

    assert words in str(refused.value)
    assert "ecs.DescribeTasks.jsonl, line 1 " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_member_that_aws_adds_later_is_passed_over(tmp_path):
    line = page(response={"tasks": [{"taskArn": "t", "mood": []}], "news": 1}) + b"\n"
    snapshot = replace(small(), members={"ecs:DescribeTasks": line, "ecs:DescribeMoods": page(response={}) + b"\n"})

    assert load_snapshot(save_snapshot(snapshot, tmp_path / "a.zip")) == snapshot


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info, target


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "..\\evil.jsonl", "C:\\evil.jsonl", "a/../../b.jsonl", "ecs.ListTasks.jsonl/", "./manifest.json"],
)
def test_no_member_has_a_name_that_leads_elsewhere(tmp_path, name):
    path = rewritten(written(tmp_path), lambda members: members | {name: b"{}\n"})

    with pytest.raises(SnapshotError, match="is named"):
        load_snapshot(path)


def test_a_link_in_the_file_is_read_as_bytes_and_followed_nowhere(tmp_path):
    path = rewritten(written(tmp_path), lambda members: {"manifest.json": members["manifest.json"]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(*link("ecs.ListTasks.jsonl", b"/etc/passwd"))

    with pytest.raises(SnapshotError, match="checksum"):
        load_snapshot(path)


def test_a_size_that_promises_zip64_and_has_none_is_refused(tmp_path):
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    central = data.rfind(b"ecs.ListTasks.jsonl") - 46
    data[central + 24 : central + 28] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))

    with pytest.raises(SnapshotError):
        load_snapshot(path)
