"""What a program, a sidecar and the start of a task do in a varied world: rows that recipes fill in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.frameworks import Framework
    from ecs_notebook_lib.simulate.model import Task
    from ecs_notebook_lib.simulate.world import World

_SLOT = re.compile(r"\{(\w+)\}")


def fill(text: str, facts: Mapping[str, object]) -> str:
    """Return `text` with each `{name}` that `facts` holds replaced; other braces stay, as in JSON lines."""
    return _SLOT.sub(lambda slot: str(facts.get(slot[1], slot[0])), text)


def always(_world: "World", _task: "Task") -> bool:
    """Say that it happens to every task."""
    return True


def never(_world: "World", _task: "Task") -> bool:
    """Say that it happens to no task."""
    return False


def even(_world: "World", task: "Task") -> bool:
    """Say that it happens to every second task of a deployment, beginning with the first."""
    return task.number % 2 == 0


def odd(_world: "World", task: "Task") -> bool:
    """Say that it happens to every second task of a deployment, beginning with the second."""
    return task.number % 2 == 1


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ends by itself: when, with which exit code, and what it prints last."""

    code: int
    seconds: tuple[float, float] = (1.0, 4.0)
    lines: tuple[str, ...] = ()
    reason: str = ""
    """The container's reason, if ECS gives one."""
    ready: bool = False
    """The seconds count from when it listens; else from when it was started."""
    mute: bool = False
    """It prints nothing of what a start prints."""
    hits: "Callable[[World, Task], bool]" = always


@dataclass(frozen=True, slots=True)
class Script:
    """How a process of a varied world behaves, beside what `Program` says."""

    framework: "Framework"
    port: int
    address: str = "0.0.0.0"  # noqa: S104  no socket is opened
    tls: bool = False
    listens: bool = True
    cpu_units: float = 0.0
    """What it needs to start at full speed; with less it starts as many times slower."""
    warming: tuple[float, int] = (0.0, 200)
    """For so many seconds after it listens it answers every path with this code."""
    response_seconds: float = 0.02
    hangs_after: float | None = None
    """So many seconds after it listens it stops answering, and lives on."""
    hangs_if: "Callable[[World, Task], bool]" = always
    hanging: tuple[str, ...] = ()
    """Printed when it stops answering."""
    death: Death | None = None
    says: tuple[str, ...] = ()
    """Printed while it starts."""
    repeats: tuple[str, ...] = ()
    """Printed again and again while it runs."""
    on_error: tuple[str, ...] = ()
    """Printed beside each answer of 5xx to a health check."""
    on_refusal: str = "exit"
    """What it does when AWS refuses what it needs: `exit`, `unready` (it answers 503), `shrug`."""
    check_fails: "Callable[[World, Task], bool]" = never
    """Whether the container's own health check fails, whatever the program answers."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Another container of the task."""

    name: str
    image: str
    essential: bool = True
    lines: tuple[str, ...] = ()
    death: Death | None = None
    healthy: bool | None = None
    """The verdict of its own health check; None if it has none."""
    leaves: int = 143
    """Its exit code when the task is stopped."""
    first: bool = False
    """The application's container waits until it is there (`dependsOn`)."""


@dataclass(frozen=True, slots=True)
class Hitch:
    """Why a task does not get to RUNNING: where in its start, after how long, and AWS's words."""

    phase: str
    """`provisioning`, `prepare` (secrets, registry, logging), `pull` or `start`."""
    text: str
    seconds: tuple[float, float] = (0.2, 1.5)
    in_container: bool = False
    """ECS tells it as the container's reason, and of the task only that it failed to start."""
    exit_code: int | None = None
    health: Mapping[str, str] | None = None
    """Health of containers by their names, where one had a verdict."""
    hits: "Callable[[World, Task], bool]" = always
