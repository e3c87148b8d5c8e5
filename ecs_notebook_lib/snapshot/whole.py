"""What of an answer can be used: a thing without the members that AWS always sends with it is left out, and told.

Pages are kept as AWS said them. Whoever reads one reads it through here, so that a row of AWS is known to have its
name; an answer that lost a row is one that AWS refused in part, with the code `IncompleteAnswer`: a gap like any other.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from ecs_notebook_lib.knowledge.operations import every_operation

INCOMPLETE = "IncompleteAnswer"
_LIST = "[]"


@cache
def _always(operation: str) -> Mapping[str, tuple[str, ...]]:
    row = every_operation().get(operation)
    return {path: tuple(path.split(".")) for path in (row.always if row else ())}


def whole(operation: str, response: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return what can be used of an answer, and the error that tells what it lacks; None where there is no such part.

    Of the innermost list on the way to a member that is absent the element is left out; without a list on the way
    nothing of the answer can be used. Nor can it be where a document in it is no JSON. What is given is not changed.
    """
    kept: Any = response
    lacking = []
    for path, steps in _always(operation).items():
        before, kept = kept, _whole(kept, steps)
        if kept is not before:
            lacking.append(path)
        if kept is None:
            break
    if lacking:
        return kept, incomplete(f"AWS's answer lacks {', '.join(lacking)}")
    unreadable = [name for name in _documents(operation) if not _can_be_read(response.get(name))]
    if unreadable:
        return None, incomplete(f"AWS's answer holds what is no JSON document: {', '.join(unreadable)}")
    return kept, None


@cache
def _documents(operation: str) -> tuple[str, ...]:
    row = every_operation().get(operation)
    return row.documents if row else ()


def _can_be_read(document: Any) -> bool:
    try:
        return not isinstance(document, str) or isinstance(orjson.loads(document), dict)
    except orjson.JSONDecodeError:
        return False


def whole_record(operation: str, record: dict[str, Any]) -> dict[str, Any]:
    """Return a page at rest with what can be used of it; an error that AWS itself gave stays."""
    response, error = record["response"], record["error"]
    if response is not None:
        response, lacking = whole(operation, response)
        error = error or lacking
    elif error is None:
        error = incomplete("The page holds neither an answer nor an error")
    return record | {"response": response, "error": error}


def incomplete(message: str) -> Mapping[str, Any]:
    """Return the error of an answer that is not whole, in the form in which a page keeps AWS's errors."""
    return {"code": INCOMPLETE, "message": message, "status": None}


def without_nulls(value: Any) -> Any:
    """Return a value without null members and elements: AWS's own answers have none, and absent says the same."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def _whole(value: Any, steps: tuple[str, ...]) -> Any:
    """Return a structure without the elements that lack what `steps` lead to, itself if none does, None if it does."""
    step, *rest = steps
    name = step.removesuffix(_LIST)
    below = value.get(name)
    if step.endswith(_LIST):
        kept = [(item, _whole(item, tuple(rest))) for item in below or ()]
        if all(item is same for item, same in kept):
            return value
        return {**value, name: [same for _, same in kept if same is not None]}
    if below is None or not rest:
        return value if below is not None else None
    same = _whole(below, tuple(rest))
    return value if same is below else None if same is None else {**value, name: same}
