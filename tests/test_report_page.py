"""The page in a real browser: it asks nothing of any host, its links lead somewhere, anybody can read and print it."""

import re
from collections import Counter
from contextlib import contextmanager

import pypdf
import pytest

from ecs_notebook_lib.report.listing import write_index

from .browsing import browser, chromium
from .test_report import FIGURES

pytestmark = [browser, pytest.mark.browser]
PHONE = {"width": 320, "height": 640}
"""What 400 % of zoom leaves of a window 1280 pixels wide (WCAG 1.4.10, reflow)."""


@contextmanager
def opened(report, **options):
    """Yield the page of a report in a browser of its own."""
    with chromium() as started:
        page = started.new_context(**({"viewport": {"width": 1280, "height": 900}} | options)).new_page()
        page.goto(report.html.as_uri())
        yield page


def test_it_asks_no_host_runs_no_script_and_reports_no_error(report):
    with chromium() as started:
        page = started.new_page()
        asked, told = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(report.html.as_uri())
        for figure in page.locator("figure img").all():
            figure.scroll_into_view_if_needed()
        drawn = page.locator("figure img").evaluate_all("images => images.map(i => i.complete && i.naturalWidth > 300)")

    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert told == []
    assert drawn == [True] * FIGURES


def test_the_first_screen_answers_what_a_manager_asks(report):
    with opened(report) as page:
        bottoms = page.locator("dl.asked > div").evaluate_all("all => all.map(e => e.getBoundingClientRect().bottom)")
        asked = page.locator("dl.asked dt").all_inner_texts()
        top = page.locator(".verdict").bounding_box()["y"]
        banner = page.locator(".banner").inner_text()

    assert asked[:3] == ["Are customers hurt?", "For how long?", "What is to be done now?"]
    assert top < 300
    assert max(bottoms) < 900
    assert banner.startswith("Simulated data")


def test_every_link_within_the_page_leads_to_one_place_and_findings_to_their_rows_and_back(report):
    with opened(report) as page:
        targets = page.locator("a[href^='#']").evaluate_all("all => all.map(a => a.getAttribute('href').slice(1))")
        ids = Counter(page.locator("[id]").evaluate_all("all => all.map(e => e.id)"))
        page.locator("td#finding-F16 a").click()
        rows = page.locator("h3#rows-F16")
        at_rows = rows.bounding_box()["y"]
        text = page.locator("section", has=rows).last.inner_text()
        page.get_by_role("link", name="Back to F16 in the list of findings").click()
        back_at = page.locator("td#finding-F16").bounding_box()["y"]

    assert len(targets) > 150
    assert {target: ids[target] for target in targets if ids[target] != 1} == {}
    assert [name for name, count in ids.items() if count > 1] == []
    assert 0 <= at_rows < 900
    assert "AccessDenied" in text
    assert 0 <= back_at < 900


def test_code_and_long_text_are_folded_until_somebody_asks(report):
    with opened(report) as page:
        code = page.locator("details.code pre").first
        assert not code.is_visible()
        page.locator("details.code summary").first.focus()
        page.keyboard.press("Enter")
        assert code.is_visible()


def test_a_keyboard_reaches_the_report_first_and_can_scroll_its_tables(report):
    with opened(report) as page:
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = page.evaluate("document.querySelector('main').contains(document.activeElement)")
        reachable = page.locator(".table").evaluate_all("all => all.every(e => e.tabIndex === 0)")

    assert first == "Skip to the report"
    assert inside
    assert reachable


@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [pytest.param("light", {"width": 1280, "height": 900}, id="screen"), pytest.param("dark", PHONE, id="dark-phone")],
)
def test_axe_finds_no_violation(report, scheme, viewport):
    from axe_playwright_python.sync_playwright import Axe

    with opened(report, color_scheme=scheme, viewport=viewport, bypass_csp=True) as page:
        found = Axe().run(page).response

    assert len(found["passes"]) > 15
    assert [(row["id"], row["nodes"][0]["html"][:200]) for row in found["violations"]] == []


def test_the_list_of_reports_is_usable_by_everybody_and_leads_to_them(report):
    from axe_playwright_python.sync_playwright import Axe

    index = write_index(report.folder.parent)
    with chromium() as started:
        page = started.new_context(bypass_csp=True).new_page()
        page.goto(index.as_uri())
        found = Axe().run(page).response["violations"]
        page.get_by_role("link", name="clarity-backend in clarity-backend-cluster").click()
        arrived = page.url

    assert [(row["id"], row["nodes"][0]["html"][:200]) for row in found] == []
    assert arrived == report.html.as_uri()


def test_at_400_percent_nothing_is_cut_off_at_the_side(report):
    with opened(report, viewport=PHONE) as page:
        wide = page.evaluate("document.documentElement.scrollWidth")
        beyond = page.locator("h1, h2, h3, p, dd, figure").evaluate_all(
            "all => all.filter(e => e.getBoundingClientRect().right > 321 && !e.closest('.table')).map(e => e.id)"
        )

    assert wide <= PHONE["width"]
    assert beyond == []


def test_dark_is_dark_and_figures_with_it(report):
    with opened(report, color_scheme="dark") as page:
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        turned = page.locator("figure img").first.evaluate("e => getComputedStyle(e).filter")

    assert max(int(value) for value in re.findall(r"\d+", paper)) < 60
    assert "invert" in turned


def structure_of(path):
    """Return (role, alternative text, pages) of each element of a tagged PDF's structure."""
    reader = pypdf.PdfReader(path)
    numbers = {page.indirect_reference.idnum: number for number, page in enumerate(reader.pages)}
    pending, elements = [reader.trailer["/Root"]["/StructTreeRoot"]["/K"]], []
    while pending:
        element = pending.pop().get_object()
        if isinstance(element, list):
            pending += element
        if not isinstance(element, dict):
            continue
        parts = element.get("/K", [])
        parts = [part.get_object() for part in (parts if isinstance(parts, list) else [parts])]
        marked = [part for part in parts if isinstance(part, dict) and "/Pg" in part]
        pages = {numbers[part.raw_get("/Pg").idnum] for part in (element, *marked) if "/Pg" in part}
        elements.append((element.get("/S"), element.get("/Alt"), pages))
        pending += [part for part in parts if isinstance(part, dict)]
    return elements


def test_on_paper_no_figure_is_cut_and_each_says_what_it_shows(report, tmp_path):
    with opened(report) as page:
        page.pdf(path=tmp_path / "report.pdf", format="A4", tagged=True)
        page.emulate_media(media="print")
        heights = page.locator("figure").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
        kept = page.locator("figure").evaluate_all("all => all.map(e => getComputedStyle(e).breakInside)")
        hidden = page.locator("details.code").first.is_visible()
    figures = [(alt, pages) for role, alt, pages in structure_of(tmp_path / "report.pdf") if role == "/Figure" and alt]

    assert len(figures) == FIGURES
    assert len({alt for alt, _ in figures}) == FIGURES
    assert min(len(alt) for alt, _ in figures) > 60
    assert all(len(pages) == 1 for _, pages in figures)
    assert max(heights) < 267 / 25.4 * 96
    assert set(kept) == {"avoid"}
    assert not hidden
