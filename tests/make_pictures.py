"""Take the README's pictures from the real thing: the report in Chromium, and each notebook in JupyterLab."""

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from ecs_notebook_lib.incident import open_incident
from ecs_notebook_lib.report import write_report

from .test_lab import NOTEBOOKS, opened, started_lab
from .test_report_page import PHONE
from .test_report_page import opened as opened_report

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
SCREEN = {"width": 1280, "height": 860}
COLORS = 160
SHOWN = {
    "report-first-screen": ({"viewport": SCREEN}, "body"),
    "report-findings": ({"viewport": SCREEN}, "h2:has-text('What was found')"),
    "report-rows": ({"viewport": SCREEN}, "#rows-F16"),
    "report-dark": ({"viewport": SCREEN, "color_scheme": "dark"}, "h2:has-text('What happened when')"),
    "report-phone": ({"viewport": PHONE}, "body"),
}
"""Of each picture of the report how the browser is set, and what stands at its top."""


def main() -> int:
    """Take all pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        report = write_report(open_incident("demo:clarity-backend"), folder=str(Path(work) / "report"))
        for name, (options, top) in SHOWN.items():
            with opened_report(report, **options) as page:
                page.locator(top).first.evaluate("element => element.scrollIntoView()")
                _keep(page, name)
        with started_lab(Path(work)) as lab:
            for name in sorted(NOTEBOOKS):
                with opened(lab, name) as page:
                    _keep_notebook(page, name)
    return 0


def _keep_notebook(page: Page, name: str) -> None:
    """Keep what a person sees who has run a notebook and scrolls to its first answer."""
    first = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) h2").first
    page.set_viewport_size({"width": 1280, "height": 1100})
    first.evaluate("element => element.scrollIntoView()")
    page.wait_for_timeout(1500)
    _keep(page, f"notebook-{name.replace('_', '-')}")


def _keep(page: Page, name: str) -> None:
    """Write a picture with few colours: a page has few, and the repository keeps every version of it."""
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stdout.write(f"{path.relative_to(FOLDER.parent.parent)}: {path.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    sys.exit(main())
