r"""What varies in a log line, masked: `took 12 ms` is `took <number> ms`; one line by `pattern_of`, many by `alike`.

Lines come from containers and are untrusted: every expression here looks at a bounded text and cannot backtrack far.
"""

import re
import string

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ecs_notebook_lib.knowledge.harmless import speaks_of_an_error

MASK = "<*>"
"""What stands in a pattern where lines differ, and no other mask says how."""

LINES_AT_ONCE = 16_384
"""Lines that Arrow looks at together: enough to be fast, few enough to be small."""

MOST_TEXTS = 50_000
"""Texts of which what was found out is remembered."""

_MAX_PATTERN = 1000
_METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE"
_DAYS, _MONTHS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_TIME = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_UUID_FORM = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?!\w)"
_WORDS_TIME = (
    rf"(?:(?:{_DAYS}),?\ )?(?:(?:{_MONTHS})\ \d\d?|\d\d?\ (?:{_MONTHS})),?(?:\ \d{{4}})?\ {_TIME}"
    r"(?:\ (?:UTC|GMT|[+-]\d{4}))?(?:\ \d{4})?(?![\da-fA-F])"
)
_VARIABLE = re.compile(
    rf"""
    (?=\d)(?:                                                # first what begins with a digit
        (?P<kept>(?<="\ )[1-5]\d\d(?![\w.]))                 # the status of an access line
      | (?P<time>(?<!\d)\d{{4}}[-/]\d\d[-/]\d\d(?:[T\ ]\d\d:\d\d:\d\d)?(?:[.,]\d{{1,9}})?(?:Z|\ ?[+-]\d\d:?\d\d)?
           (?![\da-fA-F])
          |(?<!\d)\d\d/[A-Z][a-z][a-z]/\d{{4}}:\d\d:\d\d:\d\d(?:\ [+-]\d{{4}})?(?![\da-fA-F])
          |(?<!\w){_WORDS_TIME}
          |(?<![\d:]){_TIME}(?![\da-fA-F:]))
      | (?P<id>(?<!\w){_UUID_FORM}|(?<!\w)0x[0-9a-fA-F]+|(?<=@)[0-9a-f]{{4,16}}(?!\w))
      | (?P<address>(?<![\w.])\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}(?::\d{{1,5}})?(?![\w.]*\w)
          |(?<![\w:])(?:[0-9a-fA-F]{{1,4}}:){{3,7}}[0-9a-fA-F]{{1,4}}(?![\w:]))
      | (?P<word>(?<!\w)\w{{8,}}(?!\w))
      | (?P<number>(?<![A-Za-z_\d])\d+(?:\.\d+)*|(?<=_)\d+|(?<=[a-z])\d{{3,}})
    )
    | (?<!\w)(?:                                             # then what begins with a letter or a quote
        (?P<time_>{_WORDS_TIME})
      | (?P<id_>{_UUID_FORM}|(?<=@)[0-9a-f]{{4,16}}(?!\w))
      | (?P<address_>(?<!:)(?:[0-9a-fA-F]{{1,4}}:){{3,7}}[0-9a-fA-F]{{1,4}}(?![\w:]))
      | (?P<quoted_>'[^']{{61,}}')
      | (?P<word_>(?=[A-Za-z_]+\d)\w{{8,}}(?!\w))
    )
    | (?P<quoted>"(?!(?:{_METHODS})\ )[^"]{{61,}}")
    """,
    re.VERBOSE | re.ASCII,
)
_SHOWN = {kind + more: f"<{kind}>" for kind in ("time", "id", "address", "quoted", "number") for more in ("", "_")}
_NO_DIGITS = str.maketrans("", "", string.digits)
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
    kind, value = match.lastgroup or "", match[0]
    if kind == "kept" or (value == "0" and _counts_errors(match.string, match.start())):
        return value
    return _SHOWN.get(kind) or _masked_word(value)


def _counts_errors(text: str, start: int) -> bool:
    """Say whether the zero at `start` is how many errors there are: `errors=0`, `failed: 0`, `0 errors`."""
    before = text[max(0, start - _NAME_OF_COUNT) : start].rstrip()
    if before.endswith(("=", ":")):
        return speaks_of_an_error(before[:-1].rstrip("\"' ").rpartition(" ")[2])
    return text.startswith((" error", " fail", " warn"), start + 1)


def _masked_word(word: str) -> str:
    digits = len(word) - len(word.translate(_NO_DIGITS))
    if digits == len(word):
        return "<number>"
    if digits and _HEXADECIMAL.match(word):
        return "<id>"
    if digits >= _DIGITS_OF_ID and len(word) >= _LONG_ID:
        return "<id>"
    return _IN_WORD.sub("<number>", word) if digits else word


Bytes = npt.NDArray[np.uint8]
Truths = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_DIGIT, _UPPER, _LOWER, _WORD, _HEX = (np.uint8(1 << bit) for bit in range(5))
_CLASSES = bytes(
    sum(
        int(of_class) * (chr(byte) in characters)
        for of_class, characters in (
            (_DIGIT, string.digits),
            (_UPPER, string.ascii_uppercase),
            (_LOWER, string.ascii_lowercase),
            (_WORD, string.ascii_letters + string.digits + "_"),
            (_HEX, string.hexdigits),
        )
    )
    for byte in range(256)
)
"""For each byte the classes that it belongs to, a bit each: looking at all bytes is what costs most."""

_UUID = np.frombuffer(b"a1111111-1111-1111-1111-111111111111", dtype=np.uint8)
_DASHES = (8, 13, 18, 23)
_ID_FROM, _MASKED_FROM = 8, 3
_LINE_BREAK = (pa.scalar("", pa.large_string()), pa.scalar("\n", pa.large_string()))


def alike(texts: pa.Array) -> pa.DictionaryArray:
    """Return texts with their numbers and identifiers made alike, each distinct text once, a line break at its end.

    Of what is alike, `pattern_of` is the same as of the texts: it looks at digits as such. Only those are changed at
    which it does: not the status of an access line, not a zero, not the digits of a code. Lengths stay, so this
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
    digit = _classes(found) & _DIGIT
    kept = np.ones(len(found), dtype=np.bool_)
    kept[1:] = (digit[1:] & digit[:-1]) == 0
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
    classes = np.zeros(len(found) + 2, dtype=np.uint8)
    classes[1:-1] = _classes(found)
    digit = classes & _DIGIT
    starts, ends = _runs(digit)
    before, short = classes[starts], ends - starts < _MASKED_FROM
    code = (before & _UPPER > 0) | ((before & _LOWER > 0) & short)
    alone = (ends - starts == 1) & (found[starts] == ord("0"))
    stays = code | alone | _is_status(found, starts, ends)
    places = _places(starts[stays], ends[stays])
    changed = np.where(digit[1:-1], np.uint8(ord("1")), found)
    changed[places] = found[places]
    _make_ids_alike(changed, classes, starts)
    return changed


def _classes(found: Bytes) -> Bytes:
    return np.frombuffer(found.tobytes().translate(_CLASSES), dtype=np.uint8)


def _runs(padded: Bytes) -> tuple[Places, Places]:
    """Return where each run of bytes that are not 0 begins and ends, counted without the padding."""
    bounds = np.flatnonzero(padded[1:] != padded[:-1])
    return bounds[::2], bounds[1::2]


def _places(starts: Places, ends: Places) -> Places:
    """Return the places from each start up to its end."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def _is_status(found: Bytes, starts: Places, ends: Places) -> Truths:
    """Say of each run of digits whether it stands where an access line has its status: behind `" `."""
    quoted = (found[starts - 1] == ord(" ")) & (found[starts - 2] == ord('"')) & (starts > 1)
    status: Truths = (ends - starts == 3) & quoted
    return status


def _make_ids_alike(changed: Bytes, classes: Bytes, numbers: Places) -> None:
    """Write the same over all words of eight and more hexadecimal digits, letters among them, and over UUIDs.

    `classes` are those of the bytes with one more at both ends, `numbers` where runs of digits begin.
    """
    starts, ends = _runs(classes & _WORD)
    long = ends - starts >= _ID_FROM
    starts, ends = starts[long], ends[long]
    numbered = np.searchsorted(numbers, starts) < np.searchsorted(numbers, ends)
    numbered &= changed[starts - 1] != ord(".")
    starts, ends = starts[numbered], ends[numbered]
    if not len(starts):
        return
    inside, lengths = classes[_places(starts, ends) + 1], ends - starts
    common = np.bitwise_and.reduceat(inside, np.cumsum(lengths) - lengths)
    of_letters = (common & _HEX > 0) & (common & _DIGIT == 0)
    changed[_places(starts[of_letters], ends[of_letters])] = ord("1")
    changed[starts[of_letters]] = ord("a")
    first = starts[(common & _HEX > 0) & (lengths == _DASHES[0]) & (starts + len(_UUID) <= len(changed))]
    spans = first[:, None] + np.arange(len(_UUID))
    whole = (classes[spans + 1] & _HEX > 0).sum(axis=1) == len(_UUID) - len(_DASHES)
    whole &= (changed[spans[:, _DASHES]] == ord("-")).all(axis=1) & (classes[spans[:, -1] + 2] & _WORD == 0)
    changed[spans[whole]] = _UUID
