"""Reading the TOML tables that stand beside this module, once each."""

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any


def read_table(name: str) -> dict[str, Any]:
    """Return the table `knowledge/<name>.toml`; the caller must not change it."""
    return _REPLACED[name] if name in _REPLACED else _read(name)


_REPLACED: dict[str, dict[str, Any]] = {}


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


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
