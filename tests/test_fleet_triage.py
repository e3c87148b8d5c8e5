"""The first look at a service: what looks wrong is suspected, what is over, planned or young is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_notebook_lib.fleet.model import DEPLOYING, SUSPECTED, WELL
from ecs_notebook_lib.fleet.triage import triage
from ecs_notebook_lib.source import parse_instant

NOON = parse_instant("2025-07-12T12:00:00Z")
DAY = parse_instant("2025-07-11T12:00:00Z")
STEADY = "(service web) has reached a steady state."
FAILED = "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start."
BACK = "(service web) rolling back to deployment ecs-svc/1."
UNHEALTHY = (
    "(service web) (task 528ccd77af10807abb75c103ce17ec71) (port 8000) is unhealthy in (target-group "
    "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef) due to (reason Health "
    "checks failed with these codes: [500])"
)


def deployment(
    identifier: str = "ecs-svc/1", *, state: str | None = "COMPLETED", at: str = "2025-07-01T00:00:00Z", **more
):
    told = {} if state is None else {"rolloutState": state}
    return {"id": identifier, "status": "PRIMARY", "createdAt": at, "failedTasks": 0, **told, **more}


def service(*events: tuple[str, str], primary=None, **more):
    """Return a service; events are (time of 12 July 2025, text), newest first."""
    rows = [{"id": str(n), "createdAt": f"2025-07-12T{at}Z", "message": text} for n, (at, text) in enumerate(events)]
    counts = {"desiredCount": 2, "runningCount": 2, "pendingCount": 0}
    return {
        "serviceName": "web",
        "status": "ACTIVE",
        "deployments": [primary or deployment()],
        "events": rows,
        **counts,
        **more,
    }


def stopped(
    *,
    started_by: str = "ecs-svc/1",
    at: str = "2025-07-12T11:30:00Z",
    code: str = "EssentialContainerExited",
    exit_code: int = 1,
):
    return {
        "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/c/528ccd77af10807abb75c103ce17ec71",
        "startedBy": started_by,
        "stopCode": code,
        "stoppedReason": "Essential container in task exited"
        if code == "EssentialContainerExited"
        else "Scaling activity initiated by (deployment ecs-svc/1)",
        "createdAt": at,
        "stoppedAt": at,
        "containers": [{"name": "web", "exitCode": exit_code}],
    }


YOUNG = deployment("ecs-svc/2", state="IN_PROGRESS", at="2025-07-12T11:55:00Z")
CASES = {
    "steady": (service(("11:00:00", STEADY)), [], WELL),
    "quiet for long": (service(), [], WELL),
    "scaled to zero": (service(desiredCount=0, runningCount=0), [], WELL),
    "being deleted": (service(status="DRAINING", runningCount=0), [], WELL),
    "young rollout": (service(primary=YOUNG, runningCount=1, pendingCount=1), [], DEPLOYING),
    "scaling out": (service(desiredCount=4, runningCount=2, pendingCount=2), [], DEPLOYING),
    "scaled in": (service(("11:40:00", STEADY)), [stopped(code="ServiceSchedulerInitiated", exit_code=143)], WELL),
    "unhealthy, then steady": (service(("11:40:00", STEADY), ("11:20:00", UNHEALTHY)), [], WELL),
    "a task failed, then steady": (service(("11:40:00", STEADY)), [stopped()], WELL),
    "failed, then mended": (
        service(("10:00:00", FAILED), primary=deployment("ecs-svc/3", at="2025-07-12T11:00:00Z")),
        [],
        WELL,
    ),
    "rolled back": (service(("11:30:00", STEADY), ("11:20:00", BACK), ("11:19:00", FAILED)), [], SUSPECTED),
    "unhealthy and not steady since": (service(("11:50:00", UNHEALTHY), ("11:20:00", STEADY)), [], SUSPECTED),
    "failed tasks of a young rollout": (service(primary={**YOUNG, "failedTasks": 3}), [], SUSPECTED),
    "rollout that lasts": (service(primary={**YOUNG, "createdAt": "2025-07-12T11:30:00Z"}), [], SUSPECTED),
    "FAILED": (service(primary=deployment(state="FAILED")), [], SUSPECTED),
    "tasks missing": (service(runningCount=1), [], SUSPECTED),
    "a task failed since it was steady": (service(("11:20:00", STEADY)), [stopped()], SUSPECTED),
    "cannot be placed": (
        service(
            ("11:59:00", "(service web) was unable to place a task. Reason: Capacity is unavailable at this time.")
        ),
        [],
        SUSPECTED,
    ),
    "no rollout state is told": (service(primary=deployment(state=None), runningCount=0), [], SUSPECTED),
}


@pytest.mark.parametrize("name", CASES)
def test_a_first_look_suspects_what_looks_wrong_and_nothing_else(name):
    row, tasks, expected = CASES[name]
    state, because = triage(row, tasks, at=NOON, since=DAY)
    assert state == expected, because
    assert bool(because) == (expected == SUSPECTED)


def test_a_rollback_counts_only_within_the_window():
    row = service(("11:20:00", BACK))
    assert triage(row, [], at=NOON, since=parse_instant("2025-07-12T11:30:00Z"))[0] == WELL
    assert triage(row, [], at=NOON, since=DAY)[0] == SUSPECTED


@given(st.data())
def test_a_first_look_takes_any_answer_with_members_left_out(data):
    whole = service(("11:50:00", UNHEALTHY), ("11:20:00", STEADY), ("11:19:00", FAILED), primary=YOUNG)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole))))
    row = {name: whole[name] for name in kept}
    members = data.draw(st.sets(st.sampled_from(sorted(YOUNG))))
    if "deployments" in row:
        row["deployments"] = [{name: YOUNG[name] for name in members}]
    assert triage(row, [stopped()], at=NOON, since=DAY)[0] in (WELL, DEPLOYING, SUSPECTED)
