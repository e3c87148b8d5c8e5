"""An action in words: how it is done, why, and what becomes what."""

import json
from typing import Any

from ecs_notebook_lib.treatment import Action
from ecs_notebook_lib.untrusted import visible

CELL = 300
"""Characters of one value that a table shows."""


def how(made: Action) -> str:
    """Return how an action is carried out: by `treat --apply`, with which flags, or by hand."""
    return f"--apply {made.name}" + "".join(f" --allow {flag}" for flag in made.flags) if made.calls else "by hand"


def because(made: Action) -> str:
    """Return why, with the findings behind it."""
    behind = f" ({', '.join(made.findings[:4])})" if made.findings else ""
    return f"{made.because}{behind}"


def short(value: Any) -> str:
    """Return a value on one line: `-` where there is none, JSON where it has parts."""
    if value is None:
        return "-"
    return visible(value if isinstance(value, str) else json.dumps(value, default=str), limit=CELL)
