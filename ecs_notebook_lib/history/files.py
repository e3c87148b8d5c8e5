"""Where a store's files are: a folder, or a prefix in S3. A file is whole or not there."""

import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from pyarrow import fs

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.errors import StoreError
from ecs_notebook_lib.snapshot.disk import names_to_disk

_S3 = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PARTIAL = ".partial"


class Files(Protocol):
    """What a store needs of a place; paths are relative to it, with `/` between their parts."""

    location: str

    def put(self, path: str, content: bytes) -> None:
        """Write a file so that it is whole or not there, also when the machine stops in between."""

    def listed(self, folder: str) -> list[str]:
        """Return the files below a folder, sorted; none if it is not there."""

    def folders(self, folder: str) -> list[str]:
        """Return the folders in a folder, sorted; none if it is not there."""

    def remove(self, path: str) -> None:
        """Remove a file that may be gone already."""

    def filesystem(self) -> tuple[Any, str]:
        """Return the place as pyarrow has it, and what paths in it begin with."""


def files_at(location: str, clients: Clients | None = None) -> Files:
    """Return the place that `location` names: `s3://BUCKET[/PREFIX]`, reached by `clients`, or a folder.

    Raises
    ------
    StoreError
        If it cannot be one.
    """
    if not location.startswith(_S3):
        if "://" in location:
            raise StoreError(location, "only a folder or s3://BUCKET/PREFIX can hold one")
        return Folder(Path(location))
    bucket, _, prefix = location.removeprefix(_S3).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise StoreError(location, f"{bucket!r} is no name of a bucket")
    if clients is None:
        raise StoreError(location, "it is in S3, and no access to AWS was given")
    return Bucket(location, bucket, prefix.strip("/"), clients)


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.location = str(folder)
        self._folder = folder

    def put(self, path: str, content: bytes) -> None:
        """Write under another name, bring it to the disk, then rename."""
        whole = self._folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        partial = whole.with_name(f".{whole.name}{_PARTIAL}")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(whole)
        finally:
            with suppress(FileNotFoundError):
                partial.unlink()
        names_to_disk(whole.parent)

    def listed(self, folder: str) -> list[str]:
        """Return the whole files below a folder."""
        below = self._folder / folder
        paths = (path for path in below.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(path.relative_to(self._folder).as_posix() for path in paths)

    def folders(self, folder: str) -> list[str]:
        """Return the folders in a folder."""
        here = self._folder / folder
        return sorted(path.name for path in here.iterdir() if path.is_dir()) if here.is_dir() else []

    def remove(self, path: str) -> None:
        """Remove a file."""
        with suppress(FileNotFoundError):
            (self._folder / path).unlink()

    def filesystem(self) -> tuple[Any, str]:
        """Return the machine's file system."""
        return fs.LocalFileSystem(), f"{self._folder.absolute().as_posix()}/"


class Bucket:
    """A prefix in S3, where an object is whole or not there."""

    def __init__(self, location: str, bucket: str, prefix: str, clients: Clients) -> None:
        self.location = location
        self._begin = f"{posixpath.join(bucket, prefix)}/"
        self._clients = clients
        self._made: tuple[Any, fs.S3FileSystem] | None = None

    @property
    def _s3(self) -> fs.S3FileSystem:
        """Return the file system under the credentials of now: those of a role are new every hour."""
        settings = self._clients.storage_settings()
        if self._made is None or self._made[0] != settings:
            self._made = settings, fs.S3FileSystem(**settings, allow_delayed_open=True, background_writes=False)
        return self._made[1]

    def put(self, path: str, content: bytes) -> None:
        """Write an object by one PutObject: it is seen when it is complete, and an interrupted one leaves no parts."""
        with self._told(), self._s3.open_output_stream(self._begin + path) as stream:
            stream.write(content)

    def listed(self, folder: str) -> list[str]:
        """Return the objects under a prefix."""
        rows = self._infos(folder, recursive=True)
        return sorted(row.path.removeprefix(self._begin) for row in rows if row.type == fs.FileType.File)

    def folders(self, folder: str) -> list[str]:
        """Return the prefixes under a prefix."""
        rows = self._infos(folder, recursive=False)
        return sorted(row.base_name for row in rows if row.type == fs.FileType.Directory)

    def _infos(self, folder: str, *, recursive: bool) -> list[Any]:
        below = (self._begin + folder).rstrip("/")
        with self._told():
            return list(self._s3.get_file_info(fs.FileSelector(below, allow_not_found=True, recursive=recursive)))

    def remove(self, path: str) -> None:
        """Remove an object."""
        with self._told(), suppress(FileNotFoundError):
            self._s3.delete_file(self._begin + path)

    def filesystem(self) -> tuple[Any, str]:
        """Return S3 as pyarrow has it."""
        return self._s3, self._begin

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what S3 refuses in one line."""
        try:
            yield
        except OSError as error:
            raise StoreError(self.location, f"S3 says: {error}") from error
