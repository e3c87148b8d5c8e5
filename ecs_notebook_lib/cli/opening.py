"""What commands share: opening the incident, and telling how far it is."""

import argparse
import gc
import sys
from typing import TYPE_CHECKING

from ecs_notebook_lib.cli.first_answer import FirstAnswer
from ecs_notebook_lib.incident import Incident, open_incident
from ecs_notebook_lib.untrusted import visible

if TYPE_CHECKING:
    from ecs_notebook_lib.collect import Access

_NEW_OBJECTS = 100_000
"""New objects after which Python looks for cycles that nobody holds: its 700 cost a short run a fourteenth of it."""


def look_for_cycles_seldom() -> None:
    """Let a command that soon ends spend less of its time on memory that it could free meanwhile."""
    gc.set_threshold(_NEW_OBJECTS)


def incident_of(options: argparse.Namespace) -> Incident:
    """Return the incident that the options name, with progress on stderr."""
    look_for_cycles_seldom()
    candidate = getattr(options, "task_definition", "")
    first = FirstAnswer() if options.source.startswith("live:") and not (options.quiet or candidate) else None
    try:
        return open_incident(
            options.source,
            window=options.window,
            task_definition=candidate,
            access=_access(options),
            store=options.store,
            progress=progress_of(options),
            first_look=first,
        )
    finally:
        if first is not None:
            first.close()


def _access(options: argparse.Namespace) -> "Access | None":
    """Return how to reach AWS; None for a source that is not live: boto3 is slow to import."""
    if not options.source.startswith("live:"):
        return None
    from ecs_notebook_lib.collect import Access

    return Access(options.profile, options.region, options.role_arn, options.endpoint_url)


def progress_of(options: argparse.Namespace) -> "Progress":
    """Return what tells of progress: a line for each step, unless `--quiet`."""
    return Progress(quiet=options.quiet)


class Progress:
    """Writes one plain line a step to stderr."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, step: str) -> None:
        """Tell that a step begins."""
        if not self._quiet:
            sys.stderr.write(f"... {visible(step)}\n")
            sys.stderr.flush()
