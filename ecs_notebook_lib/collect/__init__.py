"""Reading AWS into a snapshot: the only part of the kit that makes clients that read."""

from ecs_notebook_lib.collect.access import Access, Clients, open_clients
from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.collect.incident import collect_incident

__all__ = ["Access", "Answer", "Caller", "Clients", "Request", "collect_incident", "open_clients"]
