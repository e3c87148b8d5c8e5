"""Widgets: their values are ordinary parameters, what they show follows from these, and nothing in it is obeyed."""

from html import unescape

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_notebook_lib import notebooks_directory
from ecs_notebook_lib.errors import ChoiceError, WindowError
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.frames.logs import LOG_EVENTS
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.report.log_search import MOST_MATCHES, LogSearch, highlighted, search
from ecs_notebook_lib.report.moment_tables import deployments_at, events_at, moments_of, targets_at, tasks_at
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets import (
    differential_browser,
    event_filter,
    log_search,
    row_filter,
    step_through,
    task_browser,
    time_window,
)

from .conftest import incident_of, steps

NOON = pd.Timestamp("2025-07-12T12:00:00Z")
STEPS = sorted(notebooks_directory().glob("[0-9]*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
HOSTILE = "<img src=x onerror=alert(1)> \x1b]0;owned\x07 \u202e gnp"


def incident():
    return incident_of("clarity-backend")


def tasks(**values):
    frames = incident().frames
    return task_browser(frames.tasks, frames.containers, frames.log_events, **values)


def logs(**values):
    return log_search(incident().frames.log_events, **values)


def events(**values):
    return event_filter(incident().frames.events, **values)


def rows(**values):
    return row_filter(incident().frames.access[["action", "verdict"]], by="verdict", **values)


def causes(**values):
    return differential_browser(incident().diagnosis, **values)


def dead_task():
    frames = incident().frames
    read = frames.log_events["task_id"].isin(frames.tasks.loc[frames.tasks["stop_code"].notna(), "task_id"])
    return frames.log_events.loc[read, "task_id"].iloc[-1]


CHANGES = [
    pytest.param(tasks, {"revision": "clarity-backend:144"}, "2025-07-12 09:01:34", id="a-revision"),
    pytest.param(logs, {"text": "accessdenied"}, "2 of 418 lines match", id="a-text"),
    pytest.param(logs, {"text": "Access.enied", "regex": True}, "2 of 418 lines match", id="a-pattern"),
    pytest.param(logs, {"level": "ERROR"}, "4 of 418 lines match", id="a-level"),
    pytest.param(logs, {"revision": "clarity-backend:146"}, "18 of 418 lines match", id="lines-of-a-revision"),
    pytest.param(logs, {"container": "clarity-backend"}, "418 of 418 lines match", id="a-container"),
    pytest.param(events, {"kind": "tasks_started"}, "29 of 100 rows", id="a-kind"),
    pytest.param(events, {"text": "STARTED 2 tasks"}, "has started 2 tasks", id="a-text-in-events"),
    pytest.param(rows, {"chosen": "allowed"}, "7 of 16 rows", id="a-verdict"),
    pytest.param(rows, {"text": "cognito"}, "cognito-idp:", id="a-text-in-rows"),
]


@pytest.mark.parametrize(("make", "values", "told"), CHANGES)
def test_moving_a_value_changes_what_is_shown_and_as_a_parameter_it_shows_the_same(make, values, told):
    panel = make()
    before = panel.drawn

    panel.set(**values)

    assert told in panel.drawn.text
    assert panel.drawn != before or make is logs
    assert make(**values).drawn == panel.drawn
    assert {name: panel.values[name] for name in values} == values


def test_a_task_is_chosen_by_the_beginning_of_its_id_and_shows_reason_containers_and_last_lines():
    panel = tasks(task=dead_task()[:10])

    assert panel.values["task"] == dead_task()
    assert "Essential container in task exited" in panel.drawn.text
    assert "Its containers" in panel.drawn.text
    assert "AccessDenied" in panel.drawn.text.partition("Its last log lines")[2]


def test_another_revision_offers_its_own_tasks_and_lets_the_chosen_one_go():
    panel = tasks(task=dead_task())

    panel.set(revision="clarity-backend:144")

    offered = [name for _, name in panel.controls["task"].options if name]
    known = incident().frames.tasks
    assert set(known.loc[known["task_id"].isin(offered), "revision"]) == {"clarity-backend:144"}
    assert panel.values == {"revision": "clarity-backend:144", "task": ""}


@pytest.mark.parametrize(
    ("make", "values", "told"),
    [
        pytest.param(tasks, {"revision": "clarity-backend:14"}, "Choose one of: clarity-backend:14", id="revision"),
        pytest.param(tasks, {"task": "zz"}, "No task is named 'zz'", id="task"),
        pytest.param(logs, {"level": "LOUD"}, "No level is named 'LOUD'", id="level"),
        pytest.param(events, {"kind": "x"}, "No kind is named 'x'", id="kind"),
        pytest.param(causes, {"off": ["F999"]}, "No finding that counts is named 'F999'", id="finding"),
    ],
)
def test_a_value_that_there_is_not_is_told_with_those_that_there_are(make, values, told):
    with pytest.raises(ChoiceError, match=told):
        make(**values)


def test_switching_a_finding_off_is_a_parameter_too():
    every = causes()
    first = next(iter(every.controls))

    every.set(**{first: False})

    assert every.drawn == causes(off=[first]).drawn
    assert every.drawn.text.startswith(f"Switched off: {first}.")
    every.below[0].click()
    assert every.drawn == causes().drawn


@pytest.mark.parametrize("make", [tasks, logs, events, rows, causes], ids=lambda make: make.__name__)
def test_a_panel_shows_a_widget_and_leaves_html_and_text_without_one(make):
    panel = make()

    bundle = panel._repr_mimebundle_()

    assert set(bundle) == {WIDGET, "text/html", "text/plain"}
    assert bundle["text/plain"] == repr(panel)
    assert bundle["text/html"] in panel.widget.children[-1].value


# --- log search


def lines(*messages, stream="web/app/1", start=NOON):
    return rows_frame(
        [
            {"log_group": "g", "log_stream": stream, "logged_at": start + pd.Timedelta(seconds=n), "message": message}
            | {"container": "app", "level": "INFO", "revision": "web:1"}
            for n, message in enumerate(messages)
        ],
        LOG_EVENTS,
    )


def found(log_events, **wanted):
    result = search(log_events, LogSearch(**wanted))
    return list(result.lines["message"]), list(result.lines["is_match"])


def test_text_is_literal_unless_a_regular_expression_is_asked_for():
    read = lines("a.b", "axb", "A.B")

    assert found(read, text="a.b")[0] == ["a.b", "A.B"]
    assert found(read, text="a.b", regex=True)[0] == ["a.b", "axb", "A.B"]


def test_context_comes_from_the_same_stream_only_and_no_line_stands_twice():
    one = lines("a1", "hit a", "hit again", "a4", "a5")
    other = lines("b1", "b2", "b3", "b4", "b5", stream="web/app/2")
    read = pd.concat([one, other]).sort_values("logged_at", kind="stable", ignore_index=True)

    assert found(read, text="hit", context=1) == (["a1", "hit a", "hit again", "a4"], [False, True, True, False])


def test_context_ends_where_the_stream_ends():
    read = pd.concat([lines("a1", "hit"), lines("b1", "b2", stream="web/app/2")], ignore_index=True)

    assert found(read, text="hit", context=5)[0] == ["a1", "hit"]


def test_matches_of_two_streams_stay_with_their_own_context():
    one, other = lines("a1", "hit a", "a3"), lines("b1", "hit b", "b3", stream="web/app/2")
    read = pd.concat([one, other]).sort_values("logged_at", kind="stable", ignore_index=True)

    assert found(read, text="hit", context=1)[0] == ["a1", "hit a", "a3", "b1", "hit b", "b3"]


def test_only_the_newest_matches_are_shown_and_all_are_counted():
    result = search(lines(*[f"hit {n}" for n in range(MOST_MATCHES + 50)]), LogSearch(text="hit"))

    assert (result.matches, len(result.lines)) == (MOST_MATCHES + 50, MOST_MATCHES)
    assert result.lines["message"].iloc[-1] == f"hit {MOST_MATCHES + 49}"


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?<=a)b", r"(a)\1", "\\"])
def test_what_is_no_regular_expression_is_told_in_one_line(pattern):
    panel = logs(text=pattern, regex=True)

    assert panel.drawn.text.startswith("This is no regular expression: ")
    assert len(panel.drawn.text) > len("This is no regular expression: ")
    assert "\n" not in panel.drawn.text


def test_a_pattern_that_ruins_others_takes_no_longer_here():
    read = lines(*["a" * 5000 + "!"] * 200)

    assert search(read, LogSearch(text="(a+)+$", regex=True)).matches == 0
    assert highlighted(read["message"], LogSearch(text="(a|aa)+$", regex=True))[0].startswith("aaa")


def test_searching_a_hundred_thousand_lines_takes_no_more_steps_of_python_than_a_thousand():
    few = lines(*["GET /health 200"] * 1000)
    many = few.loc[few.index.repeat(100)].reset_index(drop=True)
    wanted = LogSearch(text="health", context=2)
    search(few, wanted)

    assert steps(lambda: search(many, wanted)) < 1.1 * steps(lambda: search(few, wanted))


def test_of_a_long_line_the_part_around_the_match_is_shown():
    shown = highlighted(pd.Series(["ä" * 90_000 + "needle" + "x" * 90_000]), LogSearch(text="NEEDLE"))[0]

    assert "<mark>needle</mark>" in shown
    assert shown.startswith("... ä")
    assert len(shown) < 700


def test_no_line_read_and_no_line_that_matches_are_told_apart_from_an_error():
    assert log_search(lines()).drawn.text == "0 of 0 lines match."
    assert logs(text="no such thing").drawn.text == "0 of 418 lines match for 'no such thing'."


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=6))
def test_highlighting_adds_marks_and_nothing_else_to_the_visible_text(line, wanted):
    [shown] = highlighted(pd.Series([line], dtype="string"), LogSearch(text=wanted))

    bare = shown.replace("<mark>", "").replace("</mark>", "")
    assert unescape(bare) == visible(line, limit=500)
    assert "<" not in bare
    assert shown.count("<mark>") == shown.count("</mark>")


# --- hostile text


def hostile_frames():
    frames = incident().frames
    task = frames.tasks.assign(stopped_reason=HOSTILE, stop_code=HOSTILE)
    return task, frames.containers.assign(reason=HOSTILE, container=HOSTILE), lines(HOSTILE, HOSTILE)


@pytest.mark.parametrize(
    "panel",
    [
        pytest.param(lambda: task_browser(*hostile_frames()), id="tasks"),
        pytest.param(lambda: task_browser(*hostile_frames(), task=dead_task()), id="one-task"),
        pytest.param(lambda: log_search(lines(HOSTILE), text="<img", context=1), id="log-lines"),
        pytest.param(lambda: log_search(lines(HOSTILE), text="<script>", context=1), id="a-search-that-is-markup"),
        pytest.param(lambda: log_search(lines("a").assign(container=HOSTILE, revision=HOSTILE)), id="names"),
        pytest.param(lambda: event_filter(incident().frames.events.assign(message=HOSTILE, kind=HOSTILE)), id="events"),
        pytest.param(lambda: row_filter(pd.DataFrame({"a": [HOSTILE], "b": [HOSTILE]}), by="a"), id="rows"),
    ],
)
def test_what_a_container_wrote_is_text_and_nothing_else(panel):
    made = panel()
    shown = made.widget.children[-1].value + made.drawn.html + made.drawn.text
    labels = str([getattr(control, "options", "") for control in made.controls.values()])

    assert "<img src=x" not in made.drawn.html
    assert "<script" not in made.drawn.html
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "\\u202e" in labels or "\u202e" not in labels


# --- a window of time over several plots


class Recorder:
    """A plot that keeps what it was given."""

    def __init__(self, name="plot_something"):
        self.__name__ = name
        self.calls = []

    def __call__(self, frame, *, since, ax):
        self.calls.append((len(frame), since, ax))


def test_moving_the_window_redraws_every_plot_that_is_tied_to_it():
    plots = [Recorder(), Recorder("plot_another")]
    panel = time_window(NOON, NOON + pd.Timedelta(hours=2))
    for plot in plots:
        panel.add(plot, pd.DataFrame({"a": [1]}))
    first = panel.drawn

    panel.set(window=(NOON + pd.Timedelta(minutes=30), NOON + pd.Timedelta(minutes=60)))

    assert [len(plot.calls) for plot in plots] == [2, 2]
    for plot in plots:
        _, since, ax = plot.calls[-1]
        assert since == NOON + pd.Timedelta(minutes=30)
        assert [pd.Timestamp(f"{edge:%Y-%m-%dT%H:%M}Z") for edge in _times(ax)] == [
            NOON + pd.Timedelta(minutes=30),
            NOON + pd.Timedelta(minutes=60),
        ]
    assert panel.drawn.text == "2025-07-12 12:30 to 2025-07-12 13:00 UTC: something, another"
    assert panel.drawn.png != first.png


def _times(ax):
    from matplotlib.dates import num2date

    return [num2date(edge) for edge in ax.get_xlim()]


def test_the_window_begins_with_what_is_asked_for_and_its_picture_is_static():
    plot = Recorder()
    panel = time_window(NOON, NOON + pd.Timedelta(hours=2), begin="2025-07-12T12:10:00Z", end="2025-07-12T12:20:00Z")

    bundle = panel.add(plot, pd.DataFrame())._repr_mimebundle_()

    assert panel.drawn.text == "2025-07-12 12:10 to 2025-07-12 12:20 UTC: something"
    assert set(bundle) == {WIDGET, "image/png", "text/plain"}
    assert len(plot.calls) == 1


@pytest.mark.parametrize(("begin", "end"), [("soon", ""), ("2025-07-12T13:00:00Z", "2025-07-12T12:00:00Z")])
def test_a_window_that_cannot_be_is_refused(begin, end):
    with pytest.raises(WindowError):
        time_window(NOON, NOON + pd.Timedelta(hours=2), begin=begin, end=end)


@pytest.mark.parametrize("span", ["0min", "1min", "3h", "21D", "400D"])
def test_the_window_has_a_few_hundred_steps_at_most_however_long_the_time_is(span):
    panel = time_window(NOON, NOON + pd.Timedelta(span))
    values = [mark for _, mark in panel.controls["window"].options]

    assert 2 <= len(values) <= 500
    assert values[0] <= NOON
    assert values[-1] >= NOON + pd.Timedelta(span)


# --- a step through the deployment


def test_stepping_shows_what_was_known_at_that_moment():
    panel = step_through(incident().frames, incident().troubled_since, at="2025-07-12T08:17:30Z")

    assert panel.drawn.text.startswith("Tasks at 2025-07-12 08:17 UTC")
    assert "clarity-backend:146" not in panel.drawn.text
    assert "clarity-backend:144 not over yet" in " ".join(panel.drawn.text.split())


def test_nothing_that_came_later_shows_at_any_moment():
    frames = incident().frames
    for at in moments_of(frames, incident().troubled_since)[::9]:
        then = frames.tasks[frames.tasks["created_at"] <= at].copy()
        for name in ("started_at", "stopping_at", "stopped_at"):
            then[name] = then[name].where(then[name] <= at)
        events_then = frames.events[frames.events["created_at"] <= at]

        assert tasks_at(frames.tasks, at).equals(tasks_at(then, at))
        assert events_at(frames.events, at).equals(events_at(events_then, at))
        assert targets_at(frames.metrics, at)["counted_at"].le(at).all()
        assert deployments_at(frames.service_deployments, at)["created_at"].le(at).all()


def test_each_task_is_counted_in_one_state_at_every_moment():
    frames = incident().frames
    for at in moments_of(frames, incident().troubled_since)[::9]:
        counted = tasks_at(frames.tasks, at).drop(columns="revision").to_numpy().sum()

        assert counted == (frames.tasks["created_at"] <= at).sum()


def test_a_moment_that_is_none_is_refused():
    with pytest.raises(WindowError, match="'soon'"):
        step_through(incident().frames, incident().troubled_since, at="soon")


def test_an_incident_of_which_nothing_was_read_has_widgets_that_say_so():
    refused = ("ecs:DescribeServices", "ecs:ListTasks", "logs:GetLogEvents", "cloudwatch:GetMetricData")
    empty = incident_of("clarity-backend", 0, frozenset(refused)).frames

    assert "No rows." in task_browser(empty.tasks, empty.containers, empty.log_events).drawn.text
    assert log_search(empty.log_events).drawn.text == "0 of 0 lines match."
    assert event_filter(empty.events).drawn.text.startswith("0 of 0 rows")
    assert "No rows." in step_through(empty, NOON).drawn.text


# --- in the notebooks


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_every_step_has_a_widget_whose_stored_picture_needs_no_kernel(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "interactive" in cell.metadata.get("tags", ())
    ]
    stored = [set(output.get("data", {})) for cell in cells for output in cell.outputs]

    assert len(cells) == len(stored) > 0
    assert all("text/plain" in kinds and kinds & {"text/html", "image/png"} for kinds in stored)
    assert not any(WIDGET in kinds for kinds in stored)
    assert "widgets" not in notebook.metadata
    assert not any("nbval-skip" in cell.metadata.get("tags", ()) for cell in notebook.cells)
