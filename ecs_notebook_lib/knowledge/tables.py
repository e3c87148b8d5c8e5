"""Reading the TOML tables that stand beside this module, once each."""

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ecs_notebook_lib.compiled import read_compiled


def read_table(name: str) -> dict[str, Any]:
    """Return the table `knowledge/<name>.toml`; the caller must not change it."""
    return _REPLACED[name] if name in _REPLACED else _read(name)


_REPLACED: dict[str, dict[str, Any]] = {}


@cache
def _read(name: str) -> dict[str, Any]:
    source = Path(__file__).with_name(f"{name}.toml")
    # Of another name than the module's: `messages.toml` and `messages.py` must not share one in `__pycache__`.
    table: dict[str, Any] = read_compiled(source, _parse, beside=source.with_name(f"{name}.toml.py"))
    return table


def _parse(text: bytes) -> dict[str, Any]:
    return tomllib.loads(text.decode())


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
