"""What AWS's sentences mean: literal templates with typed slots, one row each in `messages.toml`.

A template is plain text with slots `{name}` or `{name:type}`. Literals are looked for one after another, never again,
so matching takes time in proportion to the text. Case, runs of white space, typographic apostrophes and, in service
events, parentheses do not matter: the API prints `(service NAME)`, the console `service NAME`.
"""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
_PARENTHESES = str.maketrans("", "", "()")
_WORD = frozenset(string.ascii_letters + string.digits + "-_./:@+=,*#[]")
_CHARACTERS: Mapping[str, frozenset[str]] = {
    "integer": frozenset(string.digits),
    "id": frozenset(string.hexdigits + "-"),
    "word": _WORD,
}
"""What a slot of a type may hold; a slot without a type holds any text."""

_MAX_TEXT = 8192
"""Longer texts are cut: AWS's own end at 1,024 characters, and a log line may be anything."""


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """One row: `anywhere` may begin in the middle of a text, `inner` says where the slot `reason` is known from."""

    kind: str
    where: str
    template: str
    meaning: str
    family: str
    source: str
    sample: str
    anywhere: bool
    inner: str
    parts: tuple[tuple[str, str, str], ...] = field(repr=False)
    """(literal before, slot name, slot type); the last has an empty name if the template ends in a literal."""

    @property
    def literals(self) -> tuple[str, ...]:
        """Return the fixed texts, normalised."""
        return tuple(literal for literal, _, _ in self.parts if literal)

    @property
    def weight(self) -> int:
        """Return how many characters are fixed: of two templates that match, the heavier is meant."""
        return sum(map(len, self.literals))


@dataclass(frozen=True, slots=True)
class Message:
    """A recognised text: its kind, what stood in the slots, and the message quoted inside it, if it quotes one."""

    kind: str
    where: str
    parts: Mapping[str, str]
    template: MessageTemplate
    inner: "Message | None" = None

    @property
    def innermost(self) -> "Message":
        """Return the message that tells most: the one quoted inside, or this one."""
        return self.inner.innermost if self.inner else self


def recognise(text: str | None, *, where: str) -> Message | None:
    """Return what a text of AWS's means; None if it is missing or not known.

    Parameters
    ----------
    where
        `service_event`, `stopped_reason` (of a task or a container), `rollout_state_reason`, `target_health` or
        `log_line`.
    """
    return _recognise(text[:_MAX_TEXT], where) if text else None


def find_in_log(line: str | None) -> Message | None:
    """Return the message that stands in a log line, wherever it begins; None if none does."""
    return recognise(line, where="log_line")


def kinds_of(texts: Iterable[object], *, where: str) -> list[str | None]:
    """Return the kind of each text; None for missing and unknown ones."""
    found = (recognise(text, where=where) if isinstance(text, str) else None for text in texts)
    return [message.kind if message else None for message in found]


@cache
def templates() -> tuple[MessageTemplate, ...]:
    """Return all rows of the table."""
    return tuple(_template(row) for row in read_table("messages")["message"])


@cache
def _templates_of(where: str) -> tuple[tuple[str, MessageTemplate], ...]:
    """Return the rows of one place with their longest literal, heaviest first, those that only quote a reason last."""
    rows = [row for row in templates() if row.where == where]
    rows.sort(key=lambda row: (row.template.endswith("{reason}"), -row.weight))
    return tuple((max(row.literals, key=len), row) for row in rows)


@lru_cache(maxsize=20_000)
def _recognise(text: str, where: str) -> Message | None:
    plain = _normalised(text, where)
    lower = plain.translate(_LOWER)
    for longest, row in _templates_of(where):
        if longest in lower:
            parts = _match(row, plain, lower)
            if parts is not None:
                inner = recognise(parts.get("reason"), where=row.inner) if row.inner else None
                return Message(row.kind, where, parts, row, inner)
    return None


def _normalised(text: str, where: str) -> str:
    plain = " ".join(text.translate(_APOSTROPHES).split())
    return plain.translate(_PARENTHESES) if where == "service_event" else plain


def _match(row: MessageTemplate, plain: str, lower: str) -> dict[str, str] | None:
    parts: dict[str, str] = {}
    position, name, kind = 0, "", ""
    for number, (literal, next_name, next_kind) in enumerate(row.parts):
        if literal:
            start = (
                lower.find(literal, position) if number or row.anywhere else (0 if lower.startswith(literal) else -1)
            )
            if start < 0 or not _filled(parts, name, kind, plain[position:start]):
                return None
            position = start + len(literal)
        name, kind = next_name, next_kind
    rest = plain[position:]
    if not name and rest.strip(". ") and not row.anywhere:
        return None
    return parts if _filled(parts, name, kind, rest) else None


def _filled(parts: dict[str, str], name: str, kind: str, value: str) -> bool:
    """Put a value into its slot; False if the slot's type does not allow it."""
    if not name:
        return True
    value = value.strip().rstrip(".") if kind else value.strip()
    allowed = _CHARACTERS.get(kind)
    if allowed is not None and (not value or not allowed.issuperset(value)):
        return False
    parts[name] = value
    return True


def _template(row: Mapping[str, Any]) -> MessageTemplate:
    pieces = string.Formatter().parse(_normalised_template(row["template"], row["where"]))
    parts = tuple((literal.translate(_LOWER), name or "", kind or "") for literal, name, kind, _ in pieces)
    return MessageTemplate(
        kind=row["kind"],
        where=row["where"],
        template=row["template"],
        meaning=row["meaning"],
        family=row.get("family", ""),
        source=row["source"],
        sample=row["sample"],
        anywhere=row.get("anywhere", row["where"] == "log_line"),
        inner=row.get("inner", ""),
        parts=parts,
    )


def _normalised_template(template: str, where: str) -> str:
    return template.translate(_PARENTHESES) if where == "service_event" else template
