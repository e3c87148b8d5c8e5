"""One notebook out of many: imports and incident are paid for once, and a step that fails stops no other."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

from ecs_notebook_lib.report.jupyter import NotebookNode, nbformat

MAIN = "incident_report"
_INJECTED = "injected-parameters"
_STEP, _FAILS_ALONE = "ecs_notebook_step", "raises-exception"


def step_files(folder: Path) -> list[Path]:
    """Return the notebooks of the diagnostic steps, in order."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def compose(folder: Path) -> NotebookNode:
    """Return one notebook: the incident report, then every step without its own parameters and loading.

    Each cell carries the name of its notebook, so that the executed whole can be split again.
    """
    main = nbformat.read(folder / f"{MAIN}.ipynb", as_version=4)
    whole: NotebookNode = copy.deepcopy(main)
    whole.cells = [_marked(cell, MAIN) for cell in _with_sharp_figures(main.cells)]
    for path in step_files(folder):
        step = nbformat.read(path, as_version=4)
        whole.cells += [_marked(cell, path.stem) for cell in step.cells if not _is_setup(cell)]
    return whole


_AS_SVG = "from ecs_notebook_lib.plots.figures import draw_as_svg\n\ndraw_as_svg()"


def _with_sharp_figures(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return the cells with one more behind the imports: a page is zoomed and printed, so its figures are SVG."""
    index = next(number for number, cell in enumerate(cells) if "imports" in cell.metadata.get("tags", ()))
    sharp = nbformat.v4.new_code_cell(_AS_SVG, id="sharp-figures", metadata={"tags": ["imports"]})
    return [*cells[: index + 1], sharp, *cells[index + 1 :]]


def _is_setup(cell: NotebookNode) -> bool:
    """Say whether a step's cell only repeats what the report has done: parameters, loading, widgets."""
    return bool({"parameters", "load", "interactive"} & set(cell.metadata.get("tags", ())))


def _marked(cell: NotebookNode, name: str) -> NotebookNode:
    marked = copy.deepcopy(cell)
    marked.metadata[_STEP] = name
    if marked.cell_type == "code":
        marked.outputs, marked.execution_count = [], None
        tags = marked.metadata.get("tags", [])
        if not {"parameters", "load"} & set(tags):
            marked.metadata["tags"] = [*tags, _FAILS_ALONE]
    marked.id = f"{name[:20]}-{marked.id}"[:64].replace("_", "-")
    return marked


def split(executed: NotebookNode) -> dict[str, NotebookNode]:
    """Return the executed cells as one notebook each, by the name of the notebook that they came from.

    What the report did for all of them, parameters and loading, stands in each.
    """
    names = dict.fromkeys(cell.metadata.get(_STEP, MAIN) for cell in executed.cells)
    shared = [cell for cell in executed.cells if cell.metadata.get(_STEP, MAIN) == MAIN and _is_shared(cell)]
    return {name: _part(executed, name, shared) for name in names}


def _is_shared(cell: NotebookNode) -> bool:
    tags = set(cell.metadata.get("tags", ()))
    return bool({"parameters", _INJECTED, "imports", "load"} & tags)


def _part(executed: NotebookNode, name: str, shared: Sequence[NotebookNode]) -> NotebookNode:
    part: NotebookNode = nbformat.v4.new_notebook(
        metadata={"kernelspec": dict(executed.metadata.get("kernelspec", {}))}
    )
    own = [cell for cell in executed.cells if cell.metadata.get(_STEP, MAIN) == name]
    chosen = own if name == MAIN else [*own[:1], *shared, *own[1:]]
    part.cells = [_without_what_varies(cell) for cell in chosen]
    return part


def _without_what_varies(cell: NotebookNode) -> NotebookNode:
    """Return a cell without its times, and papermill's own cell without the id that it draws anew each time."""
    kept = copy.deepcopy(cell)
    tags = cell.metadata.get("tags", [])
    kept.metadata = nbformat.from_dict({"tags": tags})
    if _INJECTED in tags:
        kept.id = _INJECTED
    return kept


def errors_of(executed: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the outputs in which cells have left their errors."""
    yield from (output for _, output in _errors(executed))


def failures(executed: NotebookNode) -> list[str]:
    """Return `notebook: error` for each cell that failed."""
    return [f"{name}: {output.ename}: {output.evalue}" for name, output in _errors(executed)]


def _errors(executed: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for cell in executed.cells:
        name = cell.metadata.get(_STEP, MAIN)
        yield from ((name, output) for output in cell.get("outputs", ()) if output.output_type == "error")
