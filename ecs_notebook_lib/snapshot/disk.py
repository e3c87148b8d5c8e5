"""What is written is on the disk, the names of new files, too."""

import os
from pathlib import Path


def names_to_disk(folder: Path) -> None:
    """Bring the names in a folder to the disk: a new file is not found after a crash before they are."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name beside `path`, then rename: the file is whole, as it was, or absent."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
