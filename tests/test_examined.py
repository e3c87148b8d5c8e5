"""Which deployment an incident is about, and which revision alone was running when."""

from datetime import UTC, datetime, timedelta

import pytest

from ecs_notebook_lib.examined import deployment_history
from ecs_notebook_lib.incident import Incident

from .test_wait import waited

NOON = datetime(2025, 7, 12, 12, tzinfo=UTC)


def at(minutes):
    return (NOON + timedelta(minutes=minutes)).isoformat()


def listed(revision, status, state, begun):
    return {
        "id": f"ecs-svc/{revision}",
        "status": status,
        "rolloutState": state,
        "taskDefinition": f"arn:aws:ecs:r:a:task-definition/web:{revision}",
        "createdAt": at(begun),
    }


def past(revision, status, begun, ended=None):
    row = {"serviceDeploymentArn": f"d/{revision}", "status": status, "createdAt": at(begun)}
    row["targetServiceRevision"] = {"arn": f"r/{revision}"}
    return row if ended is None else row | {"finishedAt": at(ended)}


def history(deployments, *rows):
    revisions = [
        {"serviceRevisionArn": f"r/{n}", "taskDefinition": f"arn:aws:ecs:r:a:task-definition/web:{n}"} for n in range(9)
    ]
    return deployment_history([{"deployments": deployments}], service_deployments=rows, service_revisions=revisions)


@pytest.mark.parametrize(
    ("deployments", "rows", "examined", "good"),
    [
        pytest.param(
            [listed(2, "PRIMARY", "IN_PROGRESS", 0)], [past(1, "SUCCESSFUL", -60, -50)], "web:2", "web:1", id="now"
        ),
        pytest.param(
            [listed(2, "PRIMARY", "COMPLETED", 0)], [past(1, "SUCCESSFUL", -60, -50)], "web:2", "web:1", id="all-well"
        ),
        pytest.param(
            [listed(1, "PRIMARY", "COMPLETED", -60)],
            [past(1, "SUCCESSFUL", -60, -50), past(2, "ROLLBACK_SUCCESSFUL", -20, -5)],
            "web:2",
            "web:1",
            id="rolled-back",
        ),
        pytest.param(
            [listed(3, "PRIMARY", "COMPLETED", 0)],
            [past(3, "SUCCESSFUL", 0, 5), past(2, "ROLLBACK_SUCCESSFUL", -20, -5), past(1, "SUCCESSFUL", -60, -50)],
            "web:3",
            "web:1",
            id="an-old-failure-is-past",
        ),
        pytest.param([listed(2, "PRIMARY", "FAILED", 0)], [], "web:2", None, id="first-one-failed"),
        pytest.param(
            [], [past(2, "STOPPED", 0, 5), past(1, "SUCCESSFUL", -60, -50)], "web:2", "web:1", id="not-listed"
        ),
        pytest.param([], [], None, None, id="nothing-known"),
    ],
)
def test_the_examined_and_the_last_good_deployment(deployments, rows, examined, good):
    known = history(deployments, *rows)

    assert (known.examined.revision if known.examined else None) == examined
    assert (known.last_good.revision if known.last_good else None) == good


STORY = (
    past(1, "SUCCESSFUL", -600, -590),
    past(2, "ROLLBACK_SUCCESSFUL", -400, -380),
    past(3, "STOPPED", -90, -60),
    past(4, "IN_PROGRESS", -30),
)


@pytest.mark.parametrize(
    ("minutes", "revision"),
    [
        pytest.param(-601, "", id="before-all"),
        pytest.param(-595, "", id="while-it-is-rolled-out"),
        pytest.param(-500, "web:1", id="after-it-ended-well"),
        pytest.param(-390, "", id="while-another-is-tried"),
        pytest.param(-300, "web:1", id="after-that-was-rolled-back"),
        pytest.param(-40, "", id="after-one-that-was-superseded"),
        pytest.param(0, "", id="now"),
    ],
)
def test_a_revision_ran_alone_only_between_rollouts(minutes, revision):
    assert (
        history([listed(4, "PRIMARY", "IN_PROGRESS", -30)], *STORY).revision_at(NOON + timedelta(minutes=minutes))
        == revision
    )


def test_the_trouble_began_with_the_first_deployment_after_which_nothing_was_well():
    assert history([listed(4, "PRIMARY", "IN_PROGRESS", -30)], *STORY).troubled_since == NOON - timedelta(minutes=90)


def task(revision, created, started_by=""):
    definition = f"arn:aws:ecs:r:a:task-definition/web:{revision}"
    return {"taskDefinitionArn": definition, "createdAt": at(created), "startedBy": started_by or f"ecs-svc/{revision}"}


@pytest.mark.parametrize(
    ("tasks", "examined"),
    [
        pytest.param([task(2, -20), task(1, -60)], "web:2", id="given-up-after-it"),
        pytest.param([task(0, -90), task(1, -60)], "web:1", id="replaced-by-it"),
        pytest.param([task(2, -20, "somebody"), task(1, -60)], "web:1", id="started-by-somebody"),
        pytest.param([], "web:1", id="forgotten"),
    ],
)
def test_where_past_deployments_are_refused_their_tasks_tell_of_them(tasks, examined):
    known = deployment_history([{"deployments": [listed(1, "PRIMARY", "COMPLETED", -60)]}], tasks=tasks)

    assert known.examined.revision == examined


def test_where_revisions_are_refused_a_task_tells_what_was_deployed():
    services = [{"deployments": [listed(1, "PRIMARY", "COMPLETED", -60)]}]
    rows = [past(2, "ROLLBACK_SUCCESSFUL", -30, -5), past(1, "SUCCESSFUL", -60, -50)]
    known = deployment_history(services, service_deployments=rows, tasks=[task(2, -20), task(1, -59)])

    assert known.examined.revision == "web:2"
    assert known.examined.service_deployment_status == "ROLLBACK_SUCCESSFUL"


def test_the_brief_list_does_where_service_deployments_are_not_described():
    brief = past(2, "ROLLBACK_SUCCESSFUL", -30, -5)
    brief["targetServiceRevisionArn"] = brief.pop("targetServiceRevision")["arn"]

    assert history([listed(1, "PRIMARY", "COMPLETED", -60)], brief).examined.revision == "web:2"


def test_while_ecs_rolls_back_the_rollout_that_failed_is_examined():
    done = waited("alarm-rings", 0)
    history = Incident(done.watch.snapshot(done.world.service, lambda _step: None)).frames.history

    assert done.result.verdict.code == "rolled_back"
    assert history.examined.id == done.result.followed.deployment
    assert history.last_good.revision != history.examined.revision
