"""Frames have declared columns for any input, and each path is one that AWS's model has."""

import json
from pathlib import Path

import botocore.session
import pandas as pd
import pytest

from ecs_notebook_lib.errors import SnapshotError
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.document import frames_document
from ecs_notebook_lib.frames.reading import steps_of
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.snapshot import Page, Snapshot, of_last_answers
from ecs_notebook_lib.source import parse_instant

from .conftest import FAILING, collect, incident_of
from .test_wait import waited

ARROW_OF = {
    "string": {"string"},
    "boolean": {"boolean"},
    "integer": {"Int64"},
    "long": {"Int64"},
    "double": {"Float64"},
    "float": {"Float64"},
    "timestamp": {"datetime64[us, UTC]"},
}
OF_EVENTS = "eventbridge:"
"""Frames of what EventBridge delivers, which no service model describes: AWS's sample events do."""
COLUMNS = [
    (schema, column)
    for schema in SCHEMAS.values()
    for column in schema.columns
    if column.path and not schema.operation.startswith(OF_EVENTS)
]


def empty(**members):
    base = incident_of("clarity-healthy").snapshot
    return Frames(Snapshot(base.incident, base.as_of, None, False, "1", members))


def test_every_path_into_an_event_is_in_one_of_awss_sample_events():
    samples = [json.loads(path.read_text()) for path in (Path(__file__).parent / "data/ecs_events").glob("*.json")]
    members = {f"events[].detail.{name}" for sample in samples for name in sample.get("detail", {})}
    columns = [c for schema in SCHEMAS.values() if schema.operation.startswith(OF_EVENTS) for c in schema.columns]

    assert {column.path for column in columns if ".detail." in column.path} <= members
    assert len(columns) > 5


@pytest.mark.parametrize(("schema", "column"), COLUMNS, ids=lambda value: value.name)
def test_every_path_is_one_of_awss_model(schema, column):
    if column.path.startswith("@") and not column.path.startswith("@params."):
        return
    service, _, operation = schema.operation.partition(":")
    model = botocore.session.Session().get_service_model(service).operation_model(operation)
    asked = column.path.startswith("@params.")
    shape = model.input_shape if asked else model.output_shape

    for step in steps_of(column.path)[1:]:
        name = step.removesuffix("[]")
        shape = shape.value if shape.type_name == "map" else shape.members[name]
        if step.endswith("[]"):
            assert shape.type_name == "list"
            shape = shape.member

    assert column.dtype in ARROW_OF[shape.type_name]


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_empty_frame_has_the_columns_and_dtypes_of_a_full_one(name):
    for frames in (empty(), *(incident_of(scenario).frames for scenario in FAILING)):
        frame = frames.rows(name)

        assert dict(frame.dtypes.astype(str)) == SCHEMAS[name].dtypes
        assert isinstance(frame.index, pd.RangeIndex)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.name)
def test_a_frame_says_what_its_rows_are_and_what_it_needs(schema):
    assert schema.rows.endswith(".")
    assert all(column.meaning.endswith((".", "]", "\u2026")) for column in schema.columns)
    assert schema.required or schema.name in ("coverage",)


def test_the_document_of_the_frames_is_the_one_in_the_repository():
    document = Path(__file__).parent.parent / "docs" / "frames.md"

    assert document.read_text(encoding="utf-8") == frames_document(), "run: make docs"


def test_the_last_observation_of_an_entity_counts_once():
    world = build("clarity-backend")
    first = collect(world)
    world.run_until(world.now + pd.Timedelta(minutes=2).to_pytimedelta())
    second = collect(world)
    both = {
        name: first.members.get(name, b"") + second.members.get(name, b"") for name in {*first.members, *second.members}
    }

    frames = Frames(Snapshot(second.incident, second.as_of, None, False, "1", both))

    assert len(frames.services) == 1
    assert frames.tasks["task_arn"].is_unique
    assert frames.events["event_id"].is_unique
    assert frames.tasks["last_seen_at"].max() == pd.Timestamp(second.as_of)
    assert len(frames.tasks) > len(Frames(first).tasks)


def test_each_log_line_is_attributed_to_a_revision_and_says_how_it_is_known():
    events = incident_of("clarity-backend").frames.log_events
    old = events[events["revision"] == "clarity-backend:140"]

    assert events["revision"].notna().all()
    assert set(old["revision_source"]) == {"deployment_window"}
    assert set(events.loc[events["revision"] != "clarity-backend:140", "revision_source"]) == {"task"}
    assert old["logged_at"].max() < events["logged_at"].max() - pd.Timedelta(hours=1)


def test_a_page_that_is_not_what_aws_answers_is_refused_in_one_line():
    frames = empty(
        **{"ecs:DescribeServices": b'{"at":"2025-07-12T09:15:00Z","response":{"services":7},"error":null}\n'}
    )

    with pytest.raises(SnapshotError) as refused:
        frames.services  # noqa: B018

    assert "\n" not in str(refused.value)


def test_members_that_a_later_aws_adds_are_ignored():
    line = (
        b'{"at":"2025-07-12T09:15:00Z","response":{"services":[{"serviceArn":"a","fromTheFuture":{"x":[1]},'
        b'"deployments":null}]},"error":null}\n'
    )

    assert list(empty(**{"ecs:DescribeServices": line}).services["service_arn"]) == ["a"]


def test_of_what_is_asked_again_the_last_answer_counts_and_what_aws_forgets_stays():
    done = waited("deployed-again", 0)
    kept = done.watch.kept(done.world.service)
    frames = Frames(kept)
    pages = kept.records("ecs:DescribeServices")
    last = pages[-1]["response"]["services"][0]
    seen = {event["id"] for page in pages for event in page["response"]["services"][0]["events"]}

    assert len(pages) > 3
    assert frames.deployments["status"].tolist().count("PRIMARY") == 1
    assert list(frames.deployments["deployment_id"]) == [row["id"] for row in last["deployments"]]
    assert len(frames.service_load_balancers) == len(last["loadBalancers"])
    assert set(frames.events["event_id"]) == seen
    assert frames.targets.groupby(["target_group_arn", "address", "port"]).size().max() == 1


@pytest.mark.parametrize(
    ("pages", "last"),
    [
        ([], []),
        ([("a", 0)], [True]),
        ([("a", 0), ("a", 1)], [True, True]),
        ([("a", 0), ("a", 1), ("a", 0)], [False, False, True]),
        ([("a", 0), ("b", 0), ("a", 0)], [False, True, True]),
    ],
)
def test_a_page_is_of_the_last_answer_if_its_question_was_not_asked_again(pages, last):
    at = parse_instant("2025-03-04T10:00:00Z")
    lines = [Page("ecs:ListTasks", at, "eu-west-1", {"q": name}, number, response={}) for name, number in pages]

    assert of_last_answers(b"".join(page.line("1") for page in lines)) == last
