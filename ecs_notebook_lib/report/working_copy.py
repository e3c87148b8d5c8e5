"""A working copy of the notebooks on one incident: parameters filled in, the snapshot beside them, edits kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecs_notebook_lib.errors import WorkingCopyError
from ecs_notebook_lib.notebook_files import notebooks_directory
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.report.naming import SNAPSHOT, incident_name
from ecs_notebook_lib.report.parameters import filled_in
from ecs_notebook_lib.snapshot import Snapshot, load_snapshot, save_snapshot
from ecs_notebook_lib.snapshot.model import utc_text

FIRST = "incident_report.ipynb"


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """Where the notebooks are, which were made now, and which were there and are left as they were."""

    folder: Path
    made: tuple[str, ...]
    kept: tuple[str, ...]
    as_of: str
    """When the snapshot beside them was read."""


def make_working_copy(snapshot: Snapshot, folder: str = "", *, access: Mapping[str, str] | None = None) -> WorkingCopy:
    """Write what is absent of the incident's notebooks and snapshot into a folder, and return what was there.

    Parameters
    ----------
    folder
        By default `reports/<cluster>--<service>--<time>/lab`.
    access
        `profile` and `region` to fill in: a treatment is carried out with them.

    Raises
    ------
    WorkingCopyError
        If the folder belongs to another incident, or holds the installed notebooks.
    """
    target = Path(folder) if folder else Path("reports") / incident_name(snapshot) / "lab"
    if target.resolve() == notebooks_directory().resolve():
        raise WorkingCopyError(target, "these are the installed notebooks themselves")
    target.mkdir(parents=True, exist_ok=True)
    beside = _snapshot_beside(snapshot, target / SNAPSHOT)
    values = {"source": SNAPSHOT, **(access or {})}
    made = {path.name: _write_new(target / path.name, _filled_in(path, values)) for path in _originals()}
    return WorkingCopy(
        target,
        made=tuple(name for name, new in made.items() if new),
        kept=tuple(name for name, new in made.items() if not new),
        as_of=utc_text(beside.as_of),
    )


def _originals() -> list[Path]:
    return sorted(notebooks_directory().glob("*.ipynb"))


def _snapshot_beside(snapshot: Snapshot, path: Path) -> Snapshot:
    """Return the snapshot that the notebooks open: the one that is there already, else this one, written now."""
    if not path.exists():
        save_snapshot(snapshot, path)
        return snapshot
    there = load_snapshot(path)
    if _identity(there) != _identity(snapshot):
        raise WorkingCopyError(path.parent, f"they are there already, on {incident_name(there)}")
    return there


def _identity(snapshot: Snapshot) -> tuple[object, ...]:
    name = snapshot.incident
    return (name.cluster, name.service, name.region, name.account, snapshot.simulated)


def _filled_in(original: Path, values: Mapping[str, str]) -> bytes:
    """Return a notebook with its parameters filled in and without outputs: they are of another incident."""
    notebook = nbformat.read(original, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if "parameters" in cell.metadata.get("tags", ()):
                cell.source = filled_in(cell.source, values)
    return str(nbformat.writes(notebook)).encode() + b"\n"


def _write_new(path: Path, content: bytes) -> bool:
    """Write a file if there is none of this name; return whether it was written."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
