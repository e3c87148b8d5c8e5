"""Data files that are read once after each change, and not in each run: Python's `__pycache__` keeps what they hold."""

from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, cast


def read_compiled(source: Path, read: Callable[[bytes], Any], *, beside: Path, mark: int = 0) -> Any:
    """Return what `read` makes of a data file: literals of Python, of which the caller gets new ones each time.

    Parameters
    ----------
    beside
        A name beside which, in `__pycache__`, it is kept; no such file need exist.
    mark
        A number that stands for whatever else the outcome depends on: with another one the file is read anew.
    """
    loader = _Loader(source, read, beside, mark)
    return eval(cast(CodeType, loader.get_code(loader.name)))  # noqa: S307  # one literal, of our own making


class _Loader(SourceFileLoader):
    """Compiles a data file as Python compiles a module.

    `__pycache__` does for it what it does for source, as fast, and by the same rules: by time and size of the file, and
    not where it cannot be written.
    """

    def __init__(self, source: Path, read: Callable[[bytes], Any], beside: Path, mark: int) -> None:
        super().__init__(beside.name, str(beside))
        self._source, self._read, self._mark = source, read, mark

    def path_stats(self, path: str) -> Mapping[str, Any]:  # noqa: ARG002
        """Return time and size of the data file."""
        stats = super().path_stats(str(self._source))
        return {**stats, "mtime": int(stats["mtime"]) ^ self._mark}

    def get_data(self, path: str) -> bytes:
        """Return the data file, or what was compiled of it."""
        return super().get_data(str(self._source) if path == self.path else path)

    def source_to_code(self, data: Any, path: Any, **_optimize: Any) -> CodeType:  # type: ignore[override]
        """Return what the file holds as the code of one literal."""
        return compile(repr(self._read(bytes(data))), path, "eval")
