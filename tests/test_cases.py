"""Case files: what the command makes of them, that every key is optional, and how the evaluation counts."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fit import TABLE, fitted_text
from ecs_notebook_lib.cases import Case, evaluate, load_case, snapshot_of
from ecs_notebook_lib.cases.evaluation import calibration_error
from ecs_notebook_lib.cases.fitting import examine, fit, leave_one_source_out
from ecs_notebook_lib.cli import main
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.diagnosis.explaining import explain
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.incident import open_incident
from ecs_notebook_lib.knowledge.weights import FAMILIES, NONE_OF_THESE
from ecs_notebook_lib.report.display import show_source
from ecs_notebook_lib.report.naming import incident_name

EVENT = "(service web) (task 528ccd77af10807abb75c103ce17ec71) failed container health checks."
FULL = {
    "service_events": [EVENT, "(service web) has started 2 tasks: (task 528ccd77af10807abb75c103ce17ec71)."],
    "stopped_tasks": [
        {
            "stop_code": "EssentialContainerExited",
            "stopped_reason": "Essential container in task exited",
            "containers": [
                {"name": "app", "exit_code": 137, "reason": "OutOfMemoryError", "health_status": "UNHEALTHY"}
            ],
        }
    ],
    "target_health": [{"state": "unhealthy", "reason": "Target.Timeout", "description": "Request timed out"}],
    "deployments": [
        {
            "status": "PRIMARY",
            "rollout_state": "IN_PROGRESS",
            "rollout_state_reason": "ECS deployment circuit breaker: tasks failed to start.",
            "desired": 2,
            "running": 0,
            "pending": 2,
            "failed_tasks": 7,
        }
    ],
    "log_lines": ["Uvicorn running on http://127.0.0.1:8000", "Traceback (most recent call last):", "KeyError: 'X'"],
    "service": {
        "desired_count": 2,
        "running_count": 0,
        "pending_count": 0,
        "minimum_healthy_percent": 50,
        "maximum_percent": 200,
        "health_check_grace_period_seconds": 0,
        "circuit_breaker": True,
        "assign_public_ip": "DISABLED",
    },
    "task_definition": {
        "cpu": "256",
        "memory": "512",
        "network_mode": "awsvpc",
        "container_port": 8080,
        "image": "web:1",
        "health_check_command": "curl -f http://localhost/",
    },
    "target_group": {
        "target_type": "ip",
        "protocol": "HTTP",
        "port": 80,
        "health_check_path": "/",
        "matcher": "200",
        "interval": 30,
        "timeout": 5,
        "healthy_threshold": 5,
        "unhealthy_threshold": 2,
        "deregistration_delay": 300,
    },
    "network": {
        "subnets_public": True,
        "nat": False,
        "security_group_ingress": "8080 from the load balancer",
        "vpc_endpoints": ["ecr.api"],
    },
    "cli_errors": ["Waiter ServicesStable failed: Max attempts exceeded"],
}
"""An observation in which every key of docs/cases.md is given."""


@pytest.fixture
def file_of(tmp_path):
    def write(*records):
        path = tmp_path / "cases.jsonl"
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
        return path

    return write


def labelled(name, family, *, observed=None, **more):
    return {"id": name, "observed": observed or {}, "root_cause": {"family": family}, **more}


def of_case(observed):
    return diagnose(Frames(snapshot_of(Case("by-hand", observed))))


@pytest.mark.parametrize("named", [lambda path: [f"case:{path}"], lambda path: ["--case", str(path)]])
@pytest.mark.parametrize(("form", "begins"), [("text", "A case file"), ("json", "{"), ("markdown", "# A case file")])
def test_a_case_is_diagnosed_in_every_form(form, begins, named, file_of, capsys):
    code = main(["diagnose", *named(file_of({"observed": FULL})), "--format", form])

    assert code == 3
    assert capsys.readouterr().out.startswith(begins)


def test_the_document_of_a_case_is_that_of_any_diagnosis(file_of, capsys):
    main(["diagnose", f"case:{file_of({'observed': FULL})}", "--format", "json"])
    document = json.loads(capsys.readouterr().out)

    assert document["schema"] == "ecs-notebook/diagnosis/1"
    assert set(document["families"]) == {*FAMILIES, NONE_OF_THESE}
    assert math.isclose(sum(document["families"].values()), 1, abs_tol=1e-4)
    assert {"differential", "findings", "plan", "also", "contributing", "not_checked"} <= set(document)


def test_labelled_cases_are_evaluated_in_the_agreed_form(file_of, capsys):
    path = file_of(
        labelled("a", "health_check", observed={"service_events": [EVENT]}, hard=True),
        labelled("b", "network", thin=True),
        labelled("c", "image", documentation_example=True),
        {"observed": FULL},
    )

    code = main(["evaluate", str(path), "--format", "json"])
    document = json.loads(capsys.readouterr().out)

    assert code == 0
    assert document["schema"] == "ecs-notebook/evaluation/1"
    assert {"n", "top1", "top3", "log_loss", "ece", "hard", "cases"} <= set(document)
    assert (document["n"], document["hard"]["n"], document["thin"]["n"]) == (1, 1, 1)
    assert [row["id"] for row in document["cases"]] == ["a", "b", "c"]
    assert {"id", "truth", "top", "rank_of_truth", "hard", "families"} <= set(document["cases"][0])


def test_a_family_alone_is_a_label(file_of):
    case = load_case(file_of({"observed": {}, "root_cause": "network", "ambiguous_between": "image"}))

    assert (case.truth, case.ambiguous_between) == ("network", ("image",))


@pytest.mark.parametrize("label", [None, {}, {"family": None, "detail": None}])
def test_a_label_that_says_nothing_is_none(label, file_of):
    case = load_case(file_of({"observed": {}, "root_cause": label, "hard": None, "ambiguous_between": None}))

    assert case == Case("case-1", {})


def test_the_examples_in_the_documentation_can_be_read(tmp_path):
    text = (Path(__file__).parents[1] / "docs" / "cases.md").read_text(encoding="utf-8")
    examples = [part.split("\n```")[0] for part in text.split("```json\n")[1:]]
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.json"
        path.write_text(example, encoding="utf-8")

    cases = [load_case(tmp_path / f"{number}.json") for number in range(len(examples))]

    assert [set(case.observed) for case in cases] == [{"service_events"}, set(FULL)]
    for member, value in FULL.items():
        row, told = (
            (value[0], cases[1].observed[member][0]) if isinstance(value, list) else (value, cases[1].observed[member])
        )
        assert not isinstance(row, dict) or set(told) == set(row)


def test_labelled_cases_are_evaluated_as_text(file_of, capsys):
    code = main(["evaluate", str(file_of(labelled("odd-one", "image", observed={"service_events": [EVENT]})))])
    text = capsys.readouterr().out

    assert code == 0
    assert "Expected calibration error" in text
    assert "odd-one: image came" in text


@pytest.mark.parametrize(
    ("command", "content", "told"),
    [
        pytest.param("diagnose", None, "no such file", id="missing"),
        pytest.param("evaluate", None, "no such file", id="missing-for-evaluate"),
        pytest.param("diagnose", "", "it is empty", id="empty"),
        pytest.param("diagnose", "{", "line 1 is no JSON", id="no-json"),
        pytest.param("diagnose", '{"observed": {}}\n{', "line 2 is no JSON", id="no-json-in-the-second-line"),
        pytest.param("diagnose", "[1]", "entry 1 is no JSON object", id="no-object"),
        pytest.param("diagnose", "{}", "no object under observed", id="nothing-observed"),
        pytest.param("diagnose", '{"observed": []}', "no object under observed", id="observed-is-a-list"),
        pytest.param("diagnose", '{"observed": {"service": 5}}', "observed.service is no object", id="service"),
        pytest.param("diagnose", '{"observed": {"stopped_tasks": ["x"]}}', "observed.stopped_tasks", id="tasks"),
        pytest.param("diagnose", '{"observed": {}}\n{"observed": {}}', "it holds 2 cases", id="several"),
        pytest.param("evaluate", '{"observed": {}}', "no case in it has a root_cause", id="no-label"),
        pytest.param(
            "evaluate", '{"observed": {}, "root_cause": {"family": "netwrok"}}', "choose one of", id="misspelt"
        ),
        pytest.param("diagnose", "{}", "docs/cases.md", id="where-the-form-is-told"),
        pytest.param("evaluate", '{"observed": {}, "root_cause": "netwrok"}', "'netwrok'; choose one of", id="string"),
        pytest.param("diagnose", '{"observed": {}, "root_cause": 7}', "root_cause names the family 7", id="number"),
        pytest.param("diagnose", '{"observed": {}, "root_cause": ["image"]}', "choose one of", id="list"),
        pytest.param("evaluate", '{"observed": {}, "hard": "no"}', "hard is 'no'; write true or false", id="hard"),
        pytest.param("evaluate", '{"observed": {}, "thin": 1}', "thin is 1; write true or false", id="thin"),
        pytest.param(
            "evaluate", '{"observed": {}, "ambiguous_between": "netwrok"}', "ambiguous_between names", id="between"
        ),
        pytest.param(
            "evaluate", '{"observed": {}, "ambiguous_between": ["image", 5]}', "ambiguous_between names", id="in-it"
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(command, content, told, tmp_path, capsys):
    path = tmp_path / "case.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    code = main([command, f"case:{path}" if command == "diagnose" else str(path)])
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ecs-notebook: ")]

    assert code == 1
    assert told in line
    assert str(path) in line


def parts_of(value, draw):
    """Return a part of an observation: any of its keys, at every depth."""
    if isinstance(value, dict):
        kept = draw(st.sets(st.sampled_from(sorted(value))))
        return {key: parts_of(value[key], draw) for key in sorted(kept)}
    if isinstance(value, list):
        return [parts_of(row, draw) for row in value[: draw(st.integers(0, len(value)))]]
    return draw(st.sampled_from([value, value, value, None])) if draw(st.booleans()) else value


@st.composite
def observations(draw):
    return parts_of(FULL, draw)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(observations())
def test_every_key_is_optional(observed):
    diagnosis = of_case(observed)

    assert math.isclose(sum(diagnosis.families.values()), 1, abs_tol=1e-6)
    assert min(diagnosis.families.values()) >= 0


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=8).map("x-{}".format), st.text() | st.integers() | st.none(), max_size=3))
def test_keys_that_nobody_knows_are_ignored(unknown):
    assert of_case(FULL | unknown).families == of_case(FULL).families


@pytest.mark.parametrize(
    "text",
    [
        "Waiter ServicesStable failed: Max attempts exceeded",
        "Essential container in task exited",
        "Task failed ELB health checks in (target-group tg/web)",
    ],
)
@pytest.mark.parametrize("key", ["cli_errors", "service_events", "log_lines"])
def test_a_case_of_one_line_has_a_plan_that_tells_something(key, text):
    plan = of_case({key: [text]}).plan

    assert len(plan) >= 5
    assert all(row.expected_bits > 0.1 for row in plan[:3])
    assert all(row.command.startswith("aws ") for row in plan[:3])


def test_a_generic_line_leaves_every_family_open():
    families = of_case({"stopped_tasks": [{"stopped_reason": "Essential container in task exited"}]}).families

    assert max(families.values()) <= 0.6


@pytest.mark.parametrize("code", [0, 1, 2, 3, 125, 126, 127, 130, 132, 133, 134, 135, 136, 137, 139, 255])
def test_an_exit_code_comes_to_the_same_in_a_case_and_by_itself(code):
    container = {"name": "app", "exit_code": code}
    stopped = {"stop_code": "EssentialContainerExited", "containers": [container]}

    kinds = [finding.kind for _, finding in of_case({"stopped_tasks": [stopped]}).findings]

    assert [explain(str(code))[0].finding] == kinds


def test_a_container_that_obeyed_sigterm_is_not_to_blame_for_the_end_of_its_task():
    containers = [{"name": "app", "exit_code": 132}, {"name": "envoy", "exit_code": 143}]
    stopped = {"stop_code": "EssentialContainerExited", "containers": containers}

    kinds = [finding.kind for _, finding in of_case({"stopped_tasks": [stopped]}).findings]

    assert "crashed_by_signal" in kinds
    assert "sidecar_ended" not in kinds


LINES = {"stopped_tasks": FULL["stopped_tasks"], "log_lines": FULL["log_lines"], "target_group": FULL["target_group"]}


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_no_date_and_no_name_is_shown_that_the_case_does_not_tell(form, file_of, capsys):
    main(["diagnose", f"case:{file_of({'observed': LINES})}", "--format", form])
    out = capsys.readouterr().out

    assert "2000-01-01" not in out
    assert "00:00:00" not in out
    assert "container-0" not in out
    assert "--cluster reported" not in out
    assert "arn:aws:" not in out
    assert "CLUSTER" in out


def test_a_report_of_a_case_has_no_invented_heading(file_of, tmp_path):
    incident = open_incident(f"case:{file_of({'id': 'my case', 'observed': LINES})}")

    source = show_source(incident).data

    assert source.startswith("A case file: what somebody reported.")
    assert incident_name(incident.snapshot) == "case--my_case"


@pytest.mark.parametrize(
    ("observed", "cluster", "service"),
    [
        ({"service_events": [EVENT]}, "", "web"),
        ({"service": {"cluster": "prod", "service": "api"}, "service_events": [EVENT]}, "prod", "api"),
        (
            {"service_events": ["(service web) (task arn:aws:ecs:eu-west-1:111122223333:task/prod/528ccd77) stopped"]},
            "prod",
            "",
        ),
        ({"service": {"cluster": "$(reboot)", "service": ["x"]}}, "", ""),
        ({"service_events": ["(service ****) has started 1 tasks: (task 528ccd77af10807abb75c103ce17ec71)."]}, "", ""),
    ],
)
def test_the_plan_takes_cluster_and_service_from_the_case(observed, cluster, service, file_of, capsys):
    main(["diagnose", f"case:{file_of({'observed': observed})}", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    [command] = [row["command"] for row in document["plan"] if row["check"] == "deployment_state"]

    assert (document["incident"]["cluster"], document["incident"]["service"]) == (cluster, service)
    assert document["incident"]["reported"] is True
    assert command.startswith(
        f"aws ecs describe-services --cluster {cluster or '<CLUSTER>'} --services {service or '<SERVICE>'}"
    )


def test_what_is_absent_is_unknown_and_not_normal():
    nothing = of_case({})

    assert [finding.kind for _, finding in nothing.findings] == []
    assert nothing.contributing == ()
    assert not [name for row in nothing.differential for name in (*row.evidence_for, *row.evidence_against)]


@pytest.mark.parametrize(
    ("loose", "strict"),
    [
        ({"service_events": EVENT}, {"service_events": [EVENT]}),
        ({"service_events": [EVENT], "log_lines": None, "service": None}, {"service_events": [EVENT]}),
        ({"service": {"desired_count": "1", "minimum_healthy_percent": "100%", "maximum_percent": "100"}},
         {"service": {"desired_count": 1, "minimum_healthy_percent": 100, "maximum_percent": 100}}),
    ],
)  # fmt: skip
def test_what_is_meant_is_understood_however_it_is_written(loose, strict, file_of):
    read = [load_case(file_of({"observed": observed})) for observed in (loose, strict)]

    assert of_case(read[0].observed).families == of_case(read[1].observed).families


@pytest.mark.parametrize("record", [{"observed": FULL}, [{"observed": FULL}]])
def test_a_file_may_be_one_object_a_list_or_lines(record, tmp_path):
    path = tmp_path / "case.json"
    path.write_text("\ufeff" + json.dumps(record, indent=1), encoding="utf-8")

    assert load_case(path).observed == FULL


def judged(truth, **families):
    return Case(truth, {}, truth=truth), families


BY_HAND = [
    judged("network", network=0.7, image=0.2, application=0.1),
    judged("image", network=0.5, application=0.3, image=0.2),
    judged("application", network=0.4, image=0.3, capacity=0.2, application=0.1),
]


def test_the_figures_are_those_that_are_counted_by_hand():
    told = {case.id: families for case, families in BY_HAND}

    document = evaluate((case for case, _ in BY_HAND), by=lambda case: told[case.id]).to_json()

    assert [row["rank_of_truth"] for row in document["cases"]] == [1, 3, 4]
    assert document["top1"] == pytest.approx(1 / 3)
    assert document["top3"] == pytest.approx(2 / 3)
    assert document["log_loss"] == pytest.approx(-math.log(0.7 * 0.2 * 0.1) / 3)
    assert document["mean_top"] == pytest.approx((0.7 + 0.5 + 0.4) / 3)
    assert document["ece"] == pytest.approx((0.3 + 0.5 + 0.4) / 3)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([(1.0, True)] * 30, 0.0, id="sure-and-right"),
        pytest.param([(0.9, False)] * 30, 0.9, id="sure-and-wrong"),
        pytest.param([(0.4 + number / 1000, number % 2 == 0) for number in range(30)], 0.0855, id="half-are-right"),
    ],
)
def test_the_calibration_error_compares_what_was_told_with_what_came_in_bins_of_equal_size(told, error):
    assert calibration_error(told) == (None if error is None else pytest.approx(error))


CASES = (
    Case("a", {"service_events": [EVENT]}, source="one", truth="image"),
    Case("b", {"service_events": [EVENT], "log_lines": ["exec format error"]}, source="one", truth="image"),
    Case("c", {"service_events": [EVENT]}, source="two", truth="health_check"),
)


def test_a_case_is_never_judged_by_what_its_own_source_says():
    """Whatever the two cases of one source turn out to be, they are judged alike; others are judged by them."""
    told, otherwise = (
        {row.case.id: row.families for row in leave_one_source_out([examine(case) for case in cases])}
        for cases in (CASES, (replace(CASES[0], truth="network"), replace(CASES[1], truth="network"), CASES[2]))
    )

    assert told["a"] == otherwise["a"]
    assert told["b"] == otherwise["b"]
    assert told["c"] != otherwise["c"]


def test_thin_cases_and_examples_are_not_counted_in():
    apart = [replace(CASES[0], id="d", thin=True), replace(CASES[1], id="e", documentation_example=True)]

    assert fit([examine(case) for case in (*CASES, *apart)]) == fit([examine(case) for case in CASES])


def test_the_committed_table_is_what_the_cases_come_to():
    assert fitted_text() == TABLE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({}, "how many tasks run was not told"),
        ({"desired_count": 2}, "how many tasks run was not told"),
        ({"desired_count": 2, "running_count": 0}, "0 of 2 tasks run"),
    ],
)
def test_the_complaint_of_a_case_invents_neither_counts_nor_times(service, told):
    state = of_case({"service": service}).state

    assert state.chief_complaint == f"Reported as not stable; {told}."
    assert state.since is None
