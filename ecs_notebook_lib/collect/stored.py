"""Events where AWS keeps them, read piece by piece: the objects of a bucket, the lines of a log group.

IAM actions: `s3:ListBucket`, `s3:GetObject`, `logs:FilterLogEvents`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_notebook_lib.collect.access import Clients
from ecs_notebook_lib.collect.logs import milliseconds
from ecs_notebook_lib.errors import AccessError, EventSourceError

PIECE = 1 << 20
_ABSENT = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such object",
    "ResourceNotFoundException": "there is no such log group",
}
_DENIED = ("AccessDenied", "AccessDeniedException")
_CHECK = "Check the name, the region and the profile."


def object_names(clients: Clients, bucket: str, prefix: str, *, since: datetime) -> Iterator[str]:
    """Yield the keys below a prefix that were written to since a time, in the order of their keys.

    What was written before `since` holds no event that came after it.
    """
    place = f"s3://{bucket}/{prefix}"
    with _readable(place, "s3:ListBucket"):
        pages = clients.get("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = False
        for row in (row for page in pages for row in page.get("Contents", ())):
            found = True
            if row["Size"] and row["LastModified"] >= since:
                yield str(row["Key"])
    if not found:
        raise EventSourceError(place, "no object's key begins so", advice="Check the prefix.")


def object_pieces(clients: Clients, bucket: str, key: str) -> Iterator[bytes]:
    """Yield the bytes of an object, piece by piece."""
    with _readable(f"s3://{bucket}/{key}", "s3:GetObject"):
        yield from clients.get("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(PIECE)


def log_messages(clients: Clients, group: str, *, begin: datetime, end: datetime) -> Iterator[str]:
    """Yield the messages of a log group in a window: an empty page that has a token is not the end."""
    span: dict[str, Any] = {"startTime": milliseconds(begin), "endTime": milliseconds(end)}
    with _readable(f"log-group:{group}", "logs:FilterLogEvents"):
        pages = clients.get("logs").get_paginator("filter_log_events").paginate(logGroupName=group, **span)
        for page in pages:
            yield from (event["message"] for event in page.get("events", ()))


@contextmanager
def _readable(place: str, action: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = str(details.get("Code", "")), str(details.get("Message", ""))
        if code in _DENIED:
            raise EventSourceError(place, f"AWS refuses {action} ({code})", advice=f"Allow {action} on it.") from error
        raise EventSourceError(place, _ABSENT.get(code, f"{code}: {message}"), advice=_CHECK) from error
    except BotoCoreError as error:
        raise AccessError(f"{place} cannot be read: {error}. Check credentials, region and network.") from error
