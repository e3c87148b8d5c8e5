"""Values as a journal keeps them: plain JSON."""

from typing import Any

import orjson


def plain_json(value: Any) -> Any:
    """Return a value of boto3's as plain JSON: times as text, tuples as lists."""
    return orjson.loads(orjson.dumps(value, default=str))
