"""Which containers stand beside an application, by their names."""

from ecs_notebook_lib.knowledge.tables import read_table


def is_sidecar(name: str) -> bool:
    """Say whether a container is named as log routers, proxies and agents are."""
    return any(word in name.lower() for word in read_table("sidecars")["sidecars"])


def is_injected(name: str) -> bool:
    """Say whether a container is one that AWS adds to a task."""
    return any(name.lower().startswith(word) for word in read_table("sidecars")["injected"])
