"""The differential considered: what it rests on, what was rejected and why, and what each table holds."""

from dataclasses import replace

import pytest

from ecs_notebook_lib.diagnosis.considering import (
    counting,
    dependences,
    mimics_of,
    name_of,
    prior_decibans,
    weights_for,
    without,
)
from ecs_notebook_lib.diagnosis.differential import Evidence
from ecs_notebook_lib.diagnosis.findings import Finding
from ecs_notebook_lib.knowledge.weights import NONE_OF_THESE, causes, finding_kinds
from ecs_notebook_lib.report.differential_tables import (
    dependence_table,
    evidence_table,
    mechanism_table,
    mimics_table,
    plan_outcomes_table,
    ranking_table,
    shares_of,
    weights_frame,
)
from ecs_notebook_lib.widgets import differential_browser

from .conftest import FAILING, incident_of

TABLES = (
    evidence_table,
    mimics_table,
    mechanism_table,
    dependence_table,
    plan_outcomes_table,
)


def diagnosis_of(name="clarity-backend", refused=()):
    return incident_of(name, 0, frozenset(refused)).diagnosis


def probability(ranked, cause):
    return next(row.probability for row in ranked if row.cause == cause)


@pytest.mark.parametrize("name", FAILING)
def test_with_every_finding_on_the_ranking_is_that_of_the_diagnosis(name):
    diagnosis = diagnosis_of(name)

    assert without(diagnosis, []) == diagnosis.differential


@pytest.mark.parametrize("name", FAILING)
def test_without_all_that_tells_of_the_heaviest_mechanism_the_leading_cause_is_less_likely(name):
    diagnosis = diagnosis_of(name)
    leading = diagnosis.differential[0]
    [heaviest, *_] = [row for row, _ in weights_for(diagnosis, leading.cause) if row.finding]
    same = [row.finding for row in diagnosis.evidence if row.finding and row.group == heaviest.group]

    assert probability(without(diagnosis, same), leading.cause) < leading.probability


def test_without_any_finding_and_what_they_hid_only_what_was_looked_for_in_vain_is_left():
    diagnosis = diagnosis_of()

    ranked = without(diagnosis, counting(diagnosis))

    assert not [text for row in ranked for text in row.evidence_for + row.evidence_against if text.startswith("F")]
    assert sum(row.probability for row in ranked) == pytest.approx(1)


def test_a_finding_that_is_left_out_is_not_counted_as_looked_for_in_vain():
    diagnosis = diagnosis_of()
    [denial] = [row for row in diagnosis.evidence if row.kind == "access_denied_in_log"]

    ranked = without(diagnosis, [denial.finding])

    same = [row.kind for row in diagnosis.evidence if row.group == denial.group]
    told = {text for row in ranked for text in row.evidence_against}
    assert not told & {denial.finding, *(f"no {kind}" for kind in same)}


def test_leaving_out_a_finding_that_weighs_nothing_changes_nothing():
    diagnosis = diagnosis_of()
    silent = [name for name, _ in diagnosis.findings if name not in counting(diagnosis)]

    assert silent
    assert without(diagnosis, silent) == diagnosis.differential


def test_what_the_leading_cause_needs_most_comes_first():
    diagnosis = diagnosis_of()

    rows = dependences(diagnosis)

    assert [row.probability for row in rows] == sorted(row.probability for row in rows)
    assert rows[0].probability < diagnosis.differential[0].probability


def test_findings_that_tell_of_one_mechanism_are_left_out_together():
    diagnosis = diagnosis_of("clarity-health-check")

    rows = dependences(diagnosis)

    left_out = [name for row in rows for name in row.findings]
    assert sorted(left_out) == sorted(counting(diagnosis))
    assert max(len(row.findings) for row in rows) > 1


@pytest.mark.parametrize("name", FAILING)
def test_the_look_alikes_are_those_that_either_cause_names(name):
    diagnosis = diagnosis_of(name)
    leading = causes()[diagnosis.differential[0].cause]

    mimics = mimics_of(diagnosis)

    named = {other for other, cause in causes().items() if leading.name in cause.mistaken_for}
    assert {row.cause for row in mimics} == named | set(leading.mistaken_for)
    assert [row.probability for row in mimics] == sorted((row.probability for row in mimics), reverse=True)


@pytest.mark.parametrize("name", FAILING)
def test_each_look_alike_that_is_unlikely_is_rejected_for_a_reason(name):
    unlikely = [row for row in mimics_of(diagnosis_of(name)) if row.probability < 0.1]

    assert unlikely
    assert [row.cause for row in unlikely if not row.against and not row.explained_worse] == []


def test_how_two_causes_are_told_apart_is_quoted_from_the_one_that_names_the_other():
    diagnosis = diagnosis_of()
    leading = causes()[diagnosis.differential[0].cause]

    for mimic in mimics_of(diagnosis):
        own = causes()[mimic.cause]
        assert (leading.told_apart in mimic.told_apart) == (mimic.cause in leading.mistaken_for)
        assert (own.told_apart in mimic.told_apart) == (leading.name in own.mistaken_for)


def test_what_speaks_against_a_look_alike_is_not_told_again_as_explained_worse():
    for mimic in mimics_of(diagnosis_of()):
        against = {row.group for row in mimic.against}
        assert not against & {row.group for row in mimic.explained_worse}


def test_if_none_of_the_known_causes_leads_there_are_no_look_alikes():
    diagnosis = diagnosis_of()
    none = [row for row in diagnosis.differential if row.cause == NONE_OF_THESE]
    rest = [row for row in diagnosis.differential if row.cause != NONE_OF_THESE]
    unknown = replace(diagnosis, differential=(*none, *rest))

    assert mimics_of(unknown) == ()
    assert len(mimics_table(unknown)) == 0
    assert list(weights_frame(unknown)["cause"].unique()) == [rest[0].cause]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        pytest.param(Evidence("target_times_out", "g", "F3", {}), "F3 target times out", id="found"),
        pytest.param(Evidence("target_times_out", "g", "", {}), "no target times out", id="in-vain"),
        pytest.param(Evidence("no_task_created", "g", "", {}), "tasks were created", id="a-no-in-vain"),
    ],
)
def test_evidence_is_named_by_what_it_says(evidence, words):
    assert name_of(evidence) == words


@pytest.mark.parametrize("name", FAILING)
def test_prior_and_weights_come_to_what_the_ranking_is_made_from(name):
    diagnosis = diagnosis_of(name)
    leading = diagnosis.differential[0]

    frame = weights_frame(diagnosis)

    assert frame["decibans"].iloc[0] == prior_decibans(leading.cause)
    assert frame["decibans"].iloc[1:].sum() == pytest.approx(leading.decibans)
    assert frame["decibans"].iloc[1:].abs().is_monotonic_decreasing


def test_the_evidence_table_says_of_each_row_which_way_it_speaks():
    diagnosis = diagnosis_of()
    cause = diagnosis.differential[0].cause

    table = evidence_table(diagnosis, of=[cause])

    assert len(table) == len(weights_for(diagnosis, cause))
    assert list(table["speaks"] == "for") == [text.startswith("+") for text in table["decibans"]]
    assert set(evidence_table(diagnosis)["cause"]) <= {row.cause for row in diagnosis.differential[:4]}


def test_the_plan_tells_of_each_check_what_it_may_find_and_its_command_once():
    diagnosis = diagnosis_of(refused=["iam:SimulatePrincipalPolicy", "elasticloadbalancing:DescribeTargetHealth"])

    table = plan_outcomes_table(diagnosis)

    assert len(table) > table["check"].nunique()
    assert (table.groupby("check")["command"].agg(lambda texts: (texts != "").sum()) == 1).all()
    assert {text.replace(" ", "_") for text in table["if it finds"]} <= set(finding_kinds())


def test_the_ranking_stands_beside_what_it_was_before():
    diagnosis = diagnosis_of()
    ranked = without(diagnosis, counting(diagnosis))

    table = ranking_table(ranked, before=diagnosis.differential)

    assert list(table["cause"]) == list(shares_of(ranked))
    assert (table["before"] != table["probability"]).any()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_a_table_keeps_its_columns_for_an_incident_of_which_nothing_could_be_read(table):
    refused = {name for name in incident_of("clarity-backend").coverage["operation"] if name.startswith("ecs:")}
    unread = diagnosis_of(refused=refused)

    assert len(table(unread).columns) == len(table(diagnosis_of()).columns)


@pytest.mark.parametrize("table", [evidence_table, dependence_table], ids=lambda table: table.__name__)
def test_what_a_container_wrote_is_shown_and_not_obeyed(table):
    diagnosis = diagnosis_of()
    hostile = tuple((name, _hostile(finding)) for name, finding in diagnosis.findings)

    text = table(replace(diagnosis, findings=hostile)).to_string()

    assert "\x1b" not in text
    assert r"\x1b[2J" in text


def _hostile(finding: Finding) -> Finding:
    return replace(finding, statement=f"{finding.statement} \x1b[2J")


def parts_of(panel):
    [button] = panel.below
    return list(panel.controls.values()), button


def test_a_box_for_each_finding_that_counts_stands_above_the_ranking():
    diagnosis = diagnosis_of()

    boxes, _ = parts_of(differential_browser(diagnosis))

    assert [box.description.split()[0] for box in boxes] == list(counting(diagnosis))
    assert all(box.value for box in boxes)


def test_all_on_switches_every_box_on_again():
    boxes, button = parts_of(differential_browser(diagnosis_of()))
    boxes[0].value = boxes[2].value = False

    button.click()

    assert all(box.value for box in boxes)
