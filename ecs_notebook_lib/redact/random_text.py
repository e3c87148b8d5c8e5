"""Words that nobody made up: random characters, as keys and tokens are, told from names, paths and identifiers."""

import math
import re
from collections import Counter
from itertools import pairwise

from ecs_notebook_lib.redact.pseudonyms import MARK

_WORD = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,4096}={0,2}", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9+]+")
_LEAST_CHANGES = 0.38
"""Share of neighbours that differ in kind (upper, lower, digit): 0.6 in random base64, 0.3 in a CamelCase name."""
_LEAST_BITS = 3.2
_SPELT = re.compile(r"[a-z]{5,}")
"""What people spell: a word half of which is made of such runs is a name, as `PricingSettingsX7Kq2P`."""
_LONGEST_NAME = 20
_SECRET_ACCESS_KEY = 40
_SEGMENTS = re.compile(r"[_=-]")


def random_words(text: str) -> list[str]:
    """Return the words of a text that are random: long, of all three kinds of characters, and without order."""
    return [match[0] for match in _WORD.finditer(text) if not match[0].startswith(MARK) and is_random(match[0])]


def is_random(word: str) -> bool:
    """Say whether a word is random. Hexadecimal digits are not: digests, task ids and commits are made of them."""
    body = word.rstrip("=")
    if 2 * sum(map(len, _SPELT.findall(body))) >= len(body):
        return False
    if len(body) == _SECRET_ACCESS_KEY and not _SEGMENTS.search(body) and not body.startswith("/"):
        return _is_mixed(body, digits=1) and _changes(body) >= _LEAST_CHANGES - 0.1
    if "-" in body or "_" in body or "/" in body:
        longest = max(_SEGMENT.findall(body) or [""], key=len)
        if len(longest) < _LONGEST_NAME and not ("/" in body and "+" in body):
            return len(body) >= 2 * _LONGEST_NAME and _is_mixed(body) and _changes(body) >= _LEAST_CHANGES + 0.1
    return _is_mixed(body) and _changes(body) >= _LEAST_CHANGES and _bits(body) >= _LEAST_BITS


def _is_mixed(word: str, digits: int = 2) -> bool:
    return (
        any(character.isupper() for character in word)
        and any(character.islower() for character in word)
        and sum(character.isdigit() for character in word) >= digits
    )


def _changes(word: str) -> float:
    kinds = [_kind(character) for character in word]
    return sum(a != b for a, b in pairwise(kinds)) / max(1, len(word) - 1)


def _kind(character: str) -> int:
    return 0 if character.isupper() else 1 if character.islower() else 2 if character.isdigit() else 3


def _bits(word: str) -> float:
    """Return Shannon's entropy of a word, in bits a character. All digits count as one: pseudonyms have others."""
    counts = Counter("0" if character.isdigit() else character for character in word)
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
