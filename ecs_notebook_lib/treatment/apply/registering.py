"""A revision like another one, with some members changed: read whole, edited, and never written to a disk."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ecs_notebook_lib.treatment.apply.errors import NotAppliedError
from ecs_notebook_lib.treatment.apply.whole import Reads
from ecs_notebook_lib.treatment.commands import READ_ONLY_MEMBERS, parts_of


def to_register(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a described task definition RegisterTaskDefinition takes."""
    return {name: value for name, value in definition.items() if name not in READ_ONLY_MEMBERS and value is not None}


def edited(reader: Reads, arn: str, edits: Mapping[str, Any]) -> dict[str, Any]:
    """Return a described task definition, ready to be registered, with members at some paths set, or gone if None.

    Raises
    ------
    NotAppliedError
        If it has no container of a name.
    """
    answer = reader.read("ecs:DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"])
    new = deepcopy(to_register(answer["taskDefinition"]))
    for path, value in edits.items():
        _set(new, path, value)
    return new


def _set(definition: dict[str, Any], path: str, value: Any) -> None:
    holder: Any = definition
    *before, last = parts_of(path)
    for member, name in before:
        holder = holder.setdefault(member, [] if name else {})
        if name:
            rows = [row for row in holder if row.get("name") == name]
            if not rows:
                raise NotAppliedError(f"the task definition has no container {name!r}; run diagnose again")
            holder = rows[0]
    if value is None:
        holder.pop(last[0], None)
    else:
        holder[last[0]] = value
