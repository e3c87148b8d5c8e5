"""The parameters of a notebook as they stand in its parameters cell: `name: str = "value"  # what it is`."""

import json
import re
from collections.abc import Mapping

_PARAMETER = re.compile(r'^(?P<name>\w+): str = (?P<value>"[^"]*")(?P<rest>.*)$')


def filled_in(cell: str, values: Mapping[str, str]) -> str:
    """Return the source of a parameters cell with these values; types, comments and empty values' defaults stay."""
    return "\n".join(_line(line, values) for line in cell.splitlines())


def _line(line: str, values: Mapping[str, str]) -> str:
    parameter = _PARAMETER.match(line)
    if not parameter or not values.get(parameter["name"]):
        return line
    return f"{parameter['name']}: str = {_literal(values[parameter['name']])}{parameter['rest']}"


def parameter_lines(values: Mapping[str, str]) -> str:
    """Return the lines that set these parameters; empty ones are left out."""
    return "\n".join(f"{name}: str = {_literal(value)}" for name, value in values.items() if value)


def _literal(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
