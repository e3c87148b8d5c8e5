"""Faster ways for botocore to read its service models and the times in answers: half of what a short run computes."""

import gzip
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import JSONFileLoader, Loader, create_loader, instance_cache
from botocore.utils import parse_timestamp


def read_fast(session: Any) -> None:
    """Let the clients that a boto3 session makes from now on read models and times in our way."""
    core = session._session  # boto3 has no public way to its components
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_instant)


@cache
def _loader(data_path: str | None) -> Any:
    """Return one loader for all sessions: each would read the same files again."""
    places = create_loader(data_path).search_paths
    return _Loader(places, file_loader=_OrjsonFileLoader(), include_default_search_paths=False)


class _Loader(Loader):  # type: ignore[misc]  # botocore has no types
    """Finds services by their folders; botocore's looks into each of some 400 folders, once for each kind of file."""

    @instance_cache  # type: ignore[untyped-decorator]
    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        """Return the services of which there is a folder; what is not in it is missed when it is asked for."""
        places = filter(Path.is_dir, map(Path, self.search_paths))
        return sorted({folder.name for place in places for folder in place.iterdir()})


class _OrjsonFileLoader(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """Reads a model with orjson, which takes a third of the time that `json` does."""

    def load_file(self, file_path: str) -> Any:
        """Return what stands in the file, plain or packed, of this name without its ending; None if there is none."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return orjson.loads(plain.read_bytes())
        return orjson.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


def _instant(value: Any) -> datetime:
    """Return the time that AWS writes as a number of seconds or in ISO 8601; botocore's own way asks dateutil."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = None
    return instant if instant is not None and instant.tzinfo is not None else parse_timestamp(value)
