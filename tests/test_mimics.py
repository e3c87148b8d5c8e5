"""Mimics: for each pair that looks alike, what tells the two apart, from either side."""

import json
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from ecs_notebook_lib.cases import Case, snapshot_of
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, finding_kinds
from ecs_notebook_lib.simulate import RECIPES, build

from .conftest import collect, incident_of
from .test_steps import Given

SETTLED = 0.2
"""A look-alike that the evidence has ruled out is less likely than this."""

ROLLING = "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"
REJECTED = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:111122223333:tg/web)"
CLOSEST = (
    "(service web) was unable to place a task because no container instance met all of its requirements. "
    "The closest matching (container-instance 528ccd77af10807abb75c103ce17ec71) "
)


def stopped(told, **container):
    task = {"stop_code": "ServiceSchedulerInitiated", "stopped_reason": told, "containers": [container]}
    return {"stopped_tasks": [task]}


def target(reason, description):
    return {"target_health": [{"state": "unhealthy", "reason": f"Target.{reason}", "description": description}]}


def answers(code):
    return target("ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]")


def event(text):
    return {"service_events": [text]}


def service(desired, minimum, maximum):
    return {"service": {"desired_count": desired, "minimum_healthy_percent": minimum, "maximum_percent": maximum}}


def of_case(observed):
    return diagnose(Frames(snapshot_of(Case("by-hand", observed))))


def probabilities(diagnosis):
    return {row.cause: row.probability for row in diagnosis.differential}


def kinds(diagnosis):
    return {finding.kind for _, finding in diagnosis.findings}


@cache
def of_world(name, seed=3):
    return diagnose(Frames(collect(build(name, seed))))


MIMICS = Path(__file__).parent / "data" / "mimics.jsonl"
TOLD_APART = [json.loads(line) for line in MIMICS.read_text(encoding="utf-8").splitlines()]
"""Observations, the cause that comes first, and the look-alikes that are ruled out; written by hand."""


@pytest.mark.parametrize("pair", TOLD_APART, ids=lambda pair: pair["id"])
def test_what_is_told_comes_to_its_cause_and_rules_out_the_look_alikes(pair):
    ranked = probabilities(of_case(pair["observed"]))

    assert max(ranked, key=ranked.__getitem__) == pair["cause"]
    assert {name for name in pair["not_these"] if ranked[name] >= SETTLED} == set()


SETTLED_BY_READING = {
    "killed-after-failed-checks": ("health_check.path", "resources.memory"),
    "memory-killed": ("resources.memory", "health_check.path"),
    "balancer-blocked": ("network.security_group", "health_check.timing", "resources.cpu", "health_check.port"),
    "wrong-check-port": ("health_check.port", "application.listen_address", "network.security_group"),
    "dropped-check-port": ("health_check.port", "network.security_group", "health_check.timing"),
    "other-port": ("health_check.port", "application.listen_address"),
    "listens-on-loopback": ("application.listen_address", "health_check.port"),
    "speaks-tls": ("health_check.protocol", "health_check.port"),
    "task-role-refused": ("permissions.task_role", "application.crash"),
    "partial-secret-arn": ("secrets_config.malformed", "permissions.execution_role"),
    "secret-refused": ("permissions.execution_role", "secrets_config.malformed"),
    "log-stream-refused": ("permissions.execution_role", "secrets_config.log_group"),
    "log-group-missing": ("secrets_config.log_group", "permissions.execution_role"),
    "exec-format-error": ("image.platform", "application.crash"),
    "program-crashes-silently": ("application.crash", "image.platform"),
    "log-router-ends": ("dependency.sidecar", "application.crash"),
    "program-ends": ("application.finished", "dependency.sidecar"),
    "deployed-again": ("deployment_config.superseded", "deployment_config.waiter_shorter_than_rollout"),
    "slow-rollout": ("deployment_config.waiter_shorter_than_rollout", "deployment_config.superseded"),
}
"""Recipes of the simulated world: the cause, and what it is mistaken for."""


@pytest.mark.parametrize("name", SETTLED_BY_READING)
def test_where_everything_could_be_read_the_look_alike_is_ruled_out(name):
    cause, *not_these = SETTLED_BY_READING[name]
    ranked = probabilities(of_world(name))

    assert max(ranked, key=ranked.__getitem__) == cause
    assert max(ranked[other] for other in not_these) < SETTLED


def without_evidence():
    return probabilities(of_case({}))


def weighing(diagnosis):
    return {finding.kind for _, finding in diagnosis.findings if finding.weighs}


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(stopped(ROLLING), id="scaling-activity"),
        pytest.param({"deployments": [{"status": "PRIMARY", "failed_tasks": 0}]}, id="no-failed-tasks"),
        pytest.param({"target_health": [{"state": "draining", "reason": "Target.DeregistrationInProgress"}]},
                     id="draining"),
        pytest.param({"target_health": [{"state": "initial", "reason": "Elb.InitialHealthChecking"}]}, id="initial"),
        pytest.param(event("(service web) has reached a steady state."), id="steady-state"),
        pytest.param(event("(service web) has stopped 1 running tasks: (task 528ccd77af10807abb75c103ce17ec71)."),
                     id="stopped-a-task"),
        pytest.param(service(1, 100, 200), id="percentages-with-room"),
        pytest.param(service(2, 50, 100), id="percentages-with-just-enough-room"),
        pytest.param({"target_group": {"target_type": "ip", "port": 80, "health_check_port": "traffic-port"},
                      "task_definition": {"container_port": 8080}}, id="port-of-an-ip-target-group"),
    ],
)  # fmt: skip
def test_what_proves_nothing_moves_nothing(observed):
    diagnosis = of_case(observed)

    assert weighing(diagnosis) == set()
    assert probabilities(diagnosis) == pytest.approx(without_evidence(), abs=0.02)


@pytest.mark.parametrize(
    ("observed", "cause"),
    [
        (target("Timeout", "Request timed out"), "network.security_group"),
        (event(f"(service web) {REJECTED}"), "health_check.timing"),
        (service(2, 100, 100), "deployment_config.percentages"),
        (service(2, 75, 100), "deployment_config.percentages"),
        ({"target_group": {"target_type": "ip", "port": 8080, "health_check_port": "9999"},
          "task_definition": {"container_port": 8080}}, "health_check.port"),
    ],
)  # fmt: skip
def test_beside_what_proves_nothing_the_real_sign_moves_the_ranking(observed, cause):
    assert probabilities(of_case(observed))[cause] > 2 * without_evidence()[cause]


def test_exit_137_at_the_end_of_a_stop_is_the_stop_time_out_and_no_memory():
    diagnosis = of_case(stopped(ROLLING, exit_code=137))

    assert kinds(diagnosis) == {"stop_time_out"}
    assert probabilities(diagnosis)["resources.memory"] < SETTLED


@pytest.mark.parametrize(
    ("code", "possible"),
    [
        (500, {"application.error_response"}),
        (502, {"health_check.timing", "dependency.unavailable"}),
        (503, {"health_check.timing", "dependency.unavailable"}),
    ],
)
def test_each_server_error_speaks_for_its_own_reasons(code, possible):
    ranked = list(probabilities(of_case(answers(code))))

    assert set(ranked[: len(possible)]) == possible


def test_a_time_out_alone_leaves_open_who_is_slow_and_who_is_blocked():
    ranked = probabilities(of_case(target("Timeout", "Request timed out")))
    open_ones = {"network.security_group", "health_check.timing", "health_check.port", "resources.cpu"}

    assert set(list(ranked)[:4]) == open_ones


def test_a_time_out_is_the_group_where_it_blocks_and_the_start_where_it_does_not():
    blocked, slow = of_world("balancer-blocked"), of_world("slow-start")

    assert "security_group_blocks" in kinds(blocked)
    assert {"load_balancer_path_open", "egress_open"} <= kinds(slow)
    assert probabilities(slow)["network.security_group"] < SETTLED


def test_a_time_out_is_the_processor_where_it_is_at_its_limit():
    starved, slow = of_world("cpu-starved", 5), of_world("slow-start", 5)

    assert next(iter(probabilities(starved))) == "resources.cpu"
    assert "cpu_at_limit" in kinds(starved)
    assert probabilities(slow)["resources.cpu"] < SETTLED


def test_a_rollout_that_is_given_up_within_minutes_still_shows_the_processor_at_its_limit():
    brief = of_world("cpu-starved-answers@test", 3009)

    assert "cpu_at_limit" in kinds(brief)
    assert next(iter(probabilities(brief))) == "resources.cpu"


def test_a_single_minute_at_the_limit_proves_nothing_either_way():
    briefer = of_world("cpu-starved-answers@test", 3005)

    assert "cpu_at_limit" not in kinds(briefer)
    assert "too briefly" in dict(briefer.not_checked)["cpu"]


def test_what_a_sidecar_prints_about_itself_is_not_the_applications():
    ended = of_world("proxy-ends@test", 3008)

    assert "sidecar_error_in_log" in kinds(ended)
    assert "command_missing_in_log" not in kinds(ended)
    assert probabilities(ended)["application.crash"] < SETTLED


def test_a_failing_answer_to_the_own_check_is_the_applications_error():
    failing = of_world("own-check-500@test", 3016)

    assert {"failed_container_health_checks", "request_failed_in_log"} <= kinds(failing)
    assert next(iter(probabilities(failing))) == "application.error_response"


@pytest.mark.parametrize("kind", ["image_not_found", "image_refused", "image_rate_limited"])
def test_a_registry_that_answered_was_reached(kind):
    assert finding_kinds()[kind].weight("network.egress") <= -9


def listening_after(seconds, grace):
    """Return the frames of a service whose new tasks say after so many seconds that they listen."""
    frames = Given("clarity-health-check", columns={"services": {"health_check_grace_period_seconds": grace}})
    tasks = frames.tasks[frames.tasks["revision"] == frames.history.examined.revision]
    frames.log_events = rows_frame(
        [
            {
                "kind": "listening",
                "message": "Uvicorn running on http://0.0.0.0:8000",
                "task_id": row.task_id,
                "revision": row.revision,
                "log_stream": f"ecs/clarity-backend/{row.task_id}",
                "logged_at": row.started_at + pd.Timedelta(seconds=seconds),
            }
            for row in tasks.itertuples()
        ],
        SCHEMAS["log_events"],
    )
    return frames


@pytest.mark.parametrize(
    ("ready", "grace", "found"),
    [(150, 0, True), (150, 120, True), (150, 180, False), (20, 0, False), (100, 120, False)],
)
def test_a_grace_period_is_too_short_only_beside_the_start_up_that_was_measured(ready, grace, found):
    diagnosis = diagnose(listening_after(ready, grace))

    assert ("start_longer_than_grace" in kinds(diagnosis)) is found


def test_a_service_that_looks_stable_after_a_rollback_still_has_its_cause():
    rolled_back, healthy = of_world("redirect-to-https", 5), incident_of("clarity-healthy").diagnosis

    assert (rolled_back.state.status, rolled_back.state.outcome) == ("stable", "rolled_back")
    assert next(iter(probabilities(rolled_back))) == "health_check.matcher"
    assert (healthy.state.status, healthy.state.outcome) == ("stable", "completed")
    assert max(share for name, share in probabilities(healthy).items() if name != NONE_OF_THESE) < SETTLED


def test_a_failing_deployment_that_was_replaced_keeps_its_cause_and_is_not_called_overlapping():
    replaced, overlapping = of_world("moved-health-path", 0), of_world("deployed-again")

    assert replaced.state.outcome == "superseded"
    assert probabilities(replaced)["deployment_config.superseded"] < SETTLED
    assert next(iter(probabilities(replaced))) == "health_check.path"
    assert {"redeployed_before_the_end", "stopped_by_rollouts_only"} <= kinds(overlapping)


@pytest.mark.parametrize("forgotten", [("events",), ("events", "tasks", "containers")])
def test_silence_is_not_recovery(forgotten):
    diagnosis = diagnose(Given("clarity-backend", rows=dict.fromkeys(forgotten, ())))

    assert diagnosis.state.status == "failing"
    assert diagnosis.families[NONE_OF_THESE] < SETTLED


def test_no_failed_task_is_no_sign_of_health_and_neither_of_the_opposite():
    seen = probabilities(diagnose(Given("clarity-backend", columns={"deployments": {"failed_tasks": 0}})))

    assert seen == pytest.approx(probabilities(incident_of("clarity-backend").diagnosis), abs=0.02)


def test_targets_that_drain_are_not_unhealthy():
    draining = {"state": "draining", "reason": "Target.DeregistrationInProgress", "description": None}
    frames = Given("clarity-health-check", rows={"events": ()}, columns={"targets": draining})

    assert not [finding for _, finding in diagnose(frames).findings if finding.check == "target_health"]
    assert "target_answers_unexpected_code" in kinds(incident_of("clarity-health-check").diagnosis)


@pytest.mark.parametrize(
    ("group", "found"),
    [
        pytest.param({"target_type": "ip", "port": 80}, False, id="default-port-of-an-ip-group"),
        pytest.param({"target_type": "ip", "port": 8000}, False, id="same-port"),
        pytest.param({"target_type": "ip", "port": 8000, "health_check_port": "9999"}, True, id="check-port-differs"),
        pytest.param({"target_type": "ip", "port": 80, "health_check_port": "8000"}, False, id="check-port-agrees"),
    ],
)
def test_only_the_port_of_the_check_matters_where_tasks_register_their_own(group, found):
    diagnosis = diagnose(Given("clarity-backend", columns={"target_groups": group}))

    assert ("health_check_port_differs" in kinds(diagnosis)) is found


def test_a_waiter_that_gave_up_on_a_good_rollout_is_told_from_a_rollout_that_cannot_move():
    slow, stuck = of_world("slow-rollout"), of_world("no-room")

    assert slow.state.status == "stabilizing"
    assert "rollout_proceeds" in kinds(slow)
    assert next(iter(probabilities(stuck))) == "deployment_config.percentages"
    assert probabilities(stuck)["deployment_config.waiter_shorter_than_rollout"] < SETTLED
    assert probabilities(slow)["deployment_config.percentages"] < SETTLED


@pytest.mark.parametrize("name", ["moved-health-path", "deployed-again"])
def test_a_contributing_condition_is_told_and_is_no_cause(name):
    diagnosis = of_world(name, 5)
    contributing = {condition for condition, _ in diagnosis.contributing}

    assert contributing >= {"deployment_config.no_circuit_breaker", "deployment_config.minimum_healthy_percent"}
    assert not contributing & set(probabilities(diagnosis))
    assert not contributing & {cause for cause, _ in diagnosis.also}


def test_a_missing_circuit_breaker_contributes_and_weighs_nothing():
    without, with_one = (of_case({"service": {"circuit_breaker": enabled}}) for enabled in (False, True))

    assert dict(without.contributing).keys() == {"deployment_config.no_circuit_breaker"}
    assert with_one.contributing == ()
    assert probabilities(without) == probabilities(with_one) == pytest.approx(without_evidence(), abs=0.02)


PAIRS = [
    ("memory-killed", "balancer-blocked"),
    ("no-way-out", "moved-health-path"),
    ("task-role-unready", "moved-health-path"),
    ("few-addresses", "program-crashes"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_two_independent_faults_both_are_reported(first, second):
    both = of_world(f"{first}+{second}")
    reported = {next(iter(probabilities(both))), *(cause for cause, _ in both.also)}

    assert reported == {RECIPES[first].cause, RECIPES[second].cause}


@pytest.mark.parametrize("name", sorted({name for pair in PAIRS for name in pair if name != "task-role-unready"}))
def test_one_fault_alone_has_no_second_beside_it(name):
    assert of_world(name).also == ()


def test_two_causes_told_in_one_case_are_both_reported():
    told = answers(404) | event(f"{CLOSEST}has insufficient memory available.")
    diagnosis = of_case(told)

    assert {next(iter(probabilities(diagnosis))), *dict(diagnosis.also)} == {"health_check.path", "capacity.instances"}
    assert of_case(answers(404)).also == ()


def test_errors_of_a_program_that_only_health_checks_stopped_are_no_crash():
    stopped_by_checks, crashed = of_world("own-check-500@test", 3002), of_world("program-crashes", 3)

    assert probabilities(crashed)["application.crash"] > 1 - SETTLED
    assert "stopped_by_checks_only" not in kinds(crashed)
    assert probabilities(stopped_by_checks)["application.crash"] < SETTLED


@pytest.mark.parametrize("number", [3000, 3003])
def test_a_start_that_is_still_loading_when_it_is_stopped_takes_too_long(number):
    diagnosis = of_world("slow-start@test", number)

    assert "start_not_finished" in kinds(diagnosis)
    assert diagnosis.differential[0].cause == "health_check.timing"


def test_an_application_that_answers_503_until_it_is_warm_needs_time_and_no_dependency():
    warming, waiting = of_world("warming-up@test", 3000), of_world("dependency-down-503", 3)

    assert warming.differential[0].cause == "health_check.timing"
    assert probabilities(warming)["dependency.unavailable"] < SETTLED
    assert waiting.differential[0].cause == "dependency.unavailable"


def test_a_rollout_that_is_hours_past_still_has_its_own_cpu():
    diagnosis = of_world("cpu-starved-answers@test", 3001)
    [points] = [finding.rows for _, finding in diagnosis.findings if finding.kind == "cpu_at_limit"]
    examined = diagnosis.frames.history.examined

    assert diagnosis.frames.snapshot.as_of - examined.finished_at > pd.Timedelta(hours=3)
    assert pd.Timestamp(max(points)) <= pd.Timestamp(examined.finished_at)
    assert diagnosis.differential[0].cause == "resources.cpu"


def test_a_check_of_the_load_balancers_is_known_by_its_address_where_the_log_has_no_names():
    diagnosis = of_world("slow-answers@test", 3000)
    lines = diagnosis.frames.log_events
    own = lines[(lines["revision"] == diagnosis.frames.history.examined.revision) & lines["status"].notna()]

    assert own["user_agent"].isna().all()
    assert "probes_arrive" in kinds(diagnosis)
    assert probabilities(diagnosis)["network.security_group"] < SETTLED


@pytest.mark.parametrize(
    ("number", "kind", "least"), [(10004, "only_sidecars_checked", 0.9), (10013, "sidecar_checked_too", 0.3)]
)
def test_a_failed_health_check_may_be_a_sidecars_where_it_has_one(number, kind, least):
    forgotten = of_world("proxy-unhealthy@test", number)

    assert kind in kinds(forgotten)
    assert next(iter(probabilities(forgotten))) == "dependency.sidecar"
    assert probabilities(forgotten)["dependency.sidecar"] > least


def test_whose_health_check_failed_is_not_asked_where_the_containers_tell():
    told = of_world("proxy-unhealthy@test", 3018)

    assert "sidecar_ended" in kinds(told)
    assert not kinds(told) & {"only_sidecars_checked", "sidecar_checked_too"}
