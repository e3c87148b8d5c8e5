"""Secrets in text that have a form of their own or stand behind a telling name: `knowledge/redaction.toml`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.redact.pseudonyms import MARK

Mark = Callable[[str, str], str]
"""Takes the kind of a secret and the secret, and returns what stands in its place."""


@dataclass(frozen=True, slots=True)
class SecretForm:
    """One form of secret: tried where one of `needs` stands in the text, in lower case."""

    kind: str
    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    tagged: bool

    def mask(self, text: str, mark: Mark) -> str:
        """Return text with each secret of this form replaced."""
        return self.pattern.sub(lambda match: _replaced(match, self.kind, mark), text)


@cache
def secret_forms() -> tuple[SecretForm, ...]:
    """Return the forms in the order in which they are tried."""
    return tuple(
        SecretForm(row["kind"], tuple(row["needs"]), re.compile(row["pattern"], re.ASCII), row.get("tagged", False))
        for row in read_table("redaction")["secret"]
    )


def _replaced(match: re.Match[str], kind: str, mark: Mark) -> str:
    whole = match[0]
    if "secret" not in match.re.groupindex:
        return mark(kind, whole)
    secret = match["secret"]
    if secret.startswith(MARK):
        return whole
    start, end = (at - match.start() for at in match.span("secret"))
    return whole[:start] + mark(kind, secret) + whole[end:]


_QUOTED = r'\\{1,7}"(?P<escaped>[^"\\]+)\\{1,7}"|"(?P<double>(?:[^"\\]|\\.)+)"|' + r"'(?P<single>(?:[^'\\]|\\.)+)'"
_BARE = r"(?P<bare>[^\s\"'\\,;&)}\]<>]+)"
_ARN_MEMBER = re.compile(r"arn:[^\s\"']*\Z")
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_PATH_OR_PLACEHOLDER = re.compile(r"/[a-z]+/[\w./-]*|<[^<>]*>?", re.ASCII)
_REFERENCE = 200


@cache
def _assigned() -> tuple[re.Pattern[str], frozenset[str], tuple[str, ...]]:
    row = read_table("redaction")["assigned"]
    names, words = ("|".join(sorted(row[part], key=len, reverse=True)) for part in ("names", "words"))
    pattern = rf"(?i)(?P<name>(?:{names})|(?<![a-z])(?:{words}))"
    assigns = r"(?:\\{0,7}[\"'])?\]?(?P<by>\s{0,3}(?:=>|:=|={1,3}|:)\s{0,3})@?"
    return re.compile(pattern + assigns + f"(?:{_QUOTED}|{_BARE})"), frozenset(row["plain"]), tuple(row["begins"])


_LONGEST_NAME = 256


@cache
def names_a_secret() -> re.Pattern[str]:
    """Return the pattern of names, such as `DB_PASSWORD`, whose values are secrets."""
    row = read_table("redaction")["assigned"]
    names, words = ("|".join(row[part]) for part in ("names", "words"))
    return re.compile(rf"(?i)(?:.*(?:{names})|(?:.*[^a-z])?(?:{words}))\Z", re.ASCII)


def is_of_secret(name: str) -> bool:
    """Say whether a name, such as `DB_PASSWORD`, has a value that is secret: its end tells, however long it is."""
    return names_a_secret().match(name[-_LONGEST_NAME:]) is not None


def kind_of(name: str) -> str:
    """Return which kind of secret stands behind a name."""
    lower = name.lower()
    return "token" if "token" in lower else "password" if "pass" in lower or "pwd" in lower else "secret-value"


def mask_assigned(text: str, mark: Mark) -> str:
    """Return text with the values replaced that stand behind a telling name: `password=…`, `"token": "…"`."""

    def replaced(match: re.Match[str]) -> str:
        quoting = str(match.lastgroup)
        value = match[quoting]
        if _is_plain(match, value, bare=quoting == "bare"):
            return match[0]
        start, end = (at - match.start() for at in match.span(quoting))
        return match[0][:start] + mark(kind_of(match["name"]), value) + match[0][end:]

    return _assigned()[0].sub(replaced, text)


def may_assign(lower: str) -> bool:
    """Say whether one of the telling names can stand in a text, which is in lower case."""
    return any(word in lower for word in read_table("redaction")["assigned"]["needs"])


def is_plain_value(value: str) -> bool:
    """Say whether a value behind a telling name is none that is secret: a sign, a reference, a path, a placeholder."""
    _, plain, begins = _assigned()
    return (
        not any(map(str.isalnum, value))
        or value.lower() in plain
        or value.startswith(begins)
        or _PATH_OR_PLACEHOLDER.fullmatch(value) is not None
    )


def _is_plain(match: re.Match[str], value: str, *, bare: bool) -> bool:
    if is_plain_value(value) or _ARN_MEMBER.search(match.string[max(0, match.start() - _REFERENCE) : match.start()]):
        return True
    in_prose = bare and match["by"].rstrip() != match["by"] and "=" not in match["by"]
    return in_prose and not _is_odd(value, match)


def _is_odd(value: str, match: re.Match[str]) -> bool:
    """Say whether a word behind `name: ` is no word of a sentence: it has a digit or a sign, or ends the line."""
    if _VARIABLE_NAME.match(value):
        return False
    odd = any(character.isdigit() or character in "!#$%^&*+=@~" for character in value)
    return odd or (match["name"].lower().startswith("p") and match.string[match.end() : match.end() + 1] in ("", "\n"))
