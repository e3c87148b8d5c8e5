"""The wheel outside the checkout: with the notebooks it makes the report, the base alone diagnoses."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command, cwd, **environment):
    passed_on = ("PATH", "LANG", "SSL_CERT_FILE", "PIP_CONFIG_FILE")
    kept = {name: os.environ[name] for name in passed_on if name in os.environ}
    kept |= {"HOME": str(cwd), "UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", **environment}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def environment_with(wheel, folder, extra=""):
    """Return the folder of programs of an empty environment in which the wheel is installed."""
    uv = Path(sys.executable).parent / "uv"
    made = run(uv, "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    assert made.returncode == 0, made.stderr
    lock = ROOT / "requirements.lock"
    python = folder / "env/bin/python"
    cache = {"UV_CACHE_DIR": str(folder / "cache")}
    if "UV_CACHE_DIR" in os.environ or (Path.home() / ".cache/uv").is_dir():
        cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv"))}
    command = (uv, "pip", "install", "--quiet", "--python", python, "--constraint", lock, f"{wheel}{extra}")
    installed = run(*command, cwd=folder, **cache)
    assert installed.returncode == 0, installed.stderr
    return folder / "env/bin"


def test_the_wheel_carries_notebooks_templates_tables_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())

    assert "ecs_notebook_lib/notebooks/incident_report.ipynb" in names
    assert "ecs_notebook_lib/report/templates/incident/index.html.j2" in names
    assert "ecs_notebook_lib/knowledge/messages.toml" in names
    assert "ecs_notebook_lib/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "notebooks/"))]


def test_the_wheel_makes_the_report_outside_the_checkout(wheel, tmp_path):
    programs = environment_with(wheel, tmp_path, "[notebooks]")

    done = run(programs / "ecs-notebook", "report", "demo:clarity-backend", "--quiet", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    page = tmp_path / done.stdout.strip()
    assert page.is_file()
    assert "Most likely" in page.read_text(encoding="utf-8")


def test_the_base_alone_diagnoses_without_matplotlib_or_jupyter(wheel, tmp_path):
    programs = environment_with(wheel, tmp_path)

    done = run(programs / "ecs-notebook", "diagnose", "demo:clarity-backend", "--quiet", cwd=tmp_path)
    missing = run(programs / "python", "-c", "import matplotlib", cwd=tmp_path)
    report = run(programs / "ecs-notebook", "report", "demo:clarity-backend", cwd=tmp_path)

    assert done.returncode == 3, done.stderr
    assert "the task role does not allow" in done.stdout
    assert missing.returncode == 1
    assert report.returncode == 1
    assert "pip install 'ecs-notebook-lib[notebooks]'" in report.stderr
