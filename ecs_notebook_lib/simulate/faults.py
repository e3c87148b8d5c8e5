"""What can be wrong: a fault edits the configuration, and says whether it still hurts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that somebody got wrong; `cause` is the family and the specific cause."""

    name: str
    edit: Callable[["World"], None]
    active: Callable[["World"], bool]
    cause: str
