"""A snapshot, or any text made of one, without what must not be shared (DESIGN 1, rule 7)."""

import secrets as random_source
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import orjson

from ecs_notebook_lib.redact.json_text import json_text, stays_json
from ecs_notebook_lib.redact.key_lines import KeyLines
from ecs_notebook_lib.redact.originals import Originals
from ecs_notebook_lib.redact.principals import Principals
from ecs_notebook_lib.redact.pseudonyms import Pseudonyms
from ecs_notebook_lib.redact.secret_forms import is_of_secret, is_plain_value, kind_of
from ecs_notebook_lib.redact.texts import TextRedactor
from ecs_notebook_lib.snapshot import Snapshot, each_line

_MOST_REMEMBERED = 200_000
_NAMES, _VALUES = ("name", "Name", "key", "Key"), ("value", "Value")
"""Members of AWS's pairs: tags, environment variables, attributes."""


class Redactor:
    """Replaces what names owners and people, and what is secret, by pseudonyms under one key.

    Equal values get equal pseudonyms in everything that one redactor is given, so that joins and checks still work.
    The key is random and goes with the redactor, unless one is given.
    """

    def __init__(self, snapshot: Snapshot, *, key: bytes | None = None) -> None:
        self._snapshot = snapshot
        key = key or random_source.token_bytes(32)
        originals = Originals(snapshot)
        self._text = TextRedactor(Pseudonyms(key), originals.address_map(key), originals.known, Principals(snapshot))
        self._remembered: dict[str, tuple[str, Counter[str]]] = {}
        self._masked: Counter[str] = Counter()
        self._key_lines = KeyLines()
        self._done: Snapshot | None = None

    @property
    def masked(self) -> Mapping[str, int]:
        """Return how many places were masked so far, by kind, most first."""
        return MappingProxyType({kind.replace("-", " "): count for kind, count in self._masked.most_common()})

    def snapshot(self) -> Snapshot:
        """Return the redacted snapshot: the same operations and pages in the same order."""
        if self._done is None:
            name = self._snapshot.incident
            cluster, service, account = map(self.text, (name.cluster, name.service, name.account))
            incident = replace(name, cluster=cluster, service=service, account=account)
            members = {operation: self._member(lines) for operation, lines in self._snapshot.members.items()}
            self._done = replace(
                self._snapshot,
                incident=incident,
                members=members,
                redacted=True,
                candidate=self.text(self._snapshot.candidate),
            )
        return self._done

    def text(self, text: str) -> str:
        """Return a text without what must not be shared. A JSON document stays one."""
        known = self._remembered.get(text)
        if known is None:
            masked: Counter[str] = Counter()
            known = self._document(text, masked), masked
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[text] = known
        self._masked.update(known[1])
        return known[0]

    def value(self, value: Any) -> Any:
        """Return a JSON-like value with every text in it redacted, keys as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in self._key_lines.without_keys(value)]
        return value

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        named = str(next((value[name] for name in _NAMES if isinstance(value.get(name), str)), ""))
        return {
            self.value(key): self._of_name(named if key in _VALUES and is_of_secret(named) else str(key), item)
            for key, item in value.items()
        }

    def _of_name(self, name: str, item: Any) -> Any:
        number = isinstance(item, int | float) and not isinstance(item, bool) and kind_of(name) == "password"
        if (isinstance(item, str) or number) and is_of_secret(name) and not is_plain_value(str(item)):
            kind = kind_of(name)
            self._masked[kind] += 1
            return self._text.mark(kind, str(item))
        return self.value(item)

    def _member(self, lines: bytes) -> bytes:
        self._key_lines = KeyLines()
        return b"".join(self._page(line) for line in each_line(lines))

    def _page(self, line: bytes) -> bytes:
        try:
            return self._record(orjson.loads(line))
        except RecursionError:  # no answer of AWS is nested so deeply, but a stranger's file may be
            return self.text(line.decode().rstrip("\n")).encode() + b"\n"

    def _record(self, record: dict[str, Any]) -> bytes:
        for member in ("account", "params", "error", "response"):
            if member in record:
                record[member] = self.value(record[member])
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    def _document(self, text: str, masked: Counter[str]) -> str:
        redacted = self._text.redact(text, masked)
        if redacted == text or stays_json(text, redacted):
            return redacted
        masked.clear()  # what was masked in vain does not count
        return json_text(text, self.value)
