"""The one place that imports nbformat and what stands on it.

jsonschema imports `rfc3987_syntax`, which builds a grammar as it is imported and takes two seconds; it is there only
because jupyter_server asks for it. jsonschema does without, when the import fails.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import mistune  # noqa: E402
import nbformat  # noqa: E402
import papermill  # noqa: E402
from nbconvert import HTMLExporter  # noqa: E402
from nbformat import NotebookNode  # noqa: E402
from papermill.clientwrap import PapermillNotebookClient  # noqa: E402
from papermill.engines import Engine, papermill_engines  # noqa: E402
from papermill.exceptions import PapermillExecutionError  # noqa: E402
from traitlets.config import Config  # noqa: E402

__all__ = [
    "Config",
    "Engine",
    "HTMLExporter",
    "NotebookNode",
    "PapermillExecutionError",
    "PapermillNotebookClient",
    "mistune",
    "nbformat",
    "papermill",
    "papermill_engines",
]
