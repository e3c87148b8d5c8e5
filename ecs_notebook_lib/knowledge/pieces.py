"""Which of many fixed texts may stand in another one: those of which a piece stands in it, whatever their number."""

from collections.abc import Iterable

_PIECE = 8
"""Characters of a literal by which it is found: those whose piece is not in the text cost nothing.

Of 8 characters hardly a piece stands in a text by chance; few literals are shorter, and these are always looked for.
"""


def by_piece(literals: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return literals by the piece in the middle of each, and those that are shorter than a piece."""
    found: dict[str, list[str]] = {}
    short: list[str] = []
    for literal in literals:
        begin = (len(literal) - _PIECE) // 2
        (short if begin < 0 else found.setdefault(literal[begin : begin + _PIECE], [])).append(literal)
    return found, short


def pieces_of(text: str) -> set[str]:
    """Return every piece that stands in a text."""
    return {text[start : start + _PIECE] for start in range(len(text) - _PIECE + 1)}
