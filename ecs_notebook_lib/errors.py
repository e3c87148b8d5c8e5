"""Errors that the caller can mend: each says what is wrong, with the value seen, and the next step, in one line."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from textwrap import wrap
from typing import ClassVar

from ecs_notebook_lib.untrusted import visible

_LONGEST = 4000
_BOX_WIDTH = 92
_BOLD, _RED_AND_BOLD, _PLAIN = "\x1b[1m", "\x1b[1;31m", "\x1b[0m"
_AGAIN = "run the parameters cell and then this one again."


class EcsNotebookError(Exception):
    """Base of all errors that are told in one line, or in a notebook in one box; anything else keeps its traceback.

    `happened` is the box's title and `next_step` what to do about it in a notebook, where there are no options such
    as `--profile`, but parameters.
    """

    happened: ClassVar[str] = "This cannot be done"
    next_step: ClassVar[str] = "Mend what is named above, and run this cell again."

    def __str__(self) -> str:
        """Return the message on one line, controls written out, whatever AWS or a file put into it."""
        return visible(" ".join(super().__str__().split()), limit=_LONGEST)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of the traceback: what happened, to what, and what to do."""
        return list(_box(self.happened, str(self), self.next_step))


def _box(title: str, message: str, next_step: str) -> Iterator[str]:
    inner = _BOX_WIDTH - 4
    yield f"╭─ {_RED_AND_BOLD}{title}{_PLAIN} {'─' * (inner - len(title) - 1)}╮"
    for line in [*wrap(message, inner), ""]:
        yield f"│ {line:{inner}} │"
    for number, line in enumerate(wrap(f"Next: {next_step}", inner)):
        shown = line.replace("Next:", f"{_BOLD}Next:{_PLAIN}", 1) if number == 0 else line
        yield f"│ {shown}{' ' * (inner - len(line))} │"
    yield f"╰{'─' * (_BOX_WIDTH - 2)}╯"


class SourceError(EcsNotebookError):
    """A source (`live:…`, `demo:…`, `case:…`, a snapshot's path) that cannot be read as one."""

    happened = "The source cannot be read"
    next_step = f"Correct `source`; {_AGAIN}"


class WindowError(EcsNotebookError):
    """A window that is neither a duration, an instant, nor two instants."""

    happened = "The window cannot be read"
    next_step = f"Correct `window`; {_AGAIN}"

    def __init__(self, window: str) -> None:
        super().__init__(
            f"The window {window!r} cannot be read. Give a duration (90m, 3h, 3w), an ISO 8601 instant, or two as A/B."
        )
        self.window = window


class UnknownDemoError(EcsNotebookError):
    """A demo incident was asked for by a name that does not exist."""

    happened = "There is no such demo"
    next_step = f"Correct `source`; {_AGAIN}"

    def __init__(self, name: str, available: Iterable[str]) -> None:
        choices = ", ".join(sorted(available))
        super().__init__(f"No demo incident is named {name!r}. Choose one of: {choices}.")
        self.name = name


class AccessError(EcsNotebookError):
    """AWS cannot be called at all: no credentials, no region, an expired session, an unreachable endpoint."""

    happened = "AWS cannot be called"
    next_step = f"Sign in again (for example: aws sso login), or correct `profile` and `region`; {_AGAIN}"


class NotFoundError(EcsNotebookError):
    """The cluster or the service does not exist in this account and region."""

    happened = "AWS has no such cluster or service"
    next_step = f"Correct `source`, `region` or `profile`; {_AGAIN}"

    def __init__(self, kind: str, name: str, *, where: str, existing: Iterable[str] = ()) -> None:
        existing = sorted(existing)
        near = get_close_matches(name, existing, n=3, cutoff=0.5) or existing[:5]
        hint = f" Did you mean: {', '.join(near)}?" if near else " Check the name, the region and the profile."
        super().__init__(f"No {kind} is named {name!r} in {where}.{hint}")
        self.kind = kind
        self.name = name
        self.near = tuple(near)


class NotPickedError(EcsNotebookError):
    """An incident is used before anything has been picked in the picker."""

    happened = "Nothing is picked yet"
    next_step = "Pick a service, a snapshot or a demo in the picker above, then run this cell and those below it again."

    def __init__(self) -> None:
        super().__init__("`source` is empty, and nothing has been picked in its place.")


class ChoiceError(EcsNotebookError):
    """A widget is to begin with a value that it does not have."""

    happened = "There is no such choice"
    next_step = "Choose one of these, or leave the parameter out."

    def __init__(self, what: str, value: object, available: Iterable[object]) -> None:
        choices = [str(name) for name in available]
        near = get_close_matches(str(value), choices, n=5, cutoff=0.5) or choices[:5]
        super().__init__(f"No {what} is named {value!r}. Choose one of: {', '.join(near) or 'there is none'}.")
        self.value = value


class WorkingCopyError(EcsNotebookError):
    """A folder of notebooks that cannot be this incident's working copy."""

    def __init__(self, folder: object, what: str, *, advice: str = "Give another folder with --out.") -> None:
        super().__init__(f"The notebooks cannot be put into {str(folder)!r}: {what}. {advice}")
        self.folder = str(folder)
        self.what = what


class SnapshotError(EcsNotebookError):
    """A file that is not a snapshot, or one that is damaged, foreign, newer than this version, or hostile."""

    happened = "The snapshot cannot be opened"
    next_step = f"Correct `source`, or collect the incident again; {_AGAIN}"

    def __init__(self, path: object, what: str, *, advice: str = "Collect the incident again.") -> None:
        super().__init__(f"{path} cannot be opened as a snapshot: {what}. {advice}")
        self.path = str(path)
        self.what = what


class StoreError(EcsNotebookError):
    """A store of history that cannot be read or written."""

    def __init__(self, location: object, what: str, *, advice: str = "Check --store.") -> None:
        super().__init__(f"The store {str(location)!r} cannot be used: {what}. {advice}")
        self.location = str(location)


class FleetJournalError(EcsNotebookError):
    """The journal of a run over a fleet that cannot be gone on with."""

    def __init__(self, path: object, what: str) -> None:
        super().__init__(f"The journal {str(path)!r} cannot be read: {what}. Name the folder of an earlier run.")
        self.path = str(path)


class SchedulerError(EcsNotebookError):
    """A Dask scheduler on which nothing can be run."""

    def __init__(self, address: str, what: str, *, advice: str = "Check --scheduler, and that it runs.") -> None:
        super().__init__(f"The scheduler {address!r} cannot be used: {what}. {advice}")
        self.address = address


class MissingExtraError(EcsNotebookError):
    """A part of the kit was asked for whose libraries are not installed."""

    happened = "Something is not installed"
    next_step = "Install it, restart the kernel, and run the notebook again."

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(f"{what} needs more than the base install. Run: pip install 'ecs-notebook-lib[{extra}]'")
        self.extra = extra


class ParameterError(EcsNotebookError):
    """A notebook was given a parameter that it does not have."""

    def __init__(self, name: str, *, notebook: str, available: Iterable[str]) -> None:
        super().__init__(f"{notebook} has no parameter {name!r}. It has: {', '.join(sorted(available))}.")
        self.name = name


class CaseFileError(EcsNotebookError):
    """A case file that cannot be read as one."""

    happened = "The case file cannot be read"
    next_step = f"Correct the file or `source`; {_AGAIN}"

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"The case file {str(path)!r} cannot be read: {reason}.")
        self.path = path


class CandidateError(EcsNotebookError):
    """A task definition is to be judged before it is deployed, and what was read does not tell of it."""

    def __init__(self, name: str, what: str, *, advice: str) -> None:
        super().__init__(f"The task definition {name!r} cannot be judged: {what}. {advice}")
        self.name = name


class EventSourceError(EcsNotebookError):
    """A place where events are kept that does not exist, or cannot be read."""

    def __init__(self, place: object, what: str, *, advice: str) -> None:
        super().__init__(f"The events in {str(place)!r} cannot be read: {what}. {advice}")
        self.place = str(place)
        self.what = what


class ShareError(EcsNotebookError):
    """A report is to be shared from a folder that holds more than redacted files."""

    def __init__(self, folder: object) -> None:
        super().__init__(
            f"The folder {str(folder)!r} holds files that are not redacted. Choose an empty one with --out, or leave "
            "--out away."
        )
        self.folder = str(folder)
