"""Whether a fault lasts until somebody mends it, or may pass by itself: the table `lasting.toml`."""

from ecs_notebook_lib.knowledge.tables import read_table


def lasts_at_once(kind: str) -> bool:
    """Say whether one failed attempt of this kind of finding is enough to know that the next will fail, too."""
    return kind in read_table("lasting")["at_once"]


def may_pass(kind: str) -> bool:
    """Say whether this kind of finding can go away although nobody changes anything."""
    return kind in read_table("lasting")["passes"]


def lasts_as_event(kind: str) -> bool:
    """Say whether a service event of this kind tells of a failed attempt that leaves no task behind."""
    return kind in read_table("lasting")["event"]
