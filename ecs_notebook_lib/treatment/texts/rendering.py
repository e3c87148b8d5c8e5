"""JSON, Terraform and CloudFormation, made from plain values: what came from the account is quoted, never obeyed.

CloudFormation is written as JSON, which it takes as it takes YAML: nothing in a quoted text has a meaning of its own
there, but a dynamic reference. Sources: HCL native syntax specification, "String Literals" and "Template Expressions";
CloudFormation user guide, "Dynamic references".
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TEMPLATE = re.compile(r"(?<!\$)\$+\{|(?<!%)%+\{")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_DYNAMIC = "{{resolve:"
_FOLDED = 96
"""Up to so many characters a list or an object stays on one line."""

_SHORT_NUMBER = 5
_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Expression:
    """Text of HCL that is no string: a reference to another resource. Never made of what came from the account."""

    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document that HCL is to hold as JSON text: `jsonencode(…)`."""

    document: Any


@dataclass(frozen=True, slots=True)
class Block:
    """A nested block of HCL: `name { … }`."""

    members: Mapping[str, Any]


def json_text(value: Any) -> str:
    """Return a value as JSON in which every character beyond ASCII is escaped."""
    return json.dumps(value, indent=2)


def hcl_string(text: str) -> str:
    """Return a quoted string of HCL: no quote, line break or template in `text` has a meaning."""
    quoted = "".join(_escaped(character) for character in text)
    return '"' + _TEMPLATE.sub(_literal, quoted) + '"'


def _literal(match: re.Match[str]) -> str:
    """Return `$${` for the beginning of a template; of several signs the first ones are written by their numbers."""
    sign, signs = match.group()[0], len(match.group()) - 1
    return f"\\u{ord(sign):04x}" * (signs - 1) + f"{sign}{sign}{{"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if " " <= character <= "~":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def hcl(value: Any, indent: int = 0) -> str:
    """Return a value as HCL."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Encoded):
        return f"jsonencode({hcl(value.document, indent)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        rows = [f"{_key(str(key))} = {hcl(row, indent + 2)}" for key, row in value.items()]
        return _bracketed("{", "}", rows, indent)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _bracketed("[", "]", [hcl(row, indent + 2) for row in value], indent)
    return "null" if value is None else hcl_string(str(value))


def _key(name: str) -> str:
    return name if _IDENTIFIER.match(name) else hcl_string(name)


def _bracketed(opening: str, closing: str, rows: list[str], indent: int) -> str:
    if not rows:
        return opening + closing
    flat = ", ".join(rows)
    if opening == "[" and "\n" not in flat and len(flat) + indent <= _FOLDED:
        return f"[{flat}]"
    inner, outer = " " * (indent + 2), " " * indent
    return f"{opening}\n" + "".join(f"{inner}{row},\n" for row in rows) + f"{outer}{closing}"


def label_of(name: str) -> str:
    """Return a name that Terraform takes as the label of a resource, made of any text."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()[:_LONGEST_LABEL]
    return words if words[:1].isalpha() else f"this_{words}".rstrip("_")


def logical_id(name: str) -> str:
    """Return a name that CloudFormation takes as a logical id, made of the words of any text; ids in it are left out.

    A logical id is for people, and stays when the resource is replaced: what AWS draws by lot has no place in it.
    """
    words = (word for word in re.findall(r"[A-Za-z0-9]+", name) if word.isalpha() or len(word) <= _SHORT_NUMBER)
    joined = "".join(word[:1].upper() + word[1:] for word in words)[:_LONGEST_LABEL]
    return joined if joined[:1].isalpha() else f"This{joined}"


def terraform(kind: str, name: str, members: Mapping[str, Any]) -> str:
    """Return a resource of Terraform; `name` is any text that its label is made of."""
    return f'resource "{kind}" "{label_of(name)}" {_body(members, 0)}\n'


def _body(members: Mapping[str, Any], indent: int) -> str:
    """Return the members of a block, blocks after arguments, as `terraform fmt` aligns them."""
    inner = " " * (indent + 2)
    arguments = {key: value for key, value in members.items() if not isinstance(value, Block)}
    width = max(map(len, arguments), default=0)
    lines = [f"{inner}{key.ljust(width)} = {hcl(value, indent + 2)}\n" for key, value in arguments.items()]
    for key, value in members.items():
        if isinstance(value, Block):
            lines.append(f"\n{inner}{key} {_body(value.members, indent + 2)}\n")
    return "{\n" + "".join(lines) + " " * indent + "}"


def cloudformation(kind: str, name: str, properties: Mapping[str, Any]) -> str:
    """Return a resource of CloudFormation; empty if a text in it would be looked up as a dynamic reference."""
    text = json_text({"Resources": {logical_id(name): {"Type": kind, "Properties": properties}}})
    return "" if _DYNAMIC in text else text


def commented(text: str, lines: Sequence[str]) -> str:
    """Return HCL below comments; a comment ends with its line, so nothing in one begins another."""
    told = (re.sub(r"[^\x20-\x7e]", "?", line) for line in lines)
    return "".join(f"# {line}\n" for line in told) + text if text else ""
