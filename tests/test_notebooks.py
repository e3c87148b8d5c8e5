"""Notebooks are documents: question, parameters, table, plot, answer; and they carry nothing of the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.errors import ParameterError
from ecs_notebook_lib.report.composing import compose, step_files
from ecs_notebook_lib.report.executing import execute
from ecs_notebook_lib.report.jupyter import nbformat

NOTEBOOKS = sorted(notebooks_directory().glob("*.ipynb"))
PARAMETERS = {"source", "window", "profile", "region"}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return set(cell.metadata.get("tags", ()))


def test_the_steps_that_exist_have_a_notebook():
    assert [path.stem for path in step_files(notebooks_directory())] == [
        "00_incident_overview",
        "01_target_health",
        "02_stopped_tasks",
        "03_container_logs",
        "04_role_permissions",
        "05_network_path",
        "06_resources",
        "07_deployment_configuration",
        "08_changes",
        "09_differential",
        "10_treatment_and_prognosis",
    ]


def test_the_title_asks_a_question_and_says_what_you_get_need_and_read(notebook):
    title = notebook.cells[0].source

    assert title.startswith("# ")
    assert title.splitlines()[0].endswith("?")
    assert [part in title for part in ("**You get**", "**You need**", "**It reads**")] == [True] * 3


def test_the_first_code_cells_are_parameters_imports_and_loading(notebook):
    parameters, imports, load = code(notebook)[:3]

    assert (tags(parameters), tags(imports), tags(load)) == ({"parameters"}, {"imports"}, {"load"})
    own = {line.split(":")[0] for line in parameters.source.splitlines()}
    assert own in (PARAMETERS, PARAMETERS | {"journal"})
    assert all("  # " in line for line in parameters.source.splitlines())
    assert all(line.startswith(("from ", "import ", " ", ")")) for line in imports.source.splitlines())


def test_a_cell_has_no_logic(notebook):
    import ast

    forbidden = (ast.FunctionDef, ast.For, ast.While, ast.If, ast.Try, ast.With, ast.ListComp, ast.Lambda)
    for cell in code(notebook):
        assert len(cell.source.splitlines()) <= 8 or "imports" in tags(cell)
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, forbidden)]


def test_each_section_is_narrated_and_the_last_cell_answers(notebook):
    headings = [cell.source for cell in notebook.cells if cell.source.startswith("## ")]
    readings = [cell for cell in notebook.cells if cell.source.startswith("**Read it so:**")]

    assert len(readings) >= len(headings) - 1
    assert "**Read it so:**" in notebook.cells[-1].source or "show_step(incident" in notebook.cells[-1].source


def test_it_has_a_table_and_a_plot_of_the_demo_incident(notebook):
    kinds = {kind for cell in code(notebook) for output in cell.outputs for kind in output.get("data", {})}

    assert {"text/html", "image/png", "text/markdown"} <= kinds
    assert "Simulated data" in str([cell.outputs for cell in code(notebook)])


def test_it_carries_no_path_host_time_or_person(notebook):
    text = json.dumps(notebook)
    without_pictures = json.dumps(
        [[o for o in cell.get("outputs", ()) if "image/png" not in o.get("data", {})] for cell in notebook.cells]
    )

    assert len(text) < 300_000
    assert "execution" not in {key for cell in notebook.cells for key in cell.metadata}
    assert not [word for word in (str(Path.home()), str(Path.cwd()), "/site-packages/") if word in without_pictures]


def test_the_composed_report_has_one_parameters_cell_and_all_steps():
    whole = compose(notebooks_directory())

    assert sum("parameters" in tags(cell) for cell in whole.cells) == 1
    assert sum("load" in tags(cell) for cell in whole.cells) == 1
    assert len({cell.id for cell in whole.cells}) == len(whole.cells)
    assert sum(cell.source.startswith("# ") for cell in whole.cells) == 12


def test_stock_papermill_runs_a_notebook_on_another_incident(tmp_path):
    output = tmp_path / "out.ipynb"
    source = ["-p", "source", "demo:clarity-health-check"]
    command = [sys.executable, "-m", "papermill", str(NOTEBOOKS[1]), str(output), "-k", "python3", *source]

    subprocess.run([*command, "--no-progress-bar"], check=True, capture_output=True, cwd=tmp_path)

    assert "[404]" in output.read_text(encoding="utf-8")


def test_a_parameter_that_a_notebook_does_not_have_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="has no parameter 'sauce'"):
        execute(NOTEBOOKS[0], tmp_path / "out.ipynb", {"sauce": "demo:clarity-backend"}, folder=tmp_path)
