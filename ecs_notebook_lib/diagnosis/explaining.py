"""What a message, or an exit code, means by itself: the causes it speaks for and against, and what to check."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecs_notebook_lib.diagnosis.differential import Evidence, calibrated, posterior
from ecs_notebook_lib.diagnosis.plan import command_of
from ecs_notebook_lib.knowledge.ends import reading_of_message
from ecs_notebook_lib.knowledge.exits import HIGHEST_EXIT_CODE, SIGNALS, meaning_of_exit
from ecs_notebook_lib.knowledge.health_codes import kind_of_code
from ecs_notebook_lib.knowledge.messages import Message, recognise, recognise_anywhere
from ecs_notebook_lib.knowledge.weights import FindingKind, causes, check_rows, finding_kinds
from ecs_notebook_lib.untrusted import visible

_LEADING, _CHECKS = 4, 3
_LIKELY = 0.03
_BARE_CODE = re.compile(r"\d{1,3}")
_EXIT_CODE = re.compile(
    r"\bexit(?:ed)?[ _]?(?:with )?(?:exit )?(?:code|status)?\"?(?: ?[:=] ?| ?\(| )?(\d{1,3})\b(?![.\d])", re.IGNORECASE
)
"""As ECS, Docker and shells write it: `exit code 137`, `"exitCode": 137`, `Exited (137)`, `exit status 1`."""


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
    bare = _BARE_CODE.fullmatch(text.strip())
    if bare:
        return tuple(_exit_code(int(bare[0])))
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines()))
    whole = () if len(lines) == 1 else _messages(text)
    found: dict[tuple[str, str, str], Explanation] = {}
    for row in (*whole, *(row for line in lines for row in (*_messages(line), *_exit_codes(line)))):
        found.setdefault((row.kind, row.finding, row.parts.get("exit_code", "")), row)
    return tuple(found.values())


def _messages(text: str) -> Iterator[Explanation]:
    message = _message(text)
    if message is not None:
        yield _explanation(message)


def _exit_codes(line: str) -> Iterator[Explanation]:
    code = _EXIT_CODE.search(" ".join(line.split()))
    if code:
        yield from _exit_code(int(code[1]))


def _message(text: str) -> Message | None:
    return recognise_anywhere(text, likely="stopped_reason") or recognise_anywhere(text, likely="log_line")


def _exit_code(code: int) -> Iterator[Explanation]:
    if code <= HIGHEST_EXIT_CODE:
        told = meaning_of_exit(code)
        parts = {"exit_code": str(code)} | ({"signal": str(code - 128)} if code in SIGNALS else {})
        yield _of_kind("exit_code", "container", told.meaning, told.source, parts, told.finding)


def _explanation(message: Message) -> Explanation:
    inner = message.innermost
    finding = reading_of_message(message)
    if not finding and message.inner is None:
        quoted = recognise(message.parts.get("reason"), where="target_health")
        inner = quoted.innermost if quoted else inner
        finding = reading_of_message(inner)
    if inner.kind == "response_code":
        finding = kind_of_code(_first_code(inner.parts["codes"]))
    row = inner.template
    parts = {name: visible(value) for name, value in inner.parts.items()}
    return _of_kind(inner.kind, inner.where, row.meaning, row.source, parts, finding)


def _first_code(codes: str) -> str:
    """Return the first of `[404]`, `[500, 502]` or `[500-503]`."""
    return codes.strip("[] ").partition(",")[0].partition("-")[0].strip()


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
