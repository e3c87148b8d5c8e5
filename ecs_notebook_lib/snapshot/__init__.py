"""An incident at rest: what AWS said, page by page, with what was refused (DESIGN 5.3)."""

from ecs_notebook_lib.snapshot.archive import SCHEMA, load_snapshot, save_snapshot
from ecs_notebook_lib.snapshot.handing_over import from_bytes, to_bytes
from ecs_notebook_lib.snapshot.model import IncidentName, Page, Simulated, Snapshot, each_line, of_last_answers

__all__ = [
    "SCHEMA",
    "IncidentName",
    "Page",
    "Simulated",
    "Snapshot",
    "each_line",
    "from_bytes",
    "load_snapshot",
    "of_last_answers",
    "save_snapshot",
    "to_bytes",
]
