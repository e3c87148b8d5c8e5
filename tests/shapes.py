"""Writes `snapshot/shapes.json` from botocore's model: `python -m tests.shapes`."""

import json
from pathlib import Path
from typing import Any

from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.simulate.wire.models import operation_model

PATH = Path(__file__).parent.parent / "ecs_notebook_lib" / "snapshot" / "shapes.json"
_TYPES = {"string": "t", "blob": "t", "timestamp": "i", "boolean": "b", "integer": "w", "long": "w"}


def form_of(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """Return the form of what has a shape, as it is kept; of one that holds itself, the first round."""
    if shape is None or shape.name in above:
        return "?"
    above = (*above, shape.name)
    if shape.type_name == "structure":
        return {name: form_of(member, above) for name, member in sorted(shape.members.items())}
    if shape.type_name == "list":
        return [form_of(shape.member, above)]
    if shape.type_name == "map":
        return {"*": form_of(shape.value, above)}
    return _TYPES.get(shape.type_name, "n")


def table() -> dict[str, Any]:
    """Return what `shapes.json` should hold."""
    rows = {}
    for name, row in sorted(every_operation().items()):
        model = operation_model(row.service, row.action)
        assert model is not None
        needs = sorted(model.input_shape.required_members) if model.input_shape else []
        rows[name] = {"needs": needs, "asks": form_of(model.input_shape), "gives": form_of(model.output_shape)}
    return rows


def written() -> str:
    """Return it as text, a line an operation."""
    lines = [f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in table().items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    PATH.write_text(written(), encoding="utf-8")
