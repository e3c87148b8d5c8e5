"""Where tasks run: threads of this process, or the workers of a Dask scheduler that somebody has started."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecs_notebook_lib.errors import MissingExtraError, SchedulerError
from ecs_notebook_lib.version import __version__

if TYPE_CHECKING:
    from distributed import Client

_SCHEMES = ("tcp", "tls")
_TIMEOUT = 10
"""Seconds in which a scheduler must answer, and in which its first worker must be there."""

_RETRIES = 3
"""How often a task is run again that failed with its worker; a worker that is killed costs its tasks none of them."""


@contextmanager
def open_executor(address: str, workers: int) -> Iterator[Executor]:
    """Yield what runs tasks: `workers` threads of this process, or the workers of the scheduler at `address`.

    Of what a worker has done when it dies nothing is lost: its tasks run again on the others.

    Parameters
    ----------
    address
        Empty, or `tcp://HOST:PORT` (`tls://…`, by Dask's own configuration) of a Dask scheduler.
    workers
        Threads, if there is no scheduler.

    Raises
    ------
    MissingExtraError
        If a scheduler is named, and Dask is not installed.
    SchedulerError
        If it cannot be reached, has no workers, or one of them has not this version of the kit.
    """
    if not address:
        threads = ThreadPoolExecutor(workers)
        with _ended(threads, cancel=partial(threads.shutdown, cancel_futures=True)):
            yield threads
        return
    with connected(address) as client:
        executor = client.get_executor(pure=False, retries=_RETRIES)
        with _ended(executor, cancel=partial(executor.shutdown, wait=False)):  # which cancels what runs, too
            yield executor


@contextmanager
def _ended(executor: Executor, *, cancel: Callable[[], None]) -> Iterator[None]:
    """Wait for what was submitted; after an error, or an interrupt, cancel it."""
    try:
        yield
    except BaseException:
        cancel()
        raise
    executor.shutdown()


@contextmanager
def connected(address: str) -> Iterator["Client"]:
    """Yield a client of the scheduler at `address`; while it is open, Dask computes everything there.

    Raises
    ------
    MissingExtraError, SchedulerError
        As `open_executor`.
    """
    if find_spec("distributed") is None:
        raise MissingExtraError("--scheduler", extra="fleet")
    if not _is_address(address):
        raise SchedulerError(address, "it is no address of one", advice="Give tcp://HOST:PORT.")
    _greet(address)
    from distributed import Client

    with Client(address, timeout=_TIMEOUT) as client:
        _check(client, address)
        yield client


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in _SCHEMES and bool(parts.hostname and parts.port)
    except ValueError:
        return False


def _greet(address: str) -> None:
    """Refuse an address at which no scheduler answers: a client would wait for ever for what only takes connections."""
    with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has a loop that runs already
        try:
            kind = thread.submit(asyncio.run, asyncio.wait_for(_kind(address), _TIMEOUT)).result()
        except OSError as error:  # a time-out is one
            raise SchedulerError(address, f"nothing answers in {_TIMEOUT} seconds") from error
    if kind != "Scheduler":
        raise SchedulerError(address, f"it is a {kind}", advice="Give the address of the scheduler.")


async def _kind(address: str) -> str:
    from distributed import rpc

    async with rpc(address) as remote:
        return str((await remote.identity())["type"])


def _check(client: "Client", address: str) -> None:
    """Refuse a scheduler on which no task could run."""
    try:
        client.wait_for_workers(1, timeout=_TIMEOUT)
    except TimeoutError as error:
        raise SchedulerError(address, "it has no workers", advice=f"Start some with: dask worker {address}") from error
    for worker, version in client.run(_version, on_error="return").items():
        if version != __version__:
            found = "has no ecs-notebook-lib" if isinstance(version, Exception) else f"has version {version} of it"
            advice = f"Install ecs-notebook-lib[fleet]=={__version__} where workers run."
            raise SchedulerError(address, f"its worker {worker} {found}, this is {__version__}", advice=advice)


def _version() -> str:
    return __version__
