"""The arrows of DESIGN 1: imports run downwards, and each heavy library has one home."""

import ast
from pathlib import Path

import pytest

from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.knowledge.treatments import write_operations

LIBRARY = Path(__file__).parent.parent / "ecs_notebook_lib"
MAY_IMPORT = {
    "arns": set(),
    "lazily": set(),
    "compiled": set(),
    "errors": {"untrusted"},
    "version": set(),
    "untrusted": set(),
    "notebook_files": set(),
    "source": {"errors"},
    "examined": {"source"},
    "rolling_update": set(),
    "knowledge": {"arns", "compiled"},
    "network": set(),
    "policy": set(),
    "simulate": set(),
    "snapshot": {"errors", "source", "knowledge"},
    "collect": {"lazily", "compiled", "arns", "errors", "version", "source", "examined", "knowledge", "snapshot"},
    "redact": {"knowledge", "snapshot"},
    "frames": {"arns", "errors", "examined", "knowledge", "network", "policy", "snapshot"},
    "diagnosis": {"lazily", "examined", "frames", "knowledge", "network", "rolling_update", "snapshot", "untrusted"},
    "treatment": {
        "arns",
        "errors",
        "diagnosis",
        "examined",
        "frames",
        "knowledge",
        "policy",
        "network",
        "rolling_update",
        "snapshot",
        "untrusted",
    },
    "treatment.apply": {"errors", "collect", "knowledge", "snapshot", "treatment"},
    "cases": {"errors", "version", "knowledge", "snapshot", "frames", "diagnosis"},
    "history": {"arns", "errors", "source", "knowledge", "snapshot", "collect"},
    "incident": {
        "errors",
        "source",
        "examined",
        "cases",
        "collect",
        "history",
        "snapshot",
        "frames",
        "diagnosis",
        "simulate",
        "treatment",
    },
    "wait": {
        "arns",
        "version",
        "source",
        "untrusted",
        "examined",
        "rolling_update",
        "knowledge",
        "snapshot",
        "collect",
    },
    "time_steps": set(),
    "plots": {"time_steps", "untrusted"},
    "report": {
        "lazily",
        "redact",
        "source",
        "time_steps",
        "rolling_update",
        "errors",
        "version",
        "untrusted",
        "notebook_files",
        "knowledge",
        "snapshot",
        "frames",
        "diagnosis",
        "treatment",
        "incident",
    },
    "fleet": {
        "errors",
        "version",
        "source",
        "untrusted",
        "examined",
        "rolling_update",
        "knowledge",
        "snapshot",
        "collect",
        "frames",
        "diagnosis",
        "incident",
        "wait",
        "history",
        "report",
    },
    "widgets": {
        "time_steps",
        "errors",
        "source",
        "untrusted",
        "snapshot",
        "collect",
        "frames",
        "diagnosis",
        "treatment",
        "incident",
        "simulate",
        "plots",
        "report",
    },
    "picking": {"errors", "incident", "widgets"},
    "cli": {
        "errors",
        "version",
        "source",
        "untrusted",
        "knowledge",
        "cases",
        "diagnosis",
        "collect",
        "fleet",
        "snapshot",
        "history",
        "incident",
        "report",
        "simulate",
        "treatment",
        "wait",
    },
    "": {"lazily", "version", "collect", "diagnosis", "errors", "incident", "notebook_files", "picking", "snapshot"},
}
HOMES = {
    "boto3": {"collect"},
    "botocore": {"collect", "simulate", "treatment.apply"},
    "matplotlib": {"plots"},
    "ipywidgets": {"widgets"},
    "papermill": {"report"},
    "nbformat": {"report"},
    "nbconvert": {"report"},
    "IPython": {"report", "widgets"},
    "rich": {"cli"},
    "detect_secrets": {"redact"},
    "duckdb": {"history"},
    "dask": {"fleet"},
    "distributed": {"fleet"},
    "jinja2": {"report", "fleet"},
}
MODULES = sorted(LIBRARY.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def part_of(path: Path) -> str:
    if path.relative_to(LIBRARY).parts[:2] == ("treatment", "apply"):
        return "treatment.apply"
    first = path.relative_to(LIBRARY).parts[0]
    return first.removesuffix(".py").removesuffix("__init__")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_imports_run_downwards_only(path):
    part = part_of(path)
    own = {name.split(".")[1] for name in imports_of(path) if name.startswith("ecs_notebook_lib.")}

    assert own - {part.partition(".")[0]} <= MAY_IMPORT[part]


WRITES = "ecs_notebook_lib.treatment.apply"
MAY_WRITE = {"cli/treat.py", "cli/watching.py", "widgets/treating.py"}
"""What may import the part that writes: the command that was asked to, and the button in the notebook."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_only_treat_reaches_what_writes_to_the_account(path):
    reaches = any(name == WRITES or name.startswith(f"{WRITES}.") for name in imports_of(path))

    assert not reaches or part_of(path) == "treatment.apply" or str(path.relative_to(LIBRARY)) in MAY_WRITE


def test_one_module_calls_write_operations_and_makes_clients_that_do_not_try_again():
    once = [
        str(path.relative_to(LIBRARY))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "once"
    ]

    assert once == ["treatment/apply/writer.py"]


def test_collectors_may_call_nothing_that_writes():
    reading = ("Describe", "List", "Get", "Batch", "Simulate", "Filter", "Lookup", "Head")

    assert [name for name in every_operation() if not name.partition(":")[2].startswith(reading)] == []
    assert set(every_operation()) & set(write_operations()) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_heavy_libraries_stay_in_their_home(path):
    roots = {name.split(".")[0] for name in imports_of(path)}

    assert [root for root in roots & HOMES.keys() if part_of(path) not in HOMES[root]] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_modules_and_functions_are_small(path):
    text = path.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]

    assert text.count("\n") <= 400
    assert [f.name for f in functions if (f.end_lineno or 0) - f.body[0].lineno + 1 > 50] == []


def test_importing_the_library_loads_neither_pandas_nor_boto3():
    import subprocess
    import sys

    heavy = "{'pandas', 'boto3', 'rich', 'detect_secrets', 'ecs_notebook_lib.redact'}"
    code = f"import sys, ecs_notebook_lib, ecs_notebook_lib.cli; print(sorted({heavy} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
