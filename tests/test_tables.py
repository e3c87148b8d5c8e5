"""Tables as people meet them: units, short names, folds and signs; and nothing in them is markup."""

import numpy as np
import pandas as pd
import pytest

from ecs_notebook_lib.report import cells
from ecs_notebook_lib.report.display import Table
from ecs_notebook_lib.report.words import findings_table

from .conftest import incident_of

NOON = pd.Timestamp("2025-07-12T12:00:00Z")
ROLE = "arn:aws:iam::111122223333:role/clarity-task"


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("running_seconds", "running [s]"),
        ("minimum_healthy_percent", "minimum healthy [%]"),
        ("bake_time_minutes", "bake time [min]"),
        ("from_", "from"),
        ("stopped_reason", "stopped reason"),
    ],
)
def test_a_heading_is_words_with_the_unit(column, told):
    assert cells.heading(column) == told


@pytest.mark.parametrize(
    ("value", "since", "told"),
    [
        pytest.param(NOON, None, "2025-07-12 12:00:00", id="time"),
        pytest.param(NOON, NOON - pd.Timedelta(seconds=42), "2025-07-12 12:00:00 (+42 s)", id="seconds-after"),
        pytest.param(NOON, NOON - pd.Timedelta(minutes=3.5), "2025-07-12 12:00:00 (+3.5 min)", id="minutes-after"),
        pytest.param(NOON, NOON + pd.Timedelta(days=2), "2025-07-12 12:00:00 (-2 d)", id="before"),
        pytest.param(True, None, "yes", id="truth"),
        pytest.param(7.0, None, "7", id="whole-number"),
        pytest.param(0.256, None, "0.26", id="fraction"),
        pytest.param(1_234_567.0, None, "1234567", id="large"),
        pytest.param(pd.NA, None, "", id="missing"),
        pytest.param(pd.NaT, None, "", id="missing-time"),
        pytest.param(np.nan, None, "", id="missing-number"),
        pytest.param("a\x1b[2Jb\u202ec", None, r"a\x1b[2Jb\u202ec", id="controls-are-written-out"),
    ],
)
def test_a_value_is_told_on_one_line(value, since, told):
    assert cells.text(value, since=since) == told


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (ROLE, "iam:role/clarity-task"),
        ("arn:aws:ecs:us-east-1:111122223333:task/c/88df71ecf5e1c96a07219427190c3241", "task …0c3241"),
        ("88df71ecf5e1c96a07219427190c3241", "…0c3241"),
        (f"sha256:{'0123456789abcdef' * 4}", "0123456789ab…"),
    ],
)
def test_a_long_name_is_short_and_whole_on_hover(name, short):
    assert cells.html(name, "name") == f'<abbr title="{name}">{short}</abbr>'


def test_a_time_is_one_for_programs_too_and_is_not_broken():
    shown = cells.html(NOON, "stopped_at", since=NOON - pd.Timedelta(seconds=5))

    assert shown == '<time datetime="2025-07-12T12:00:00+00:00">2025-07-12 12:00:00</time> (+5 s)'
    assert cells.html(pd.NaT, "stopped_at") == ""


def test_a_sentence_with_a_name_in_it_stays_whole():
    assert cells.html(f"{ROLE} is refused", "reason") == f"{ROLE} is refused"


@pytest.mark.parametrize("length", [500, 501, 5000])
def test_long_text_is_folded_and_all_of_it_is_there(length):
    text = "".join(chr(97 + number % 26) for number in range(length))
    shown = cells.html(text, "message")
    head, _, rest = shown.partition("</summary>")

    assert ("<details>" in shown) == (length > 500)
    assert length <= 500 or text == head.split(" <small>")[0].rpartition(">")[2] + rest.removesuffix("</details>")


@pytest.mark.parametrize(
    ("column", "value", "sign"),
    [
        ("level", "ERROR", "✖"),
        ("level", "WARN", "▲"),
        ("verdict", "cannot_tell", "?"),
        ("state", "healthy", "✔"),
        ("state", "draining", ""),
        ("name", "ERROR", ""),
    ],
)
def test_severity_is_a_sign_and_a_word_not_a_colour_alone(column, value, sign):
    shown = cells.html(value, column)

    assert value.split("_")[0] in shown
    assert sign in shown if sign else shown == value


@pytest.mark.parametrize("column", ["message", "level", "id", "task_arn"])
def test_nothing_in_a_cell_is_html(column):
    hostile = "<script>alert(1)</script>\"'&"
    shown = Table(pd.DataFrame({column: [hostile]}), linked=True)._repr_html_()

    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert 'id="finding-<' not in shown


def test_nothing_in_a_heading_is_html():
    assert "<b>" not in Table(pd.DataFrame({"<b>": [1]}))._repr_html_()


def test_findings_are_links_to_their_rows_and_places_to_come_back_to():
    diagnosis = incident_of("clarity-backend").diagnosis
    shown = Table(findings_table(diagnosis), linked=True)._repr_html_()

    links = [f'<td id="finding-{name}"><a href="#rows-{name}">{name}</a></td>' for name, _ in diagnosis.findings]
    assert [link for link in links if link not in shown] == []
    assert "href" not in Table(findings_table(diagnosis))._repr_html_()


def test_no_rows_is_said():
    empty = Table(pd.DataFrame(columns=["a"]))

    assert (repr(empty), empty._repr_html_()) == ("No rows.", "<p>No rows.</p>")
