"""Names of users and of sessions, gathered from ARNs and from CloudTrail, and which words are none."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.redact.places import AFTER_ESCAPE
from ecs_notebook_lib.snapshot import Snapshot

_NAME = r"[A-Za-z0-9+=,.@_-]+"
_OF_ARN = re.compile(rf":(?:user/(?:{_NAME}/)*|assumed-role/{_NAME}/|federated-user/)({_NAME})", re.ASCII)
_OF_MEMBER = re.compile(rf'\\?"(?:[Uu]ser[Nn]ame|[sS]essionName)\\?":\s?\\?"({_NAME})\\?"', re.ASCII)
_KEPT = (
    re.compile(rf"(?::role/(?:{_NAME}/)*|:assumed-role/)({_NAME})", re.ASCII),
    re.compile(
        r":(?:cluster|service|task-definition|task|table|loadbalancer/app|targetgroup|repository)/([\w/.-]+)", re.ASCII
    ),
    re.compile(r'"(?:name|family|[a-z]+Name|(?!User)[A-Z][A-Za-z]*Name)":"([^"\\]+)"', re.ASCII),
    re.compile(r'"([A-Za-z][A-Za-z0-9]*)":', re.ASCII),
)
_WORDS_OF = (
    *("messages", "log_lines", "findings", "causes", "checks", "treatments", "actions", "changes", "preflight"),
    *("readings", "harmless", "hypotheses", "commands", "access_lines", "exit_codes"),
)
_SHORTEST = 3


class Principals:
    """The names of people and sessions that stand in one snapshot."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        text = "\n".join(lines.decode(errors="replace") for lines in snapshot.members.values()) if snapshot else ""
        members = set(_OF_MEMBER.findall(text)) - set(_KEPT[0].findall(text))
        kept = {word for form in _KEPT for name in form.findall(text) for word in (name, *name.split("/"))}
        if snapshot:
            kept |= {snapshot.incident.cluster, snapshot.incident.service}
        self._kept = frozenset(kept - members)
        self.names = {name for form in (_OF_ARN, _OF_MEMBER) for name in form.findall(text) if self.is_one(name)}
        self.pattern = _pattern(self.names)

    def is_one(self, name: str) -> bool:
        """Say whether the name of a user or a session names somebody."""
        return (
            len(name) >= _SHORTEST
            and name not in self._kept
            and not _no_person().fullmatch(name)
            and name.lower() not in _vocabulary()
        )

    def learn(self, text: str) -> None:
        """Take up the names that stand in ARNs of a text which is not of the snapshot."""
        new = {name for name in _OF_ARN.findall(text) if name not in self.names and self.is_one(name)}
        if new:
            self.names |= new
            self.pattern = _pattern(self.names)


def _pattern(names: set[str]) -> re.Pattern[str] | None:
    """Return what finds any of the names as a whole word; None if there are none."""
    if not names:
        return None
    listed = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    return re.compile(rf"(?:(?<![\w.-])|{AFTER_ESCAPE})(?:{listed})(?![\w-]|\.\w)", re.ASCII)


@cache
def _no_person() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{form})" for form in read_table("redaction")["principals"]["sessions"]), re.ASCII)


@cache
def _vocabulary() -> frozenset[str]:
    """Return the words, in lower case, of AWS's messages and of our own tables."""
    texts = " ".join(text for name in _WORDS_OF for text in _texts(read_table(name)))
    return frozenset(re.findall(r"[\w-]+", texts.lower()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
