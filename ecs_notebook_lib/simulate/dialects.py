"""How the accounts of a dialect look: regions, names, frameworks, and how often things are so."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecs_notebook_lib.simulate.frameworks import TRAINING, Framework
from ecs_notebook_lib.simulate.frameworks_other import TEST


@dataclass(frozen=True, slots=True)
class Dialect:
    """`other` is how often AWS's less common wording is met where it has two; `rates` are chances by name."""

    name: str
    frameworks: Mapping[str, Framework]
    regions: tuple[tuple[str, str], ...]
    """(partition, region)"""
    applications: tuple[str, ...]
    stages: tuple[str, ...]
    other: float
    rates: Mapping[str, float]


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "training",
            TRAINING,
            (("aws", "us-east-1"), ("aws", "us-west-2"), ("aws", "eu-west-1"), ("aws", "eu-central-1")),
            ("orders", "billing", "search", "checkout", "catalog", "profiles", "pricing"),
            ("prod", "staging", "main"),
            0.2,
            {
                "balanced": 0.8,
                "breaker": 0.3,
                "rollback": 0.7,
                "sidecar": 0.3,
                "container_check": 0.3,
                "neighbour": 0.6,
                "first": 0.08,
                "attempts": 0.5,
                "late": 0.12,
                "noise": 0.6,
                "insights": 0.3,
                "capture": 0.2,
                "told_starts": 0.2,
                "tags": 0.4,
                "ignores_sigterm": 0.2,
                "ec2": 0.25,
            },
        ),
        Dialect(
            "test",
            TEST,
            (
                ("aws", "ca-central-1"),
                ("aws", "eu-north-1"),
                ("aws", "ap-northeast-1"),
                ("aws", "sa-east-1"),
                ("aws", "us-east-2"),
                ("aws-cn", "cn-north-1"),
                ("aws-us-gov", "us-gov-west-1"),
            ),
            ("ledger", "intake", "media", "quotes", "gateway", "notifier"),
            ("live", "qa", "edge", "v2"),
            0.6,
            {
                "balanced": 0.7,
                "breaker": 0.5,
                "rollback": 0.8,
                "sidecar": 0.45,
                "container_check": 0.45,
                "neighbour": 0.8,
                "first": 0.12,
                "attempts": 0.35,
                "late": 0.15,
                "noise": 0.8,
                "insights": 0.4,
                "capture": 0.3,
                "told_starts": 0.35,
                "tags": 0.6,
                "ignores_sigterm": 0.35,
                "ec2": 0.35,
            },
        ),
    )
}
