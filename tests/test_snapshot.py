"""A snapshot at rest: the same content gives the same bytes, and a file from a stranger is checked."""

import json
import zipfile
from datetime import UTC, datetime

import pytest

from ecs_notebook_lib.errors import SnapshotError
from ecs_notebook_lib.snapshot import IncidentName, Snapshot, load_snapshot, save_snapshot

from .conftest import incident_of

NOW = datetime(2025, 7, 12, 9, 15, tzinfo=UTC)
NAME = IncidentName("cluster", "service", "us-east-1", "111122223333", (NOW, NOW))
LINE = b'{"at":"2025-07-12T09:15:00Z","response":{"a":1},"error":null}\n'


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
