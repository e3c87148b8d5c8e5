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
