"""What all handlers share: pages, and identifiers given as a name or an ARN.

Handlers answer with the tables' own rows: the wire writes them out before anything else may change them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ecs_notebook_lib.simulate.wire import AWSError, Call

Handler = Callable[[Call], Mapping[str, Any]]


def page(call: Call, rows: Sequence[Any], *, limit: int) -> tuple[list[Any], dict[str, str]]:
    """Return one page of rows and the member that leads to the next one; a token is the offset, as text."""
    offset = _offset(call.params.get("nextToken"))
    following = offset + limit
    more = {"nextToken": f"offset-{following}"} if following < len(rows) else {}
    return list(rows[offset:following]), more


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    number = token.removeprefix("offset-")
    if not number.isdecimal():
        raise AWSError("InvalidParameterException", "Invalid token.")
    return int(number)


def named(name_or_arn: str) -> str:
    """Return the last part of an ARN, or the name itself."""
    return name_or_arn.rpartition("/")[2]


def at_most(values: Sequence[Any], limit: int, member: str) -> None:
    """Refuse a list that is longer than AWS takes.

    Raises
    ------
    AWSError
        InvalidParameterException, as ECS words it.
    """
    if len(values) > limit:
        raise AWSError("InvalidParameterException", f"{member} can have at most {limit} items.")
