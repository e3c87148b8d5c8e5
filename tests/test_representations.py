"""What an incident, a diagnosis, a finding, a plan and a figure say of themselves, in a cell and in a terminal."""

import re

import matplotlib as mpl
import pandas as pd
import pytest

from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.plots import plot_differential, plot_network_path, plot_stops, plot_targets_over_time
from ecs_notebook_lib.plots.figures import PNG, SVG, TEXT, DescribedFigure, draw_as_svg
from ecs_notebook_lib.simulate import build

from .conftest import STORIES, collect, incident_of

mpl.use("agg")


def test_an_incident_says_what_it_is_before_anything_was_computed():
    incident = Incident(collect(build("clarity-backend")))

    assert repr(incident).splitlines()[0] == (
        "clarity-backend in clarity-backend-cluster, us-east-1, as of 2025-07-12T09:15:00Z. Simulated."
    )
    assert "diagnosis" not in vars(incident)


@pytest.mark.parametrize("name", STORIES)
def test_incident_and_diagnosis_show_the_verdict_and_nothing_of_it_is_markup(name):
    incident = incident_of(name)
    shown = incident.diagnosis._repr_markdown_()

    assert shown.startswith("**")
    assert re.search(r"\d+ %", repr(incident.diagnosis).splitlines()[0])
    assert repr(incident.diagnosis).splitlines()[0] in repr(incident)
    assert not re.search(r"(?<!\\)[_<>`$]", shown)


def test_a_finding_tells_its_statement_and_its_rows():
    finding = incident_of("clarity-backend").diagnosis.finding("F12")

    assert repr(finding).startswith("57 of 57 stopped tasks of clarity-backend:146 ended")
    assert repr(finding).endswith("[exited_by_itself: 57 rows of frame tasks]")


def test_a_plan_is_a_numbered_list_of_commands():
    plan = incident_of("clarity-backend").diagnosis.plan

    assert repr(plan).splitlines()[0].startswith("1. ")
    assert all(": aws " in line for line in repr(plan).splitlines())
    assert plan[:0] == ()


@pytest.fixture
def frames():
    return incident_of("clarity-network").frames


def test_a_figure_tells_what_is_drawn_in_it(frames):
    told = {
        "shares": repr(plot_differential({"network": 0.9, "none_of_these": 0.1}).figure),
        "path": repr(plot_network_path(frames.network_path).figure),
        "targets": repr(plot_targets_over_time(frames.metrics, frames.service_deployments).figure),
    }

    assert "Bars: network: 90, none of these: 10." in told["shares"]
    assert "closed (2 marks)" in told["path"]
    assert re.search(r"Time \[UTC\]: from 2025-07-12 \d\d:\d\d UTC to 2025-07-12", told["targets"])
    assert "healthy (between 0 and" in told["targets"]


def test_an_empty_figure_says_that_it_is(frames):
    told = repr(plot_stops(frames.tasks.head(0)).figure)

    assert told == "Stopped tasks by reason, newest first. Empty: No stopped task in this snapshot."


def test_what_a_container_printed_is_bounded_in_a_description():
    tasks = incident_of("clarity-backend").frames.tasks
    evil = tasks.assign(stopped_reason="$\\frac{$\x1b[2J" + "x" * 5000)
    told = repr(plot_stops(evil).figure)

    assert len(told) < 1600
    assert "\x1b" not in told


def test_a_figure_is_svg_on_demand_and_the_same_each_time(monkeypatch):
    figure = plot_differential({"network": 0.9}).figure
    monkeypatch.setattr("ecs_notebook_lib.plots.figures._wanted", {PNG})

    assert isinstance(figure, DescribedFigure)
    assert figure._repr_mimebundle_()[0].keys() == {TEXT}
    draw_as_svg()
    data, metadata = figure._repr_mimebundle_()
    assert data[SVG] == plot_differential({"network": 0.9}).figure._repr_mimebundle_()[0][SVG]
    assert data[SVG].startswith("<?xml")
    assert metadata[SVG]["alt"] == metadata[PNG]["alt"] == data[TEXT]


def test_labels_and_times_of_an_axis_are_told_as_they_are_drawn():
    ax = plot_differential(pd.Series({"a_b": 0.25}))

    assert "a b: 25" in repr(ax.figure)


def test_frames_list_what_there_is_and_what_is_incomplete():
    whole = repr(incident_of("clarity-backend").frames)
    refused = repr(incident_of("clarity-backend", 0, frozenset({"ecs:ListTasks"})).frames)

    assert "tasks: " in whole
    assert "Incomplete" not in whole
    assert "tasks: AccessDeniedException: ListTasks" in refused
