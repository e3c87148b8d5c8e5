"""The baseline of the benchmark of collecting: which call needs which, and how few calls there could be."""

import pytest

from benchmarks.dependencies import CHOICES, Call, calls_of, fewest, longest_chain

from .conftest import incident_of

CLUSTER, SERVICE = "clarity-backend-cluster", "clarity-backend"


def call(operation, answer=(), page=0, **params):
    return Call(operation, params, page, frozenset(answer))


def chain(calls, **options):
    return [row.operation.partition(":")[2] for row in longest_chain(calls, known=["c"], **options)]


def test_a_call_needs_the_answer_that_holds_its_identifier():
    calls = [
        call("ecs:DescribeTasks", ["td-1"], cluster="c", tasks=["t-1"]),
        call("ecs:DescribeTaskDefinition", taskDefinition="td-1"),
        call("ecs:ListTasks", ["t-1"], cluster="c"),
    ]

    assert chain(calls) == ["ListTasks", "DescribeTasks", "DescribeTaskDefinition"]


def test_of_several_answers_that_hold_it_the_earliest_counts():
    calls = [
        call("ecs:ListTasks", ["t-1"], cluster="c"),
        call("ecs:DescribeTasks", ["td-1", "t-1"], cluster="c", tasks=["t-1"]),
        call("ecs:DescribeServices", ["td-1"], cluster="c", services=["c"]),
        call("ecs:DescribeTaskDefinition", ["r-1"], taskDefinition="td-1"),
    ]

    assert len(chain(calls)) == 2


def test_a_page_needs_the_page_before_it_and_times_and_enumerations_need_nothing():
    calls = [
        call("ecs:ListTasks", ["RUNNING"], cluster="c", desiredStatus="RUNNING"),
        call("ecs:ListTasks", ["t-1"], page=1, cluster="c", desiredStatus="RUNNING"),
        call("ecs:ListTasks", cluster="c", desiredStatus="STOPPED"),
    ]

    assert chain(calls) == ["ListTasks", "ListTasks"]


def test_what_is_chosen_needs_all_that_it_is_chosen_by():
    calls = [
        call("ecs:ListTasks", ["t-1", "t-2"], cluster="c"),
        call("ecs:DescribeTasks", cluster="c", tasks=["t-1"]),
        call("logs:GetLogEvents", logStreamName="t-2", startFromHead=False),
    ]

    assert chain(calls) == ["ListTasks", "DescribeTasks"]
    assert chain(calls, choices=CHOICES) == ["ListTasks", "DescribeTasks", "GetLogEvents"]


def test_a_circle_is_told():
    calls = [
        call("iam:GetRole", ["b"], RoleName="a"),
        call("iam:GetRole", ["a"], RoleName="b"),
    ]

    with pytest.raises(ValueError, match="need each other"):
        chain(calls)


def test_the_fewest_calls_are_full_batches_each_question_once():
    tasks = [f"t-{number}" for number in range(150)]
    calls = [call("ecs:DescribeTasks", cluster="c", tasks=tasks[start : start + 30]) for start in range(0, 150, 30)]
    calls += [call("iam:GetRole", RoleName="a"), call("iam:GetRole", RoleName="a"), call("iam:GetRole", RoleName="b")]

    assert fewest(calls) == {"ecs:DescribeTasks": 2, "iam:GetRole": 2}


def test_the_chains_of_the_story_are_those_that_aws_dictates():
    calls = calls_of(incident_of("clarity-backend").snapshot, without=["cloudtrail:LookupEvents"])

    assert [row.operation for row in longest_chain(calls, known=[CLUSTER, SERVICE])] == [
        *["ecs:ListTasks"] * 5,
        "ecs:DescribeTasks",
    ]
    assert [row.operation for row in longest_chain(calls, known=[CLUSTER, SERVICE], choices=CHOICES)] == [
        *["ecs:ListTasks"] * 5,
        "ecs:DescribeTasks",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "iam:SimulatePrincipalPolicy",
    ]
