"""The checks of the steps beyond the main job: each fires, and stays silent on its look-alike and on missing data."""

import pandas as pd
import pytest

from ecs_notebook_lib.diagnosis import Outcome
from ecs_notebook_lib.diagnosis.checks import run_checks
from ecs_notebook_lib.diagnosis.checks.logs import health_path_answers
from ecs_notebook_lib.diagnosis.health_budget import HealthBudget, health_budget_of, stopped_on_schedule
from ecs_notebook_lib.diagnosis.rollout import Rollout, rollout_of
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.knowledge.fargate import is_fargate_size
from ecs_notebook_lib.report.rollout_tables import memory_evidence_table, task_sizes_table
from ecs_notebook_lib.report.tables import health_answers_table
from ecs_notebook_lib.rolling_update import bounds_of
from ecs_notebook_lib.simulate import build

from .conftest import collect, incident_of

AT = pd.Timestamp("2025-07-12T09:00:00Z")


class Given(Frames):
    """The frames of a scenario in which some are replaced by hand, or some columns of their first row."""

    def __init__(self, scenario="clarity-backend", *, gaps=(), rows=(), columns=()):
        super().__init__(incident_of(scenario).snapshot)
        self.gaps = dict(gaps)
        for name, given in dict(rows).items():
            setattr(self, name, rows_frame(given, SCHEMAS[name]))
        for name, changes in dict(columns).items():
            frame = self.rows(name).assign(**changes)
            setattr(self, name, frame.astype(SCHEMAS[name].dtypes))


def kinds(frames, check):
    """Return what a check found, or why it could not look."""
    result = next(row for row in run_checks(frames) if row.check == check)
    return result.reason if result.outcome is Outcome.NOT_CHECKED else [finding.kind for finding in result.findings]


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "lower", "upper", "cycles"),
    [
        (1, 100, 200, 1, 2, 1),
        (1, 100, 150, 1, 1, None),
        (1, 100, 199, 1, 1, None),
        (1, 50, 100, 1, 1, None),
        (1, 0, 100, 0, 1, 1),
        (2, 50, 100, 1, 2, 2),
        (2, 75, 100, 2, 2, None),
        (2, 100, 125, 2, 2, None),
        (3, 100, 133, 3, 3, None),
        (3, 100, 134, 3, 4, 3),
        (3, 67, 100, 3, 3, None),
        (3, 66, 100, 2, 3, 3),
        (4, 100, 125, 4, 5, 4),
        (4, 50, 200, 2, 8, 1),
        (7, 90, 110, 7, 7, None),
        (10, 100, 105, 10, 10, None),
        (10, 100, 110, 10, 11, 10),
        (0, 100, 200, 0, 0, 0),
    ],
)
def test_percentages_come_to_what_ecs_makes_of_them(desired, minimum, maximum, lower, upper, cycles):
    bounds = bounds_of(desired, minimum, maximum)

    assert (bounds.lower, bounds.upper, bounds.cycles) == (lower, upper, cycles)


def a_rollout(desired, minimum, maximum, *, new, delay, stop, **seen):
    facts = {"started": 0, "healthy": 0, "failed": 0, "last_batch_at": None, "cycle_seconds": None} | seen
    return Rollout(bounds_of(desired, minimum, maximum), new, 0.0, delay, stop, measured=True, **facts)


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "new", "delay", "stop", "serial"),
    [
        (2, 100, 200, 90, 300, 30, 420),
        (2, 100, 200, 300, 300, 30, 630),
        (4, 100, 150, 90, 300, 30, 840),
        (4, 50, 100, 90, 300, 30, 840),
        (10, 100, 110, 90, 300, 30, 4200),
        (10, 100, 110, 60, 30, 5, 950),
        (20, 100, 125, 75, 30, 10, 460),
    ],
)
def test_a_rollout_takes_what_its_steps_take(desired, minimum, maximum, new, delay, stop, serial):
    rollout = a_rollout(desired, minimum, maximum, new=new, delay=delay, stop=stop)

    assert rollout.longest_seconds == serial
    assert rollout.shortest_seconds == rollout.bounds.cycles * new + delay + stop


def test_a_rollout_that_is_stuck_has_no_end_and_does_not_proceed():
    stuck = a_rollout(2, 100, 100, new=90, delay=300, stop=30, started=1, healthy=1, last_batch_at=AT)

    assert stuck.shortest_seconds is None
    assert stuck.ends_at() is None
    assert not stuck.proceeds(AT)


@pytest.mark.parametrize(
    ("changes", "minutes_later", "proceeds"),
    [
        pytest.param({}, 2, True, id="going-on"),
        pytest.param({"failed": 1}, 2, False, id="one-failed"),
        pytest.param({"healthy": 0}, 2, False, id="none-is-healthy"),
        pytest.param({}, 60, False, id="overdue"),
    ],
)
def test_a_rollout_proceeds_only_while_nothing_failed_and_the_next_step_is_not_overdue(
    changes, minutes_later, proceeds
):
    seen = {"started": 2, "healthy": 2, "failed": 0, "last_batch_at": AT, "cycle_seconds": 390.0} | changes
    rollout = a_rollout(4, 100, 125, new=90, delay=300, stop=30, **seen)

    assert rollout.proceeds(AT + pd.Timedelta(minutes=minutes_later)) is proceeds


def test_the_times_of_a_rollout_are_measured_on_its_own_tasks():
    rollout = rollout_of(incident_of("clarity-slow").frames)

    assert rollout.measured
    assert 50 < rollout.start_seconds < 90
    assert rollout.deregistration_seconds == 300
    assert rollout.cycle_seconds > 300


@pytest.mark.parametrize(
    ("cpu", "memory", "valid"),
    [(256, 512, True), (256, 3072, False), (1024, 3072, True), (1024, 1024, False), (8192, 16384, True), (3, 3, False)],
)
def test_the_sizes_of_fargate_are_known(cpu, memory, valid):
    assert is_fargate_size(cpu, memory) is valid


def test_the_storys_1024_and_3072_without_container_limits_gets_its_verdict():
    frames = incident_of("clarity-backend").frames
    sizes = task_sizes_table(frames)

    assert set(sizes["verdict"]) == {
        "a size that Fargate has; without limits of their own the containers share the task's memory, "
        "which is no fault by itself"
    }
    assert kinds(frames, "task_size") == ["no_container_limits"]
    assert kinds(Given(columns={"container_definitions": {"memory": 2048}}), "task_size") == []


def points(metric, *values):
    return [
        {
            "namespace": "AWS/ECS",
            "metric": metric,
            "statistic": "Maximum",
            "resource": "clarity-backend",
            "period_seconds": 60,
            "began_at": pd.Timestamp("2025-07-12T09:03:00Z") + pd.Timedelta(minutes=n),
            "value": value,
        }
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("check", "metric", "values", "found"),
    [
        pytest.param("memory", "MemoryUtilization", (30.0, 97.0), ["memory_near_limit"], id="memory-near-its-limit"),
        pytest.param("memory", "MemoryUtilization", (30.0, 60.0), [], id="memory-far-from-it"),
        pytest.param("memory", "CPUUtilization", (99.0,), "CloudWatch has no data point of memory", id="no-memory"),
        pytest.param("cpu", "CPUUtilization", (99.0, 100.0, 99.5), ["cpu_at_limit"], id="cpu-at-its-limit"),
        pytest.param("cpu", "CPUUtilization", (100.0, 12.0, 9.0), [], id="cpu-only-while-starting"),
    ],
)
def test_memory_and_cpu_are_judged_by_their_maxima(check, metric, values, found):
    result = kinds(Given(rows={"metrics": points(metric, *values)}), check)

    assert result.startswith(found) if isinstance(found, str) else result == found


def test_metrics_that_were_refused_are_not_checked():
    frames = incident_of("clarity-backend", 0, frozenset({"cloudwatch:GetMetricData"})).frames

    assert kinds(frames, "memory") == "metrics: AccessDenied: GetMetricData"


DISK_AND_FILES = ("disk_full", "file_limit_in_log")


def line(text, kind):
    return {"message": text, "kind": kind, "revision": "clarity-backend:146", "log_stream": "s", "logged_at": AT}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("OSError: [Errno 28] No space left on device", ["disk_full"]),
        ("accept: Too many open files", ["file_limit_in_log"]),
        ("INFO: 40 % of the disk is used", []),
    ],
)
def test_a_full_disk_and_too_many_files_are_told_by_the_log(text, found):
    from ecs_notebook_lib.knowledge.messages import find_in_log

    message = find_in_log(text)
    frames = Given(rows={"log_events": [line(text, message.kind if message else None)]})

    assert [kind for kind in kinds(frames, "log_errors") if kind in (*DISK_AND_FILES,)] == found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({"deployment_controller": "ECS"}, [], id="rolling"),
        pytest.param({"deployment_controller": "CODE_DEPLOY"}, ["controller_without_deployments"], id="codedeploy"),
        pytest.param({"deployment_controller": "EXTERNAL"}, ["controller_without_deployments"], id="external"),
        pytest.param({"strategy": "BLUE_GREEN", "bake_time_minutes": 15}, ["bakes_longer_than_waiter"], id="bakes"),
        pytest.param({"strategy": "BLUE_GREEN", "bake_time_minutes": 5}, [], id="bakes-shortly"),
        pytest.param({"strategy": "ROLLING", "bake_time_minutes": 60}, [], id="rolling-does-not-bake"),
    ],
)
def test_controllers_and_strategies_that_the_waiter_cannot_judge_are_told(changes, found):
    assert kinds(Given(columns={"services": changes}), "deployment_controller") == found


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        (None, []),
        ("Service deployment was stopped because a new deployment was started.", []),
        (
            "Service deployment rolled back because of invalid networking configuration: Target group arn:aws:x is not "
            "associated with either productionListenerRule or testListenerRule.",
            ["blue_green_routing_wrong"],
        ),
        (
            "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. ECS was unable to assume "
            "role arn:aws:iam::111122223333:role/hooks",
            ["infrastructure_role_denied"],
        ),
        (
            "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target "
            "arn:aws:lambda:us-east-1:111122223333:function:check returned FAILED status.",
            ["lifecycle_hook_failed"],
        ),
    ],
)
def test_what_ecs_says_of_a_blue_green_deployment_is_told(reason, found):
    assert kinds(Given(columns={"service_deployments": {"status_reason": reason}}), "status_reasons") == found


def test_deployments_that_failed_and_were_replaced_later_are_not_called_overlapping():
    assert kinds(incident_of("clarity-backend").frames, "redeployments") == []
    assert kinds(incident_of("clarity-overlap").frames, "redeployments") == [
        "redeployed_before_the_end",
        "stopped_by_rollouts_only",
    ]


def test_a_target_group_that_no_rule_forwards_to_is_told():
    frames = incident_of("clarity-backend").frames
    elsewhere = frames.listener_rules.assign(target_group_arn="arn:other").to_dict("records")
    weighted = [{"rule_arn": "r", "target_group_arn": frames.target_groups["target_group_arn"].iloc[0], "weight": 1}]

    assert kinds(frames, "routing") == []
    assert kinds(Given(rows={"listener_rules": elsewhere}), "routing") == ["target_group_not_forwarded"]
    assert kinds(Given(rows={"listener_rules": elsewhere, "forwarded_groups": weighted}), "routing") == []
    assert kinds(Given(rows={"listener_rules": []}), "routing").startswith("no listener rule")


@pytest.mark.parametrize(
    ("ready", "grace", "too_short"), [(5.0, 0.0, False), (75.0, 0.0, True), (75.0, 120.0, False), (None, 0.0, False)]
)
def test_a_start_up_is_too_long_when_ecs_may_stop_the_task_before(ready, grace, too_short):
    budget = HealthBudget(30.0, 2.0, 5.0, grace, ready, "")

    assert budget.too_short is too_short
    assert (budget.to_healthy, budget.to_unhealthy, budget.back_to_healthy) == (40.0, 60.0, 150.0)


@pytest.mark.parametrize("name", ["clarity-healthy", "clarity-slow", "clarity-percentages"])
def test_a_log_of_which_only_the_end_was_read_does_not_tell_when_the_application_was_ready(name):
    frames = incident_of(name).frames
    budget = health_budget_of(frames)

    assert budget.ready_seconds is None or budget.ready_seconds < 10
    assert kinds(frames, "health_check_timing") in ([], "the log does not tell when the application was ready")


def test_a_kill_loop_is_known_by_its_constant_life():
    killed, crashing = incident_of("clarity-health-check").frames, incident_of("clarity-backend").frames
    statements = {
        name: next(f.statement for r in run_checks(frames) for f in r.findings if f.kind == "constant_task_life")
        for name, frames in (("killed", killed), ("crashing", crashing))
    }

    assert "about when the health check lets ECS stop them" in statements["killed"]
    assert "not when the health check" in statements["crashing"]
    assert stopped_on_schedule(health_budget_of(killed), 85.0)
    assert not stopped_on_schedule(health_budget_of(killed), 7.0)


@pytest.mark.parametrize(
    ("reason", "stop_code", "strength"),
    [
        ("OutOfMemoryError: Container killed due to memory usage", "EssentialContainerExited", "certain"),
        (None, "EssentialContainerExited", "probable"),
        (None, "ServiceSchedulerInitiated", "none: the stop time-out"),
        (None, "UserInitiated", "none: the stop time-out"),
    ],
)
def test_what_exit_137_is_worth_depends_on_who_stopped_the_task(reason, stop_code, strength):
    task = {"task_arn": "t", "revision": "web:1", "stop_code": stop_code, "last_status": "STOPPED"}
    kind = "out_of_memory" if reason else None
    container = {"task_arn": "t", "revision": "web:1", "exit_code": 137, "reason": reason, "reason_kind": kind}
    table = memory_evidence_table(Given(rows={"tasks": [task], "containers": [container], "log_events": []}))

    assert table.set_index("strength")["seen"].loc[lambda seen: seen > 0].to_dict() == {strength: 1}


def test_exit_137_without_a_reason_is_memory_only_if_the_process_ended_by_itself():
    base = {"task_arn": "t", "task_id": "t", "revision": "clarity-backend:146", "last_status": "STOPPED"}
    container = {"task_arn": "t", "revision": "clarity-backend:146", "exit_code": 137}

    def found(**task):
        return kinds(Given(rows={"tasks": [{**base, **task}], "containers": [container]}), "stopped_tasks")

    assert found(stop_code="EssentialContainerExited") == ["killed_without_reason"]
    assert found(stop_code="ServiceSchedulerInitiated", reason_kind="scaling_activity") == ["stop_time_out"]
    assert found(stop_code="ServiceSchedulerInitiated", reason_kind="failed_elb_health_checks") == [
        "failed_elb_health_checks",
        "stop_time_out",
    ]


@pytest.mark.parametrize(
    ("application", "sidecar", "kind"),
    [
        pytest.param(137, 0, "killed_beside_sidecar", id="either-was-first"),
        pytest.param(137, 1, "sidecar_ended", id="the-sidecar-failed"),
        pytest.param(143, 0, "sidecar_ended", id="the-application-obeyed"),
        pytest.param(137, 137, "killed_without_reason", id="both-were-killed"),
    ],
)
def test_who_ended_first_is_left_open_where_the_codes_do_not_tell(application, sidecar, kind):
    revision, definition = "clarity-backend:146", "arn:d/clarity-backend:146"
    task = {"task_arn": "t", "task_id": "t", "revision": revision, "task_definition": definition}
    task |= {"last_status": "STOPPED", "stop_code": "EssentialContainerExited"}
    base = {"task_arn": "t", "revision": revision, "task_definition": definition, "essential": True}
    rows = [
        {**base, "container": "clarity-backend", "exit_code": application},
        {**base, "container": "otel-collector", "exit_code": sidecar},
    ]
    definitions = [{"task_definition": definition, "container": row["container"], "essential": True} for row in rows]
    ports = [{"task_definition": definition, "container": "clarity-backend", "container_port": 8000}]
    frames = Given(
        rows={"tasks": [task], "containers": rows, "container_definitions": definitions, "port_mappings": ports}
    )

    assert kinds(frames, "stopped_tasks") == [kind]


def test_impact_tells_how_many_requests_were_refused():
    state = incident_of("clarity-backend").diagnosis.state
    hidden = incident_of("clarity-backend", 0, frozenset({"cloudwatch:GetMetricData"})).diagnosis.state

    assert state.elb_5xx > 1000
    assert state.target_5xx == 0
    assert (hidden.elb_5xx, hidden.target_5xx) == (None, None)


def test_each_success_on_the_health_path_is_classed():
    table = health_answers_table(incident_of("clarity-backend").frames)
    classes = dict(zip(zip(table["revision"], table["asked_by"], strict=True), table["class"], strict=True))

    assert classes["clarity-backend:140", "the load balancer"] == "another revision's"
    assert classes["clarity-backend:146", "the container's own check"] == "the container's own"
    assert table["proves"].notna().all()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, "the load balancer's", id="the-load-balancer"),
        pytest.param({"user_agent": "Mozilla"}, "a customer's", id="a-customer"),
        pytest.param({"client": "127.0.0.1:4", "user_agent": "curl"}, "the container's own", id="itself"),
        pytest.param({"request_seconds": 11.2}, "slower than the time-out", id="too-slow"),
        pytest.param({"request_seconds": 0.2}, "the load balancer's", id="fast-enough"),
        pytest.param({"logged_at": AT - pd.Timedelta(days=1)}, "older than the failure", id="before"),
        pytest.param({"revision": "clarity-backend:140"}, "another revision's", id="the-old-revision"),
        pytest.param({"revision": None}, "nobody knows", id="unknown"),
    ],
)
def test_whose_200_it_is(changes, expected):
    row = {
        "kind": "http_access",
        "revision": "clarity-backend:146",
        "client": "10.0.1.5:1",
        "path": "/health",
        "status": 200,
        "user_agent": "ELB-HealthChecker/2.0",
        "logged_at": AT + pd.Timedelta(minutes=10),
        "log_stream": "s",
    }
    answers = health_path_answers(Given(rows={"log_events": [row | changes]}))

    assert answers["class"].tolist() == [expected]


def test_events_that_the_account_keeps_become_tasks_masked_and_marked():
    world = next(
        w
        for w in (build("clarity-backend@14h", seed) for seed in range(12))
        if any("/aws/events/" in n for n in w.log_groups)
    )
    snapshot = collect(world)
    pages = snapshot.records("ecs:DescribeTasks")
    frames = Frames(snapshot)

    assert {page["origin"] for page in pages} == {"event"}
    assert b"/aws/events/" not in snapshot.lines("logs:FilterLogEvents")
    assert set(frames.tasks["revision"]) >= {"clarity-backend:146"}
    assert set(frames.log_events["revision_source"].dropna()) <= {"task", "deployment_window"}
    assert (frames.tasks["stop_code"] == "EssentialContainerExited").any()


def test_a_performance_log_gives_forgotten_tasks_their_revision():
    world = next(
        w
        for w in (build("clarity-backend@14h", seed) for seed in range(12))
        if any(name.startswith("/aws/ecs/containerinsights/") for name in w.log_groups)
    )
    frames = Frames(collect(world))

    assert not len(frames.tasks)
    assert "clarity-backend:146" in set(frames.kept_tasks["revision"])
    assert "clarity-backend:146" in set(frames.log_events["revision"].dropna())
