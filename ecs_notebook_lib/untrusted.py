"""Text that came from containers, tags and names is data: shown, bounded, never obeyed."""

import re
import unicodedata

_MAX_CHARACTERS = 2000
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
r"""Unicode categories that change what is around them: controls, direction marks, private use, line separators."""

_BLANK = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)
"""Of other categories what has no ink: joiners, fillers, variation selectors (Default_Ignorable_Code_Point)."""

_MARKS = 2
"""Marks that one letter may carry; more of them run over the lines above and below."""

_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#$~&"})
_LINK = re.compile(r"://|(?<=\bwww)\.", re.I)
_OTHER = re.compile("[^\n -~]")


def plain(text: object) -> str:
    """Return text in which nothing is Markdown or HTML; nor an address that GitHub makes a link of."""
    return _LINK.sub(_unlinked, visible(text).translate(_MARKDOWN))


def _unlinked(match: re.Match[str]) -> str:
    return r":\//" if match[0] == "://" else r"\."


def visible(text: object, *, limit: int = _MAX_CHARACTERS) -> str:
    r"""Return text on one line with every control and direction character written out (`\x1b`), cut after `limit`."""
    whole = str(text)
    shown = whole[:limit]
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(_written_out(shown))
    return shown + (" ..." if len(whole) > limit else "")


def _written_out(text: str) -> list[str]:
    pieces, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if character in "\t\n":
            pieces.append(" ")
        else:
            pieces.append(_escape(character) if marks > _MARKS or _is_hidden(character) else character)
    return pieces


def _is_hidden(character: str) -> bool:
    point = ord(character)
    nothing = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    return nothing or point in _BLANK or unicodedata.category(character) in _HIDDEN


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def visible_json(document: str) -> str:
    r"""Return a JSON document that reads back the same, with what is hidden in it as JSON escapes (`\u202e`)."""
    return _OTHER.sub(_json_escape, document)


def _json_escape(match: re.Match[str]) -> str:
    character = match[0]
    if not _is_hidden(character):
        return character
    return "".join(f"\\u{unit:04x}" for unit in memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H"))
