"""What is written is on the disk, the names of new files, too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def names_to_disk(folder: Path) -> None:
    """Bring the names in a folder to the disk: a new file is not found after a crash before they are."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` to write under, then rename it: `path` is whole, as it was, or absent."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole, as it was, or absent."""
    with written_whole(path) as temporary:
        temporary.write_bytes(content)
