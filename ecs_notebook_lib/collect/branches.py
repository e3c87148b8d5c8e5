"""Branches of one run: each begins as soon as what it needs is known, and none waits for anything else."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")
_MOST_AT_ONCE = 32


class Branches:
    """Follows branches side by side, in threads; leaving it waits for all, and raises the first error of one.

    What a branch needs was begun before it, so that the oldest one can always go on, however few threads there are.
    """

    def __init__(self) -> None:
        self._workers = ThreadPoolExecutor(max_workers=_MOST_AT_ONCE)
        self._begun: list[Future[Any]] = []

    def begin(
        self, work: Callable[..., Result], *needs: Future[Any], after: Iterable[Future[Any]] = ()
    ) -> Future[Result]:
        """Call `work` with the results of `needs` once they are all there, and `after` is done, too.

        An error of one of them becomes its own.
        """

        def follow() -> Result:
            results = [need.result() for need in needs]
            for other in after:
                other.result()
            return work(*results)

        future = self._workers.submit(follow)
        self._begun.append(future)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._workers.shutdown(cancel_futures=kind is not None)
        if error is None:
            for future in self._begun:
                future.result()
