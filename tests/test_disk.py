"""A full disk, a read-only folder, a store that cannot be written: one clear line, and nothing half written.

The disks are real: a small tmpfs, or a read-only one, that only the command sees (`unshare`).
"""

import shutil
import subprocess
import sys

import pytest

from benchmarks.first_answer import COMMAND
from ecs_notebook_lib.simulate import begin, build, serve
from ecs_notebook_lib.snapshot import load_snapshot, save_snapshot
from tests.conftest import environment, incident_of

MOUNT = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; cd "$2"; shift 2; "$@"; code=$?; ls -AR .; exit $code'
FULL, READ_ONLY = "size=24k", "ro"


def can_mount() -> bool:
    """Say whether this machine lets a process have mounts of its own."""
    if not shutil.which("unshare"):
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="no mounts of one's own on this machine")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return save_snapshot(incident_of("clarity-backend").snapshot, tmp_path_factory.mktemp("snapshot") / "it.zip")


def on_disk(disk: str, folder, *arguments: str, url: str = "") -> tuple[int, list[str], str]:
    """Run the command in a folder that is such a disk; return exit code, lines of stderr, and what stands there."""
    command = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", disk, str(folder), sys.executable, "-c", COMMAND]
    variables = environment(url) | {"XDG_STATE_HOME": str(folder.parent / "state"), "HOME": str(folder.parent)}
    done = subprocess.run([*command, *arguments, "--quiet"], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode != 99, done.stderr
    return done.returncode, done.stderr.splitlines(), done.stdout


def check(code: int, lines: list[str], there: str, *, says: str) -> None:
    assert code == 1, lines
    assert [line.startswith("ecs-notebook: ") for line in lines] == [True], lines
    assert says in lines[0]
    assert "partial" not in there


COMMANDS = {
    "collect": ("collect", "demo:clarity-backend", "--out", "out.zip"),
    "collect into a folder that is not there": ("collect", "demo:clarity-backend", "--out", "deep/er/out.zip"),
    "simulate": ("simulate", "clarity-backend", "--out", "out.zip"),
    "report": ("report", "SNAPSHOT", "--out", "report"),
    "lab": ("lab", "SNAPSHOT", "--out", "copy", "--no-browser"),
}
SAYS = {FULL: "No space left on device", READ_ONLY: "Read-only file system"}


@pytest.mark.parametrize("disk", SAYS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_takes_nothing_is_told_in_one_line(name, disk, snapshot, tmp_path):
    arguments = [str(snapshot) if word == "SNAPSHOT" else word for word in COMMANDS[name]]
    code, lines, there = on_disk(disk, tmp_path, *arguments)
    check(code, lines, there, says=SAYS[disk])
    assert "out.zip" not in there, "half a snapshot"


@pytest.mark.parametrize("disk", ["size=8k", READ_ONLY])
def test_a_store_that_cannot_be_written_is_told_in_one_line(disk, tmp_path):
    world = begin("program-crashes", 1)
    with serve(world.respond, "127.0.0.1") as server:
        arguments = ("record", "--cluster", world.cluster, "--store", "store", "--once", "--region", world.region)
        code, lines, there = on_disk(disk, tmp_path, *arguments, url=server.url)
    check(code, lines, there, says=SAYS[READ_ONLY if disk == READ_ONLY else FULL])
    assert ".parquet" not in there


@pytest.mark.parametrize("disk", ["size=4k", READ_ONLY])
def test_a_fleet_that_cannot_be_kept_is_told_in_one_line(disk, tmp_path):
    world = build("clarity-backend")
    with serve(world.respond, "127.0.0.1") as server:
        code, lines, there = on_disk(disk, tmp_path, "fleet", "--out", "fleet", url=server.url)
    if disk == READ_ONLY:
        check(code, lines, there, says=SAYS[disk])
    else:
        assert lines[0] == "ecs-notebook: not finished; go on with: ecs-notebook fleet --resume fleet"
        check(code, lines[1:], there, says=SAYS[FULL])


def test_what_was_there_stays_whole_when_the_disk_is_full(snapshot, tmp_path):
    kept = tmp_path / "kept.zip"
    shutil.copy(snapshot, kept)
    before = load_snapshot(kept)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
    arguments = ["collect", "demo:clarity-health-check", "--out", str(kept), "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", limit + COMMAND, *arguments],
        env=environment(""),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ecs-notebook: File too large")
    assert load_snapshot(kept) == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept.zip"]
