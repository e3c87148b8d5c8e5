"""The command: exit codes, one line for an error, stdout for the answer and stderr for the rest."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from ecs_notebook_lib.cli import main
from ecs_notebook_lib.snapshot import save_snapshot

from .conftest import FAILING, incident_of


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["diagnose", "demo:clarity-backend"], 3),
        (["diagnose", "demo:clarity-healthy"], 0),
        (["diagnose", "demo:helth"], 1),
        (["diagnose", "demo:clarity-backend:x"], 1),
        (["diagnose", "nothing.zip"], 1),
        (["diagnose", "live:x"], 1),
        (["diagnose", "demo:clarity-backend", "--window", "soon"], 1),
        (["diagnose"], 2),
        (["diagnose", "--cluster", "c"], 2),
        (["diagnose", "demo:clarity-backend", "--format", "yaml"], 2),
        (["simulate"], 2),
        (["simulate", "demo:none", "--out", "x.zip"], 1),
        (["policy"], 0),
        ([], 2),
    ],
)
def test_exit_codes(arguments, code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        got = main(arguments)
    except SystemExit as stopped:
        got = stopped.code

    told = capsys.readouterr()
    assert got == code
    assert "Traceback" not in told.err
    if code == 1:
        assert len([line for line in told.err.splitlines() if line.startswith("ecs-notebook: ")]) == 1
        assert told.out == ""


def test_progress_goes_to_stderr_and_quiet_silences_it(capsys):
    main(["diagnose", "demo:clarity-healthy"])
    loud = capsys.readouterr()
    main(["diagnose", "demo:clarity-healthy", "--quiet"])
    quiet = capsys.readouterr()

    assert "... service" in loud.err
    assert quiet.err == ""
    assert loud.out == quiet.out


@pytest.mark.parametrize("name", FAILING)
def test_text_tells_the_verdict_and_that_it_is_simulated(name, capsys):
    main(["diagnose", f"demo:{name}", "--quiet"])
    out = capsys.readouterr().out

    assert "Simulated data" in out
    assert "Most likely" in out
    assert "Waiter ServicesStable failed: Max attempts exceeded" in out


def test_json_and_markdown_tell_the_same_cause(capsys):
    main(["diagnose", "demo:clarity-backend", "--quiet", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    main(["diagnose", "demo:clarity-backend", "--quiet", "--format", "markdown"])
    markdown = capsys.readouterr().out

    assert document["differential"][0]["cause"] == "permissions.task_role"
    assert "permissions.task\\_role" in markdown
    assert "Simulated data" in markdown


def test_markdown_tells_which_look_alikes_were_considered_and_why_they_are_rejected(capsys):
    main(["diagnose", "demo:clarity-backend", "--quiet", "--format", "markdown"])
    section = capsys.readouterr().out.split("## Look-alikes of the leading cause")[1].split("\n## ")[0]

    assert "| look-alike | probability | against it | it explains less well | told apart by |" in section
    assert "permissions.execution\\_role" in section


def test_a_snapshot_written_by_collect_gives_the_same_diagnosis(tmp_path, capsys):
    path = tmp_path / "a b.zip"
    assert main(["collect", "demo:clarity-backend", "--quiet", "--out", str(path)]) == 0
    capsys.readouterr()
    main(["diagnose", str(path), "--quiet", "--format", "json"])
    from_file = json.loads(capsys.readouterr().out)
    main(["diagnose", "demo:clarity-backend", "--quiet", "--format", "json"])

    assert from_file == json.loads(capsys.readouterr().out)


def test_control_characters_are_shown_and_not_obeyed():
    from ecs_notebook_lib.untrusted import visible

    assert visible("a\x1b[31mb\u202ec\r\nd") == "a\\x1b[31mb\\u202ec\\r d"


@pytest.mark.parametrize("command", [["explain", "exit code 137"], ["diagnose", "demo:clarity-network", "--quiet"]])
def test_a_reader_that_has_read_enough_is_not_complained_of(command):
    read, write = os.pipe()
    os.close(read)

    code = "import sys; from ecs_notebook_lib.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *command], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)

    assert (done.returncode, done.stderr) == (1, b"")


def test_simulate_serves_until_it_is_stopped():
    command = [sys.executable, "-c", "from ecs_notebook_lib.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "simulate", "clarity-backend", "--serve", "127.0.0.1:0", "--speed", "60"],
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull},
    )
    try:
        line = process.stdout.readline()
        url = line.split(" at ")[1].split(",")[0]
        with pytest.raises(urllib.error.HTTPError) as answered:
            urllib.request.urlopen(url, timeout=20)  # noqa: S310  loopback

        assert "(simulated)" in line
        assert answered.value.code == 403
        answered.value.close()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_what_was_not_seen_is_told_also_when_the_service_is_stable(capsys, tmp_path):
    path = tmp_path / "a.zip"
    save_snapshot(incident_of("clarity-healthy", 0, frozenset({"ecs:ListTasks"})).snapshot, path)

    main(["diagnose", str(path), "--quiet"])
    out = capsys.readouterr().out

    assert "AccessDeniedException: ListTasks" in " ".join(out.split())
    assert "What to check next" not in out


HEAVY = ("pandas", "boto3", "botocore", "matplotlib", "papermill", "ecs_notebook_lib.cases")


@pytest.mark.parametrize(
    ("command", "loaded"),
    [(["explain", "exit code 137"], []), (["diagnose", "a.zip", "--quiet"], ["pandas"])],
    ids=["explain", "diagnose"],
)
def test_a_command_loads_only_what_it_needs(command, loaded, tmp_path):
    save_snapshot(incident_of("clarity-healthy", 0, frozenset({"ecs:ListTasks"})).snapshot, tmp_path / "a.zip")
    told = f"print(sorted(set({HEAVY}) & sys.modules.keys()))"
    code = f"import sys; from ecs_notebook_lib.cli import main; main({command}); {told}"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == str(loaded)
