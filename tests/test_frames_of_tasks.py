"""The frames of tasks are those of a plain reading of the same pages, whatever AWS leaves out or tells twice."""

import random
import re
from collections.abc import Callable
from datetime import timedelta

import orjson
import pandas as pd
import pytest

from benchmarks.frames_scale import OPERATION, by_json_normalize, ours, with_tasks
from ecs_notebook_lib.examined import deployment_history, first_failure
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.sentences import read_once, samples
from ecs_notebook_lib.knowledge.messages import recognise, templates
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.source import parse_instant

from .conftest import FAILING, incident_of

BASE = incident_of("clarity-backend").snapshot
TASKS = [task for page in BASE.records(OPERATION) for task in page["response"]["tasks"]]
PAST = ("ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments")


def with_gaps(rng: random.Random, told: dict, keys: tuple[str, ...]) -> dict:
    """Return what was told with some members left out, and some null."""
    kept = {name: value for name, value in told.items() if name in keys or rng.random() > 0.3}
    return {name: None if name not in keys and rng.random() < 0.1 else value for name, value in kept.items()}


def some_task(rng: random.Random) -> dict:
    task = with_gaps(rng, rng.choice(TASKS[:40]), ("taskArn",))
    containers = [with_gaps(rng, {**row, "name": rng.choice("ab")}, ()) for row in task.get("containers") or ()]
    return {**task, "containers": containers} if "containers" in task else task


def page_of(tasks: list[dict], number: int, minutes: int) -> bytes:
    at = BASE.as_of + timedelta(minutes=minutes)
    params = {"cluster": "c", "tasks": ["t"]}
    return Page(OPERATION, at, "us-east-1", params, number, response={"tasks": tasks, "failures": []}).line("1")


def refused_page() -> bytes:
    error = {"code": "AccessDeniedException", "message": "no", "status": 400}
    return Page(OPERATION, BASE.as_of, "us-east-1", {"cluster": "c", "tasks": ["t"]}, error=error).line("1")


@pytest.mark.parametrize("number", range(6))
def test_tasks_and_containers_are_those_of_a_plain_reading(number, seed):
    rng = random.Random(f"{number}-{seed}")
    told = [page_of([some_task(rng) for _ in range(rng.randint(0, 25))], n % 2, minutes=n // 2) for n in range(5)]
    rng.shuffle(told)  # of a recording the pages are not in the order of time

    tasks, containers = ours(BASE, b"".join([*told, refused_page()]))
    plain = by_json_normalize(BASE, b"".join([*told, refused_page()]))

    assert tasks["task_arn"].is_unique
    assert (tasks["first_seen_at"] < tasks["last_seen_at"]).any()
    pd.testing.assert_frame_equal(tasks, plain[0])
    pd.testing.assert_frame_equal(containers, plain[1])


@pytest.mark.parametrize("refused", [(), PAST], ids=["all-read", "past-deployments-refused"])
@pytest.mark.parametrize("name", FAILING)
def test_what_tasks_tell_of_deployments_is_the_same_from_the_frame_as_from_the_answers(name, refused):
    frames = incident_of(name, refused=frozenset(refused)).frames
    answers = {
        operation: [page["response"] for page in frames.snapshot.records(operation) if page["response"]]
        for operation in ("ecs:DescribeServices", OPERATION, "ecs:DescribeServiceRevisions", PAST[1])
    }
    services, tasks, revisions, past = (
        [row for answer in told for row in answer[member]]
        for told, member in zip(
            answers.values(), ("services", "tasks", "serviceRevisions", "serviceDeployments"), strict=True
        )
    )

    made = deployment_history(services, service_deployments=past, service_revisions=revisions, tasks=tasks)

    assert frames.made == made
    assert frames.first_failure == first_failure(tasks, made.examined)
    assert any(task.get("stoppedReason") for task in tasks)


def test_a_task_that_a_rollout_stopped_is_no_failure():
    failed = incident_of("clarity-backend").frames.first_failure
    scaled_in = "Scaling activity initiated by (deployment ecs-svc/1)"
    first = [task for task in TASKS if parse_instant(task.get("stoppingAt") or "2999-01-01") == failed]
    told = [{**task, "stoppedReason": scaled_in} if task in first else task for task in TASKS]

    frames = Frames(with_tasks(BASE, page_of(told, 0, minutes=0)))

    assert first
    assert frames.first_failure == first_failure(told, frames.history.examined) > failed


def kind_of(text: str) -> str | None:
    message = recognise(text, where="stopped_reason")
    return message.kind if message else None


def told_of_another_task(text: str, rng: random.Random) -> str:
    """Return a sentence as AWS tells it of another task: with another session, request and port."""
    anew: Callable[[re.Match[str]], str] = lambda found: "".join(  # noqa: E731
        rng.choice("0123456789abcdef") if letter != "-" else letter for letter in found[0]
    )
    text = re.sub(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", anew, text)
    return re.sub(r"(\d+\.\d+\.\d+\.\d+):\d+", lambda found: f"{found[1]}:{rng.randint(1024, 65535)}", text)


def test_sentences_mean_what_each_of_them_means_read_by_itself():
    rng = random.Random(8)
    told = [row.sample for row in templates() if row.where == "stopped_reason"]
    told += [task["stoppedReason"] for task in TASKS if task.get("stoppedReason")]
    reasons = incident_of("clarity-permissions-execution").frames.tasks["stopped_reason"].dropna()
    told += [told_of_another_task(text, rng) for text in [*told, *reasons] for _ in range(2)]
    told += [text[:length] for text in reasons for length in (250, 255, 300)]
    column = pd.Series([None, *told, None], dtype="string", index=range(7, len(told) + 9))

    kinds = read_once(column, kind_of)

    assert [None if pd.isna(kind) else kind for kind in kinds] == [None, *map(kind_of, told), None]
    assert kinds.index.equals(column.index)


def test_a_sentence_is_read_once_however_many_tasks_it_was_told_of():
    text = str(incident_of("clarity-permissions-execution").frames.tasks["stopped_reason"].dropna().iloc[0])
    rng = random.Random(8)
    column = pd.Series([told_of_another_task(text, rng) for _ in range(50)], dtype="string")
    read: list[str] = []

    read_once(column, lambda one: read.append(one) or "kind")

    assert column.is_unique
    assert read == [column[0]] == samples(column)


def test_what_a_sentence_is_about_is_never_taken_for_another():
    key = "arn:aws:kms:us-east-1:111122223333:key/{:08x}-58cc-4372-a567-0e02b2c3d479"
    refused = "Error: role is not authorized to perform: kms:Decrypt on resource: {} status code: {}"
    told = [refused.format(key.format(n), code) for n in range(3) for code in (400, 403)]
    told += [f"dial tcp {address}:443: i/o timeout" for address in ("10.0.1.9", "10.0.1.10")]  # the longer may be cut

    assert samples(pd.Series([*told, *told], dtype="string")) == told


def test_a_page_of_another_layout_is_the_same_page():
    line = page_of(TASKS[:3], 0, minutes=0)
    laid_out = line.replace(b',"response"', b',\r "response"')

    assert orjson.loads(laid_out) == orjson.loads(line)
    pd.testing.assert_frame_equal(ours(BASE, laid_out)[0], ours(BASE, line)[0])
