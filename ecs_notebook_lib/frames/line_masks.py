r"""What varies in a log line, masked: `took 12 ms` is `took <number> ms`; one line by `pattern_of`, many by `alike`.

Lines come from containers and are untrusted: every expression here looks at a bounded text and cannot backtrack far.
"""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ecs_notebook_lib.knowledge.harmless import speaks_of_an_error

MASK = "<*>"
"""What stands in a pattern where lines differ, and no other mask says how."""

_MAX_PATTERN = 1000
_METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE"
_DAYS, _MONTHS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_VARIABLE = re.compile(
    rf"""
      (?P<kept>(?<="\ )[1-5]\d\d(?![\w.]))                                     # the status of an access line
    | (?P<time>(?<!\d)\d{{4}}[-/]\d\d[-/]\d\d(?:[T\ ]\d\d:\d\d:\d\d)?(?:[.,]\d{{1,9}})?(?:Z|\ ?[+-]\d\d:?\d\d)?
         (?![\da-fA-F])
        |(?<!\d)\d\d/[A-Z][a-z][a-z]/\d{{4}}:\d\d:\d\d:\d\d(?:\ [+-]\d{{4}})?(?![\da-fA-F])
        |(?<!\w)(?:(?:{_DAYS}),?\ )?(?:(?:{_MONTHS})\ \d\d?|\d\d?\ (?:{_MONTHS})),?(?:\ \d{{4}})?\ \d\d:\d\d:\d\d
         (?:[.,]\d{{1,9}})?(?:\ (?:UTC|GMT|[+-]\d{{4}}))?(?:\ \d{{4}})?(?![\da-fA-F])
        |(?<![\d:])\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?(?![\da-fA-F:]))
    | (?P<id>(?<!\w)[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}(?!\w)
        |(?<!\w)0x[0-9a-fA-F]+|(?<=@)[0-9a-f]{{4,16}}(?!\w))
    | (?P<address>(?<![\w.])\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}(?::\d{{1,5}})?(?![\w.]*\w)
        |(?<![\w:])(?:[0-9a-fA-F]{{1,4}}:){{3,7}}[0-9a-fA-F]{{1,4}}(?![\w:]))
    | (?P<quoted>"(?!(?:{_METHODS})\ )[^"]{{61,}}"|(?<!\w)'[^']{{61,}}')
    | (?P<word>(?<!\w)\w{{8,}}(?!\w))
    | (?P<number>(?<![A-Za-z_\d])\d+(?:\.\d+)*|(?<=_)\d+|(?<=[a-z])\d{{3,}})
    """,
    re.VERBOSE | re.ASCII,
)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+\Z")
_IN_WORD = re.compile(r"\A\d+|(?<=_)\d+|(?<=[a-z])\d{3,}", re.ASCII)
_LONG_ID, _DIGITS_OF_ID = 12, 3
_NAME_OF_COUNT = 40


def pattern_of(text: str) -> str:
    """Return a line with its variable parts masked: times, addresses, identifiers, numbers, long quoted texts.

    Paths, names and codes such as `P1001` stay. So do a count of zero errors, which means that there is none, and the
    status of an access line.
    """
    plain = " ".join(text[: 2 * _MAX_PATTERN].split())
    return _VARIABLE.sub(_masked, plain[:_MAX_PATTERN])


def _masked(match: re.Match[str]) -> str:
    kind, value = match.lastgroup, match[0]
    if kind == "kept" or (value == "0" and _counts_errors(match.string, match.start())):
        return value
    if kind == "word":
        return _masked_word(value)
    return f"<{kind}>"


def _counts_errors(text: str, start: int) -> bool:
    """Say whether the zero at `start` is how many errors there are: `errors=0`, `failed: 0`, `0 errors`."""
    before = text[max(0, start - _NAME_OF_COUNT) : start].rstrip()
    if before.endswith(("=", ":")):
        return speaks_of_an_error(before[:-1].rstrip("\"' ").rpartition(" ")[2])
    return text.startswith((" error", " fail", " warn"), start + 1)


def _masked_word(word: str) -> str:
    digits = sum(character.isdigit() for character in word)
    if digits == len(word):
        return "<number>"
    if digits and _HEXADECIMAL.match(word):
        return "<id>"
    if digits >= _DIGITS_OF_ID and len(word) >= _LONG_ID:
        return "<id>"
    return _IN_WORD.sub("<number>", word) if digits else word


Bytes = npt.NDArray[np.uint8]
Truths = npt.NDArray[np.bool_]

_DIGIT, _LETTER, _WORD, _HEX = (
    np.array([chr(byte) in characters for byte in range(256)])
    for characters in (
        "0123456789",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
        "0123456789ABCDEFabcdef",
    )
)
_UUID = np.frombuffer(b"a1111111-1111-1111-1111-111111111111", dtype=np.uint8)
_DASHES = (8, 13, 18, 23)
_ID_FROM = 8
_LINE_BREAK = (pa.scalar("", pa.large_string()), pa.scalar("\n", pa.large_string()))


def alike(texts: pa.Array) -> pa.DictionaryArray:
    """Return texts with their numbers and identifiers made alike, each distinct text once, a line break at its end.

    Of what is alike, `pattern_of` is the same as of the texts: it looks at digits as such. Only those are changed at
    which it does: not the status of an access line, not a zero, not digits behind a letter. Lengths stay, so this
    works on the bytes of all texts at once.
    """
    if not len(texts):
        return texts.cast(pa.large_string()).dictionary_encode()
    ended = pc.binary_join_element_wise(texts.cast(pa.large_string()), *_LINE_BREAK)
    ends, found = _bytes_of(ended)
    changed = pa.py_buffer(_changed(found))
    return pa.LargeStringArray.from_buffers(len(ended), pa.py_buffer(ends), changed).dictionary_encode()


def without_numbers(texts: pa.Array) -> pa.DictionaryArray:
    """Return texts with each run of digits as one `0`, each identifier alike, a line break at the end.

    What no such text holds when its digits are changed in the same way, no text behind it holds.
    """
    ended = alike(texts)
    ends, found = _bytes_of(ended.dictionary)
    digit = _DIGIT[found]
    kept = np.ones(len(found), dtype=np.bool_)
    kept[1:] = ~(digit[1:] & digit[:-1])
    moved = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[ends]
    shorter = np.where(digit, np.uint8(ord("0")), found)[kept]
    plain = pa.LargeStringArray.from_buffers(len(ended.dictionary), pa.py_buffer(moved), pa.py_buffer(shorter))
    again = plain.dictionary_encode()
    return pa.DictionaryArray.from_arrays(again.indices.take(ended.indices), again.dictionary)


def _bytes_of(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], Bytes]:
    """Return where each text begins and the last one ends, and the bytes of all."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return ends - ends[0], np.frombuffer(data or b"", dtype=np.uint8)[ends[0] : ends[-1]]


def _changed(found: Bytes) -> Bytes:
    """Return the bytes with each digit that may vary as `1`, each identifier of hexadecimal digits as `a111…`."""
    size = len(found)
    padded = np.zeros(size + 2, dtype=np.uint8)
    padded[1:-1] = found
    digit = _DIGIT[padded]
    bounds = np.flatnonzero(digit[1:] != digit[:-1])
    starts, ends = bounds[::2], bounds[1::2]
    alone = (ends - starts == 1) & (padded[starts + 1] == ord("0"))
    varies = ~_LETTER[padded[starts]] & ~alone & ~_is_status(padded, starts, ends)
    steps = np.zeros(size + 1, dtype=np.int8)
    steps[starts[varies]] = 1
    steps[ends[varies]] -= 1
    changed = found.copy()
    changed[np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)] = ord("1")
    _make_ids_alike(changed, padded, digit)
    return changed


def _is_status(padded: Bytes, starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> Truths:
    """Say of each run of digits whether it stands where an access line has its status: behind `" `."""
    quoted = (padded[starts] == ord(" ")) & (padded[np.maximum(starts - 1, 0)] == ord('"'))
    status: Truths = (ends - starts == 3) & quoted
    return status


def _make_ids_alike(changed: Bytes, padded: Bytes, digit: Truths) -> None:
    """Write the same over all words of eight and more hexadecimal digits, letters among them, and over UUIDs."""
    size = len(changed)
    word = _WORD[padded]
    bounds = np.flatnonzero(word[1:] != word[:-1])
    starts, ends = bounds[::2], bounds[1::2]
    long = (ends - starts >= _ID_FROM) & (padded[starts] != ord("."))
    starts, ends = starts[long], ends[long]
    if not len(starts):
        return
    hexadecimal = np.concatenate([[0], np.cumsum(_HEX[padded[1:-1]], dtype=np.int64)])
    digits = np.concatenate([[0], np.cumsum(digit[1:-1], dtype=np.int64)])
    lengths = ends - starts
    numbers = digits[ends] - digits[starts]
    is_id = (hexadecimal[ends] - hexadecimal[starts] == lengths) & (numbers > 0)
    of_letters = is_id & (numbers < lengths)
    for length in np.unique(lengths[of_letters]):
        at = starts[of_letters & (lengths == length)]
        changed[at[:, None] + np.arange(length)] = np.frombuffer(b"a" + b"1" * (length - 1), dtype=np.uint8)
    first = starts[is_id & (lengths == _DASHES[0]) & (starts + len(_UUID) <= size)]
    whole = hexadecimal[first + len(_UUID)] - hexadecimal[first] == len(_UUID) - len(_DASHES)
    for dash in _DASHES:
        whole &= changed[first + dash] == ord("-")
    last = padded[np.minimum(first + len(_UUID) + 1, size + 1)]
    first = first[whole & ~_WORD[last]]
    changed[first[:, None] + np.arange(len(_UUID))] = _UUID
