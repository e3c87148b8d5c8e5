"""What AWS's sentences mean: literal templates with typed slots, one row each in a table.

A template is plain text with slots `{name}` or `{name:type}`. Literals are looked for one after another, never again,
so matching takes time in proportion to the text. Case, runs of white space, typographic apostrophes, a final period and
(in service events) parentheses do not matter: the API prints `(service NAME)`, the console `service NAME`. A text that
AWS cut off is recognised by its beginning, if that is distinctive.
"""

import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

from ecs_notebook_lib.knowledge.pieces import by_piece, pieces_of
from ecs_notebook_lib.knowledge.sources import published
from ecs_notebook_lib.knowledge.tables import read_table

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
_PARENTHESES = str.maketrans("", "", "()")
_WORD = frozenset(string.ascii_letters + string.digits + "-_./:@+=,*#[]")
_CHARACTERS: Mapping[str, frozenset[str]] = {
    "integer": frozenset(string.digits),
    "id": frozenset(string.hexdigits + "-"),
    "word": _WORD,
    "url": frozenset(string.punctuation + string.ascii_letters + string.digits) - frozenset('"<>'),
}
"""What a slot of a type may hold; a slot without a type holds any text."""

_TABLES = ("messages", "quoted", "log_lines")
_RUN = re.compile(r"[0-9]+")

MAX_TEXT = 8192
"""Longer texts lose their middle: AWS's own end at 1,024 characters; a traceback tells most in its last line."""

_SHORTEST_CUT = 250
"""AWS cuts texts at 255 characters or later (ECS_FACTS 4.4); people who quote one end it in an ellipsis."""

_ENOUGH, _ENOUGH_OVERLAP = 30, 12
"""So many fixed characters of a cut text must agree; so many of the literal in which it was cut."""

_POINTER = " for more information, see the troubleshooting section"
"""Service events end in a pointer to the developer guide, in several wordings."""


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
    truncated: bool = False
    """The text was cut off before the template's end: the last slot may hold less than AWS said."""

    @property
    def innermost(self) -> "Message":
        """Return the message that tells most: the one quoted inside, or this one."""
        return self.inner.innermost if self.inner else self


def recognise(text: str | None, *, where: str) -> Message | None:
    """Return what a text of AWS's means; None if it is missing or not known.

    Parameters
    ----------
    where
        `service_event`, `stopped_reason` (of a task or a container), `rollout_state_reason`, `status_reason` (of a
        service deployment), `target_health`, `log_line`, `cli_error` or `quoted` (a part of any, anywhere).
    """
    if text and len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]} {text[-MAX_TEXT // 2 :]}"
    return _recognise(text, where) if text else None


def recognise_all(texts: Iterable[object], *, where: str) -> list[Message | None]:
    """Return what each text means, matching equal ones once; None for missing and unknown ones."""
    listed = list(texts)
    found = {text: recognise(text, where=where) for text in listed if isinstance(text, str)}
    return [found.get(text) if isinstance(text, str) else None for text in listed]


def find_in_log(line: str | None) -> Message | None:
    """Return the message that stands in a log line, wherever it begins; None if none does."""
    return recognise(line, where="log_line")


def messages_in_log(lines: Iterable[str]) -> Iterator[Message]:
    """Yield the messages that stand in some of these lines, in their order.

    Lines that differ only in numbers are looked at once, unless they may hold a message.
    """
    may_hold = cache(may_be_in_log)
    for line in lines:
        message = find_in_log(line) if len(line) > MAX_TEXT or may_hold(_RUN.sub("0", line)) else None
        if message is not None:
            yield message


def may_be_in_log(text: str) -> bool:
    """Say whether `find_in_log` may find something in lines that are this one, but for their numbers.

    Parameters
    ----------
    text
        A line with a `0` in place of each run of digits.
    """
    lower = " ".join(text.translate(_APOSTROPHES).split()).translate(_LOWER)
    known, short = _numberless_literals()
    likely = {literal for piece in known.keys() & pieces_of(lower) for literal in known[piece]}
    return any(literal in lower for literal in (*likely, *short))


@cache
def _numberless_literals() -> tuple[dict[str, list[str]], list[str]]:
    """Return the literals that rows of log lines are found by, numbers as `0`, by a piece; and those too short."""
    return by_piece({_RUN.sub("0", longest) for longest, _ in _templates_of("log_line")})


@cache
def templates() -> tuple[MessageTemplate, ...]:
    """Return all rows of the tables."""
    return tuple(_template(row) for name in _TABLES for row in read_table(name)["message"])


@cache
def error_kinds() -> frozenset[str]:
    """Return the kinds of log lines that speak of a cause: their rows name a family."""
    return frozenset(row.kind for row in templates() if row.where == "log_line" and row.family)


@cache
def _templates_of(where: str) -> tuple[tuple[str, MessageTemplate], ...]:
    """Return the rows of one place with their longest literal: those that tell the whole text first, then heaviest."""
    rows = sorted((row for row in templates() if row.where == where), key=lambda row: (row.anywhere, -row.weight))
    return tuple((max(row.literals, key=len), row) for row in rows)


@cache
def _numbers_of(where: str) -> tuple[dict[str, list[int]], list[int]]:
    """Return the numbers of one place's rows by a piece of their longest literal, and of those too short."""
    numbers: dict[str, list[int]] = {}
    for number, (longest, _) in enumerate(_templates_of(where)):
        numbers.setdefault(longest, []).append(number)
    found, short = by_piece(numbers)
    of_all: Callable[[list[str]], list[int]] = lambda literals: [n for literal in literals for n in numbers[literal]]  # noqa: E731
    return {piece: of_all(literals) for piece, literals in found.items()}, of_all(short)


def _rows_in(lower: str, where: str) -> list[MessageTemplate]:
    """Return the rows of one place whose longest literal stands in the text, in their order."""
    rows = _templates_of(where)
    known, short = _numbers_of(where)
    likely = [number for piece in known.keys() & pieces_of(lower) for number in known[piece]]
    return [row for longest, row in (rows[number] for number in sorted(likely + short)) if longest in lower]


def _only_quotes(row: MessageTemplate) -> bool:
    return row.template.endswith(": {reason}")


@lru_cache(maxsize=20_000)
def _recognise(text: str, where: str) -> Message | None:
    plain, cut = _normalised(text, where)
    lower = plain.translate(_LOWER)
    rows = _rows_in(lower, where)
    specific = (row for row in rows if not _only_quotes(row))
    found = _first_match(specific, plain, lower) or (_first_cut_match(plain, lower, where) if cut else None)
    if found is not None and not _is_vague(found):
        return found
    wrapping = _first_match(filter(_only_quotes, rows), plain, lower)
    if wrapping is not None and not _is_vague(wrapping):
        return wrapping
    quoted = _quoted(plain, lower, where)
    if quoted is not None and (not _is_vague(quoted) or not (found or wrapping)):
        return quoted
    return found or wrapping


def _quoted(plain: str, lower: str, where: str) -> Message | None:
    """Return the message of which a part is quoted in a text of AWS's; log lines are read by their own rows alone."""
    if where in ("log_line", "quoted"):
        return None
    rows = _rows_in(lower, "quoted")
    rows.sort(key=lambda row: row.kind in _VAGUE)
    found = _first_match(rows, plain, lower)
    return replace(found, where=where) if found else None


def recognise_anywhere(text: str | None, *, likely: str) -> Message | None:
    """Return what a text means that somebody pasted, wherever AWS says such a thing.

    A message of the place that it is `likely` from is preferred; else the heaviest of all places is meant.
    """
    own = recognise(text, where=likely)
    if own is not None and not _is_vague(own):
        return own
    places = dict.fromkeys(row.where for row in templates() if row.where != "log_line" or likely == "log_line")
    others = [found for place in places if place != likely and (found := recognise(text, where=place))]
    told = [found for found in others if not _is_vague(found)]
    return max(told, key=lambda found: found.template.weight, default=own or next(iter(others), None))


_VAGUE = frozenset(
    {
        "start_failed",
        "pull_failed",
        "efs_failed",
        "logging_failed",
        "resource_not_found",
        "secrets_not_pulled",
        "task_not_placed",
        "no_instance_fits",
        "instance_error",
        "call_failed",
        "container_exited",
        "task_launch_failed",
        "circuit_breaker_quoted",
        "deployment_failed",
        "waiter_timed_out",
        "access_denied_bare",
        "forbidden_bare",
        "internal_error",
        "response_code_unnamed",
        "create_failed",
        "traceback",
    }
)
"""Kinds that say that something failed, and not what: what else stands in the text tells more."""


def _is_vague(message: Message) -> bool:
    return message.innermost.kind in _VAGUE


def _first_match(rows: Iterable[MessageTemplate], plain: str, lower: str) -> Message | None:
    for row in rows:
        parts = _Matching(row, plain, lower).whole()
        if parts is not None:
            quoted = parts.get("reason") or parts.get("error")
            inner = recognise(quoted, where=row.inner) if row.inner else None
            return Message(row.kind, row.where, parts, row, inner)
    return None


def _first_cut_match(plain: str, lower: str, where: str) -> Message | None:
    for _, row in _templates_of(where):
        parts = _Matching(row, plain, lower).beginning() if not _only_quotes(row) else None
        if parts is not None:
            return Message(row.kind, where, parts, row, truncated=True)
    return None


def _normalised(text: str, where: str) -> tuple[str, bool]:
    """Return the text as templates are written, and whether it may have been cut off."""
    plain = " ".join(text.translate(_APOSTROPHES).split())
    if where == "service_event":
        plain = plain.translate(_PARENTHESES)
        pointer = plain.translate(_LOWER).rfind(_POINTER)
        plain = plain if pointer < 0 else plain[:pointer]
    whole = plain.removesuffix("...").removesuffix("\u2026")
    return whole.rstrip(), where != "log_line" and (len(plain) >= _SHORTEST_CUT or whole != plain)


class _Matching:
    """One template against one text: slots are filled from left to right, nothing is tried twice."""

    def __init__(self, row: MessageTemplate, plain: str, lower: str) -> None:
        self._row, self._plain, self._lower = row, plain, lower
        self._parts: dict[str, str] = {}
        self._position, self._open, self._type = 0, "", ""
        self._agreed = 0

    def whole(self) -> dict[str, str] | None:
        """Return what stands in the slots, or None if the text is another one."""
        if self._take_literals() is not None:
            return None
        rest = self._plain[self._position :]
        if not self._open and rest.strip(". ") and not self._row.anywhere:
            return None
        return self._parts if self._fill(rest) else None

    def beginning(self) -> dict[str, str] | None:
        """Return what stands in the slots of a template that goes on where the text was cut, else None."""
        missing = self._take_literals()
        if missing is None or not (self._agreed or missing.startswith(self._lower)):
            return None
        overlap = next(n for n in range(len(missing), -1, -1) if self._lower.endswith(missing[:n], self._position))
        agreed = self._agreed + overlap
        left = self._row.weight - agreed
        told = overlap >= _ENOUGH_OVERLAP or bool(self._open and self._type) or left <= len(missing) <= 4
        if agreed < _ENOUGH or left > agreed or not told:
            return None
        value = self._plain[self._position : len(self._plain) - overlap]
        return self._parts if not value or self._fill(value) else None

    def _take_literals(self) -> str | None:
        """Find the literals in turn; return the first that is not there, None if all are."""
        for number, (literal, name, kind) in enumerate(self._row.parts):
            if number and not literal:
                end = self._end_of_run()
            elif not number and not self._row.anywhere:
                end = 0 if self._lower.startswith(literal) else -1
            else:
                end = self._lower.find(literal, self._position)
            if end < 0 or not self._fill(self._plain[self._position : end]):
                return literal
            self._position = end + len(literal)
            self._agreed += len(literal)
            self._open, self._type = name, kind
        return None

    def _end_of_run(self) -> int:
        """Return where the first of two touching slots ends: it takes all that its type allows."""
        allowed, end = _CHARACTERS.get(self._type, frozenset()), self._position
        while end < len(self._plain) and self._plain[end] in allowed:
            end += 1
        return end

    def _fill(self, value: str) -> bool:
        """Put a value into the open slot; False if the slot's type does not allow it."""
        if not self._open:
            return True
        value = value.strip()
        allowed = _CHARACTERS.get(self._type)
        if allowed is not None:
            if self._row.anywhere and not self._agreed:
                value = value.rpartition(" ")[2]
            value = value.rstrip(".").strip("\"'")
            if not value or not allowed.issuperset(value):
                return False
        self._parts[self._open] = value
        return True


def _template(row: Mapping[str, Any]) -> MessageTemplate:
    pieces = string.Formatter().parse(_normalised_template(row["template"], row["where"]).rstrip("."))
    parts = tuple((literal.translate(_LOWER), name or "", kind or "") for literal, name, kind, _ in pieces)
    return MessageTemplate(
        kind=row["kind"],
        where=row["where"],
        template=row["template"],
        meaning=row["meaning"],
        family=row.get("family", ""),
        source=published(row["source"]),
        sample=row["sample"],
        anywhere=row.get("anywhere", row["where"] == "log_line"),
        inner=row.get("inner", ""),
        parts=parts,
    )


def _normalised_template(template: str, where: str) -> str:
    return template.translate(_PARENTHESES) if where == "service_event" else template
