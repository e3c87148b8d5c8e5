"""Reading the TOML tables that stand beside this module, once each."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, cast


def read_table(name: str) -> dict[str, Any]:
    """Return the table `knowledge/<name>.toml`; the caller must not change it."""
    return _REPLACED[name] if name in _REPLACED else _read(name)


_REPLACED: dict[str, dict[str, Any]] = {}


@cache
def _read(name: str) -> dict[str, Any]:
    code = cast(CodeType, _TableLoader(name, f"{Path(__file__).with_name(name)}.toml{_AS_MODULE}").get_code(name))
    table: dict[str, Any] = eval(code)  # noqa: S307  # one literal, of `_TableLoader`'s own making
    return table


_AS_MODULE = ".py"
"""Ends a table's name in `__pycache__`, so that `messages.toml` and `messages.py` do not share one."""


class _TableLoader(SourceFileLoader):
    """Compiles a table as Python compiles a module: it is parsed after each change, and not in each run.

    Parsing all tables takes longer than a command may; `__pycache__` does for them what it does for source, as fast,
    and by the same rules: by time and size of the file, and not where it cannot be written.
    """

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Return time and size of the TOML file."""
        return super().path_stats(path.removesuffix(_AS_MODULE))

    def get_data(self, path: str) -> bytes:
        """Return the TOML file, or what was compiled of it."""
        return super().get_data(path.removesuffix(_AS_MODULE))

    def source_to_code(self, data: Any, path: Any, **_optimize: Any) -> CodeType:  # type: ignore[override]
        """Return the table as the code of one literal."""
        return compile(repr(tomllib.loads(bytes(data).decode())), path, "eval")


@contextmanager
def replaced(name: str, table: dict[str, Any], *, computed: Iterable[Any]) -> Iterator[None]:
    """Let another table stand for one of these, as fitting does; `computed` are cached functions that read it."""
    caches = tuple(computed)
    _REPLACED[name] = table
    try:
        for function in caches:
            function.cache_clear()
        yield
    finally:
        del _REPLACED[name]
        for function in caches:
            function.cache_clear()
