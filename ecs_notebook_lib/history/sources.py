"""Where kept events are read from: files, S3, a log group. Nothing is held but the piece that is read."""

from collections.abc import Iterator
from datetime import datetime
from glob import glob, has_magic
from pathlib import Path

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.stored import PIECE, log_messages, object_names, object_pieces
from ecs_notebook_lib.errors import EventSourceError
from ecs_notebook_lib.history.splitting import split_objects
from ecs_notebook_lib.history.unpacking import DamagedArchiveError, unpacked

BUCKET = "s3://"
LOG_GROUP = "log-group:"
_GRAMMAR = "Give a file, a folder, a pattern of files, s3://BUCKET/PREFIX or log-group:NAME."


def needs_aws(text: str) -> bool:
    """Say whether AWS is called to read this: files need neither credentials nor a region."""
    return text.startswith((BUCKET, LOG_GROUP))


def open_events(text: str, clients: Clients | None, window: tuple[datetime, datetime]) -> Iterator[bytes | str]:
    """Yield what `rows_of_lines` takes: the events kept in a place, in its own order.

    Parameters
    ----------
    text
        A file, a folder (all files below it), a pattern of files, `s3://BUCKET/PREFIX` or `log-group:NAME`.
    clients
        Not needed for files.
    window
        What a log group is asked for. Of a bucket, objects that were finished before it are left out; an event that
        a file holds is yielded whenever it happened.

    Raises
    ------
    EventSourceError
        If there is no such place, or it cannot be read.
    AccessError
        If AWS cannot be called at all.
    """
    if not needs_aws(text):
        return _of_files(_files(text))
    if clients is None:
        raise EventSourceError(text, "it is kept by AWS, and there is no session", advice="Set credentials and region.")
    begin, end = window
    bucket, _, prefix = text.removeprefix(BUCKET).partition("/")
    if not (text.removeprefix(LOG_GROUP) and bucket):
        raise EventSourceError(text, "it names nothing", advice=_GRAMMAR)
    if text.startswith(BUCKET):
        return _of_bucket(clients, bucket, prefix, begin)
    return iter(log_messages(clients, text.removeprefix(LOG_GROUP), begin=begin, end=end))


def _of_files(files: list[Path]) -> Iterator[bytes]:
    for path in files:
        yield from _objects(path, _file_pieces(path))


def _files(text: str) -> list[Path]:
    path = Path(text).expanduser()
    found = [path] if path.exists() or not has_magic(text) else [Path(name) for name in glob(str(path), recursive=True)]
    files = sorted(file for place in found for file in (place.rglob("*") if place.is_dir() else [place]))
    files = [file for file in files if not file.is_dir() and not _is_hidden(file, path)]
    if not text or not files or not all(file.exists() for file in files):
        raise EventSourceError(text, "there is no such file", advice=_GRAMMAR)
    return files


def _is_hidden(file: Path, root: Path) -> bool:
    return file != root and file.name.startswith(".")


def _file_pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise EventSourceError(path, error.strerror or "it cannot be opened", advice=_GRAMMAR) from error


def _of_bucket(clients: Clients, bucket: str, prefix: str, since: datetime) -> Iterator[bytes]:
    for key in object_names(clients, bucket, prefix, since=since):
        yield from _objects(f"{BUCKET}{bucket}/{key}", object_pieces(clients, bucket, key))


def _objects(place: object, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from split_objects(unpacked(pieces))
    except DamagedArchiveError as error:
        raise EventSourceError(
            place, f"it is damaged gzip: {error}", advice="Copy it again, or leave it out."
        ) from error
