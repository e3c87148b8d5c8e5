"""A report on an incident whose every text is hostile: it stands there as text, and in Chromium nothing runs."""

import re
from html.parser import HTMLParser

import pytest

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import write_report

from .browsing import browser, chromium
from .hostile import CORPUS, Mode
from .test_hostile import hidden_in, snapshot_of

LOADING = {"src", "srcset", "action", "formaction", "poster", "data", "background", "ping", "manifest", "cite"}


class Tags(HTMLParser):
    """Collects what of a page could run, load or hide something."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.names, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module", params=list(Mode), ids=str)
def hostile_report(request, tmp_path_factory):
    """Return the report of the demo incident with hostile text in its free texts, in its names as well, or in place."""
    incident = Incident(snapshot_of("clarity-backend", request.param))
    return write_report(incident, folder=str(tmp_path_factory.mktemp("hostile") / "report"))


@pytest.fixture
def page(hostile_report):
    return hostile_report.html.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def own_headings(report):
    """Return the headings of the same incident's page without anything hostile."""
    return set(re.findall(r"<h2[^>]*>(.*?)</h2>", report.html.read_text(encoding="utf-8"), re.S))


def test_no_cell_of_the_report_fails(hostile_report):
    assert hostile_report.errors == ()


def test_the_page_holds_no_element_that_runs_or_loads(page):
    tags = Tags(page)
    never = {"script", "iframe", "object", "embed", "base", "form", "link", "template", "dialog", "video", "audio"}

    assert never & set(tags.names) == set()
    assert [row for row in tags.attributes if row[1].startswith("on")] == []
    assert [row for row in tags.attributes if row[1] in LOADING and not row[2].startswith("data:")] == []
    hrefs = [row[2] for row in tags.attributes if row[1] == "href"]
    assert [link for link in hrefs if re.match(r"(?i)\s*(https?:|//|javascript:)", link)] == []
    told = ("alt", "title", "value", "aria-label")
    assert [row for row in tags.attributes if "192.0.2.1" in row[2] and row[1] not in told] == []


def test_the_page_forbids_what_it_does_not_need(page):
    policy = next(
        value for tag, name, value in Tags(page).attributes if tag == "meta" and name == "content" and "-src" in value
    )

    assert "default-src 'none'" in policy
    assert "script-src" not in policy or "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_hostile_text_is_in_the_page_as_text_and_written_out(page):
    text = "".join(Tags(page).text)

    assert hidden_in(text.replace("\t", "").replace("\r", "")) == set()
    shown = [name for name, bad in CORPUS.items() if bad[:12].isascii() and bad[:12].isprintable() and bad[:12] in text]
    assert len(shown) > 6, sorted(set(CORPUS) - set(shown))  # which lines the page shows, the diagnosis decides
    assert page.count("window.__hostile") > 0


def test_its_other_files_hold_nothing_that_a_terminal_obeys(hostile_report):
    markdown = (hostile_report.folder / "report.md").read_text(encoding="utf-8")

    assert hidden_in(markdown) == set()
    assert not re.search(r"(?<!\\)<(script|img|svg|iframe|style|meta|base|form|a)\b", markdown)
    assert not re.search(r"(?<!\\)\]\((javascript:|http://192)", markdown)


@browser
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_chromium_nothing_ran_nothing_was_asked_and_nothing_is_hidden(hostile_report, own_headings, scheme):
    with chromium() as started:
        page = started.new_page(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
        asked, told, asking = [], [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: (asking.append(dialog.message), dialog.dismiss()))
        page.goto(hostile_report.html.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true })")
        page.mouse.move(300, 300)
        page.mouse.click(5, 5)
        page.wait_for_timeout(500)
        ran = page.evaluate("typeof window.__hostile")
        address = page.url
        headings = page.evaluate("[...document.querySelectorAll('h2')].map(row => row.innerHTML)")
        hidden = page.evaluate(
            "[...document.querySelectorAll('h1, h2, .verdict')].filter(row => !row.getClientRects().length).length"
        )
        covered = page.evaluate(
            "(() => { window.scrollTo(0, 0); const row = document.querySelector('.verdict').getBoundingClientRect();"
            "const top = document.elementFromPoint(row.x + 5, row.y + row.height / 2);"
            "return !document.querySelector('.verdict').contains(top) })()"
        )
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        verdicts = page.evaluate("document.querySelectorAll('.verdict').length")

    assert ran == "undefined"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert told == []
    assert asking == []
    assert address == hostile_report.html.as_uri()
    assert hidden == 0
    assert not covered
    assert verdicts == 1
    assert own_headings <= set(headings)
    assert widths[0] <= widths[1]
