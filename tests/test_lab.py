"""JupyterLab as a person meets it: `ecs-notebook lab` opens it, notebooks run to their end, and widgets answer."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit

import pytest

from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.simulate import build, serve

from .browsing import browser, chromium
from .conftest import environment

TOKEN = "only-for-this-test"  # noqa: S105
COMMAND = [sys.executable, "-c", "import sys; from ecs_notebook_lib.cli import main; sys.exit(main(sys.argv[1:]))"]
NOTEBOOKS = sorted(path.stem for path in notebooks_directory().glob("*.ipynb"))
NOTEBOOKS = [*NOTEBOOKS[3:], *NOTEBOOKS[:3]]
"""So that the sample of `make test`, every ninth, is the notebook on logs and the overview."""
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/")
"""As JupyterLab tells it: it chooses a port that is free."""
ERROR = "[data-mime-type='application/vnd.jupyter.stderr']"
BY_HAND = ["from ecs_notebook_lib import open_incident\n\nincident = open_incident()", "print(incident.title)"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with started_lab(tmp_path_factory.mktemp("lab")) as address:
        yield address


@contextmanager
def started_lab(folder):
    """Yield the address of the JupyterLab that the command starts, with a served account behind boto3's own chain."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "IPYTHONDIR": str(folder / "ipython")}
    with serve(build("clarity-backend").respond, "127.0.0.1") as server:
        account = {name: value for name, value in environment(server.url).items() if name.startswith("AWS_")}
        process = subprocess.Popen(
            [*COMMAND, "lab", "demo:clarity-backend", "--quiet", "--no-browser", "--out", "copy"],
            env={**os.environ, **own, **account, "JUPYTER_TOKEN": TOKEN},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout.readline() == "copy/incident_report.ipynb\n"
            address = next(found.group(1) for line in process.stderr if (found := ADDRESS.search(line)))
            drained = Thread(target=deque, args=(process.stderr, 0))  # a full pipe would stop it
            drained.start()
            wait_until_it_listens(address)
            cells = [nbformat.v4.new_code_cell(source) for source in BY_HAND]
            metadata = nbformat.read(folder / "copy/incident_report.ipynb", as_version=4).metadata
            nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "copy/by_hand.ipynb")
            yield address
        finally:
            process.terminate()
            process.wait()
            drained.join()
            process.stdout.close()
            process.stderr.close()


def wait_until_it_listens(address):
    """Return once the port is open: Jupyter tells its address a moment before it listens."""
    where = urlsplit(address)
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((where.hostname, where.port), timeout=5).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < until, "JupyterLab does not listen"
            time.sleep(0.05)


@contextmanager
def opened(lab, name):
    """Yield a page with a notebook in which every cell has been run."""
    with chromium() as started:
        page = started.new_page(viewport={"width": 1400, "height": 7000})
        page.goto(f"{lab}/lab/tree/{name}.ipynb?reset&token={TOKEN}")
        page.wait_for_selector("text=| Idle", timeout=90_000)
        run_all(page)
        yield page


def run_all(page):
    """Run all cells and wait for the last one; a click before the kernel is connected is lost, so it is repeated."""
    prompts = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-InputPrompt")
    for _ in range(10):
        page.click("text=Run >> nth=0")
        page.click("text=Run All Cells >> nth=0")
        time.sleep(1)
        if prompts.first.inner_text().strip() != "[ ]:":
            break
    page.wait_for_function(
        """() => {
            const cells = document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell');
            const shown = [...cells].map((cell) => cell.querySelector('.jp-InputPrompt').textContent.trim());
            const failed = document.querySelector("[data-mime-type='application/vnd.jupyter.stderr']");
            return !shown.includes('[*]:') && (failed || !shown.includes('[ ]:'));
        }""",
        timeout=120_000,
    )


def panels(page):
    """Return the output areas that hold a panel: controls, and what they choose."""
    return page.locator(".jp-OutputArea-output", has=page.locator(".ecs-panel")).all()


def move(panel):
    """Move a control of a panel as a person does: type, drag by the keyboard, choose, or untick."""
    if panel.locator(".widget-text input").count() and not panel.locator(".widget-button").count():
        field = panel.locator(".widget-text input").first
        field.fill("no line holds this")
        field.press("Enter")
    elif panel.locator(".noUi-handle").count():
        handle = panel.locator(".noUi-handle").first
        handle.press("ArrowRight" if panel.locator(".noUi-handle").count() > 1 else "ArrowLeft")
    elif panel.locator(".widget-checkbox input:checked").count():
        panel.locator(".widget-checkbox input:checked").first.uncheck()
    else:
        panel.locator("select").first.select_option(index=1)


def changed(shown, before):
    """Wait until something else is shown: a widget puts new elements in the place of the old ones."""
    until = time.monotonic() + 30
    while shown.inner_html() == before:
        assert time.monotonic() < until, "the widget did not answer"
        time.sleep(0.1)


@browser
@pytest.mark.browser
def test_nobody_without_the_token_is_let_in(lab):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab}/api/contents", timeout=20)  # noqa: S310  loopback


@browser
@pytest.mark.browser
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_to_its_end_and_every_widget_in_it_answers(name, lab):
    from playwright.sync_api import expect

    with opened(lab, name) as page:
        expect(page.locator(ERROR)).to_have_count(0)
        found = panels(page)
        assert bool(found) == (name != "incident_report")
        for panel in found:
            shown = panel.locator(".ecs-panel")
            before = shown.inner_html()
            move(panel)
            changed(shown, before)
        expect(page.get_by_text("Would you like to get notified about official Jupyter news?")).to_have_count(0)


@browser
@pytest.mark.browser
def test_a_revision_then_a_task_shows_its_reason_and_last_lines(lab):
    from playwright.sync_api import expect

    with opened(lab, "02_stopped_tasks") as page:
        [panel] = panels(page)
        revision, task = panel.locator("select").all()
        of_all = task.locator("option").all_inner_texts()
        revision.select_option("clarity-backend:146")
        expect(task.locator("option")).not_to_have_text(of_all, timeout=30_000)
        expect(task.locator("option").nth(10)).to_be_attached(timeout=30_000)
        wanted = task.locator("option", has_text="EssentialContainerExited").first.inner_text()
        task.select_option(wanted)
        expect(panel.locator(".ecs-panel")).to_contain_text("Essential container in task exited", timeout=30_000)
        expect(panel.locator(".ecs-panel")).to_contain_text("Its last log lines")


@browser
@pytest.mark.browser
def test_switching_a_finding_off_moves_the_ranking_and_all_on_restores_it(lab):
    from playwright.sync_api import expect

    with opened(lab, "09_differential") as page:
        [panel] = panels(page)
        shown = panel.locator(".ecs-panel td:nth-child(2)").first
        before = shown.inner_text()
        panel.locator(".widget-checkbox", has_text="AWS refused").locator("input").first.uncheck()
        expect(shown).not_to_have_text(before, timeout=30_000)
        panel.get_by_role("button", name="All on").click()
        expect(shown).to_have_text(before, timeout=30_000)


@browser
@pytest.mark.browser
def test_without_a_source_a_service_is_picked_and_the_same_cells_then_run(lab):
    from playwright.sync_api import expect

    with opened(lab, "by_hand") as page:
        box = page.locator(ERROR)
        expect(box).to_contain_text("Nothing is picked yet", timeout=30_000)
        assert len(box.inner_text().strip().splitlines()) < 9
        page.get_by_role("button", name="List clusters").click()
        services = page.locator(".widget-select select").first
        expect(services.locator("option")).to_have_count(2, timeout=30_000)
        services.select_option(label=services.locator("option").first.inner_text())
        page.get_by_role("button", name="Open this service").click()
        told = page.locator("pre", has_text="source: str")
        expect(told).to_have_text('source: str = "live:clarity-backend-cluster/clarity-backend"', timeout=60_000)
        run_all(page)
        title = page.locator(".jp-OutputArea-output", has_text="clarity-backend in clarity-backend-cluster")
        expect(title.last).to_be_visible(timeout=60_000)
        expect(page.locator(ERROR)).to_have_count(0)
