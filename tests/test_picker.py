"""The picker: it reads only, tells what it cannot read, and gives an ordinary incident and its parameter line."""

import json
import os
from contextlib import contextmanager
from html import unescape

import pytest

from ecs_notebook_lib import open_incident
from ecs_notebook_lib.collect import Access
from ecs_notebook_lib.errors import NotPickedError, SourceError
from ecs_notebook_lib.simulate import SCENARIOS, HTTPResponse, build, serve
from ecs_notebook_lib.snapshot import save_snapshot
from ecs_notebook_lib.widgets import picker as picker_module
from ecs_notebook_lib.widgets.picked import PickedIncident
from ecs_notebook_lib.widgets.picker import Picker, recent_snapshots

from .conftest import environment, incident_of


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Let each picker begin as in a new kernel, in a folder of its own."""
    monkeypatch.setattr(picker_module, "_last", {})
    monkeypatch.chdir(tmp_path)


@contextmanager
def served(respond, **settings):
    """Serve an account to boto3's own chain in this process."""
    with serve(respond, "127.0.0.1") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment(server.url), "AWS_MAX_ATTEMPTS": "1", **settings}.items():
            patch.setenv(name, value)
        yield


def picker_on(access=None, **options):
    incident = PickedIncident()
    return Picker(incident, access=access or Access(), options=options), incident


def told(picker):
    return unescape(picker.told.value)


def refusing(code, message):
    body = json.dumps({"__type": code, "message": message}).encode()
    return lambda _request: HTTPResponse(400, {"Content-Type": "application/x-amz-json-1.1"}, body)


def names(select):
    return [value for _, value in select.options]


def test_a_service_is_listed_with_its_state_and_last_event_and_opens_as_the_source_would():
    world = build("clarity-backend")
    with served(world.respond):
        picker, incident = picker_on()
        picker.connect.click()
        listed = {name: label for label, name in picker.service.options}
        picker.service.value = "clarity-backend"
        picker.open_service.click()
        same = open_incident(f"live:{world.cluster}/{world.service}")

    assert "111122223333" in picker.account.value
    assert "IN_PROGRESS" in listed["clarity-backend"]
    assert "0 of 3 running" in listed["clarity-backend"]
    assert "has started 2 tasks" in listed["clarity-backend"]
    assert incident.snapshot.incident == same.snapshot.incident
    assert incident.diagnosis.families == same.diagnosis.families
    assert f'source: str = "live:{world.cluster}/clarity-backend"' in told(picker)


def test_what_is_not_stable_comes_first_and_a_search_narrows_the_list_to_what_holds_it():
    with served(build("clarity-backend").respond):
        picker, _ = picker_on()
        picker.connect.click()
        everything = names(picker.service)
        picker.search.value = "WORKER"
        found = names(picker.service)
        picker.search.value = "completed"
        by_state = names(picker.service)

    assert everything == ["clarity-backend", "clarity-worker"]
    assert found == by_state == ["clarity-worker"]


def test_nothing_but_reading_calls_is_made_and_none_before_the_button_is_pressed():
    world = build("clarity-backend")
    seen = []

    def respond(request):
        seen.append(request.headers.get("X-Amz-Target", request.body.decode()))
        return world.respond(request)

    with served(respond):
        picker, _ = picker_on()
        before = len(seen)
        picker.connect.click()

    operations = {call.rpartition(".")[2] if "Action=" not in call else "GetCallerIdentity" for call in seen}
    assert before == 0
    assert operations == {"GetCallerIdentity", "ListClusters", "ListServices", "DescribeServices"}
    assert world.writes == []


def test_services_are_described_ten_a_call():
    asked = []
    world = build("clarity-backend")
    arns = [f"arn:aws:ecs:us-east-1:111122223333:service/clarity-backend-cluster/web-{n}" for n in range(23)]

    def respond(request):
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if target == "ListServices":
            return HTTPResponse(200, {}, json.dumps({"serviceArns": arns}).encode())
        if target == "DescribeServices":
            wanted = json.loads(request.body)["services"]
            asked.append(len(wanted))
            rows = [{"serviceArn": arn, "serviceName": arn.rpartition("/")[2], "status": "ACTIVE"} for arn in wanted]
            return HTTPResponse(200, {}, json.dumps({"services": rows}).encode())
        return world.respond(request)

    with served(respond):
        picker, _ = picker_on()
        picker.connect.click()

    assert sorted(asked) == [3, 10, 10]
    assert len(names(picker.service)) == 23


@pytest.mark.parametrize(
    ("respond", "access", "words"),
    [
        pytest.param(
            refusing("ExpiredTokenException", "The security token included in the request is expired"),
            Access(),
            "ExpiredTokenException: The security token included in the request is expired. Sign in again.",
            id="expired",
        ),
        pytest.param(
            refusing("AccessDeniedException", "not authorized to perform: ecs:ListClusters"),
            Access(),
            "AWS refused to list: AccessDeniedException: not authorized to perform: ecs:ListClusters",
            id="denied",
        ),
        pytest.param(refusing("X", ""), Access(region="nowhere !"), "doesn't match a supported format", id="region"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line_with_the_next_step(respond, access, words):
    with served(respond):
        picker, incident = picker_on(access)
        picker.connect.click()

    assert words in told(picker)
    assert "profile" in told(picker)
    assert told(picker).count("<p>") == 1
    assert "\n" not in told(picker)
    with pytest.raises(NotPickedError):
        _ = incident.snapshot


def test_a_profile_that_is_chosen_stands_in_the_parameter_lines(tmp_path):
    world = build("clarity-backend")
    keys = "aws_access_key_id = simulated\naws_secret_access_key = simulated\n"
    (tmp_path / "config").write_text(f"[profile on-call]\nregion = us-east-1\n{keys}", encoding="utf-8")
    with served(world.respond, AWS_CONFIG_FILE=str(tmp_path / "config")):
        picker, _ = picker_on()
        picker.profile.value = "on-call"
        picker.connect.click()
        picker.service.value = "clarity-backend"
        picker.open_service.click()

    assert 'profile: str = "on-call"' in told(picker)


def test_demos_are_told_as_simulated_and_open():
    picker, incident = picker_on()
    labels = [label for label, _ in picker.demo.options]
    picker.demo.value = "clarity-health-check"
    picker.open_demo.click()

    assert names(picker.demo) == list(SCENARIOS)
    assert all(label.startswith("simulated  |") for label in labels)
    assert incident.simulated
    assert "(simulated)" in told(picker)
    assert 'source: str = "demo:clarity-health-check"' in told(picker)


def test_a_recent_snapshot_opens_and_the_newest_is_on_top(tmp_path):
    for number, place in enumerate(("old.zip", "reports/one/snapshot.zip", "reports/two/snapshot.zip")):
        path = save_snapshot(incident_of("clarity-backend").snapshot, tmp_path / place)
        os.utime(path, (number, number))
    picker, incident = picker_on()
    listed = names(picker.snapshot)
    picker.snapshot.value = "reports/one/snapshot.zip"
    picker.open_snapshot.click()

    assert listed == ["reports/two/snapshot.zip", "reports/one/snapshot.zip", "old.zip"]
    assert incident.snapshot == incident_of("clarity-backend").snapshot
    assert 'source: str = "reports/one/snapshot.zip"' in told(picker)


def test_in_a_working_copy_the_snapshots_of_the_other_reports_are_found(tmp_path, monkeypatch):
    for place in ("reports/one/lab/snapshot.zip", "reports/two/snapshot.zip"):
        save_snapshot(incident_of("clarity-backend").snapshot, tmp_path / place)
    monkeypatch.chdir(tmp_path / "reports/one/lab")

    assert {path.resolve() for path in recent_snapshots(tmp_path / "reports/one/lab")} == {
        tmp_path / "reports/one/lab/snapshot.zip",
        tmp_path / "reports/two/snapshot.zip",
    }


def test_a_file_that_is_no_snapshot_is_told_and_opens_nothing(tmp_path):
    (tmp_path / "holiday.zip").write_text("no zip", encoding="utf-8")
    picker, incident = picker_on()
    picker.snapshot.value = "holiday.zip"
    picker.open_snapshot.click()

    assert "holiday.zip cannot be opened as a snapshot" in told(picker)
    with pytest.raises(NotPickedError):
        _ = incident.frames


def test_before_something_is_picked_every_part_says_what_to_do():
    _, incident = picker_on()

    for name in ("snapshot", "frames", "diagnosis", "examined", "coverage", "treatment", "prognosis", "title", "as_of"):
        with pytest.raises(NotPickedError, match="nothing has been picked"):
            getattr(incident, name)
    with pytest.raises(AttributeError):
        _ = incident.snapshots


def test_what_was_made_of_the_last_pick_is_forgotten_at_the_next():
    picker, incident = picker_on()
    picker.demo.value = "clarity-backend"
    picker.open_demo.click()
    first = incident.diagnosis.differential[0].cause
    picker.demo.value = "clarity-network"
    picker.open_demo.click()

    assert (first, incident.diagnosis.differential[0].cause) == ("permissions.task_role", "network.security_group")


def test_a_cell_that_is_run_again_still_has_what_was_picked():
    picker, _ = picker_on()
    picker.demo.value = "clarity-backend"
    picker.open_demo.click()

    again, incident = picker_on()

    assert incident.snapshot.simulated.scenario == "clarity-backend"
    assert "This was picked before" in told(again)


def test_without_a_widget_the_picker_says_how_to_set_the_source():
    picker, _ = picker_on()

    bundle = picker._repr_mimebundle_()

    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "live:CLUSTER/SERVICE, demo:NAME" in bundle["text/plain"]
    assert bundle["text/html"] == f"<p>{bundle['text/plain']}</p>"


def test_names_and_events_that_hold_markup_are_shown_as_text():
    world = build("clarity-backend")
    hostile = "<img src=x onerror=alert(1)>\x1b[2J\u202e"

    def respond(request):
        if request.headers.get("X-Amz-Target", "").endswith("ListClusters"):
            return HTTPResponse(200, {}, json.dumps({"clusterArns": [f"arn:aws:ecs:r:1:cluster/{hostile}"]}).encode())
        if request.headers.get("X-Amz-Target", "").endswith(("ListServices", "DescribeServices")):
            return refusing("InvalidParameterException", hostile)(request)
        return world.respond(request)

    with served(respond):
        picker, _ = picker_on()
        picker.connect.click()

    assert "<img" not in picker.told.value
    assert not {"\x1b", "\u202e"} & set(picker.told.value + str(picker.cluster.options))


def test_outside_a_notebook_an_empty_source_is_an_error_as_before():
    with pytest.raises(SourceError, match="The source '' is not complete"):
        open_incident("")
