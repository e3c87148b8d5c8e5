"""Find out why an Amazon ECS deployment does not stabilize.

The public face is lazy: importing it loads neither pandas nor boto3.
"""

from typing import TYPE_CHECKING

from ecs_notebook_lib.lazily import lazily
from ecs_notebook_lib.version import __version__

if TYPE_CHECKING:
    from ecs_notebook_lib.collect import Access
    from ecs_notebook_lib.diagnosis import Diagnosis, Finding
    from ecs_notebook_lib.errors import EcsNotebookError
    from ecs_notebook_lib.incident import Incident, open_incident  # picking's has the same signature
    from ecs_notebook_lib.notebook_files import notebooks_directory
    from ecs_notebook_lib.snapshot import Snapshot, load_snapshot, save_snapshot

_HOMES = {
    "Access": "collect",
    "Diagnosis": "diagnosis",
    "EcsNotebookError": "errors",
    "Finding": "diagnosis",
    "Incident": "incident",
    "Snapshot": "snapshot",
    "load_snapshot": "snapshot",
    "notebooks_directory": "notebook_files",
    "open_incident": "picking",
    "save_snapshot": "snapshot",
}

__all__ = [
    "Access",
    "Diagnosis",
    "EcsNotebookError",
    "Finding",
    "Incident",
    "Snapshot",
    "__version__",
    "load_snapshot",
    "notebooks_directory",
    "open_incident",
    "save_snapshot",
]

__getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
