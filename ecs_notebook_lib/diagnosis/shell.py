"""Commands to be copied: a name from the account is one word of them, whatever it holds."""

import shlex
from collections.abc import Mapping

Names = Mapping[str, str | tuple[str, ...]]
"""What fills in a command: a text is one argument, several texts are several."""


def filled(template: str, names: Names) -> str:
    """Return a command with names filled in, quoted for where they stand: between the template's own quotes or not.

    What is not known stays a placeholder that a reader can fill in.
    """
    outside = _Filling({name: _arguments(value) for name, value in names.items()})
    inside = _Filling({name: _quoted(value) for name, value in names.items()})
    parts = (part.format_map(inside if number % 2 else outside) for number, part in enumerate(template.split("'")))
    return "'".join(parts)


def _arguments(value: str | tuple[str, ...]) -> str:
    return shlex.quote(value) if isinstance(value, str) else shlex.join(value)


def _quoted(value: str | tuple[str, ...]) -> str:
    text = value if isinstance(value, str) else " ".join(value)
    return text.replace("'", r"'\''")


class _Filling(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"<{key.upper()}>"
