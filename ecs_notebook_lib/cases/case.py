"""Reading case files: one JSON object, or JSON lines with many; what is absent is unknown, not normal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ecs_notebook_lib.errors import CaseFileError
from ecs_notebook_lib.knowledge.weights import FAMILIES

_MAX_BYTES = 64 * 1024 * 1024
_LISTS = ("service_events", "stopped_tasks", "target_health", "deployments", "log_lines", "cli_errors")
_OBJECTS = ("service", "task_definition", "target_group", "network")


@dataclass(frozen=True, slots=True)
class Case:
    """One partial observation; `truth` is the confirmed family, empty if the case has no label.

    `thin` marks an observation from which hardly anybody could tell, `documentation_example` a message from AWS's own
    pages, `hard` one whose surface points to another family than its cause.
    """

    id: str
    observed: Mapping[str, Any]
    source: str = ""
    launch_type: str = ""
    truth: str = ""
    detail: str = ""
    hard: bool = False
    thin: bool = False
    documentation_example: bool = False
    ambiguous_between: tuple[str, ...] = field(default=())

    @property
    def headline(self) -> bool:
        """Say whether the case counts for the headline figures."""
        return not (self.thin or self.documentation_example)


def load_case(path: Path) -> Case:
    """Return the one case that a file holds.

    Raises
    ------
    CaseFileError
        If the file cannot be read as a case, or holds several.
    """
    cases = load_cases(path)
    if len(cases) != 1:
        raise CaseFileError(path, f"it holds {len(cases)} cases; give a file with one, or use: ecs-notebook evaluate")
    return cases[0]


def load_cases(path: Path) -> tuple[Case, ...]:
    """Return the cases of a file, in its order.

    Raises
    ------
    CaseFileError
        If the file is missing, no JSON, or a member is not what `docs/cases.md` says.
    """
    return tuple(_case(path, number, record) for number, record in _records(path))


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    content = _content(path)
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        whole = None
    if whole is not None:
        rows = list(enumerate(whole if isinstance(whole, list) else [whole], start=1))
    else:
        rows = [(number, _line(path, number, line)) for number, line in _lines(content)]
    if not rows:
        raise CaseFileError(path, "it is empty; give a JSON object with the key observed")
    for number, record in rows:
        if not isinstance(record, Mapping):
            raise CaseFileError(path, f"entry {number} is no JSON object")
        yield number, record


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CaseFileError(path, f"it is larger than {_MAX_BYTES} bytes")
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise CaseFileError(path, (error.strerror or str(error)).lower()) from error


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip())


def _line(path: Path, number: int, line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise CaseFileError(path, f"line {number} is no JSON ({error.msg})") from error


def _case(path: Path, number: int, record: Mapping[str, Any]) -> Case:
    observed = record.get("observed")
    name = str(record.get("id") or f"case-{number}")
    if not isinstance(observed, Mapping):
        raise CaseFileError(path, f"{name} has no object under observed; write {_EXAMPLE}, as docs/cases.md tells")
    label = record.get("root_cause")
    truth: Mapping[str, Any] = label if isinstance(label, Mapping) else {"family": label}
    between = record.get("ambiguous_between")
    between = between if isinstance(between, list) else [between]
    return Case(
        id=name,
        observed=_observed(path, name, observed),
        source=str(record.get("source") or ""),
        launch_type=str(record.get("launch_type") or ""),
        truth=_family(path, f"{name}: root_cause", truth.get("family")),
        detail=str(truth.get("detail") or ""),
        hard=_flag(path, name, record, "hard"),
        thin=_flag(path, name, record, "thin"),
        documentation_example=_flag(path, name, record, "documentation_example"),
        ambiguous_between=tuple(_family(path, f"{name}: ambiguous_between", row) for row in between if row is not None),
    )


_EXAMPLE = '{"observed": {"service_events": ["..."]}}'


def _family(path: Path, named_by: str, value: Any) -> str:
    """Return the family that a label names; empty if it names none."""
    if value is None or value in FAMILIES:
        return value or ""
    raise CaseFileError(path, f"{named_by} names the family {value!r}; choose one of {', '.join(FAMILIES)}")


def _flag(path: Path, name: str, record: Mapping[str, Any], member: str) -> bool:
    value = record.get(member)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise CaseFileError(path, f"{name}: {member} is {value!r}; write true or false, or leave it out")


def _observed(path: Path, name: str, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the observation with each known member in its form: a single entry where a list is asked for is one."""
    checked = dict(observed)
    for member in _LISTS:
        value = checked.pop(member, None)
        if value is not None:
            checked[member] = _listed(value)
    for member in _OBJECTS:
        value = checked.get(member)
        if value is None:
            checked.pop(member, None)
        elif not isinstance(value, Mapping):
            raise CaseFileError(path, f"{name}: observed.{member} is no object")
    for member in ("stopped_tasks", "target_health", "deployments"):
        if not all(isinstance(row, Mapping) for row in checked.get(member, ())):
            raise CaseFileError(path, f"{name}: observed.{member} holds something that is no object")
    if "stopped_tasks" in checked:
        checked["stopped_tasks"] = [_with_containers(row) for row in checked["stopped_tasks"]]
    return checked


def _with_containers(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a task with its containers as a list of objects; what is none of them is passed over."""
    told = [row for row in _listed(task.get("containers")) if isinstance(row, Mapping)]
    return {**task, "containers": told} if "containers" in task else task


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
