"""Text that came from containers, tags and names is data: shown, bounded, never obeyed."""

import unicodedata

_MAX_CHARACTERS = 2000
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
r"""Unicode categories that change what is around them: controls, direction marks, private use, line separators."""


_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#$"})


def plain(text: object) -> str:
    """Return text in which nothing is Markdown or HTML."""
    return visible(text).translate(_MARKDOWN)


def visible(text: object, *, limit: int = _MAX_CHARACTERS) -> str:
    r"""Return text on one line with every control and direction character written out (`\x1b`), cut after `limit`."""
    shown = "".join(_written_out(character) for character in str(text)[:limit])
    return shown + (" ..." if len(str(text)) > limit else "")


def _written_out(character: str) -> str:
    if character in "\t\n":
        return " "
    if unicodedata.category(character) in _HIDDEN:
        return character.encode("unicode_escape").decode("ascii")
    return character
