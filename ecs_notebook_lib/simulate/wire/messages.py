"""What goes in and out of the simulated AWS: HTTP on one side, a call and its output on the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """One request; `url` is absolute, or a path with its query. Header names are in any case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header by its name in any case; `""` if it was not sent."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


class Ending(StrEnum):
    """What becomes of a response on its way to the caller."""

    WHOLE = "it comes whole"
    RESET = "nothing of it comes, the connection is reset"
    SILENT = "nothing of it comes, the connection stays open until the caller closes it"
    TRUNCATED = "half of its body comes, then the connection is closed"
    SHORTENED = "half of its body comes, declared as all of it"


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes
    ending: Ending = Ending.WHOLE


@dataclass(frozen=True, slots=True)
class Call:
    """One call of AWS: botocore's names of service and operation, and the parameters as the caller gave them."""

    service: str
    operation: str
    params: dict[str, Any]
    region: str
    access_key: str


class AWSError(Exception):
    """An error as AWS answers it: `code`, `message`, HTTP `status`, and the modelled members of the error."""

    def __init__(self, code: str, message: str, *, status: int = 400, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


Dispatch = Callable[[Call], Mapping[str, Any]]
"""Returns the output exactly as boto3 returns it, without ResponseMetadata, or raises AWSError."""
