"""The plan of treatment: what stops the harm, what mends the leading cause, what prevents the next."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.treatment.action import Action


@dataclass(frozen=True, slots=True)
class Treatment:
    """What to do, in order. `immediate` stops the harm and treats the cause, `long_term` prevents the next."""

    immediate: tuple[Action, ...]
    long_term: tuple[Action, ...]

    def action(self, name: str) -> Action:
        """Return the action of this name.

        Raises
        ------
        KeyError
            If it is not proposed.
        """
        return {row.name: row for row in reversed((*self.immediate, *self.long_term))}[name]

    def to_json(self) -> dict[str, Any]:
        """Return the `treatment` of DESIGN 5.5."""
        return {"immediate": [], "long_term": []}


def propose(diagnosis: Diagnosis) -> Treatment:
    """Return what to do about a diagnosis. The same diagnosis gives the same treatment, on any day."""
    return Treatment(tuple(_immediate(diagnosis)), ())


def _immediate(diagnosis: Diagnosis) -> Iterator[Action]:
    del diagnosis
    yield from ()
