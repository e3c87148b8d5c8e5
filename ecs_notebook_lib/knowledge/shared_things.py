"""Which things services that fail for one cause can have in common: the table `shared_things.toml`."""

from ecs_notebook_lib.knowledge.tables import read_table


def shared_kinds(cause: str) -> tuple[str, ...]:
    """Return the kinds of things that several services can share of a cause, the most telling first; often none."""
    family, _, name = cause.partition(".")
    rows = read_table("shared_things").get(family, {})
    row = rows.get(name) or rows.get("*") or {}
    return tuple(row.get("kinds", ()))
