"""`ecs-notebook record`: keep what AWS forgets in a store, until it is stopped."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import islice

from ecs_notebook_lib.collect import Access, Caller, Clients, open_clients
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.errors import EcsNotebookError, MissingExtraError
from ecs_notebook_lib.history.events import Tally, rows_of_lines
from ecs_notebook_lib.history.keeping import kept_by_aws
from ecs_notebook_lib.history.key import key_of
from ecs_notebook_lib.history.recorder import Polled, Recorder
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.setting_up import setup_commands
from ecs_notebook_lib.history.sources import needs_aws, open_events
from ecs_notebook_lib.history.store import Store, open_store
from ecs_notebook_lib.source import parse_window
from ecs_notebook_lib.untrusted import visible

_WORDS = {
    "service": ("service", "services"),
    "deployment": ("state of a deployment", "states of deployments"),
    "service_event": ("event", "events"),
    "task": ("state of a task", "states of tasks"),
    "target": ("state of a target", "states of targets"),
    "container_instance": ("state of a container instance", "states of container instances"),
    "service_action": ("service action", "service actions"),
    "deployment_event": ("state of a deployment", "states of deployments"),
}
_ROWS_AT_ONCE = 20_000


def run(options: argparse.Namespace) -> int:
    """Record until interrupted; what a line on stderr tells as kept is in the store by then."""
    if options.compact or options.from_events:
        in_aws = any(map(needs_aws, [options.store, *options.from_events]))
        clients = _clients(options) if in_aws else None
        store = open_store(options.store, clients)
        return _compact(store) if options.compact else _keep_events(options, clients, store)
    if not options.cluster:
        options.parser.error("--cluster is missing: which cluster is to be recorded?")
    return _Recording(options, _clients(options)).run()


def _clients(options: argparse.Namespace) -> Clients:
    return open_clients(Access(options.profile, options.region, options.role_arn, options.endpoint_url))


def _compact(store: Store) -> int:
    if find_spec("duckdb") is None:
        raise MissingExtraError("record --compact", extra="history")
    from ecs_notebook_lib.history.compacting import compact

    for done in compact(store, before=datetime.now(UTC).date()):
        name = f"{done.partition.cluster} in {done.partition.region}, {done.day}"
        sys.stdout.write(visible(f"{name}: {done.files} files made one, {done.rows} of {done.rows_before} rows") + "\n")
    return 0


def _keep_events(options: argparse.Namespace, clients: Clients | None, store: Store) -> int:
    """Keep what is in files, buckets and log groups; 1 if nothing in them was an event of ECS."""
    tally, masker = Tally(), Masker(key_of(store.files.location))
    window = parse_window(options.window, as_of=datetime.now(UTC))
    rows = (
        row
        for place in options.from_events
        for row in rows_of_lines(open_events(place, clients, window), masker=masker, tally=tally)
    )
    wanted = _of_cluster(rows, options.cluster.rpartition("/")[2], tally)
    kept: Counter[str] = Counter()
    while batch := list(islice(wanted, _ROWS_AT_ONCE)):
        store.keep(batch)
        kept.update(row.kind for row in batch)
        if not options.quiet:
            _say(f"kept {_counted(kept)}")
    for line in tally.told():
        _say(line)
    if not kept:
        _say("there was no event of ECS in what was read, so nothing is kept")
    return int(not kept)


def _of_cluster(rows: Iterator[Row], cluster: str, tally: Tally) -> Iterator[Row]:
    """Yield the rows of a cluster, or of all; an event that names none is of the one that was asked for."""
    for row in rows:
        if not (row.cluster or cluster):
            tally.leave_out("events that name no cluster, and --cluster is not given", row.key)
        elif cluster in ("", row.cluster) or not row.cluster:
            yield replace(row, cluster=row.cluster or cluster)


def _counted(kept: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {_WORDS[kind][number != 1]}" for kind, number in sorted(kept.items()))


def _say(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {visible(' '.join(text.split()))}\n")
    sys.stderr.flush()


class _Recording:
    """One run of the command that looks again and again."""

    def __init__(self, options: argparse.Namespace, clients: Clients) -> None:
        self._options = options
        self._clients = clients
        store = open_store(options.store, clients)
        masker = Masker(key_of(store.files.location))
        services = list(dict.fromkeys(options.services))
        self._recorder = Recorder(clients, store, options.cluster, services, masker=masker)
        self._refused: tuple[str, ...] = ()

    def run(self) -> int:
        """Look, tell, sleep; a look that is lost, for whatever reason of AWS or the store, is followed by the next."""
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
                _say(f"this look was lost, the next one tries again: {error}")
            if self._recorder.polls == 1 and not self._options.quiet:
                self._tell_of_aws()
            if self._options.once:
                return 0
            time.sleep(max(0.0, began + pause - time.monotonic()))

    def _tell(self, polled: Polled) -> None:
        if polled.refused != self._refused:
            for line in polled.refused:
                _say(f"refused, so nothing is kept of it: {line}")
            self._refused = polled.refused
        if polled.kept and not self._options.quiet:
            _say(f"kept {_counted(polled.kept)}")

    def _tell_of_aws(self) -> None:
        """Say, once, whether AWS keeps these events itself, which a recorder cannot do better."""
        keeping = kept_by_aws(Caller(self._clients), self._options.cluster)
        for keeper in keeping.keepers:
            _say(keeper.line)
        for unknown in keeping.unknown:
            _say(f"not known: {unknown}")
        if keeping.is_off and self._recorder.partition is not None:
            where = self._recorder.partition
            _say("AWS keeps none of this cluster's events; this set-up, once, loses nothing even while nobody records:")
            for command in setup_commands(where.cluster, where.region, where.account):
                sys.stderr.write(f"  {visible(command)}\n")
