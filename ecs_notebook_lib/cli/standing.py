"""How a wait stands, on a terminal: changes scroll by above a line for each service whose clock runs."""

import time
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.wait import Result
from ecs_notebook_lib.wait.telling import clock_text

_A_SECOND = 2
"""Redraws a second: a clock that shows seconds needs no more."""


class Standing:
    """Shows on stderr; what came from AWS or a container is shown as text, never as markup or control characters."""

    def __init__(self, *, color: bool) -> None:
        self._console = Console(stderr=True, no_color=not color, highlight=False)
        self._rows: dict[str, tuple[Result, str, float]] = {}
        self._live = Live(self, console=self._console, refresh_per_second=_A_SECOND, transient=True)

    def __enter__(self) -> "Standing":
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def write(self, lines: Iterable[str]) -> None:
        """Let lines scroll by."""
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def show(self, result: Result, counts: str) -> None:
        """Show how a service stands from now on, with the counts of its deployment."""
        self._rows[result.name] = result, counts, time.monotonic()
        self._live.refresh()

    def __rich__(self) -> Group:
        """Return what is drawn: called at each redraw."""
        return Group(*(_row(*row) for row in self._rows.values()))


def _row(result: Result, counts: str, looked: float) -> Text:
    elapsed = result.elapsed
    now = None if elapsed is None or result.verdict.settled else elapsed + time.monotonic() - looked
    span = clock_text(elapsed if now is None else now)
    if result.shortest:
        span += f" of at least {clock_text(result.shortest)}"
    state = result.verdict.outcome if result.verdict.settled else counts or "waiting for the deployment to be seen"
    return Text(visible(f"{span}  {result.name}: {state}"), style="bold", no_wrap=True, overflow="ellipsis")
