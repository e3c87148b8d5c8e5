"""The tables of knowledge: complete, consistent with each other, and about everything that AWS is known to say."""

import json
import math
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from ecs_notebook_lib.knowledge.ends import reading_of_message
from ecs_notebook_lib.knowledge.health_codes import kind_of_code
from ecs_notebook_lib.knowledge.messages import recognise, templates
from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.knowledge.weights import (
    MAX_PROBABILITY,
    NONE_OF_THESE,
    PRIOR_NONE_OF_THESE,
    causes,
    finding_kinds,
    reading_of,
    readings,
)

MESSAGES = Path(__file__).parent / "data" / "messages"
TELLING = 10.0
"""Decibans: ten times as likely as without it."""

OF_SHARES = {
    name: row for table in ("findings", "readings") for name, row in read_table(table).items() if "shares" in row
}


@pytest.mark.parametrize("cause", causes().values(), ids=lambda cause: cause.name)
def test_each_cause_is_told_in_full(cause):
    assert all((cause.meaning, cause.mechanism, cause.shows, cause.told_apart))
    assert cause.remedies
    assert all(cause.remedies)
    assert cause.prior > 0


@pytest.mark.parametrize("part", ["meaning", "mechanism", "told_apart"])
def test_no_two_causes_are_told_in_the_same_words(part):
    told = Counter(getattr(cause, part) for cause in causes().values())

    assert [text for text, times in told.items() if times > 1] == []


@pytest.mark.parametrize("cause", causes().values(), ids=lambda cause: cause.name)
def test_the_look_alikes_of_a_cause_are_other_causes(cause):
    """What tells the two apart stands with the cause that names the other; `considering` reads it from either side."""
    assert cause.mistaken_for
    assert set(cause.mistaken_for) <= set(causes()) - {cause.name}
    assert len(set(cause.mistaken_for)) == len(cause.mistaken_for)


def test_something_speaks_for_each_cause():
    mute = [name for name in causes() if not any(kind.weight(name) >= TELLING for kind in finding_kinds().values())]

    assert mute == []


def test_two_causes_that_nothing_distinguishes_would_be_one():
    weights = {name: [round(kind.weight(name), 6) for kind in finding_kinds().values()] for name in causes()}

    assert [pair for pair in combinations(weights, 2) if weights[pair[0]] == weights[pair[1]]] == []


@pytest.mark.parametrize("cause", causes().values(), ids=lambda cause: cause.name)
def test_something_speaks_for_each_cause_more_than_for_any_of_its_look_alikes(cause):
    for other in cause.mistaken_for:
        assert any(kind.weight(cause.name) > kind.weight(other) for kind in finding_kinds().values()), other


WITHOUT_READING = {
    "response_code": "the code decides: knowledge.health_codes.kind_of_code",
    "target_health_quoted": "the reason that it quotes decides",
    "traceback": "each error ends in one; what it says decides",
    "worker_timeout": "a slow start, a starved worker and a dependency that hangs end it alike; no share is known",
    "ecs_call_denied": "the refused call decides whose it is: callers.toml",
}
"""Kinds of messages that name a family and come to no finding, with the reason."""

WITHOUT_TEMPLATE = {"sidecar_failed"}
"""Kinds that readings.toml names and no template has: nothing comes to them."""


def test_a_message_that_names_a_family_comes_to_a_finding_or_has_a_reason_why_not():
    silent = {row.kind for row in templates() if row.family and not reading_of(row.kind, where=row.where)}

    assert silent <= set(WITHOUT_READING)


def test_what_readings_name_is_a_kind_of_message():
    known = {name for row in templates() for name in (row.kind, f"{row.where}:{row.kind}")}

    assert set(readings()) - known == WITHOUT_TEMPLATE


def test_a_kind_of_message_comes_to_one_finding_in_one_place():
    named = Counter(name for kind in finding_kinds().values() for name in kind.messages)

    assert [name for name, times in named.items() if times > 1] == []


@pytest.mark.parametrize("name", OF_SHARES)
def test_shares_leave_something_to_all_other_causes(name):
    shares = OF_SHARES[name]["shares"]

    assert all(0 < share < 1 for share in shares.values())
    assert sum(shares.values()) < 1
    assert set(shares) <= set(causes())


def shares_of(name):
    """Return what the weights of a kind make of the priors: how many of the incidents with it have which cause."""
    kind = finding_kinds()[name]
    masses = {cause: row.prior * 10 ** (kind.weight(cause) / 10) for cause, row in causes().items()}
    total = PRIOR_NONE_OF_THESE + sum(masses.values())
    return {cause: mass / total for cause, mass in masses.items()}


@pytest.mark.parametrize("name", OF_SHARES)
def test_the_weights_of_a_finding_bring_the_priors_to_its_shares(name):
    """Judgement and the incidents that showed it together, family by family; within a family judgement stays."""
    fitted = read_table("fitted")
    strength, shown = fitted["strength"]["shares"], fitted["shown"].get(name, {})
    judged, found = defaultdict(float), defaultdict(float)
    for cause, share in OF_SHARES[name]["shares"].items():
        judged[cause.partition(".")[0]] += share
        found[cause.partition(".")[0]] += shares_of(name)[cause]

    expected = {
        family: (strength * share + shown.get(family, 0)) / (strength + sum(shown.values()))
        for family, share in judged.items()
    }

    assert dict(found) == pytest.approx(expected)


@pytest.mark.parametrize("kind", finding_kinds().values(), ids=lambda kind: kind.name)
def test_a_finding_is_neither_certain_nor_impossible_under_any_cause(kind):
    assert 0 < kind.rate < 1
    assert all(0 < kind.probability(cause) <= MAX_PROBABILITY for cause in causes())
    assert all(math.isfinite(kind.clear_weight(cause)) for cause in causes())
    assert kind.source


def test_priors_are_the_shares_of_failing_deployments():
    assert sum(cause.prior for cause in causes().values()) + PRIOR_NONE_OF_THESE == pytest.approx(1)
    assert NONE_OF_THESE not in causes()


INFORMATIONAL = {
    "steady_state": "3.2 #1, #51",
    "tasks_started": "3.2 #2",
    "running_tasks_stopped": "3.2 #4",
    "pending_tasks_stopped": "3.2 #5",
    "targets_registered": "3.2 #6",
    "targets_deregistered": "3.2 #7",
    "draining_begun": "3.2 #8",
    "deployment_completed": "3.2 #9",
    "deployment_failed": "3.2 #10: the circuit breaker's verdict, whose wording does not tell why",
    "rolling_back": "3.2 #12",
    "zones_unbalanced": "3.2 #48",
    "zone_tasks_started": "3.2 #49",
    "zones_balanced": "3.2 #50",
    "scaling_activity": "4.4: a consequence of a rollout or of scaling",
    "stopped_by_user": "4.4: somebody's doing",
    "stopped_before_pull": "4.4: a consequence of a stop that has its own reason",
    "registration_in_progress": "5.2",
    "initial_checks": "5.2",
    "draining": "5.2",
    "checks_disabled": "5.2",
}
"""Rows of ECS_FACTS 3.2, 4.4 and 5.2 that tell of no cause, and where they stand."""


DOCUMENTED = [
    json.loads(line)
    for name in ("service_events", "stopped_reasons", "target_health")
    for line in (MESSAGES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
]


def finding_of(message):
    if message.innermost.kind == "response_code":
        return kind_of_code(message.innermost.parts["codes"].strip("[] ").partition(",")[0])
    return reading_of_message(message)


@pytest.mark.parametrize("sentence", DOCUMENTED, ids=lambda sentence: sentence["row"])
def test_every_documented_sentence_speaks_for_a_cause_unless_it_is_informational(sentence):
    message = recognise(sentence["text"], where=sentence["where"])
    kind = finding_kinds().get(finding_of(message))
    strongest = max(kind.weights.values(), default=0.0) if kind else 0.0

    assert (strongest >= TELLING) is (message.kind not in INFORMATIONAL)
