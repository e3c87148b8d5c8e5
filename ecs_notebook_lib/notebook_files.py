"""Where the notebooks are: in a checkout beside the library, in a wheel inside it."""

from pathlib import Path


def notebooks_directory() -> Path:
    """Return the folder that holds the notebooks of this version.

    Raises
    ------
    FileNotFoundError
        If the installation has lost them.
    """
    library = Path(__file__).resolve().parent
    for folder in (library / "notebooks", library.parent / "notebooks"):
        if (folder / "incident_report.ipynb").is_file():
            return folder
    raise FileNotFoundError(f"The notebooks are missing from the installation at {library}. Install it again.")
