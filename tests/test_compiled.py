"""Data files that are read once after each change; and of botocore's models what the kit calls."""

import os

import botocore.session
import pytest

from ecs_notebook_lib.collect import reading
from ecs_notebook_lib.collect.access import Clients, simulated_session
from ecs_notebook_lib.compiled import read_compiled
from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.knowledge.treatments import write_operations

ALL = {**every_operation(), **write_operations()}


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    source, times = tmp_path / "data.txt", []

    def parsed(content):
        times.append(content)
        return {"length": len(content)}

    def read(content, at, mark=0):
        source.write_bytes(content)
        os.utime(source, (at, at))
        return read_compiled(source, parsed, beside=tmp_path / "data.txt.py", mark=mark)["length"], len(times)

    return read


def test_a_file_is_read_again_only_when_it_or_its_mark_has_changed(read):
    assert read(b"abc", at=1000) == (3, 1)
    assert read(b"abc", at=1000) == (3, 1)
    assert read(b"abcd", at=1000) == (4, 2)
    assert read(b"abcd", at=2000) == (4, 3)
    assert read(b"abcd", at=2000, mark=7) == (4, 4)
    assert read(b"abcd", at=2000, mark=7) == (4, 4)


def test_what_is_not_kept_is_read_each_time(read, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", True)

    assert [read(b"abc", at=1000)[1] for _ in range(2)] == [1, 2]


def shape_of(shape, within=()):
    """Return all that a shape says, but its documentation."""
    if shape is None or shape.name in within:
        return shape and shape.name
    inner = (*within, shape.name)
    members = {name: shape_of(member, inner) for name, member in getattr(shape, "members", {}).items()}
    parts = [shape_of(getattr(shape, part, None), inner) for part in ("member", "key", "value")]
    return shape.name, shape.type_name, dict(shape.serialization), dict(shape.metadata), members, parts


@pytest.mark.parametrize("service", sorted({row.service for row in ALL.values()}))
def test_a_client_knows_the_kits_operations_as_botocore_tells_them_and_no_others(service):
    reading._loader.cache_clear()  # a call to S3 writes into the model that it was made with: botocore's own way
    session = simulated_session("eu-west-1")
    model = Clients(session).get(service).meta.service_model
    whole = botocore.session.Session().get_service_model(service)

    assert set(model.operation_names) == {row.action for row in ALL.values() if row.service == service}
    for name in model.operation_names:
        ours, theirs = model.operation_model(name), whole.operation_model(name)
        assert shape_of(ours.input_shape) == shape_of(theirs.input_shape)
        assert shape_of(ours.output_shape) == shape_of(theirs.output_shape)
        assert [shape_of(error) for error in ours.error_shapes] == [shape_of(error) for error in theirs.error_shapes]
        assert (ours.http, ours.endpoint, ours.static_context_parameters) == (
            theirs.http,
            theirs.endpoint,
            theirs.static_context_parameters,
        )
    assert set(session.client(service).meta.service_model.operation_names) == set(whole.operation_names)
