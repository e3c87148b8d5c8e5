"""What an incident's files are called."""

import string

from ecs_notebook_lib.frames.reported import OBSERVATION, is_reported
from ecs_notebook_lib.snapshot import Snapshot

SNAPSHOT = "snapshot.zip"
"""What the snapshot beside a report, or a working copy of the notebooks, is called."""

_SAFE = frozenset(string.ascii_letters + string.digits + "-_")


def incident_name(snapshot: Snapshot) -> str:
    """Return `<cluster>--<service>--<time>`, the time as `20250712T091500Z`; safe as the name of a file.

    A case file is called `case--<id>`: it tells no time.
    """
    name = snapshot.incident
    if is_reported(snapshot):
        return f"case--{_safe(snapshot.records(OBSERVATION)[0]['params']['case'])}"
    parts = (_safe(name.cluster), _safe(name.service), f"{snapshot.as_of:%Y%m%dT%H%M%SZ}")
    return "--".join(parts)


def _safe(text: str) -> str:
    return "".join(character if character in _SAFE else "_" for character in text)[:100] or "_"
