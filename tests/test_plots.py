"""Plots, tested by what is in the axes."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ecs_notebook_lib.diagnosis.checks.logs import health_path_answers
from ecs_notebook_lib.diagnosis.rollout import progress_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.plots import (
    plot_access,
    plot_changes,
    plot_deployments,
    plot_differential,
    plot_health_answers,
    plot_log_volume,
    plot_network_path,
    plot_rollout_progress,
    plot_stops,
    plot_target_states,
    plot_targets_over_time,
    plot_timeline,
    plot_utilization,
    plot_weight_of_evidence,
)
from ecs_notebook_lib.plots.stops import TASKS_SHOWN
from ecs_notebook_lib.plots.style import EVIDENCE_COLORS
from ecs_notebook_lib.report.differential_tables import weights_frame
from ecs_notebook_lib.snapshot import Snapshot

from .conftest import incident_of


def nothing():
    base = incident_of("clarity-backend").snapshot
    return Frames(Snapshot(base.incident, base.as_of, None, False, "1", {}))


def new_ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.add_subplot()


DRAWN = [
    "deployments",
    "targets",
    "stops",
    "timeline",
    "utilization",
    "targets over time",
    "progress",
    "answers",
    "volume",
    "access",
    "network",
    "changes",
]


def drawings(frames, as_of):
    return {
        "deployments": lambda ax: plot_deployments(frames.service_deployments, until=as_of, ax=ax),
        "targets": lambda ax: plot_target_states(frames.targets, ax=ax),
        "stops": lambda ax: plot_stops(frames.tasks, ax=ax),
        "timeline": lambda ax: plot_timeline(
            frames.tasks,
            frames.events,
            frames.service_deployments,
            frames.metrics,
            since=as_of - pd.Timedelta(hours=3),
            until=as_of,
            ax=ax,
        ),
        "utilization": lambda ax: plot_utilization(frames.metrics, frames.service_deployments, ax=ax),
        "targets over time": lambda ax: plot_targets_over_time(frames.metrics, frames.service_deployments, ax=ax),
        "progress": lambda ax: plot_rollout_progress(**progress_of(frames), ax=ax),
        "answers": lambda ax: plot_health_answers(health_path_answers(frames), since=as_of, ax=ax),
        "volume": lambda ax: plot_log_volume(frames.log_events, since=as_of - pd.Timedelta(hours=3), ax=ax),
        "network": lambda ax: plot_network_path(frames.network_path, ax=ax),
        "access": lambda ax: plot_access(frames.access, ax=ax),
        "changes": lambda ax: plot_changes(frames.changes, good_at=frames.well_since, ax=ax),
    }


@pytest.mark.parametrize("name", DRAWN)
def test_axes_without_rows_say_so(name):
    ax = drawings(nothing(), incident_of("clarity-backend").as_of)[name](new_ax())
    ax.figure.canvas.draw()

    assert [text.get_text() for text in ax.texts if text.get_text().startswith("No ")]


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_returns_the_axes_that_it_was_given_and_names_them(name):
    incident, ax = incident_of("clarity-backend"), new_ax()

    drawn = drawings(incident.frames, incident.as_of)[name](ax)
    ax.figure.canvas.draw()

    assert drawn is ax
    assert ax.get_title()
    assert ax.get_ylabel()


def test_stopped_tasks_are_grouped_by_reason_and_told_how_many_there_are():
    incident = incident_of("clarity-backend")
    stopped = incident.frames.tasks[incident.frames.tasks["stop_code"].notna()]

    ax = plot_stops(incident.frames.tasks, ax=new_ax())

    revision, reason, told = ax.get_yticklabels()[0].get_text().splitlines()
    alike = stopped[(stopped["revision"] == revision) & (stopped["stopped_reason"] == reason)]
    assert alike["created_at"].max() == stopped["created_at"].max()
    assert told == f"{TASKS_SHOWN} of {len(alike)} tasks"
    assert len(ax.get_yticks()) == len(stopped.groupby(["revision", "stop_code", "stopped_reason"]))


def test_the_timeline_shows_when_the_last_healthy_target_went_and_where_deployments_began():
    incident = incident_of("clarity-backend")
    frames = incident.frames

    ax = drawings(frames, incident.as_of)["timeline"](new_ax())

    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[-1] == "healthy targets"
    assert set(frames.tasks["revision"].dropna()) <= set(names)
    assert [text.get_text() for text in ax.texts] == ["144", "145", "146"]
    assert {"healthy targets: some", "healthy targets: none"} <= set(ax.get_legend_handles_labels()[1])


def test_the_limit_and_the_deployments_are_drawn_into_the_metrics():
    frames = incident_of("clarity-resources").frames

    ax = plot_utilization(frames.metrics, frames.service_deployments, ax=new_ax())

    highest = max(line.get_ydata().max() for line in ax.lines if line.get_label().startswith("Memory, maximum"))
    assert highest > 90
    assert "limit of the task" in ax.get_legend_handles_labels()[1]
    assert [text.get_text() for text in ax.texts] == ["144", "145", "146"]


def test_progress_shows_the_waiter_beside_the_shortest_rollout():
    frames = incident_of("clarity-slow").frames

    ax = plot_rollout_progress(**progress_of(frames), ax=new_ax())

    names = ax.get_legend_handles_labels()[1]
    assert names == ["started, alive", "desired", "AWS's waiter gives up", "shortest possible rollout"]
    waiter, shortest = (line.get_xdata()[0] for line in ax.lines[-2:])
    assert waiter == 585 / 60 < shortest


def test_no_probability_is_drawn_as_certain():
    families = incident_of("clarity-backend").diagnosis.families | {"permissions": 0.9999}

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


def test_each_bar_of_evidence_begins_where_the_one_above_it_ends():
    diagnosis = incident_of("clarity-network").diagnosis
    weights = weights_frame(diagnosis, "network.egress")

    ax = plot_weight_of_evidence(weights, ax=new_ax())
    ax.figure.canvas.draw()

    bars = sorted((bar for bars in ax.containers for bar in bars), key=lambda bar: bar.get_y())
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    assert [bar.get_x() for bar in bars] == pytest.approx([0, *ends[:-1]])
    assert ends[-1] == pytest.approx(weights["decibans"].sum())
    assert [text.get_text() for text in ax.get_yticklabels()] == list(weights["evidence"])
    assert set(EVIDENCE_COLORS) >= {bars.get_label() for bars in ax.containers}


def test_where_no_cause_is_weighed_the_axes_say_so():
    weights = weights_frame(incident_of("clarity-network").diagnosis)

    ax = plot_weight_of_evidence(weights.head(0), ax=new_ax())
    ax.figure.canvas.draw()

    assert "No cause is weighed" in [text.get_text() for text in ax.texts]
