"""What the differential is compared with: four ways to name a family without it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ecs_notebook_lib.cases import snapshot_of
from ecs_notebook_lib.cases.case import Case
from ecs_notebook_lib.frames.reported import reported_texts_frame
from ecs_notebook_lib.knowledge.messages import templates
from ecs_notebook_lib.knowledge.weights import FAMILIES

KEYWORDS: tuple[tuple[str, str], ...] = (
    ("outofmemory|heap space|exit code 137|no space left", "resources"),
    ("exec format error|descriptor matching platform|not found: manifest|manifest for|toomanyrequests", "image"),
    ("accessdenied|not authorized|forbidden|unable to assume", "permissions"),
    ("timeout|timed out|connection issue|request canceled|context canceled|deadline", "network"),
    ("specified log group does not exist|can't find the specified secret|json key|invalid character", "secrets_config"),
    ("no container instance|unable to place|capacity is unavailable|limit on the number|insufficient", "capacity"),
    ("health checks failed|failed elb health checks|failed container health checks|unhealthy", "health_check"),
    ("service deployment configuration|max attempts exceeded|under protection", "deployment_config"),
    ("cannotpullcontainer", "image"),
    ("resourceinitializationerror", "secrets_config"),
    ("connection refused|econnrefused|envoy|efs", "dependency"),
    ("agent|internal error|service unavailable", "aws_service"),
    ("exited|traceback|exception|error", "application"),
)
"""The first row of which a word stands in the observation decides."""

STORY_ORDER = ("health_check", "permissions", "network", "resources", "deployment_config")
"""The order in which the story's authors listed their five."""


def texts_of(case: Case) -> list[str]:
    """Return everything in words that a case holds."""
    return [str(text) for text in reported_texts_frame(snapshot_of(case))["text"]]


def by_keywords(case: Case) -> str:
    """Return the family of the first row of `KEYWORDS` that the observation matches; `application` of none."""
    text = "\n".join(texts_of(case)).lower()
    return next((family for words, family in KEYWORDS if any(word in text for word in words.split("|"))), "application")


def by_message(case: Case) -> str:
    """Return the family that the first known message of AWS's is filed under; the commonest one of none."""
    families = {(row.where, row.kind): row.family for row in templates() if row.family}
    frame = reported_texts_frame(snapshot_of(case)).dropna(subset=["kind"])
    named = (families.get((place, kind), "") for place, kind in zip(frame["place"], frame["kind"], strict=True))
    return next(filter(None, named), "network")


def baselines(cases: Sequence[Case]) -> dict[str, dict[str, float]]:
    """Return top-1 of each baseline, and top-3 of those that rank."""
    truth = [case.truth for case in cases]
    commonest = [family for family, _ in Counter(truth).most_common()]
    ranked = {"commonest_family": commonest, "story_order": list(STORY_ORDER)}
    told = {name: {"top1": _share(truth, row[:1]), "top3": _share(truth, row[:3])} for name, row in ranked.items()}
    guesses: Mapping[str, list[str]] = {
        "keyword_table": [by_keywords(case) for case in cases],
        "aws_reason": [by_message(case) for case in cases],
    }
    for name, row in guesses.items():
        told[name] = {"top1": sum(a == b for a, b in zip(truth, row, strict=True)) / len(truth)}
    return told


def _share(truth: Iterable[str], first: Sequence[str]) -> float:
    listed = list(truth)
    assert set(first) <= set(FAMILIES)  # noqa: S101  a misspelt family would never be right
    return sum(family in first for family in listed) / len(listed)
