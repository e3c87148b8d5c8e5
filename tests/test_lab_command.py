"""`ecs-notebook lab`: a working copy of the notebooks on one incident, in which edits are kept."""

import ast
import os
import sys
from pathlib import Path

import pytest

from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.cli import lab, main
from ecs_notebook_lib.errors import WorkingCopyError
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.report.working_copy import make_working_copy
from ecs_notebook_lib.snapshot import load_snapshot

from .conftest import incident_of

NAMES = sorted(path.name for path in notebooks_directory().glob("*.ipynb"))


@pytest.fixture
def snapshot():
    return incident_of("clarity-backend").snapshot


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Return a list that takes the command which this process would have become, in a folder of its own."""
    commands = []
    monkeypatch.setattr(os, "execve", lambda path, command, _environment: commands.append((path, command)))
    monkeypatch.chdir(tmp_path)
    return commands


def parameters_of(path):
    notebook = nbformat.read(path, as_version=4)
    return next(cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_differs_from_its_original_in_the_source_and_in_having_no_outputs(name, snapshot, tmp_path):
    make_working_copy(snapshot, str(tmp_path / "lab"))
    copied = nbformat.read(tmp_path / "lab" / name, as_version=4)
    original = nbformat.read(notebooks_directory() / name, as_version=4)
    before, after = parameters_of(notebooks_directory() / name), parameters_of(tmp_path / "lab" / name)

    assert after == before.replace('"demo:clarity-backend"', '"snapshot.zip"')
    assert after.startswith('source: str = "snapshot.zip"  # live:')
    assert [output for cell in copied.cells for output in cell.get("outputs", ())] == []
    assert [c.source for c in copied.cells if c.source != after] == [
        c.source for c in original.cells if c.source != before
    ]


def test_profile_and_region_are_filled_in_whatever_characters_they_hold(snapshot, tmp_path):
    profile = 'a "b" \\ c'
    make_working_copy(snapshot, str(tmp_path / "lab"), access={"profile": profile, "region": ""})
    tree = ast.parse(parameters_of(tmp_path / "lab" / NAMES[0]))

    values = {node.target.id: node.value.value for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert values == {"source": "snapshot.zip", "window": "", "profile": profile, "region": ""}


def test_the_snapshot_stands_beside_the_notebooks_under_a_relative_name(snapshot, tmp_path):
    copy = make_working_copy(snapshot, str(tmp_path / "lab"))

    assert load_snapshot(copy.folder / "snapshot.zip") == snapshot
    assert str(tmp_path) not in (copy.folder / NAMES[0]).read_text(encoding="utf-8")


def test_what_is_there_is_kept_byte_for_byte_and_only_what_is_absent_is_made(snapshot, tmp_path):
    folder = tmp_path / "lab"
    make_working_copy(snapshot, str(folder))
    (folder / NAMES[0]).write_text("edited", encoding="utf-8")
    (folder / NAMES[1]).unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    again = make_working_copy(snapshot, str(folder))

    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: content for name, content in after.items() if name != NAMES[1]} == before
    assert (again.made, len(again.kept)) == ((NAMES[1],), len(NAMES) - 1)


def test_the_folder_of_another_incident_is_refused_and_left_as_it_is(snapshot, tmp_path):
    make_working_copy(snapshot, str(tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(WorkingCopyError, match="they are there already, on clarity-backend-cluster--"):
        make_working_copy(incident_of("clarity-network").snapshot, str(tmp_path))

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_installed_notebooks_are_never_the_working_copy(snapshot):
    with pytest.raises(WorkingCopyError, match="the installed notebooks themselves"):
        make_working_copy(snapshot, str(notebooks_directory()))


def test_the_command_becomes_jupyterlab_on_the_copy_and_only_on_this_machine(started, capsys):
    code = main(["lab", "demo:clarity-backend", "--quiet", "--no-browser", "--port", "8899"])
    told = capsys.readouterr()
    ((path, command),) = started

    assert (code, path) == (0, sys.executable)
    assert told.out.endswith("/lab/incident_report.ipynb\n")
    assert os.path.isfile(told.out.strip())
    assert {"--ServerApp.ip=127.0.0.1", "--ServerApp.port=8899", "--ServerApp.open_browser=False"} <= set(command)
    assert f"--ServerApp.root_dir={os.path.abspath(os.path.dirname(told.out))}" in command
    assert "--LabApp.default_url=/lab/tree/incident_report.ipynb" in command
    assert not [argument for argument in command if "token" in argument.lower()]


def test_our_defaults_stand_behind_the_settings_that_somebody_has():
    own = lab.lab_environment({"JUPYTER_CONFIG_PATH": "/theirs", "HOME": "/home/a"})
    none = lab.lab_environment({})

    folder = Path(none["JUPYTER_CONFIG_PATH"])
    assert own == {"JUPYTER_CONFIG_PATH": f"/theirs{os.pathsep}{folder}", "HOME": "/home/a"}
    assert "fetchNews" in (folder / "labconfig/default_setting_overrides.json").read_text(encoding="utf-8")


def test_a_second_time_it_says_in_one_line_that_the_copy_is_kept(started, capsys):
    main(["lab", "demo:clarity-backend", "--quiet"])
    first = capsys.readouterr()
    main(["lab", "demo:clarity-backend", "--quiet"])
    second = capsys.readouterr()

    assert first.err == ""
    assert second.err.count("\n") == 1
    assert "12 notebooks are kept as they are, on the snapshot of 2025-07-12T09:15:00Z" in second.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["nothing.zip"], 1, "there is no such file", id="no-file"),
        pytest.param(["demo:helth"], 1, "No demo incident is named 'helth'", id="no-demo"),
        pytest.param(["live:x"], 1, "names no service", id="half-a-source"),
        pytest.param(["demo:clarity-backend", "--window", "soon"], 1, "The window 'soon'", id="window"),
        pytest.param([], 2, "SOURCE is missing", id="no-source"),
        pytest.param(["demo:clarity-backend", "--port", "0x"], 2, "invalid int value", id="port"),
        pytest.param(["demo:clarity-backend", "--port", "70000"], 2, "from 1 to 65535", id="port-too-high"),
    ],
)
def test_bad_input_is_told_in_one_line_and_nothing_starts(arguments, code, told, started, capsys, tmp_path):
    try:
        got = main(["lab", "--quiet", *arguments])
    except SystemExit as stopped:
        got = stopped.code
    err = capsys.readouterr().err

    assert (got, started) == (code, [])
    assert told in err
    assert code == 2 or err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_jupyterlab_the_command_says_what_to_install(started, monkeypatch, capsys):
    monkeypatch.setattr(lab, "find_spec", lambda _name: None)

    assert main(["lab", "demo:clarity-backend", "--quiet"]) == 1
    assert "pip install 'ecs-notebook-lib[notebooks]'" in capsys.readouterr().err
