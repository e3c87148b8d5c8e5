"""JSON on stdout: for programs, and harmless on a terminal, too."""

import sys
from collections.abc import Mapping
from typing import Any

import orjson

from ecs_notebook_lib.untrusted import visible_json


def print_json(document: Mapping[str, Any]) -> None:
    """Print a document; controls and direction marks in it are JSON escapes, so it reads back the same."""
    sys.stdout.write(visible_json(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()) + "\n")
