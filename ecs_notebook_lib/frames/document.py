"""`docs/frames.md`, printed from the schemas: `python -m ecs_notebook_lib.frames.document > docs/frames.md`."""

import sys

from ecs_notebook_lib.frames import SCHEMAS
from ecs_notebook_lib.frames.columns import FrameSchema


def frames_document() -> str:
    """Return the documentation of every frame as Markdown."""
    head = "# Frames\n\nPrinted from `ecs_notebook_lib.frames.SCHEMAS` by `make docs`. Every column can be missing.\n"
    return "\n".join([head, *map(_section, SCHEMAS.values())])


def _section(schema: FrameSchema) -> str:
    needs = ", ".join(f"`{operation}`" for operation in schema.required) or "nothing"
    lines = [f"## {schema.name}", "", schema.rows, "", f"Needs {needs}.", "", "| column | dtype | from | meaning |"]
    lines.append("| --- | --- | --- | --- |")
    lines += [f"| {c.name} | {c.dtype} | {f'`{c.path}`' if c.path else ''} | {c.meaning} |" for c in schema.columns]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(frames_document())
