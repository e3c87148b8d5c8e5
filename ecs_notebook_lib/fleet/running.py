"""A run over a fleet: first looks and readings side by side, diagnoses as soon as they can be made."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.fleet.examining import collect, examine
from ecs_notebook_lib.fleet.journal import Journal
from ecs_notebook_lib.fleet.model import Examined, ServiceName
from ecs_notebook_lib.fleet.places import Place
from ecs_notebook_lib.fleet.result import Fleet
from ecs_notebook_lib.fleet.sweep import Swept, sweep
from ecs_notebook_lib.report.naming import incident_name
from ecs_notebook_lib.snapshot import Snapshot, save_snapshot

SNAPSHOTS = "snapshots"
READERS = 4
"""Services that are read at once: each takes up to sixteen calls side by side."""

_SWEEPERS = 8
_BACKLOG = 8
"""Snapshots that wait for their diagnosis: more would only fill the memory."""

Tell = Callable[[Examined], None]


def where(place: Place, cluster: str) -> str:
    """Return what a cluster is called in the journal."""
    return f"{place} {cluster}"


class Run:
    """One run, or what is left of it; `fleet` is filled as results come.

    Parameters
    ----------
    folder
        Where the journal and the snapshots of the suspected services are kept.
    executor
        Where diagnoses are made: threads of this process, or a Dask cluster. Readings stay here, for the rates of an
        account are kept in one process, and no credentials leave it.
    """

    def __init__(
        self, fleet: Fleet, *, folder: Path, journal: Journal, executor: Executor, since: datetime, tell: Tell
    ) -> None:
        self.fleet = fleet
        self._folder, self._journal, self._executor = folder, journal, executor
        self._since, self._tell = since, tell
        self._waiting: deque[tuple[Place, ServiceName]] = deque()
        self._handlers: dict[Future[Any], Callable[[Future[Any]], None]] = {}
        self._reading = self._diagnosing = 0

    def go(self, clusters: Iterable[tuple[Place, str]], *, done: Iterable[str] = ()) -> Fleet:
        """Look at the clusters, those excepted in which it has looked, and diagnose every suspected service.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        looked = set(done)
        listed = list(clusters)
        places = {(place.account, place.region): place for place, _ in listed}
        for name in self.fleet.suspected:
            if name not in self.fleet.examined and (name.account, name.region) in places:
                self._waiting.append((places[name.account, name.region], name))
        with ThreadPoolExecutor(_SWEEPERS) as sweepers, ThreadPoolExecutor(READERS) as readers:
            try:
                for place, cluster in listed:
                    if where(place, cluster) not in looked:
                        future = sweepers.submit(sweep, place, cluster, since=self._since)
                        self._handlers[future] = self._on_swept(place, cluster)
                self._follow(readers)
            except BaseException:
                for future in self._handlers:
                    future.cancel()
                raise
        return self.fleet

    def _follow(self, readers: Executor) -> None:
        while self._handlers or self._waiting:
            while self._waiting and self._reading < READERS and self._diagnosing < _BACKLOG:
                self._read(readers, *self._waiting.popleft())
            ended, _ = wait(self._handlers, return_when=FIRST_COMPLETED)
            for future in ended:
                self._handlers.pop(future)(future)

    def _on_swept(self, place: Place, cluster: str) -> Callable[[Future[Swept]], None]:
        def handle(future: Future[Swept]) -> None:
            try:
                swept = future.result()
            except EcsNotebookError as error:
                swept = Swept.failed(cluster, f"{cluster} ({place})", str(error))
            self._journal.swept(where(place, cluster), swept)
            self.fleet.triaged |= {row.name: row for row in swept.services}
            self.fleet.unread += swept.unread
            self.fleet.calls += swept.calls
            self._waiting.extend((place, row.name) for row in swept.services if row.suspected)

        return handle

    def _read(self, readers: Executor, place: Place, name: ServiceName) -> None:
        self._reading += 1
        future = readers.submit(self._collected, place, name)
        self._handlers[future] = lambda ended: self._on_read(name, ended)

    def _collected(self, place: Place, name: ServiceName) -> tuple[Snapshot, str]:
        snapshot = collect(place, name)
        path = self._folder / SNAPSHOTS / f"{name.account}--{name.region}--{incident_name(snapshot)}.zip"
        save_snapshot(snapshot, path)
        return snapshot, str(path.relative_to(self._folder))

    def _on_read(self, name: ServiceName, future: Future[tuple[Snapshot, str]]) -> None:
        self._reading -= 1
        try:
            snapshot, path = future.result()
        except EcsNotebookError as error:
            self._keep(Examined(name, error=str(error)))
            return
        self._diagnosing += 1
        diagnosis = self._executor.submit(examine, snapshot, name)
        self._handlers[diagnosis] = lambda ended: self._on_diagnosed(name, path, ended)

    def _on_diagnosed(self, name: ServiceName, path: str, future: Future[Examined]) -> None:
        self._diagnosing -= 1
        error = future.exception()
        if error is None:
            self._keep(replace(future.result(), snapshot=path))
        elif isinstance(error, Exception):  # a bug in one diagnosis must not cost the others
            self._keep(Examined(name, snapshot=path, error=f"the diagnosis failed: {type(error).__name__}: {error}"))
        else:
            raise error

    def _keep(self, examined: Examined) -> None:
        self._journal.examined(examined)
        self.fleet.examined[examined.name] = examined
        self._tell(examined)
