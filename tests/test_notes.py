"""The human half of a report: made once, never overwritten, shown in every later run; and the list of reports."""

import json
from datetime import timedelta

import pytest

from ecs_notebook_lib.errors import ShareError
from ecs_notebook_lib.report import listing, write_report
from ecs_notebook_lib.report import writing as writing_module
from ecs_notebook_lib.report.composing import compose
from ecs_notebook_lib.report.markdown import summary_of
from ecs_notebook_lib.report.notes import begin_notes, html_sections, notes_of, read_notes

from .conftest import STORIES, incident_of

WRITTEN = """# Notes

## Incident clock

| moment | time |
| --- | --- |
| began | 2025-07-12T07:50Z |
| noticed | 2025-07-12T07:58Z |
| mitigated | |
| resolved | 2025-07-12T11:20Z |

## Impact

Nobody could log in. <!-- ask Anna for the number -->

## Decisions

<!-- only the question -->

## Action items

| what | owner | by |
| --- | --- | --- |
| Alarm on denied calls | Ben | 2025-08-01 |
"""


@pytest.fixture
def unexecuted(monkeypatch):
    """Leave the notebooks unexecuted: what is tested here does not depend on their outputs."""
    from ecs_notebook_lib import notebooks_directory

    whole = compose(notebooks_directory())
    monkeypatch.setattr(writing_module, "_execute_all", lambda *_asked: whole)


def test_the_clock_is_read_and_what_is_empty_is_left_out():
    notes = notes_of(WRITTEN)

    assert [title for title, _ in notes.sections] == ["Impact", "Action items"]
    assert notes.sections[0][1] == "Nobody could log in."
    assert notes.spans == (("noticed", timedelta(minutes=8)), ("resolved", timedelta(hours=3, minutes=30)))


def test_what_it_was_made_with_says_nothing_but_when_it_began(tmp_path):
    incident = incident_of("clarity-backend")

    assert begin_notes(tmp_path / "notes.md", incident)

    notes = read_notes(tmp_path / "notes.md")
    assert notes.sections == ()
    assert [name for name, _ in notes.clock] == ["began"]
    assert notes.clock[0][1] == incident.frames.history.troubled_since.replace(microsecond=0)


def test_a_moment_that_is_no_time_is_told_and_the_others_stand():
    notes = notes_of(WRITTEN.replace("2025-07-12T07:58Z", "about eight"))

    assert notes.problems == ("notes.md: 'noticed' is no ISO 8601 time: 'about eight'",)
    assert [name for name, _ in notes.clock] == ["began", "resolved"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("![x](http://192.0.2.1/pixel.png)", "[x: http://192.0.2.1/pixel.png]"),
        ("# A heading", "<h4>A heading</h4>"),
        ("**bold** and `code`", "<strong>bold</strong> and <code>code</code>"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
    ],
)
def test_notes_are_markdown_in_which_nothing_runs_and_nothing_is_fetched(written, shown):
    [(_, page)] = html_sections(notes_of(f"## Impact\n\n{written}"))

    assert shown in page
    assert "<script" not in page
    assert "<img" not in page


def test_a_link_that_would_run_something_leads_nowhere():
    [(_, page)] = html_sections(notes_of("## Impact\n\n[press](javascript:alert(1))"))

    assert "javascript:" not in page


def test_notes_are_made_once_and_stand_in_every_later_report(tmp_path, unexecuted):
    incident, folder = incident_of("clarity-backend"), tmp_path / "reports" / "one"

    first = write_report(incident, folder=str(folder))
    assert "Nobody has written any yet" in first.html.read_text(encoding="utf-8")
    (folder / "notes.md").write_text(WRITTEN, encoding="utf-8")
    again = write_report(incident, folder=str(folder))

    page = again.html.read_text(encoding="utf-8")
    assert (folder / "notes.md").read_text(encoding="utf-8") == WRITTEN
    assert "Nobody could log in." in page
    assert "resolved after 3.5 h" in page
    assert "Alarm on denied calls" in (folder / "report.md").read_text(encoding="utf-8")


def test_a_second_run_differs_in_one_file_only(tmp_path, unexecuted):
    incident = incident_of("clarity-backend")
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        write_report(incident, folder=str(folder))

    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)

    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} <= {listing.RUN}


def test_the_list_tells_of_every_report_newest_first_and_of_nothing_else(tmp_path, unexecuted):
    reports = tmp_path / "reports"
    for name in ("clarity-backend", "clarity-healthy"):
        write_report(incident_of(name), folder=str(reports / name))
    (reports / "stranger").mkdir()
    (reports / "stranger" / listing.RUN).write_text('{"schema": "somebody/else/1", "title": "<b>no</b>"}')
    hostile = json.loads((reports / "clarity-backend" / listing.RUN).read_bytes()) | {"title": "<script>x</script>"}
    (reports / "a #1").mkdir()
    (reports / "a #1" / listing.RUN).write_text(json.dumps(hostile | {"as_of": "2030-01-01T00:00:00Z"}))

    page = listing.write_index(reports).read_text(encoding="utf-8")

    assert page.count("<tr>") == 4
    assert page.index("a%20%231/report.html") < page.index("clarity-healthy/report.html")
    assert "the task role does not allow" in page
    assert "<script" not in page
    assert "somebody" not in page


def test_a_report_lists_itself(tmp_path, monkeypatch, unexecuted):
    monkeypatch.chdir(tmp_path)
    write_report(incident_of("clarity-healthy"))
    page = (tmp_path / "reports" / listing.INDEX).read_text(encoding="utf-8")

    assert "clarity-backend in clarity-backend-cluster" in page


def test_a_report_is_not_shared_into_a_folder_with_files_that_are_not_redacted(tmp_path, unexecuted):
    write_report(incident_of("clarity-healthy"), folder=str(tmp_path / "mine"))

    with pytest.raises(ShareError, match="not redacted"):
        write_report(incident_of("clarity-healthy"), folder=str(tmp_path / "mine"), share=True)


@pytest.mark.parametrize("name", STORIES)
def test_the_summary_fits_a_chat_message_and_says_the_same(name):
    incident = incident_of(name)
    text = summary_of(incident, checksum="0" * 64)

    assert len(text) < 3500
    assert incident.diagnosis.state.status in text.splitlines()[0]
    assert "Simulated data" in text
    assert "000000000000" in text
