"""Plots, tested by what is in the axes."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ecs_notebook_lib.diagnosis.checks.logs import health_path_answers
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.plots import (
    plot_access,
    plot_deployments,
    plot_differential,
    plot_health_answers,
    plot_log_volume,
    plot_network_path,
    plot_target_states,
    plot_task_lifetimes,
)
from ecs_notebook_lib.plots.tasks import NEWEST
from ecs_notebook_lib.snapshot import Snapshot

from .conftest import incident_of


def nothing():
    base = incident_of("clarity-backend").snapshot
    return Frames(Snapshot(base.incident, base.as_of, None, False, "1", {}))


def new_ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def drawings(frames, as_of):
    return {
        "deployments": lambda ax: plot_deployments(frames.service_deployments, until=as_of, ax=ax),
        "targets": lambda ax: plot_target_states(frames.targets, ax=ax),
        "tasks": lambda ax: plot_task_lifetimes(frames.tasks, until=as_of, ax=ax),
        "answers": lambda ax: plot_health_answers(health_path_answers(frames), since=as_of, ax=ax),
        "volume": lambda ax: plot_log_volume(frames.log_events, since=as_of - pd.Timedelta(hours=3), ax=ax),
        "network": lambda ax: plot_network_path(frames.network_path, ax=ax),
        "access": lambda ax: plot_access(frames.access, ax=ax),
    }


@pytest.mark.parametrize("name", ["deployments", "targets", "tasks", "answers", "volume", "access", "network"])
def test_axes_without_rows_say_so(name):
    ax = drawings(nothing(), incident_of("clarity-backend").as_of)[name](new_ax())
    ax.figure.canvas.draw()

    assert [text.get_text() for text in ax.texts if text.get_text().startswith("No ")]


@pytest.mark.parametrize("name", ["deployments", "targets", "tasks", "answers", "volume", "access", "network"])
def test_a_plot_returns_the_axes_that_it_was_given_and_names_them(name):
    incident, ax = incident_of("clarity-backend"), new_ax()

    drawn = drawings(incident.frames, incident.as_of)[name](ax)
    ax.figure.canvas.draw()

    assert drawn is ax
    assert ax.get_title()
    assert ax.get_ylabel()


def test_the_newest_tasks_are_drawn_and_the_title_says_so():
    incident = incident_of("clarity-backend")

    ax = plot_task_lifetimes(incident.frames.tasks, until=incident.as_of, ax=new_ax())

    assert len(ax.patches) == NEWEST
    assert f"newest {NEWEST} of {len(incident.frames.tasks)}" in ax.get_title()


def test_no_probability_is_drawn_as_certain():
    families = incident_of("clarity-backend").diagnosis.families

    ax = plot_differential(families, ax=new_ax())

    assert [text.get_text() for text in ax.texts][-1] == "over 99 %"
    assert len(ax.patches) == len(families)


def test_text_of_a_container_is_no_mathtext_and_cannot_vanish_from_a_legend():
    frames = incident_of("clarity-backend").frames
    targets = frames.targets.assign(revision="$\\frac{$ \x1b[31m", state="_hidden")

    ax = plot_target_states(targets, ax=new_ax())
    ax.figure.canvas.draw()

    assert ax.get_yticklabels()[0].get_text() == "$\\frac{$ \\x1b[31m"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["\u200b_hidden"]


def test_the_log_volume_stacks_the_lines_of_each_level_on_their_revision():
    incident = incident_of("clarity-backend")
    events = incident.frames.log_events
    since = incident.troubled_since

    ax = plot_log_volume(events, since=since, ax=new_ax())

    shown = events[events["logged_at"] >= since]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    most = int(ax.get_title().rpartition(": ")[2].rstrip(")"))
    lines = sum(bar.get_height() for bar in ax.patches) * most / 0.85
    assert labels == ["ERROR", "INFO", "no level"]
    assert round(lines) == len(shown)
    assert [label.get_text() for label in ax.get_yticklabels()] == sorted(shown["revision"].unique())
    assert max(bar.get_y() + bar.get_height() - int(bar.get_y()) for bar in ax.patches) < 1


def test_a_long_time_is_drawn_in_longer_pieces():
    events = incident_of("clarity-backend").frames.log_events
    long = events.assign(logged_at=events["logged_at"] - pd.to_timedelta(events.index, unit="h"))

    ax = plot_log_volume(long, since=long["logged_at"].min(), ax=new_ax())

    assert ax.get_title().startswith("Log lines in ")
    assert len({bar.get_x() for bar in ax.patches}) <= 302
