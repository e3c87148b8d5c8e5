"""Which sizes a task may have on Fargate."""

from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table


def is_fargate_size(cpu: int, memory: int) -> bool:
    """Say whether Fargate takes a task of so many CPU units and so much memory in MiB."""
    row = next((row for row in read_table("fargate")["size"] if row["cpu"] == cpu), None)
    return row is not None and memory in _memories(row)


def smallest_fargate_size(cpu: int, memory: int) -> tuple[int, int] | None:
    """Return the smallest size that Fargate takes with at least so many CPU units and MiB; None above the largest."""
    for row in sorted(read_table("fargate")["size"], key=lambda row: row["cpu"]):
        fitting = [one for one in _memories(row) if one >= memory]
        if row["cpu"] >= cpu and fitting:
            return int(row["cpu"]), min(fitting)
    return None


def _memories(row: Mapping[str, Any]) -> list[int]:
    listed = row.get("memory")
    return list(listed) if listed else list(range(row["least"], row["most"] + 1, row["step"]))
