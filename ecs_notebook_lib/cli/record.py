"""`ecs-notebook record`: keep what AWS forgets in a store, until it is stopped."""

import argparse
import sys
import time
from datetime import UTC, datetime
from importlib.util import find_spec

from ecs_notebook_lib.collect import Access, Clients, open_clients
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.errors import EcsNotebookError, MissingExtraError
from ecs_notebook_lib.history.key import key_of
from ecs_notebook_lib.history.recorder import Polled, Recorder
from ecs_notebook_lib.history.store import Store, open_store
from ecs_notebook_lib.untrusted import visible

_WORDS = {
    "service": ("service", "services"),
    "deployment": ("state of a deployment", "states of deployments"),
    "service_event": ("event", "events"),
    "task": ("state of a task", "states of tasks"),
    "target": ("state of a target", "states of targets"),
}


def run(options: argparse.Namespace) -> int:
    """Record until interrupted; what a line on stderr tells as kept is in the store by then."""
    clients = open_clients(Access(options.profile, options.region, options.role_arn, options.endpoint_url))
    store = open_store(options.store, clients)
    if options.compact:
        return _compact(store)
    if not options.cluster:
        options.parser.error("--cluster is missing: which cluster is to be recorded?")
    return _Recording(options, clients, store).run()


def _compact(store: Store) -> int:
    if find_spec("duckdb") is None:
        raise MissingExtraError("record --compact", extra="history")
    from ecs_notebook_lib.history.compacting import compact

    for done in compact(store, before=datetime.now(UTC).date()):
        name = f"{done.partition.cluster} in {done.partition.region}, {done.day}"
        sys.stdout.write(visible(f"{name}: {done.files} files made one, {done.rows} of {done.rows_before} rows\n"))
    return 0


class _Recording:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, clients: Clients, store: Store) -> None:
        self._options = options
        masker = Masker(key_of(store.files.location))
        services = list(dict.fromkeys(options.services))
        self._recorder = Recorder(clients, store, options.cluster, services, masker=masker)
        self._refused: tuple[str, ...] = ()

    def run(self) -> int:
        """Look, tell, sleep; a store that cannot be written is tried again at the next look."""
        while True:
            began = time.monotonic()
            pause = self._options.poll
            try:
                polled = self._recorder.poll()
                self._tell(polled)
                pause = max(pause, polled.shortest_pause)
            except (EcsNotebookError, OSError) as error:
                if self._options.once or self._recorder.polls == 0:
                    raise
                self._say(f"this look was lost, the next one tries again: {error}")
            if self._options.once:
                return 0
            time.sleep(max(0.0, began + pause - time.monotonic()))

    def _tell(self, polled: Polled) -> None:
        if polled.refused != self._refused:
            for line in polled.refused:
                self._say(f"refused, so nothing is kept of it: {line}")
            self._refused = polled.refused
        if polled.kept and not self._options.quiet:
            words = (f"{n} {_WORDS[kind][n != 1]}" for kind, n in sorted(polled.kept.items()))
            self._say(f"kept {', '.join(words)}")

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {visible(' '.join(text.split()))}\n")
        sys.stderr.flush()
