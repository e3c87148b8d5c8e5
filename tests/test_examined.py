"""Which deployment an incident is about, and which revision alone was running when."""

from datetime import UTC, datetime, timedelta

import pytest

from ecs_notebook_lib.examined import deployment_history

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
