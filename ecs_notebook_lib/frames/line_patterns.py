"""Lines to patterns, many at once: masked and made distinct first, then what is left is put together by its words.

Two masked lines have one pattern if they differ only in words that hold a number or a mask (`rdd_2_0`, `web-1.local`),
or in one word that so many of them have differently that it must be a value. Both rules look at a set of lines, so
the order does not matter as long as no more than `MOST` distinct ones are held; beyond that those held are put
together first, and the memory that is used does not grow with the lines.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecs_notebook_lib.frames.line_masks import LINES_AT_ONCE, MASK, MOST_TEXTS, alike, pattern_of

MOST = 10_000
"""Distinct masked lines that are held before they are put together."""

_VALUES, _LIKELY_VALUES = 10, 4
"""Differing words that make a place one of values; fewer are enough where a value is likely."""

_PLAIN, _COMPOUND, _NUMBERED = 1, 3, 5
"""For how many words one counts: a word such as `api.example.com` or `/var/lib` is seldom more than a value."""

_MOST_WORDS = 80
"""Longer lines differ in one place seldom enough that looking for it is not worth the time."""

_NUMBER, _VALUE = "<n>", MASK
_ANY_MASK = r"<(?:number|id|address|time|quoted|\*)>"
_UNIT = r"(?<=<number>)\ ?(?:[KMGT]i?B|[kB%s]|bytes|[mun]s|secs?|seconds)(?!\w)"
_CHARACTER = rf"<(?=<number>)|{_ANY_MASK}|(?<=<number>):(?=<number>)|[^\s=,;:()\[\]{{}}\"'|<>]"
_WORD = re.compile(rf"(?:{_CHARACTER})++(?:{_UNIT})?|[=,;:()\[\]{{}}\"'|<>]")
_HAS_MASK, _HAS_LETTER, _HAS_DIGIT = re.compile(_ANY_MASK), re.compile(r"[A-Za-z]"), re.compile(r"[0-9]")
_CODE = re.compile(r"[A-Z]{1,5}-?\d{3,5}")
_MARKS = frozenset("=,;:()[]{}\"'|<>")
_EMPTY = frozenset(["()", "[]", "{}", '""', "''"])
_COMPOUND_MARKS = frozenset("./_@")
_BEFORE_VALUES = frozenset(["user", "="])
"""Behind one of these stands a value."""

Words = tuple[str, ...]
Key = tuple[str, Words]
"""What must not be put together, and the words of a line with those that vary as `<n>`."""


class PatternMiner:
    """The patterns of lines that come in any number of parts."""

    def __init__(self, most: int = MOST) -> None:
        self._most = self._limit = most
        self._texts: dict[tuple[str, str], int] = {}
        self._masked: dict[tuple[str, str], int] = {}
        self._held: dict[Key, int] = {}
        self._shown: dict[int, Words] = {}
        self._sample: dict[int, str] = {}
        self._into = array("q")

    def add(self, texts: pa.Array, scope: str = "") -> npt.NDArray[np.int64]:
        """Take lines in; return for each the number by which `patterns` tells its pattern.

        Parameters
        ----------
        texts
            Strings, none of them missing.
        scope
            Lines of different scopes are never put together, but where their masked texts are the same.
        """
        numbers = [np.empty(0, dtype=np.int64)]
        for start in range(0, len(texts), LINES_AT_ONCE):
            distinct = alike(texts.slice(start, LINES_AT_ONCE))
            of_text = np.array([self._number(text, scope) for text in distinct.dictionary.to_pylist()], dtype=np.int64)
            numbers.append(of_text[distinct.indices.to_numpy()])
            if len(self._held) > self._limit:
                self._put_together()
        return np.concatenate(numbers)

    def patterns(self) -> list[str]:
        """Return the pattern of each number that `add` gave."""
        self._put_together()
        shown = {number: _shown(self._sample[number], words) for number, words in self._shown.items()}
        return [shown[self._root(number)] for number in range(len(self._into))]

    @property
    def held(self) -> int:
        """Return how many distinct lines and patterns are held."""
        return len(self._held)

    def _number(self, text: str, scope: str) -> int:
        number = self._texts.get((scope, text))
        if number is None:
            masked = pattern_of(text)
            number = self._masked.get((scope, masked))
            if number is None:
                number = _remembered(self._masked, (scope, masked), self._hold(scope, masked))
            _remembered(self._texts, (scope, text), number)
        return number

    def _hold(self, scope: str, masked: str) -> int:
        words = tuple(word for word, _ in _words(masked))
        key = scope, tuple(map(_key, words))
        number = self._held.get(key)
        if number is None:
            number = self._held[key] = len(self._into)
            self._into.append(number)
            self._shown[number], self._sample[number] = words, masked
        else:
            self._join(number, words, masked)
        return number

    def _join(self, number: int, words: Words, masked: str) -> None:
        self._shown[number] = tuple(
            one if one == other else MASK for one, other in zip(self._shown[number], words, strict=True)
        )
        self._sample[number] = min(self._sample[number], masked)

    def _put_together(self) -> None:
        """Hold for each pattern one entry in place of those that have it."""
        held, self._held = self._held, {}
        for key, pattern in generalised(held).items():
            number = held[key]
            into = self._held.setdefault(pattern, number)
            if into != number:
                self._into[number] = into
                self._join(into, self._shown.pop(number), self._sample.pop(number))
        self._limit = max(self._most, 2 * len(self._held))

    def _root(self, number: int) -> int:
        while self._into[number] != number:
            number = self._into[number]
        return number


def _remembered(known: dict[tuple[str, str], int], key: tuple[str, str], number: int) -> int:
    """Keep a number, so that it need not be found again; forget all when they become many."""
    if len(known) >= MOST_TEXTS:
        known.clear()
    known[key] = number
    return number


def patterns_of(texts: pa.Array) -> pa.DictionaryArray:
    """Return the pattern of each line, as a dictionary of the few that there are."""
    miner = PatternMiner()
    numbers = miner.add(texts)
    distinct = pa.array(miner.patterns(), pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(pa.array(numbers)), distinct.dictionary)


def _words(masked: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the words and marks of a masked line with their places; between empty brackets stands an empty word."""
    before, end = "", 0
    for match in _WORD.finditer(masked):
        word, start = match[0], match.start()
        if before + word in _EMPTY and start == end:
            yield "", (start, start)
        yield word, match.span()
        before, end = word, match.end()


def _key(word: str) -> str:
    if not word:
        return _NUMBER
    if word in _MARKS or not _varies(word) or _CODE.fullmatch(word):
        return word
    if "/" not in word:
        return _NUMBER
    return "/".join(_NUMBER if _varies(part) else part for part in word.split("/"))


def _varies(word: str) -> bool:
    """Say whether a word has a mask in it, or a digit among letters."""
    mixed = _HAS_DIGIT.search(word) and _HAS_LETTER.search(word)
    return bool(mixed or _HAS_MASK.search(word))


def _shown(sample: str, words: Words) -> str:
    """Return a masked line with `<*>` at the words that are not the same in all lines of its pattern."""
    parts, end = [], 0
    for (_, (start, stop)), word in zip(_words(sample), words, strict=True):
        parts += [sample[end:start], word]
        end = stop
    return "".join([*parts, sample[end:]])


def generalised(keys: Iterable[Key]) -> dict[Key, Key]:
    """Return for each line its pattern: a place of values is `<*>` in it.

    A pattern is there if enough lines or patterns agree in all but one place; of several that a line has, it gets that
    with most places of values. This depends on the set alone, for patterns are only ever added to it.
    """
    lines = list(keys)
    known = set(lines)
    fresh = known
    first: dict[int, Key] = {}
    found: dict[int, tuple[int, set[str]]] = {}
    while fresh:
        touched = set()
        for key in fresh:
            for place, word, around in _open_places(key):
                one = first.setdefault(around, key)
                if one is not key:
                    found.setdefault(around, (place, {one[1][place]}))[1].add(word)
                    touched.add(around)
        made = {_generalisation(first[around], found[around][0]) for around in touched if _held(first, found, around)}
        fresh = made - known
        known |= fresh
    return _assigned(lines, [key for key in known if _VALUE in key[1]])


def _held(first: Mapping[int, Key], found: Mapping[int, tuple[int, set[str]]], around: int) -> bool:
    place, words = found[around]
    return _holds_values(first[around][1], place, words)


def _open_places(key: Key) -> Iterator[tuple[int, str, int]]:
    """Yield the places where a value may stand: the place, its word, and a number for all that stands around it.

    The number is a sum, so that it need not be made anew for each place; it has 64 bits, and no two texts were ever
    seen to share one.
    """
    scope, words = key
    if len(words) > _MOST_WORDS:
        return
    hashes = [hash(pair) for pair in enumerate(words)]
    whole = sum(hashes)
    for place, word in enumerate(words):
        if word != _VALUE and not _stays(word):
            yield place, word, hash((scope, len(words), place, whole - hashes[place]))


def _stays(word: str) -> bool:
    """Say whether a word is never a value: a mark, or a number that no mask has taken, for it tells something."""
    return word in _MARKS or word.isdecimal()


def _generalisation(key: Key, place: int) -> Key:
    scope, words = key
    return scope, (*words[:place], _VALUE, *words[place + 1 :])


def _holds_values(words: Words, place: int, found: set[str]) -> bool:
    """Say whether so many words stand in one place, all else being the same, that it holds values."""
    likely = place > 0 and words[place - 1].lower() in _BEFORE_VALUES
    around = (*words[:place], *words[place + 1 :])
    enough = _LIKELY_VALUES if likely else _VALUES
    return len(found) > 1 and sum(map(_weight, found)) >= enough and any(word[:1].isalpha() for word in around)


def _weight(word: str) -> int:
    if word == _NUMBER:
        return _NUMBERED
    return _COMPOUND if _COMPOUND_MARKS.intersection(word[1:-1]) else _PLAIN


def _assigned(lines: Sequence[Key], patterns: Sequence[Key]) -> dict[Key, Key]:
    """Return for each line the pattern with most places of values that it has, else itself."""
    shapes: dict[tuple[str, int], set[tuple[int, ...]]] = defaultdict(set)
    for scope, words in patterns:
        shapes[scope, len(words)].add(tuple(place for place, word in enumerate(words) if word == _VALUE))
    ordered = {kind: sorted(of_kind, key=lambda shape: (-len(shape), shape)) for kind, of_kind in shapes.items()}
    known = set(patterns)
    return {line: next((key for key in _forms(line, ordered) if key in known), line) for line in lines}


def _forms(line: Key, shapes: dict[tuple[str, int], list[tuple[int, ...]]]) -> Iterator[Key]:
    scope, words = line
    for shape in shapes.get((scope, len(words)), ()):
        if not any(_stays(words[place]) for place in shape):
            yield scope, tuple(_VALUE if place in shape else word for place, word in enumerate(words))
