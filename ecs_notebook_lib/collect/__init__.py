"""Reading AWS into a snapshot: the only part of the kit that makes clients that read.

Lazy, for `wait` asks its first question long before it may have to read a whole incident.
"""

from typing import TYPE_CHECKING

from ecs_notebook_lib.lazily import lazily

if TYPE_CHECKING:
    from ecs_notebook_lib.collect.access import Access, Clients, open_clients
    from ecs_notebook_lib.collect.caller import Answer, Caller, Request
    from ecs_notebook_lib.collect.incident import collect_incident

_HOMES = {
    "Access": "access",
    "Answer": "caller",
    "Caller": "caller",
    "Clients": "access",
    "Request": "caller",
    "collect_incident": "incident",
    "open_clients": "access",
}

__all__ = ["Access", "Answer", "Caller", "Clients", "Request", "collect_incident", "open_clients"]

__getattr__ = lazily(__name__, _HOMES)
