"""Errors that the caller can mend: each says what is wrong, with the value seen, and the next step, in one line."""

from collections.abc import Iterable
from difflib import get_close_matches


class EcsNotebookError(Exception):
    """Base of all errors that are told in one line; anything else is a bug and keeps its traceback."""

    @property
    def line(self) -> str:
        """Return the message on one line, whatever AWS put into it."""
        return " ".join(str(self).split())


class SourceError(EcsNotebookError):
    """A source (`live:…`, `demo:…`, `case:…`, a snapshot's path) that cannot be read as one."""


class WindowError(EcsNotebookError):
    """A window that is neither a duration, an instant, nor two instants."""

    def __init__(self, window: str) -> None:
        super().__init__(
            f"The window {window!r} cannot be read. Give a duration (90m, 3h, 3w), an ISO 8601 instant, or two as A/B."
        )
        self.window = window


class UnknownDemoError(EcsNotebookError):
    """A demo incident was asked for by a name that does not exist."""

    def __init__(self, name: str, available: Iterable[str]) -> None:
        choices = ", ".join(sorted(available))
        super().__init__(f"No demo incident is named {name!r}. Choose one of: {choices}.")
        self.name = name


class AccessError(EcsNotebookError):
    """AWS cannot be called at all: no credentials, no region, an expired session, an unreachable endpoint."""


class NotFoundError(EcsNotebookError):
    """The cluster or the service does not exist in this account and region."""

    def __init__(self, kind: str, name: str, *, where: str, existing: Iterable[str] = ()) -> None:
        existing = sorted(existing)
        near = get_close_matches(name, existing, n=3, cutoff=0.5) or existing[:5]
        hint = f" Did you mean: {', '.join(near)}?" if near else " Check the name, the region and the profile."
        super().__init__(f"No {kind} is named {name!r} in {where}.{hint}")
        self.kind = kind
        self.name = name
        self.near = tuple(near)


class SnapshotError(EcsNotebookError):
    """A file that is not a snapshot, or one that is damaged, foreign, newer than this version, or hostile."""

    def __init__(self, path: object, what: str, *, advice: str = "Collect the incident again.") -> None:
        super().__init__(f"{path} cannot be opened as a snapshot: {what}. {advice}")
        self.path = str(path)
        self.what = what


class StoreError(EcsNotebookError):
    """A store of history that cannot be read or written."""

    def __init__(self, location: object, what: str, *, advice: str = "Check --store.") -> None:
        super().__init__(f"The store {str(location)!r} cannot be used: {what}. {advice}")
        self.location = str(location)


class MissingExtraError(EcsNotebookError):
    """A part of the kit was asked for whose libraries are not installed."""

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
