"""The key of a store's masked values: it stays outside the store, so that who reads the store cannot try candidates."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

_BYTES = 32


def key_of(location: str) -> bytes:
    """Return the key of a store, making it at first use, readable by its owner only.

    It is kept under `$XDG_STATE_HOME` (`~/.local/state`), by a digest of the store's location. Equal values have
    equal hashes where the key is the same: two machines that record to one store should be given the same file.
    """
    path = _folder() / hashlib.sha256(location.encode()).hexdigest()[:32]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    if not path.exists():
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
        with suppress(FileExistsError):
            os.link(partial, path)  # the first of two that start at once wins
        partial.unlink()
    return path.read_bytes()


def _folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ecs-notebook" / "store-keys"
