"""The report: everything in one folder, verdict first, nothing asked of any other host, errors kept inside."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.incident import Incident, open_incident
from ecs_notebook_lib.report import write_report
from ecs_notebook_lib.report import writing as writing_module
from ecs_notebook_lib.report.composing import compose
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.snapshot import load_snapshot
from ecs_notebook_lib.untrusted import plain

from .conftest import incident_of

FIGURES = 16


def test_the_folder_holds_everything(report):
    names = {path.name for path in report.folder.iterdir()}

    assert names == {
        "report.html",
        "report.md",
        "diagnosis.json",
        "snapshot.zip",
        "incident_report.ipynb",
        "00_incident_overview.ipynb",
        "01_target_health.ipynb",
        "02_stopped_tasks.ipynb",
        "03_container_logs.ipynb",
        "04_role_permissions.ipynb",
        "05_network_path.ipynb",
        "06_resources.ipynb",
        "07_deployment_configuration.ipynb",
        "08_changes.ipynb",
        "09_differential.ipynb",
        "10_treatment_and_prognosis.ipynb",
        "treatment.jsonl",
        "notes.md",
        "run.json",
        "summary.md",
    }
    assert report.errors == ()


def test_it_tells_what_to_do_and_what_was_done(report):
    page = report.html.read_text(encoding="utf-8")
    document = json.loads((report.folder / "diagnosis.json").read_bytes())

    assert "What is to be done now?" in page
    assert document["treatment"]["immediate"][0]["action"] in page
    assert "roll_back of clarity-backend by arn:somebody" in page
    assert "Stable after 4.2 min, within what was foretold." in page
    assert "<b>web</b>" not in page


def test_the_diagnosis_beside_it_is_that_of_its_snapshot(report):
    document = json.loads((report.folder / "diagnosis.json").read_bytes())
    again = Incident(load_snapshot(report.folder / "snapshot.zip")).diagnosis.to_json()

    assert document == json.loads(json.dumps(again))


def test_the_same_snapshot_gives_the_same_report_but_for_one_file(report, tmp_path):
    again = write_report(
        open_incident(report.folder / "snapshot.zip"),
        folder=str(tmp_path / "again"),
        journal=report.folder / "treatment.jsonl",
    )
    first, second = ({path.name: path.read_bytes() for path in one.folder.iterdir()} for one in (report, again))

    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == {"run.json"}
    assert len(first["report.html"]) < 3_000_000


def test_the_page_has_the_verdict_first_and_says_that_it_is_simulated(report):
    page = report.html.read_text(encoding="utf-8")

    page = page[page.index("<body") :]
    assert page.index("Simulated data") < page.index("Most likely") < page.index("Contents") < page.index("<main")
    assert "<script" not in page
    assert page.count("<details") > 20
    assert page.count("<figure>") == FIGURES
    assert not [word for word in (str(Path.home()), str(Path.cwd())) if word in page]


def test_executed_steps_are_notebooks_of_their_own(report):
    step = nbformat.read(report.folder / "03_container_logs.ipynb", as_version=4)
    nbformat.validate(step)

    assert step.cells[0].source.startswith("# What did the containers print")
    assert any("injected-parameters" in cell.metadata.get("tags", ()) for cell in step.cells)
    assert "AccessDenied" in json.dumps(step)


@pytest.fixture
def with_notebooks(tmp_path, monkeypatch):
    def change(edit):
        folder = tmp_path / "notebooks"
        shutil.copytree(writing_module.notebooks_directory(), folder)
        path = folder / "01_target_health.ipynb"
        notebook = nbformat.read(path, as_version=4)
        edit(notebook)
        nbformat.write(notebook, path)
        monkeypatch.setattr(writing_module, "notebooks_directory", lambda: folder)

    return change


def test_a_failing_cell_leaves_its_error_in_the_report_and_the_others_still_run(with_notebooks, tmp_path):
    with_notebooks(lambda notebook: notebook.cells[5].update(source="1 / 0"))

    report = write_report(incident_of("clarity-health-check"), folder=str(tmp_path / "out"))
    page = report.html.read_text(encoding="utf-8")

    assert report.errors == ("01_target_health: ZeroDivisionError: division by zero",)
    assert "ZeroDivisionError" in page
    assert "What do the roles allow?" in page
    assert page.count("<figure>") == FIGURES


def test_an_incident_of_which_nothing_could_be_read_still_makes_a_report(tmp_path):
    refused = frozenset(
        name for name in incident_of("clarity-backend").coverage["operation"] if name.startswith("ecs:")
    )

    report = write_report(incident_of("clarity-backend", 0, refused), folder=str(tmp_path / "out"))
    page = report.html.read_text(encoding="utf-8")

    assert report.errors == ()
    assert "Too little could be read" in page
    assert "AccessDeniedException: DescribeServices" in page
    assert "every task: why tasks stopped" in page


def hostile(tmp_path):
    """Return an incident whose container printed HTML, Markdown, controls and mathtext."""
    snapshot = incident_of("clarity-backend").snapshot
    evil = "<script>alert(1)</script><img src=http://192.0.2.1/x onerror=alert(2)> "
    evil += "$\\\\frac{$ | [a](javascript:x) \\u001b[2J"
    lines = snapshot.members["logs:GetLogEvents"].replace(b"Application failed. Exiting.", evil.encode())
    assert lines != snapshot.members["logs:GetLogEvents"]
    return Incident(replace(snapshot, members={**snapshot.members, "logs:GetLogEvents": lines}))


def test_what_a_container_printed_is_shown_and_never_obeyed(tmp_path):
    report = write_report(hostile(tmp_path), folder=str(tmp_path / "out"))
    page = report.html.read_text(encoding="utf-8")

    assert report.errors == ()
    assert "<script" not in page
    assert "<img src=http" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\x1b" not in page


def test_nothing_in_untrusted_text_is_markdown_or_html():
    assert plain("<b>|`*[a](x) $y$ #_\x1b") == r"\<b\>\|\`\*\[a\](x) \$y\$ \#\_\\x1b"


def test_the_folder_is_named_after_the_incident(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unexecuted = compose(notebooks_directory())
    monkeypatch.setattr(writing_module, "_execute_all", lambda *_asked: unexecuted)

    report = write_report(open_incident("demo:clarity-healthy"))

    assert report.folder == Path("reports/clarity-backend-cluster--clarity-backend--20250712T091500Z")


def test_a_kernel_that_started_for_nothing_is_gone_with_its_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    before = psutil.Process().children()

    code = main(["report", "demo:nope", "--quiet"])

    assert (code, capsys.readouterr().err.count("\n")) == (1, 1)
    assert (psutil.Process().children(), list(tmp_path.iterdir())) == (before, [])
