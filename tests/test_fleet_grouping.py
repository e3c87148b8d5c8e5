"""Which failing services are told as one group: a table of cases."""

import pytest

from ecs_notebook_lib.fleet.grouping import groups_of
from ecs_notebook_lib.fleet.model import Examined, ServiceName, SharedThing

HERE, ELSEWHERE = ("111111111111", "eu-west-1"), ("111111111111", "us-west-2")
ROLE = SharedThing("task_role", "arn:aws:iam::111111111111:role/runtime")


def examined(name, cause, *things, place=HERE):
    family, row = cause.partition(".")[0], ServiceName(*place, "shop", name)
    return Examined(row, "failing", "failed", cause=cause, family=family, probability=0.9, things=things)


CASES = {
    "one role in two regions": (
        [examined("a", "permissions.task_role", ROLE), examined("b", "permissions.task_role", ROLE, place=ELSEWHERE)],
        ["ab"],
    ),
    "one gateway's name in two regions is two gateways": (
        [
            examined("a", "network.egress", SharedThing("nat_gateway", "nat-0123456789abcdef0")),
            examined("b", "network.egress", SharedThing("nat_gateway", "nat-0123456789abcdef0"), place=ELSEWHERE),
        ],
        ["a", "b"],
    ),
    "one host in two regions": (
        [
            examined("a", "dependency.unavailable", SharedThing("host", "db.internal")),
            examined("b", "dependency.unavailable", SharedThing("host", "db.internal"), place=ELSEWHERE),
            examined("c", "dependency.unavailable", SharedThing("host", "cache.internal")),
        ],
        ["ab", "c"],
    ),
    "the same thing under another family": (
        [examined("a", "permissions.task_role", ROLE), examined("b", "dependency.unavailable", ROLE)],
        ["a", "b"],
    ),
}


@pytest.mark.parametrize(("failing", "names"), CASES.values(), ids=CASES)
def test_services_are_grouped_by_what_their_cause_rests_on(failing, names):
    groups = groups_of(failing)

    assert sorted("".join(sorted(row.name.service for row in group.services)) for group in groups) == names
