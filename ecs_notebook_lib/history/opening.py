"""An incident's history from a store: what was seen in its window, and what AWS said at the end of one that is over."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.errors import StoreError
from ecs_notebook_lib.history.key import key_of
from ecs_notebook_lib.history.reading import rows_of_service
from ecs_notebook_lib.history.replay import AsOf, pages_of
from ecs_notebook_lib.history.store import Partition, Store, open_store
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.source import LiveSource, parse_window


@dataclass(frozen=True, slots=True)
class History:
    """What `collect_incident` takes of a store: pages of the past, what answers in place of AWS, and the masker."""

    earlier: tuple[Page, ...]
    past: AsOf | None
    masker: Masker


def history_of(location: str, clients: Clients, source: LiveSource, window: str) -> History:
    """Return what a store holds of a service in a window; one with an end (`A/B`) is opened as of that end.

    Raises
    ------
    StoreError
        If the store cannot be read, or holds nothing of the service in that window.
    WindowError
        If the window cannot be read.
    """
    store = open_store(location, clients)
    partition = _partition(store, clients, source.cluster.rpartition("/")[2])
    span = parse_window(window, as_of=_until(store, partition))
    rows = rows_of_service(store, partition, source.service, span) if partition else []
    masker = Masker(key_of(store.files.location))
    if not rows:
        what = f"it holds nothing of {source.service} in {source.cluster} from {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}"
        raise StoreError(store.files.location, what, advice="Check --window, the names and the region.")
    past = AsOf(rows, span[1]) if "/" in window else None
    if past is not None and past.service() is None:
        what = f"it holds events of {source.service}, but how the service stood was not recorded in that window"
        raise StoreError(store.files.location, what, advice="Give --window without an end: 3w joins them to today.")
    return History(tuple(pages_of(rows, source.cluster)), past, masker)


def _until(store: Store, partition: Partition | None) -> datetime:
    """Return where a window without an end ends: now, or the end of the last day that the store knows."""
    days = store.days(partition) if partition else []
    now = datetime.now(UTC)
    return min([now, *(datetime.combine(day, time.max, UTC) for day in days[-1:])])


def _partition(store: Store, clients: Clients, cluster: str) -> Partition | None:
    """Return where the cluster's rows are; of clusters of one name in several accounts the one of the caller."""
    found = [row for row in store.partitions() if (row.region, row.cluster) == (clients.region, cluster)]
    if len(found) > 1:
        account = _account(clients)
        found = [row for row in found if row.account == account]
    return found[0] if found else None


def _account(clients: Clients) -> Any:
    return clients.get("sts").get_caller_identity()["Account"]
