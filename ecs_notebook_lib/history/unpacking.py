"""Bytes as they were stored → text: gzip is told by its first bytes, never by a name."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

_GZIP = b"\x1f\x8b"
_WITH_HEADER = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20
_LAYERS = 2
"""CloudWatch Logs compresses what it hands to Data Firehose, which may compress it once more."""


class DamagedArchiveError(ValueError):
    """Bytes that begin as gzip and cannot be unpacked to their end."""


def unpacked(pieces: Iterable[bytes], *, layers: int = _LAYERS) -> Iterator[bytes]:
    """Yield the text of pieces of bytes, unpacked if they are gzip; several gzip files in a row are one text.

    Raises
    ------
    DamagedArchiveError
        If gzip breaks off or is damaged; what came before it has been yielded.
    """
    rest = iter(pieces)
    head = b""
    for piece in rest:
        head += piece
        if len(head) >= len(_GZIP):
            break
    whole = chain([head], rest)
    return unpacked(_members(whole), layers=layers - 1) if layers and head.startswith(_GZIP) else whole


def _members(pieces: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_WITH_HEADER)
    begun = False
    for piece in pieces:
        text = piece
        while text:
            try:
                plain = member.decompress(text, _PIECE)
            except zlib.error as error:
                raise DamagedArchiveError(str(error)) from error
            yield plain
            begun, text = True, member.unconsumed_tail
            if member.eof:
                begun, text = False, member.unused_data.lstrip(b"\x00")
                member = zlib.decompressobj(_WITH_HEADER)
    if begun:
        raise DamagedArchiveError("it breaks off")
