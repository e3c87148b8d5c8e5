"""Opening an incident: the one that a source names, or, in a notebook and without a source, one that is picked."""

import sys
from functools import wraps
from importlib.util import find_spec
from os import PathLike
from typing import Any

from ecs_notebook_lib import incident
from ecs_notebook_lib.errors import MissingExtraError
from ecs_notebook_lib.incident import Incident


@wraps(incident.open_incident)
def open_incident(source: str | PathLike[str] = "", **options: Any) -> Incident:
    """Return the incident that `source` names; without a source show a picker, in notebooks only."""
    if source or not _in_notebook():
        return incident.open_incident(source, **options)
    if find_spec("ipywidgets") is None:
        raise MissingExtraError("A picker of incidents", extra="notebooks")
    from ecs_notebook_lib.widgets.picker import pick

    return pick(**options)


def _in_notebook() -> bool:
    """Say whether a Jupyter kernel runs this: IPython is not imported only to find that out."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
