"""JupyterLab as a person meets it: a notebook opens, runs, and its widget answers."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from ecs_notebook_lib import notebooks_directory

from .test_report import ARGUMENTS, CHROMIUM, browser

TOKEN = "only-for-this-test"  # noqa: S105
FLAGS = ["--no-browser", "--ip=127.0.0.1", "--ServerApp.port_retries=0", "--LabApp.extension_manager=readonly"]


@pytest.fixture
def lab(tmp_path):
    """Yield the address of a JupyterLab of its own on a copy of the notebooks."""
    shutil.copytree(notebooks_directory(), tmp_path / "notebooks")
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "IPYTHONDIR": str(tmp_path / "ipython")}
    news = tmp_path / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = ["--allow-root"] if os.geteuid() == 0 else []
    arguments = [
        f"--port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path / 'notebooks'}",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *FLAGS, *root, *arguments],
        env=os.environ | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while "is running at" not in process.stderr.readline() and process.poll() is None:
            pass
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.stderr.read()
        process.wait()
        process.stderr.close()


def running(playwright, address):
    """Return Chromium and a page on which all cells of a notebook run."""
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    page = chromium.new_page(viewport={"width": 1400, "height": 4000})
    page.goto(address)
    page.wait_for_selector("text=| Idle", timeout=90_000)
    page.click("text=Run >> nth=0")
    page.click("text=Run All Cells >> nth=0")
    return chromium, page


@browser
@pytest.mark.browser
def test_a_notebook_runs_in_jupyterlab_and_its_widget_answers(lab):
    from playwright.sync_api import expect, sync_playwright

    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{lab}/api/contents", timeout=20)  # noqa: S310  loopback
    with sync_playwright() as playwright:
        chromium, page = running(playwright, f"{lab}/lab/tree/02_stopped_tasks.ipynb?token={TOKEN}")
        choice = page.locator(".widget-dropdown select")
        expect(choice).to_be_visible(timeout=90_000)
        shown = page.locator(".jp-OutputArea", has=choice).last.locator("td")
        expect(shown.first).to_be_visible(timeout=30_000)
        everything = shown.all_inner_texts()
        choice.select_option("clarity-backend:144")
        expect(shown.first).not_to_have_text(everything[0], timeout=30_000)
        chromium.close()


@browser
@pytest.mark.browser
def test_switching_a_finding_off_moves_the_ranking_and_all_on_restores_it(lab):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        chromium, page = running(playwright, f"{lab}/lab/tree/09_differential.ipynb?token={TOKEN}")
        boxes = page.locator(".widget-checkbox input")
        expect(boxes.first).to_be_visible(timeout=90_000)
        shown = page.locator(".jp-OutputArea", has=boxes).last.locator("td:nth-child(2)").first
        expect(shown).to_be_visible(timeout=30_000)
        before = shown.inner_text()
        page.locator(".widget-checkbox", has_text="AWS refused").locator("input").first.uncheck()
        expect(shown).not_to_have_text(before, timeout=30_000)
        page.get_by_role("button", name="All on").click()
        expect(shown).to_have_text(before, timeout=30_000)
        chromium.close()
