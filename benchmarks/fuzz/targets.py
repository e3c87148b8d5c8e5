"""What is fuzzed: each target takes bytes from a stranger, and either answers or refuses in one line."""

import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from benchmarks.fuzz.mutating import mutated_json
from benchmarks.incomplete import everything, short
from benchmarks.simulated import collected
from ecs_notebook_lib.cases import load_cases, snapshot_of
from ecs_notebook_lib.diagnosis.explaining import explain
from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.messages import find_in_log, recognise, recognise_anywhere, templates
from ecs_notebook_lib.redact import Redactor
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.snapshot import Page, Snapshot, load_snapshot, save_snapshot
from ecs_notebook_lib.snapshot.checking import fault_of

DEMO = "clarity-network"
_CASES, _PAGES = 3, 8
_ELEMENTS = 3


@dataclass(frozen=True, slots=True)
class Target:
    """`run` raises what is a bug; `seeds` are inputs to begin with; `mutate` changes one by a seed, None: cannot."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Callable[[bytes, int], bytes | None] = lambda _content, _seed: None


@cache
def demo() -> Snapshot:
    """Return a simulated incident, its long lists shortened."""
    return short(collected(build(DEMO)), elements=_ELEMENTS)


def _refused(work: Callable[[], Any]) -> Any:
    """Return what comes of it; None if it was refused in one line.

    Raises
    ------
    AssertionError
        If the refusal is more than a line.
    """
    try:
        return work()
    except EcsNotebookError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from error
        return None


def _as_file(content: bytes, suffix: str, work: Callable[[Path], Any]) -> Any:
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(content)
        file.flush()
        return _refused(lambda: work(Path(file.name)))


def run_archive(content: bytes) -> None:
    """Read a file that is called a snapshot, and judge it if it is one."""
    _as_file(content, ".zip", lambda path: everything(load_snapshot(path)))


def _archives() -> Iterable[bytes]:
    whole = demo()
    for names in (("ecs:DescribeServices", "ecs:DescribeTasks"), ("ecs:ListTasks",), ()):
        yield _zipped(replace(whole, members={name: whole.members[name] for name in names}))


def _zipped(snapshot: Snapshot) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return save_snapshot(snapshot, Path(folder) / "a.zip").read_bytes()


def _mutated_archive(content: bytes, seed: int) -> bytes | None:
    """Return a snapshot with a changed manifest in every second case; else the bytes are the fuzzer's."""
    if seed % 2:
        return None
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        manifest = mutated_json(members["manifest.json"], seed)
    except Exception:
        return None
    if manifest is None:
        return None
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, member in {**members, "manifest.json": manifest}.items():
            archive.writestr(name, member)
    return made.getvalue()


def run_pages(content: bytes) -> None:
    """Judge an incident of which some pages, each given as a line with its operation and a line of JSON, are odd."""
    members = dict(demo().members)
    for operation, line in _pairs(content):
        if operation in members:
            members[operation] = line + b"\n"
    _as_file(_zipped(replace(demo(), members=members)), ".zip", lambda path: everything(load_snapshot(path)))


def _pairs(content: bytes) -> list[tuple[str, bytes]]:
    lines = content.split(b"\n")
    return [(name.decode(errors="replace"), line) for name, line in zip(lines[::2], lines[1::2], strict=False)]


def _joined(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    return b"\n".join(part for name, line in pairs for part in (name.encode(), line))


def _pages() -> Iterable[bytes]:
    pairs = [(name, lines.splitlines()[0]) for name, lines in demo().members.items()]
    return (_joined(pairs[start : start + _PAGES]) for start in range(0, len(pairs), _PAGES))


def _mutated_pages(content: bytes, seed: int) -> bytes | None:
    """Return the pages with some of them changed so that AWS could have sent them, by their form."""
    pairs = []
    for number, (operation, line) in enumerate(_pairs(content)):
        made = mutated_json(line, seed + number, inside="response") if (seed >> number) % 2 else None
        pairs.append((operation, line if made is None or fault_of(operation, made) else made))
    return _joined(pairs)


def _text(content: bytes) -> str:
    return content.decode(errors="backslashreplace")


@cache
def _places() -> tuple[str, ...]:
    return tuple({row.where: None for row in templates()})


def run_message(content: bytes) -> None:
    """Look a text up as a sentence of AWS's, in every place where AWS says one, and explain it."""
    text = _text(content)
    for where in _places():
        recognise(text, where=where)
        recognise_anywhere(text, likely=where)
    find_in_log(text)
    explain(text)


def _messages() -> Iterable[bytes]:
    return (row.sample.encode() for row in templates())


def run_lines(content: bytes) -> None:
    """Make frames of log lines: access lines, levels, patterns, stack traces."""
    texts = _text(content).split("\n")
    events = [{"timestamp": 1752312000000 + number, "message": text} for number, text in enumerate(texts)]
    whole = demo()
    pages = whole.records("logs:GetLogEvents")
    page = Page("logs:GetLogEvents", whole.as_of, "us-east-1", pages[0]["params"], response={"events": events})
    members = {**whole.members, "logs:GetLogEvents": page.line(whole.incident.account)}
    frames = Frames(replace(whole, members=members))
    for name in ("log_events", "log_streams", "stack_traces", "log_patterns"):
        frames.rows(name)


def _lines() -> Iterable[bytes]:
    for operation in ("logs:GetLogEvents", "logs:FilterLogEvents"):
        for page in collected(build(DEMO)).records(operation):
            messages = [str(row.get("message")) for row in page["response"].get("events") or ()]
            yield "\n".join(messages[:5]).encode()
    yield from (row.sample.encode() for row in templates() if row.where == "log_line")


@cache
def _redactor() -> Redactor:
    return Redactor(demo(), key=b"fuzz")


def run_redaction(content: bytes) -> None:
    """Make a text fit to be shared; a JSON document stays one."""
    text = _text(content)
    shared = _redactor().text(text)
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return
    orjson.loads(shared)


def _texts() -> Iterable[bytes]:
    yield from _messages()
    yield from (line for lines in demo().members.values() for line in lines.splitlines()[:1])


def run_cases(content: bytes) -> None:
    """Read a file that is called a case file, and judge the first of its cases."""
    cases = _as_file(content, ".jsonl", load_cases) or ()
    for case in cases[:_CASES]:
        _refused(lambda case=case: everything(snapshot_of(case)))


def _cases() -> Iterable[bytes]:
    for path in sorted(Path(__file__).parent.parent.joinpath("cases").glob("*.jsonl")):
        yield from path.read_bytes().splitlines()[:5]


TARGETS = {
    "archive": Target(run_archive, _archives, _mutated_archive),
    "pages": Target(run_pages, _pages, _mutated_pages),
    "message": Target(run_message, _messages),
    "lines": Target(run_lines, _lines),
    "redaction": Target(run_redaction, _texts),
    "cases": Target(run_cases, _cases, mutated_json),
}
"""Every target by its name."""


def words() -> list[bytes]:
    """Return the fixed texts of all messages: what a fuzzer of texts may put together."""
    return sorted({literal.encode() for row in templates() for literal in row.literals if len(literal) > 3})
