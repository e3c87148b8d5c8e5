"""Reading and writing a snapshot as a zip of JSON lines. A file from a stranger is checked before it is believed."""

import hashlib
import string
import zipfile
import zlib
from pathlib import Path
from typing import Any

import orjson

from ecs_notebook_lib.errors import SnapshotError
from ecs_notebook_lib.snapshot.checking import fault_of
from ecs_notebook_lib.snapshot.disk import written_whole
from ecs_notebook_lib.snapshot.model import IncidentName, Simulated, Snapshot, each_line, utc_text
from ecs_notebook_lib.source import parse_instant

SCHEMA = "ecs-notebook/snapshot/1"
_SCHEMA_NAME, _SCHEMA_VERSION = SCHEMA.rsplit("/", 1)
_MANIFEST = "manifest.json"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: a real one would make equal snapshots differ."""

MAX_MANIFEST_BYTES = 4 << 20
MAX_MEMBER_BYTES = 1 << 30
MAX_TOTAL_BYTES = 2 << 30
"""Far above any real incident (a busy one is some 20 MB), far below what would exhaust a machine."""

_WORD = frozenset(string.ascii_letters + string.digits + "-")


def save_snapshot(snapshot: Snapshot, path: Path) -> Path:
    """Write a snapshot under a temporary name beside `path`, then rename it: `path` is whole or absent.

    The same content gives the same bytes.
    """
    contents = {_member_name(operation): lines for operation, lines in snapshot.members.items()}
    manifest = orjson.dumps(_manifest(snapshot, contents), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((_MANIFEST, manifest), *sorted(contents.items())):
            member = zipfile.ZipInfo(name, _ZIP_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return path


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot after checking its form, its sizes and its checksums.

    Raises
    ------
    SnapshotError
        If the file is absent, not a snapshot, damaged, from a newer version, or unsafe to open.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = _checked_members(path, archive)
            manifest = _read_manifest(path, archive, infos)
            members = {
                _operation(name): _read_member(path, archive, info, manifest["members"][name])
                for name, info in infos.items()
                if name != _MANIFEST
            }
            return _snapshot(manifest, members)
    except FileNotFoundError as error:
        raise SnapshotError(path, "there is no such file", advice="Check the path.") from error
    except IsADirectoryError as error:
        raise SnapshotError(path, "it is a folder", advice="Name the .zip file in it.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise SnapshotError(path, f"the file is damaged or no zip ({error})") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(path, f"its manifest is not one of ours ({type(error).__name__}: {error})") from error


def _manifest(snapshot: Snapshot, contents: dict[str, bytes]) -> dict[str, Any]:
    name, simulated = snapshot.incident, snapshot.simulated
    return {
        "schema": SCHEMA,
        "tool_version": snapshot.tool_version,
        "incident": {
            "cluster": name.cluster,
            "service": name.service,
            "region": name.region,
            "account": name.account,
            "window": [utc_text(instant) for instant in name.window],
        },
        "as_of": utc_text(snapshot.as_of),
        "simulated": None if simulated is None else {"scenario": simulated.scenario, "seed": simulated.seed},
        "redacted": snapshot.redacted,
        **({"candidate": snapshot.candidate} if snapshot.candidate else {}),
        "members": {member: _fingerprint(content) for member, content in sorted(contents.items())},
    }


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "lines": content.count(b"\n"), "bytes": len(content)}


def _member_name(operation: str) -> str:
    return operation.replace(":", ".") + ".jsonl"


def _operation(member: str) -> str:
    return member.removesuffix(".jsonl").replace(".", ":", 1)


def _is_member_name(name: str) -> bool:
    service, dot, operation = name.removesuffix(".jsonl").partition(".")
    return name.endswith(".jsonl") and bool(dot and service and operation) and set(service + operation) <= _WORD


def _checked_members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    named = {info.filename: info for info in infos}
    if len(named) != len(infos):
        raise SnapshotError(path, "it holds two members of one name")
    if _MANIFEST not in named:
        raise SnapshotError(path, "it has no manifest.json", advice="Name a file that `collect` wrote.")
    for name in named:
        if name != _MANIFEST and not _is_member_name(name):
            raise SnapshotError(path, f"a member is named {name[:80]!r}, which no snapshot holds")
    if any(info.file_size > MAX_MEMBER_BYTES for info in infos) or sum(i.file_size for i in infos) > MAX_TOTAL_BYTES:
        raise SnapshotError(path, f"it would unpack to more than {MAX_TOTAL_BYTES >> 30} GiB")
    return named


def _read_manifest(path: Path, archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    manifest = orjson.loads(_read_bounded(path, archive, infos[_MANIFEST], limit=MAX_MANIFEST_BYTES))
    name, _, version = str(manifest["schema"]).rpartition("/")
    if name != _SCHEMA_NAME or not version.isdecimal():
        raise SnapshotError(path, f"its schema is {manifest['schema']!r}, not {SCHEMA!r}")
    if int(version) > int(_SCHEMA_VERSION):
        raise SnapshotError(
            path, f"it was written by a newer version ({manifest['schema']})", advice="Update ecs-notebook-lib."
        )
    if set(manifest["members"]) != set(infos) - {_MANIFEST}:
        raise SnapshotError(path, "its members are not those that its manifest lists")
    return dict(manifest)


def _read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: dict[str, Any]) -> bytes:
    content = _read_bounded(path, archive, info, limit=int(expected["bytes"]))
    if _fingerprint(content) != {key: expected[key] for key in ("sha256", "lines", "bytes")}:
        raise SnapshotError(path, f"{info.filename} is not what the manifest says (checksum, lines or bytes differ)")
    for number, line in enumerate(each_line(content), start=1):
        fault = fault_of(_operation(info.filename), line)
        if fault:
            raise SnapshotError(path, f"{info.filename}, line {number} {fault[:200]}")
    return content


def _read_bounded(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, limit: int) -> bytes:
    """Read a member without trusting the size that its header states."""
    with archive.open(info) as stream:
        content = stream.read(min(limit, MAX_MEMBER_BYTES) + 1)
    if len(content) > limit:
        raise SnapshotError(path, f"{info.filename} is larger than it says")
    return content


def _snapshot(manifest: dict[str, Any], members: dict[str, bytes]) -> Snapshot:
    incident, simulated = manifest["incident"], manifest["simulated"]
    first, last = (parse_instant(instant) for instant in incident["window"])
    text = {key: str(incident[key]) for key in ("cluster", "service", "region", "account")}
    return Snapshot(
        incident=IncidentName(**text, window=(first, last)),
        as_of=parse_instant(manifest["as_of"]),
        simulated=None if simulated is None else Simulated(str(simulated["scenario"]), int(simulated["seed"])),
        redacted=bool(manifest["redacted"]),
        tool_version=str(manifest["tool_version"]),
        members=members,
        candidate=str(manifest.get("candidate") or ""),
    )
