"""`ecs-notebook fleet` over real HTTP: what fails in a simulated fleet, whom it hurts, what fails for one cause."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.first_answer import COMMAND
from benchmarks.fleet import found_groups, key_of, options_of, true_groups
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.fleet.journal import NAME
from ecs_notebook_lib.simulate import serve
from ecs_notebook_lib.simulate.fleet import build_fleet
from ecs_notebook_lib.snapshot import load_snapshot
from tests.conftest import environment

SERVICES, CLUSTERS, FAILING = 48, 4, 0.25


@pytest.fixture(scope="module")
def fleet():
    return build_fleet(0, services=SERVICES, clusters=CLUSTERS, failing=FAILING)


@pytest.fixture(scope="module")
def server(fleet):
    with serve(fleet.respond, "127.0.0.1") as opened:
        yield opened


def command(server, *arguments: str, folder: Path, **more) -> "subprocess.CompletedProcess[str]":
    variables = environment(server.url) | {"HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "fleet", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


@pytest.fixture(scope="module")
def run(fleet, server, tmp_path_factory):
    """Return a whole run: the process and its folder."""
    folder = tmp_path_factory.mktemp("a fleet")
    done = command(server, *options_of(fleet), "--out", str(folder / "out"), folder=folder)
    return done, folder / "out"


def document_of(folder: Path):
    return json.loads((folder / "fleet.json").read_text(encoding="utf-8"))


def test_every_failing_service_is_found_and_none_is_accused(fleet, run):
    done, folder = run
    document = document_of(folder)
    assert done.returncode == 3
    assert {key_of(row) for group in document["groups"] for row in group["services"]} == set(map(tuple, fleet.truth))
    assert document["services"] == len(fleet.worlds)
    assert not document["unread"]


def test_services_of_one_cause_are_one_group_and_the_cause_is_the_true_one(fleet, run):
    document = document_of(run[1])
    assert found_groups(document) == true_groups(fleet)
    for group in document["groups"]:
        truth = {fleet.truth[key].cause_family for key in fleet.truth if tuple(key) in map(key_of, group["services"])}
        assert {group["family"]} == truth


def test_only_what_looks_wrong_is_asked_about_alone(fleet, run):
    """Each service of its own has these; of the healthy ones nobody asks, however odd they look."""
    alone = {
        tuple(key)
        for key, calls in fleet.calls_by_service.items()
        if calls["ecs:ListServiceDeployments"] or calls["logs:GetLogEvents"]
    }
    assert alone == set(map(tuple, fleet.truth))


def test_the_worst_harm_comes_first(run):
    order = ["down", "degraded", "unknown", "not_deployed"]
    harms = [group["services"][0]["harm"] for group in document_of(run[1])["groups"]]
    assert harms == sorted(harms, key=order.index)
    for group in document_of(run[1])["groups"]:
        own = [row["harm"] for row in group["services"]]
        assert own == sorted(own, key=order.index)


def test_each_failing_service_has_its_snapshot_beside_the_page(run):
    for group in document_of(run[1])["groups"]:
        for row in group["services"]:
            assert load_snapshot(run[1] / row["snapshot"]).incident.service == row["service"]


def test_results_come_as_they_are_known_and_the_answer_is_on_stdout(run):
    done, folder = run
    lines = done.stderr.splitlines()
    document = document_of(folder)
    for row in (row for group in document["groups"] for row in group["services"]):
        assert sum(f"{row['cluster']}/{row['service']}:" in line for line in lines) == 1
    assert done.stdout.startswith(f"{SERVICES} services: {document['counts']['failing']} failing")
    assert lines[-2:] == [f"ecs-notebook: {folder / 'fleet.json'}", f"ecs-notebook: {folder / 'fleet.html'}"]


def test_a_run_that_is_killed_goes_on_where_it_stopped(fleet, server, run, tmp_path):
    """It is killed when the first diagnosis is kept: what it knows by then is not asked again."""
    folder = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "fleet", *options_of(fleet), "--out", str(folder)],
        env=environment(server.url) | {"HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    told = next(line for line in process.stderr if "tasks serve" in line or "Most likely" in line)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with (folder / NAME).open("ab") as journal:
        journal.write(b'{"kind":"examined","half')
    before = [json.loads(line) for line in (folder / NAME).read_bytes().splitlines()[:-1]]
    known = {key_of(row) for row in before if row["kind"] == "examined"}
    looked = [row["where"] for row in before if row["kind"] == "swept"]
    calls = {key: fleet.calls_by_service[key]["ecs:ListServiceDeployments"] for key in known}
    done = command(server, "--resume", str(folder), folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert document_of(folder)["groups"] == document_of(run[1])["groups"]
    assert known
    assert any(f"{cluster}/{service}" in told for *_, cluster, service in known)
    again = {key: fleet.calls_by_service[key]["ecs:ListServiceDeployments"] for key in known}
    assert again == calls, "asked again what it knew"
    after = [json.loads(line) for line in (folder / NAME).read_bytes().splitlines()]
    times = Counter(row["where"] for row in after if row["kind"] == "swept")
    assert set(looked) <= set(times)
    assert max(times.values()) == 1


WRONG = {
    "a cluster that is nowhere": (("--cluster", "nowhere"), 1, "No cluster is named 'nowhere'"),
    "a window that is none": (("--window", "soon"), 1, "The window 'soon' cannot be read"),
    "a folder without a journal": (("--resume", "absent"), 1, "The journal 'absent/fleet.jsonl' cannot be read"),
    "a scheduler that is none": (("--scheduler", "here"), 1, "The scheduler 'here' cannot be used"),
    "a profile that is not there": (("--profile", "nobody"), 1, "profile (nobody)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_done_is_told_in_one_line(name, server, tmp_path):
    arguments, code, says = WRONG[name]
    done = command(server, *arguments, folder=tmp_path, cwd=tmp_path)
    assert done.returncode == code
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_cluster_without_trouble_ends_with_zero_and_one_that_is_refused_with_four(capsys, tmp_path, monkeypatch):
    quiet = build_fleet(1, services=6, clusters=2, failing=0.0)
    for name, value in environment("").items():
        monkeypatch.setenv(name, value)
    with serve(quiet.respond, "127.0.0.1") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        region = ["--region", quiet.places[0].region]
        assert main(["fleet", *region, "--out", str(tmp_path / "well"), "--quiet", "--format", "json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["services"] == 6
        assert told["groups"] == []
        for world in quiet.worlds.values():
            world.refused.add("ecs:ListServices")
        assert main(["fleet", *region, "--out", str(tmp_path / "refused"), "--quiet", "--format", "json"]) == 4
        unread = json.loads(capsys.readouterr().out)["unread"]
        assert unread
        assert all("AccessDeniedException" in row["reason"] for row in unread)
