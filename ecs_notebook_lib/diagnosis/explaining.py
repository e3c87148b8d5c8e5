"""What a message, or an exit code, means by itself: the causes it speaks for and against, and what to check."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis.checks.targets import kind_of_code
from ecs_notebook_lib.diagnosis.differential import Evidence, calibrated, posterior
from ecs_notebook_lib.diagnosis.ends import reading_of_message
from ecs_notebook_lib.diagnosis.plan import command_of
from ecs_notebook_lib.knowledge.messages import Message, recognise_anywhere
from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.knowledge.weights import FindingKind, causes, check_rows, finding_kinds

_LINES = 200
"""So many different lines of a long text are looked at, from its end."""

_LEADING, _CHECKS = 4, 3
_LIKELY = 0.03
_EXIT_CODE = re.compile(r"\s*(?:exit(?:ed)?\s*(?:with\s*)?(?:code|status)?\s*[:=]?\s*)?(\d{1,3})\s*", re.I)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A cause that a message speaks for: how likely it makes it by itself, and what tells it from its look-alikes."""

    cause: str
    probability: float
    meaning: str
    told_apart: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a message means. `finding` is empty, and so is everything after it, if it speaks for no cause."""

    kind: str
    place: str
    meaning: str
    source: str
    parts: Mapping[str, str]
    finding: str
    speaks_for: tuple[Spoken, ...]
    speaks_against: tuple[str, ...]
    checks: tuple[tuple[str, str], ...]


def explain(text: str) -> tuple[Explanation, ...]:
    """Return what a text means: as a whole, then line by line, each meaning once; empty if nothing in it is known."""
    code = _EXIT_CODE.fullmatch(text[:100])
    if code:
        return tuple(_exit_code(int(code[1])))
    found = {(row.kind, row.finding): row for row in map(_explanation, _messages(text))}
    return tuple(found.values())


def _messages(text: str) -> Iterator[Message]:
    whole = recognise_anywhere(text, likely="stopped_reason") or recognise_anywhere(text, likely="log_line")
    if whole is not None:
        yield whole
    lines = dict.fromkeys(line.strip() for line in text.splitlines()[-_LINES:])
    for line in lines if len(lines) > 1 else ():
        message = recognise_anywhere(line, likely="stopped_reason") or recognise_anywhere(line, likely="log_line")
        if message is not None:
            yield message


def _exit_code(code: int) -> Iterator[Explanation]:
    row = read_table("exit_codes").get(str(code))
    if row is None and 128 < code < 160:
        row = {"meaning": f"the process was ended by signal {code - 128}", "finding": "crashed_by_signal"}
    if row is not None:
        parts = {"exit_code": str(code)}
        yield _of_kind("exit_code", "container", row["meaning"], "ECS_FACTS 4.5", parts, row["finding"])


def _explanation(message: Message) -> Explanation:
    inner = message.innermost
    finding = reading_of_message(message)
    if inner.kind == "response_code":
        finding = kind_of_code(inner.parts["codes"].strip("[] ").partition(",")[0])
    row = inner.template
    return _of_kind(inner.kind, inner.where, row.meaning, row.source, inner.parts, finding)


def _of_kind(kind: str, place: str, meaning: str, source: str, parts: Mapping[str, str], finding: str) -> Explanation:
    if not finding:
        return Explanation(kind, place, meaning, source, parts, "", (), (), ())
    known = finding_kinds()[finding]
    probabilities = _by_itself(known)
    leading = sorted(probabilities, key=lambda name: -probabilities[name])[:_LEADING]
    named = [name for name in leading if name in causes() and probabilities[name] >= _LIKELY]
    spoken = (Spoken(name, probabilities[name], causes()[name].meaning, causes()[name].told_apart) for name in named)
    against = tuple(name for name in causes() if known.weight(name) < 0)
    return Explanation(kind, place, meaning, source, parts, finding, tuple(spoken), against, tuple(_checks(named)))


def _by_itself(kind: FindingKind) -> dict[str, float]:
    weights = {name: kind.weight(name) for name in causes() if kind.weight(name)}
    return calibrated(posterior([Evidence(kind.name, kind.group, "F1", weights)]), "reported")


def _checks(named: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the checks that tell most about these causes, with their commands."""
    told = {
        row.name: sum(max(0.0, finding_kinds()[kind].weight(cause)) for kind in row.kinds for cause in named)
        for row in check_rows().values()
        if row.command
    }
    for name in sorted(told, key=lambda check: (-told[check], check))[:_CHECKS]:
        if told[name]:
            yield name, command_of(check_rows()[name], {})
