"""The tables of `knowledge/`: parsed once a change, whatever the process."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ecs_notebook_lib.knowledge import tables

KNOWLEDGE = Path(tables.__file__).parent
READ = "import tables; print(tables.read_table('messages')['message'][0]['kind'])"


def read_in_new_process(folder):
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([sys.executable, "-c", READ], cwd=folder, env=variables, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path):
    shutil.copy(KNOWLEDGE / "tables.py", tmp_path)
    (tmp_path / "messages.py").write_text("a module of the same name\n")
    (tmp_path / "messages.toml").write_text('[[message]]\nkind = "first"\n')
    return tmp_path


@pytest.mark.parametrize("path", sorted(KNOWLEDGE.glob("*.toml")), ids=lambda path: path.stem)
def test_a_table_is_what_its_file_says(path):
    assert tables.read_table(path.stem) == tomllib.loads(path.read_text(encoding="utf-8"))


def test_a_table_is_compiled_once_and_anew_when_its_file_has_changed(folder):
    first = read_in_new_process(folder)
    (compiled,) = folder.glob("__pycache__/messages.*")
    made = compiled.stat().st_mtime_ns
    again = read_in_new_process(folder), compiled.stat().st_mtime_ns
    (folder / "messages.toml").write_text('[[message]]\nkind = "another"\n')

    assert (first, again, read_in_new_process(folder)) == ("first", ("first", made), "another")


def test_a_table_is_read_where_nothing_compiled_can_be_kept(folder):
    (folder / "__pycache__").write_text("a file stands where the folder would be")

    assert read_in_new_process(folder) == "first"
