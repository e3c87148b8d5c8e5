"""The differential: true causes first, honest when its sources are refused, and computed as it is documented."""

import math
from datetime import timedelta

import pandas as pd
import pytest

from ecs_notebook_lib.diagnosis import Outcome, diagnose
from ecs_notebook_lib.diagnosis.checks import CHECKS, run_checks
from ecs_notebook_lib.diagnosis.differential import PRIOR_NONE_OF_THESE, Evidence, counted_weights, posterior
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.operations import operations
from ecs_notebook_lib.knowledge.weights import FAMILIES, MAX_PROBABILITY, causes, check_rows, finding_kinds
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.simulate.account import FORMER_ROLE, TASK_ROLE
from ecs_notebook_lib.snapshot import Snapshot

from .conftest import FAILING, STORIES, collect, incident_of

DECIDING = {
    "clarity-backend": ("logs:GetLogEvents", "log_errors"),
    "clarity-permissions-execution": ("ecs:DescribeTasks", "stopped_tasks"),
    "clarity-health-check": ("elbv2:DescribeTargetHealth", "registered_targets"),
    "clarity-network": ("ec2:DescribeSecurityGroups", "security_groups"),
    "clarity-resources": ("ecs:DescribeTasks", "stopped_tasks"),
}
"""The source that tells most about the true cause, and the check that reads it."""


def family_of(name, seed=0):
    [cause] = build(name, seed).truth
    return cause, cause.partition(".")[0]


@pytest.mark.parametrize("name", STORIES)
def test_the_true_cause_comes_first_and_every_other_family_is_below_a_fifth(name, seed):
    diagnosis = incident_of(name, seed).diagnosis
    cause, family = family_of(name, seed)

    assert diagnosis.differential[0].cause == cause
    assert max(share for other, share in diagnosis.families.items() if other != family) < 0.2
    assert diagnosis.state.status == "failing"


@pytest.mark.parametrize("name", DECIDING)
def test_with_the_deciding_source_refused_it_is_less_sure_and_asks_for_it(name, seed):
    operation, check = DECIDING[name]
    cause, family = family_of(name, seed)
    before = {row.cause: row.probability for row in incident_of(name, seed).diagnosis.differential}
    diagnosis = incident_of(name, seed, frozenset({operation})).diagnosis
    after = {row.cause: row.probability for row in diagnosis.differential}

    assert after[cause] < before[cause]
    assert max(share for other, share in diagnosis.families.items() if other != family) <= 0.5
    assert check in [row.check for row in diagnosis.plan[:2]]


ASKED = [name for name in operations() if name not in ("ecs:ListServices", "ecs:ListClusters")]


@pytest.mark.parametrize("operation", ASKED)
def test_no_refusal_raises_a_wrong_family_above_one_half(operation, seed):
    """Each operation refused alone, in another story with each seed."""
    name = STORIES[(ASKED.index(operation) + seed) % len(STORIES)]
    _, family = family_of(name)
    families = incident_of(name, 0, frozenset({operation})).diagnosis.families

    assert max(share for other, share in families.items() if other != family) <= 0.5


def refused_of_world(name, seed, operation):
    world = build(name, seed)
    world.refused |= {operation}
    return diagnose(Frames(collect(world)))


def test_a_refusal_leaves_room_where_nothing_was_seen_that_is_one_familys_own():
    """A time-out is all that is seen, and the log that would tell of the open files is not known."""
    diagnosis = refused_of_world("files-exhausted@test", 3004, "ecs:DescribeTaskDefinition")

    assert max(share for name, share in diagnosis.families.items() if name != "none_of_these") <= 0.6


def test_a_refusal_takes_nothing_from_a_family_of_whose_own_something_was_seen():
    diagnosis = incident_of("clarity-backend", 0, frozenset({"elbv2:DescribeRules"})).diagnosis

    assert any(result.refused for result in diagnosis.results)
    assert diagnosis.families["permissions"] > 0.9


def test_a_check_that_was_made_in_part_for_a_refusal_is_still_planned():
    diagnosis = refused_of_world("tag-missing@test", 3000, "logs:DescribeLogGroups")
    result = next(row for row in diagnosis.results if row.check == "named_things")

    assert result.findings
    assert "named_things" in [row.check for row in diagnosis.plan]


def test_the_five_hypotheses_of_the_story_are_answered_as_it_turned_out():
    answers = {row.title: row.answer for row in incident_of("clarity-backend").diagnosis.hypotheses}

    assert list(answers.values())[:5] == ["ruled out", "confirmed", "ruled out", "ruled out", "ruled out"]
    assert next(iter(answers)).startswith("ALB health check")
    assert next(row.contributing for row in incident_of("clarity-backend").diagnosis.hypotheses if "bug" in row.title)


@pytest.mark.parametrize(
    ("name", "confirmed"),
    [
        ("clarity-backend", "Task role permission insufficiency"),
        ("clarity-permissions-execution", "Something else than these five"),
        ("clarity-health-check", "ALB health check misconfiguration"),
        ("clarity-network", "Network configuration issue"),
        ("clarity-resources", "Resource constraints"),
        ("clarity-percentages", "Deployment configuration bug"),
        ("clarity-overlap", "Deployment configuration bug"),
        ("clarity-slow", "Deployment configuration bug"),
    ],
)
def test_one_hypothesis_is_confirmed_and_it_is_the_right_one(name, confirmed, seed):
    """What the kit says to somebody who believes in each of the five, and to who believes in none of them."""
    hypotheses = incident_of(name, seed).diagnosis.hypotheses

    assert {row.title: row.answer for row in hypotheses} == {
        row.title: "confirmed" if row.title == confirmed else "ruled out" for row in hypotheses
    }
    assert all(row.because for row in hypotheses)
    assert math.isclose(sum(row.probability for row in hypotheses), 1, abs_tol=1e-6)


def test_what_made_it_worse_is_told_and_is_no_cause():
    diagnosis = incident_of("clarity-backend").diagnosis

    assert {condition for condition, _ in diagnosis.contributing} == {
        "deployment_config.no_circuit_breaker",
        "deployment_config.overlapping_deployments",
        "deployment_config.minimum_healthy_percent",
    }
    assert diagnosis.families["deployment_config"] < 0.01


def test_the_old_revisions_200_is_shown_and_weighs_nothing():
    incident = incident_of("clarity-backend")
    document = incident.diagnosis.to_json()
    old = [row for row in document["findings"] if row["kind"] == "load_balancer_gets_200"]

    assert [row["revision"] for row in old] == ["clarity-backend:140"]
    assert old[0]["weights_decibans"] == {}
    assert not any(old[0]["id"] in row["for"] + row["against"] for row in document["differential"])


def test_what_the_former_role_allowed_and_this_one_does_not_is_a_finding():
    kinds = {}
    for seed in range(8):
        world = build("clarity-backend", seed)
        former = next(row for arn, row in world.task_definitions.items() if arn.endswith(":140"))["taskRoleArn"]
        found = {finding.kind for _, finding in incident_of("clarity-backend", seed).diagnosis.findings}
        kinds.setdefault(former.rpartition("/")[2], set()).add("task_role_lost_action" in found)

    assert kinds == {"clarity-backend-app": {True}, "clarity-backend-task": {False}}


def test_a_rollout_that_is_only_long_is_called_stabilizing_and_its_end_is_foretold(seed, record_property):
    incident = incident_of("clarity-slow", seed)
    diagnosis, world = incident.diagnosis, build("clarity-slow", seed)
    service, asked_at = world.scheduler.services[world.service], world.now
    while len(service.shape["deployments"]) > 1 or service.shape["runningCount"] != service.desired:
        world.run_until(world.now + timedelta(seconds=2))
    seconds = (world.now - asked_at).total_seconds()
    first, *others = diagnosis.differential

    ratio = incident.prognosis.p50 / seconds

    record_property(f"clarity-slow:{seed}", f"foretold / the world's own: {ratio:.2f}")
    assert first.cause == "deployment_config.waiter_shorter_than_rollout"
    assert max(row.probability for row in others) < 0.1
    assert diagnosis.state.status == "stabilizing"
    assert 0.8 < ratio < 1.2
    assert incident.prognosis.can_stabilize


def test_the_morning_after_is_right_or_not_confident(seed):
    families = incident_of("clarity-backend@14h", seed).diagnosis.families

    assert max(families, key=families.__getitem__) == "permissions" or max(families.values()) <= 0.6


def test_of_a_healthy_service_no_cause_is_likely(seed):
    causes_of_healthy = incident_of("clarity-healthy", seed).diagnosis.differential

    assert max(row.probability for row in causes_of_healthy if row.cause in causes()) < 0.3


def test_a_service_that_was_scaled_to_0_after_failures_is_not_called_stable():
    incident = incident_of("clarity-backend@14h")
    state = incident.diagnosis.state

    assert (state.status, state.outcome) == ("failing", "unknown")
    assert "scaled to 0" in state.chief_complaint


def test_the_plan_makes_fresh_evidence_when_ecs_has_forgotten_the_tasks_and_tells_its_risk():
    plan = {
        seed: {row.check: row for row in incident_of("clarity-backend@14h", seed).diagnosis.plan} for seed in range(6)
    }
    forgotten = [rows["fresh_evidence"] for rows in plan.values() if "fresh_evidence" in rows]

    assert forgotten
    assert all("WRITES" in row.reason and row.command.startswith("aws ecs run-task") for row in forgotten)
    assert "fresh_evidence" not in {row.check for row in incident_of("clarity-backend").diagnosis.plan}


def test_a_stable_service_is_called_stable():
    state = incident_of("clarity-healthy").diagnosis.state

    assert (state.status, state.outcome) == ("stable", "completed")
    assert state.serving == state.examined.rpartition("/")[2]


def test_the_document_has_the_agreed_form():
    document = incident_of("clarity-backend").diagnosis.to_json()

    assert document["schema"] == "ecs-notebook/diagnosis/1"
    assert set(document["families"]) == {*FAMILIES, "none_of_these"}
    assert math.isclose(sum(document["families"].values()), 1, abs_tol=1e-4)
    assert document["impact"]["serving_tasks"] == 0
    assert document["rollback"]["to"].endswith("clarity-backend:140")
    assert document["chief_complaint"].startswith("Waiter ServicesStable failed: Max attempts exceeded")
    assert [row["rank"] for row in document["differential"]] == list(range(1, len(causes()) + 2))
    assert all(row["row_count"] > 0 for row in document["findings"])
    assert all(row["source"]["at"].endswith("Z") for row in document["findings"])
    assert document["prognosis"]["waiter_seconds"] == 585


def test_findings_rest_on_rows_of_their_frame():
    for name in FAILING:
        incident = incident_of(name)
        for _, finding in incident.diagnosis.findings:
            frame = incident.frames.rows(finding.frame).astype("string")
            cells = set(frame.to_numpy().ravel()) | set(frame.get("action", "") + " " + frame.get("resource", ""))

            assert set(finding.rows) <= cells, finding.kind


def test_each_cause_belongs_to_one_hypothesis_only():
    known = {row.title: row.probability for row in incident_of("clarity-healthy").diagnosis.hypotheses}

    assert math.isclose(sum(known.values()), 1, abs_tol=1e-9)


def test_the_tables_fit_together():
    checks = check_rows()

    assert list(CHECKS) == [name for name, row in checks.items() if not row.by_hand]
    assert {kind for row in checks.values() for kind in (*row.kinds, *row.states)} == set(finding_kinds())
    assert all(need in SCHEMAS for row in checks.values() for need in row.needs)
    assert all(kind.source for kind in finding_kinds().values())
    assert {cause.family for cause in causes().values()} == set(FAMILIES)
    assert all(kind.probability(cause) <= MAX_PROBABILITY for kind in finding_kinds().values() for cause in causes())


def test_a_check_states_only_what_its_row_lists():
    for name in (*FAILING, "clarity-healthy"):
        for result in run_checks(incident_of(name).frames):
            row = check_rows()[result.check]

            assert {finding.kind for finding in result.findings} <= {*row.kinds, *row.states}


def test_of_a_group_only_the_strongest_finding_counts():
    weak, strong = Evidence("a", "g", "F1", {"image.missing": 3}), Evidence("b", "g", "F2", {"image.missing": 9})
    absent = Evidence("c", "g", "", {"image.missing": -5})

    assert counted_weights([weak, strong, absent], "image.missing") == [(strong, 9)]


def test_a_general_finding_yields_to_a_specific_one_of_its_group():
    general = Evidence("a", "g", "F1", {"image.missing": 12}, general=True)
    specific = Evidence("b", "g", "F2", {"image.platform": 5})

    assert counted_weights([general, specific], "image.missing") == []
    assert counted_weights([general], "image.missing") == [(general, 12)]


def test_the_posterior_is_bayes_by_hand():
    evidence = [Evidence("a", "g", "F1", {"image.missing": 10.0})]
    priors = {name: cause.prior for name, cause in causes().items()}
    total = sum(priors.values()) + PRIOR_NONE_OF_THESE + 9 * priors["image.missing"]

    assert math.isclose(posterior(evidence)["image.missing"], 10 * priors["image.missing"] / total)
    assert math.isclose(posterior(evidence)["none_of_these"], PRIOR_NONE_OF_THESE / total)


def test_looking_in_vain_weighs_what_bayes_says():
    kind = finding_kinds()["out_of_memory"]
    p = kind.rate * 10 ** (kind.weights["resources.memory"] / 10)

    assert math.isclose(kind.clear_weight("resources.memory"), 10 * math.log10((1 - p) / (1 - kind.rate)))


def test_nothing_at_all_says_so_and_guesses_nothing():
    base = incident_of("clarity-backend").snapshot
    error = b'"params":{},"error":{"code":"AccessDeniedException","message":"no"},"response":null}\n'
    error = b'{"at":"2025-07-12T09:15:00Z",' + error
    frames = Frames(Snapshot(base.incident, base.as_of, None, False, "1", {"ecs:DescribeServices": error}))

    diagnosis = diagnose(frames)

    assert diagnosis.state.status == "unknown"
    assert diagnosis.findings == ()
    assert {row.outcome for row in diagnosis.results} == {Outcome.NOT_CHECKED}
    assert max(diagnosis.families.values()) < 0.25
    assert {row.answer for row in diagnosis.hypotheses} == {"cannot tell"}


def test_the_same_snapshot_gives_the_same_diagnosis():
    snapshot = incident_of("clarity-backend").snapshot

    assert diagnose(Frames(snapshot)).to_json() == diagnose(Frames(snapshot)).to_json()


class Given(Frames):
    """Frames in which some rows are replaced by hand: for one check and its look-alikes."""

    def __init__(self, gaps=(), **replaced):
        super().__init__(incident_of("clarity-healthy").snapshot)
        self.gaps = dict(gaps)
        for name in ("tasks", "containers", "events", "log_events", "access", "targets"):
            setattr(self, name, rows_frame(replaced.get(name, ()), SCHEMAS[name]))


def task(**changes):
    row = {
        "task_arn": "arn:t/1",
        "task_id": "1",
        "revision": "clarity-backend:141",
        "last_status": "STOPPED",
        "stop_code": "EssentialContainerExited",
        "stopped_at": pd.Timestamp("2025-07-12T09:00:00Z"),
    }
    return row | changes


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        pytest.param(
            [task(stop_code="TaskFailedToStart", reason_kind="image_missing")], ["image_not_found"], id="image"
        ),
        pytest.param(
            [task(stop_code="TaskFailedToStart", reason_kind="start_network")], ["start_network"], id="network"
        ),
        pytest.param([task(stop_code="TaskFailedToStart")], ["start_failed_otherwise"], id="unknown-reason"),
        pytest.param([task()], ["exited_by_itself"], id="exited"),
        pytest.param([task(reason_kind="out_of_memory")], ["out_of_memory"], id="memory-is-more-than-an-exit"),
        pytest.param(
            [task(stop_code="ServiceSchedulerInitiated", reason_kind="failed_elb_health_checks")],
            ["failed_elb_health_checks"],
            id="ecs-says-so",
        ),
        pytest.param([task(stop_code="ServiceSchedulerInitiated", reason_kind="scaling_activity")], [], id="scaled-in"),
        pytest.param([task(stop_code="UserInitiated", reason_kind="stopped_by_user")], [], id="stopped-by-somebody"),
        pytest.param([task(stop_code=None, last_status="PENDING", stopped_at=None)], [], id="not-stopped-yet"),
    ],
)
def test_how_a_task_ended_is_told_apart_from_its_look_alikes(rows, kinds):
    result = next(row for row in run_checks(Given(tasks=rows)) if row.check == "stopped_tasks")

    assert [finding.kind for finding in result.findings] == kinds


def test_a_check_whose_data_was_refused_is_not_checked_and_says_why():
    frames = Given(gaps={"tasks": "AccessDeniedException: ListTasks"})
    result = next(row for row in run_checks(frames) if row.check == "stopped_tasks")

    assert (result.outcome, result.reason) == (Outcome.NOT_CHECKED, "tasks: AccessDeniedException: ListTasks")


def test_an_access_denied_of_another_revision_weighs_nothing():
    incident = incident_of("clarity-backend")
    examined = incident.diagnosis.state.examined.rpartition("/")[2]
    counted = {name for row in incident.diagnosis.differential for name in row.evidence_for if name.startswith("F")}

    assert {incident.diagnosis.finding(name).revision for name in counted} <= {"", examined}


def test_a_deployment_that_was_rolled_back_is_examined_although_the_service_is_stable():
    world = build("clarity-permissions-execution")
    service = world.scheduler.services[world.service]
    good, bad = service.past[1].shape["taskDefinition"], service.shape["taskDefinition"]
    world.scheduler.rollout.begin(service, good)
    world.run_until(world.now + timedelta(minutes=30))
    service.shape["deploymentConfiguration"] |= {
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "minimumHealthyPercent": 100,
    }
    world.scheduler.rollout.begin(service, bad)
    world.run_until(world.now + timedelta(minutes=20))

    diagnosis = Incident(collect(world)).diagnosis

    assert (diagnosis.state.status, diagnosis.state.outcome) == ("stable", "rolled_back")
    assert diagnosis.state.examined == bad
    assert diagnosis.state.serving == good.rpartition("/")[2]
    assert diagnosis.differential[0].cause == "permissions.execution_role"
    assert "was rolled back. The service is stable on clarity-backend:140" in diagnosis.state.chief_complaint


def without_image(world):
    world.programs = {image: program for image, program in world.programs.items() if not image.endswith(":build-140")}


def without_role(world):
    del world.access.roles["clarity-backend-execution"]


def deregistered(world):
    next(row for arn, row in world.task_definitions.items() if arn.endswith(":140"))["status"] = "INACTIVE"


def seed_with(role):
    """Return the first seed in whose world the last good revision has this task role."""
    for seed in range(20):
        definitions = build("clarity-backend", seed).task_definitions
        if next(row for arn, row in definitions.items() if arn.endswith(":140"))["taskRoleArn"].endswith(role):
            return seed
    raise AssertionError(role)


@pytest.mark.parametrize(
    ("change", "refused", "ready", "because"),
    [
        pytest.param(None, (), True, "The task definition clarity-backend:140 is ACTIVE.", id="everything-is-there"),
        pytest.param(without_image, (), False, "clarity-backend:build-140 does not exist any more.", id="image-gone"),
        pytest.param(without_role, (), False, "clarity-backend-execution does not exist any more.", id="role-gone"),
        pytest.param(deregistered, (), False, "clarity-backend:140 is INACTIVE.", id="deregistered"),
        pytest.param(None, ("ecr:DescribeImages",), None, "could not be read: AccessDeniedException.", id="refused"),
        pytest.param(None, ("ecs:ListServiceDeployments",), None, "No deployment that ended well", id="nothing-known"),
    ],
)
def test_whether_going_back_is_possible_is_asked_before_it_is_needed(change, refused, ready, because):
    world = build("clarity-backend", seed_with(FORMER_ROLE))
    if change:
        change(world)
    world.refused |= set(refused)

    rollback = Incident(collect(world)).diagnosis.state.rollback

    assert rollback["ready"] is ready
    assert because in " ".join(rollback["because"])


def test_going_back_to_the_role_that_is_refused_now_is_doubted():
    rollback = incident_of("clarity-backend", seed_with(TASK_ROLE)).diagnosis.state.rollback

    assert rollback["ready"] is None
    assert "the same task role clarity-backend-task" in " ".join(rollback["because"])
