"""How often AWS lets one account call its APIs: the table `rates.toml`, a token bucket a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

SHARE = 0.25
"""How much of what AWS allows an account we take, unless a row says otherwise."""


@dataclass(frozen=True, slots=True)
class ApiBucket:
    """One of AWS's token buckets: a call takes a token, `rate` tokens a second come back, `burst` fit in.

    `everywhere` says that all regions share it; each other bucket is of one region. `share` is how much of it we take.
    """

    name: str
    burst: float
    rate: float
    everywhere: bool
    share: float
    source: str


def bucket_of(operation: str) -> ApiBucket:
    """Return the bucket that an operation, `service:Operation` in botocore's names, takes its tokens of."""
    known = _by_operation()
    return known[operation] if operation in known else _bucket(operation, read_table("rates")["others"])


@cache
def _by_operation() -> Mapping[str, ApiBucket]:
    rows = [(name, row) for name, row in read_table("rates").items() if "operations" in row]
    return {
        operation: _bucket(operation if row.get("each") else name, row)
        for name, row in rows
        for operation in row["operations"]
    }


def _bucket(name: str, row: Mapping[str, Any]) -> ApiBucket:
    return ApiBucket(
        name=name,
        burst=row["burst"],
        rate=row["rate"],
        everywhere=row.get("everywhere", False),
        share=row.get("share", SHARE),
        source=row["source"],
    )
