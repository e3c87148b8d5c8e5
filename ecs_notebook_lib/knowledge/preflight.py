"""The questions that are asked before a task definition is deployed: the table `preflight.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.knowledge.weights import causes, finding_kinds


@dataclass(frozen=True, slots=True)
class Question:
    """One question: which checks answer it, which findings would stop the revision, which only harm it."""

    name: str
    asks: str
    stops: bool
    checks: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    warns: tuple[str, ...] = ()
    good: str = ""
    fine: str = ""
    none: str = ""
    of: str = ""
    revision: bool = False


@cache
def questions() -> Mapping[str, Question]:
    """Return every question by its name, in the order of the table."""
    return {name: _question(name, row) for name, row in read_table("preflight").items()}


def _question(name: str, row: Mapping[str, Any]) -> Question:
    return Question(
        name=name,
        asks=row["asks"],
        stops=row["stops"],
        checks=tuple(row.get("checks", ())),
        things=tuple(row.get("things", ())),
        fails=tuple(row.get("fails", ())),
        warns=tuple(row.get("warns", ())),
        good=row.get("good", ""),
        fine=row.get("fine", ""),
        none=row.get("none", ""),
        of=row.get("of", ""),
        revision=row.get("revision", False),
    )


@cache
def likeliest_cause(kind: str) -> str:
    """Return the cause that a kind of finding makes likeliest by itself; `""` if it speaks for none."""
    known = finding_kinds()[kind]
    speaks_for = {
        name: cause.prior * 10 ** (known.weight(name) / 10)
        for name, cause in causes().items()
        if known.weight(name) > 0
    }
    return max(speaks_for, key=lambda name: speaks_for[name], default="")
