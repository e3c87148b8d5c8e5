"""Stack traces of Python, Java, Node and Go among lines of text.

A trace is found by what begins it and goes on while its lines look like it. Every line is looked at a bounded number
of times.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_LINES = 1000
"""A trace does not go on for longer; a recursion that ran away may."""

_MAX_MESSAGE = 1000
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_OF_PYTHON_MESSAGE = (
    "[SQL:",
    "[parameters:",
    "(Background on this error",
    "DETAIL:",
    "HINT:",
    "For further information",
)
_PYTHON_ERROR = re.compile(r"([A-Za-z_][\w.]*)(?::\s|$)", re.ASCII)
_NAMED = re.compile(
    r"(?<![\w.$])((?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$]?[\w$]*(?:Error|Exception|Throwable|Failure|Rejection|Warning|Group))"
    r"(?![\w.$])",
    re.ASCII,
)
_DOTTED = re.compile(r"\s*([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+)(?::|\s*$)", re.ASCII)
_FRAME = re.compile(r"[ \t]{1,40}at \S")
_JAVA_FRAME = re.compile(r"\([\w$-]+\.(?:java|kt|scala|groovy|clj)(?::\d+)?\)|\((?:Native Method|Unknown Source)\)")
_NODE_FRAME = re.compile(r":\d+:\d+\)?(?: \{)?\s*\Z|<anonymous>|\(native\)")
_GO_ROUTINE = re.compile(r"goroutine \d+ .{0,20}\[")
_GO_LINE = re.compile(
    r"\t|created by |goroutine \d|\[signal |\[originating |panic: |exit status |\.\.\.|\Z|\S[^\s(]*+\(.*\)\s*\Z"
)
_LEVEL_WORDS = frozenset(["ERROR", "WARNING", "WARN", "INFO", "DEBUG", "CRITICAL", "FATAL", "error", "warning", "info"])


@dataclass(frozen=True, slots=True)
class Trace:
    """A stack trace: its lines from `start` up to, not including, `end`, its type, and what it says."""

    start: int
    end: int
    language: str
    exception: str
    message: str


def find_traces(lines: Sequence[str]) -> list[Trace]:
    """Return the stack traces among these lines, in order."""
    found: list[Trace] = []
    number = 0
    while number < len(lines):
        since = found[-1].end if found else 0
        trace = _trace_at(lines, number, since)
        if trace is not None:
            found.append(trace)
        number = number + 1 if trace is None else max(trace.end, number + 1)
    return found


def _trace_at(lines: Sequence[str], number: int, since: int) -> Trace | None:
    line = lines[number]
    if _TRACEBACK in line:
        return _python(lines, number)
    if "panic" in line or "fatal error:" in line:
        found = _go(lines, number)
        if found:
            return found
    if "UnhandledPromiseRejection" in line:
        return _node(lines, number)
    if number + 1 < len(lines) and _FRAME.match(lines[number + 1]) and not _FRAME.match(line):
        return _framed(lines, number, since)
    return None


def _python(lines: Sequence[str], start: int) -> Trace:
    """Read a traceback, and those that are chained to it; its last line says what happened."""
    prefix = lines[start].partition(_TRACEBACK)[0]
    told, chained, number = "", False, start + 1
    while number < min(len(lines), start + MAX_LINES):
        line = lines[number].removeprefix(prefix) if prefix.strip() else lines[number]
        if _TRACEBACK in line:
            if told and not chained:
                break
            told, chained = "", False
        elif line.startswith(_CHAINED):
            chained = True
        elif not line.strip():
            if told and not chained and not _chained_within(lines, number):
                break
        elif line[0] in " \t":
            pass
        elif not told and _python_error(line):
            told = line
        elif not (told and line.startswith(_OF_PYTHON_MESSAGE)):
            break
        number += 1
    told = told or _error_within(lines[start + 1 : number]) or lines[number - 1]
    match = _PYTHON_ERROR.match(told)
    return Trace(start, number, "python", match[1] if match else "", told.strip()[:_MAX_MESSAGE])


def _chained_within(lines: Sequence[str], number: int) -> bool:
    return any(line.startswith(_CHAINED) for line in lines[number : number + 3])


def _python_error(line: str) -> bool:
    match = _PYTHON_ERROR.match(line)
    return match is not None and match[1] not in _LEVEL_WORDS


def _error_within(lines: Sequence[str]) -> str:
    """Return the first line that names an error: those of an exception group are all indented."""
    plain = (line.strip(" \t|+-") for line in lines)
    named = [line for line in plain if _NAMED.match(line[:_MAX_MESSAGE])]
    return named[0] if named else ""


def _go(lines: Sequence[str], start: int) -> Trace | None:
    """Read a panic or a fatal error of the Go runtime, and the goroutines after it."""
    first = next((n for n in range(start, min(start + 8, len(lines))) if _GO_ROUTINE.match(lines[n])), None)
    line = lines[start]
    alone = line.startswith(("panic: ", "fatal error: "))
    if first is None and not alone:
        return None
    end = _while(lines, first or start + 1, lambda text: _GO_LINE.match(text) is not None) if first else start + 1
    at = min((n for n in (line.find("panic"), line.find("fatal error:")) if n >= 0), default=0)
    told = line[at:].strip()[:_MAX_MESSAGE]
    kind = "runtime error" if "runtime error:" in told else told.partition(":")[0].partition(" ")[0]
    return Trace(start, end, "go", "fatal error" if told.startswith("fatal error:") else kind, told)


def _node(lines: Sequence[str], start: int) -> Trace:
    """Read a rejected promise that nobody caught; it may come without frames, and ends in its members."""
    end = _node_goes_on(lines, _while(lines, start + 1, _is_node_line))
    exception, told = _named(lines[start])
    return Trace(start, end, "node", exception, told)


def _node_goes_on(lines: Sequence[str], end: int) -> int:
    """Return the end of a trace with the version that Node prints when it dies of it."""
    following = next((n for n in range(end, min(end + 2, len(lines))) if lines[n].startswith("Node.js v")), None)
    return end if following is None else following + 1


def _framed(lines: Sequence[str], number: int, since: int) -> Trace | None:
    """Read a trace whose frames begin with `at`: of Java, Node or .NET."""
    language = _language(lines[number + 1])
    start = number
    if not _named(lines[number])[0]:
        earlier = range(number, max(since, number - 6) - 1, -1)
        start = next((n for n in earlier if _named(lines[n])[0]), number)
    end = _while(lines, number + 1, _is_java_line if language == "java" else _is_node_line)
    while language == "java" and (more := _java_goes_on(lines, end)) > end:
        end = _while(lines, more, _is_java_line)
    exception, told = _named(lines[start])
    causes = [line.strip() for line in lines[start:end] if line.startswith("Caused by: ")]
    if language == "dotnet" and not exception:
        return None
    if language == "node":
        start, end = _with_source(lines, start, since), _node_goes_on(lines, end)
    message = f"{told}; {causes[-1]}" if causes else told
    return Trace(start, end, language, exception, message[:_MAX_MESSAGE])


def _with_source(lines: Sequence[str], start: int, since: int) -> int:
    """Return the start of a trace with the place, line and caret that Node prints before an error that it dies of."""
    above = range(start - 1, max(since, start - 3) - 1, -1)
    caret = next((n for n in above if lines[n].strip() and not lines[n].strip("^ \t")), None)
    return start if caret is None else max(since, caret - 2)


def _language(frame: str) -> str:
    if _JAVA_FRAME.search(frame[:_MAX_MESSAGE]):
        return "java"
    return "node" if _NODE_FRAME.search(frame[:_MAX_MESSAGE]) else "dotnet"


def _is_java_line(line: str) -> bool:
    return line[:1] in (" ", "\t") or line.startswith("Caused by: ")


def _is_node_line(line: str) -> bool:
    return line[:1] in (" ", "\t", "}")


def _java_goes_on(lines: Sequence[str], end: int) -> int:
    """Return where a trace goes on whose message has several lines, else `end`."""
    if not lines[end - 1].startswith("Caused by: "):
        return end
    return next((n for n in range(end, min(end + 4, len(lines))) if _FRAME.match(lines[n])), end)


def _named(line: str) -> tuple[str, str]:
    """Return the type of error that a line names, and the line from there on; `""` and the line if it names none."""
    text = line[:_MAX_MESSAGE].strip()
    found = list(_NAMED.finditer(text))
    for match in found:
        if match.end() == len(text) or text.startswith((":", "]", " ["), match.end()):
            if match[1].endswith("Warning") and len(found) > 1:
                continue
            return match[1], text[match.start() :]
    dotted = _DOTTED.match(text)
    return (dotted[1], text) if dotted else ("", text)


def _while(lines: Sequence[str], start: int, belongs: Callable[[str], bool]) -> int:
    """Return the number of the first line from `start` on that does not belong; blank lines at the end do not."""
    end = min(len(lines), start + MAX_LINES)
    number = next((n for n in range(start, end) if not belongs(lines[n])), end)
    while number > start and not lines[number - 1].strip():
        number -= 1
    return number
