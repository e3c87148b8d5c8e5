"""Events that AWS has kept → rows of the store."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ecs_notebook_lib.collect.events import Event, Reason, held_events, read_event
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.history.splitting import split_objects

_SHOWN = 80


@dataclass(slots=True)
class Tally:
    """How many events were read, and what was left out: for each reason how often, and how the first one began."""

    events: int = 0
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def leave_out(self, reason: str, text: str) -> None:
        """Count one thing that tells nothing."""
        count, first = self.left_out.get(reason, (0, text))
        self.left_out[reason] = count + 1, first

    def told(self) -> list[str]:
        """Return a sentence for each reason; what was read is quoted so that no control character is obeyed."""
        return [
            f"{count} left out: {reason}; the first begins {first[:_SHOWN]!r}."
            for reason, (count, first) in self.left_out.items()
        ]


def rows_of_event(
    event: Mapping[str, Any], *, masker: Masker | None = None, tally: Tally | None = None
) -> Iterator[Row]:
    """Yield the row of one event, or of each that is wrapped in it; nothing if it is no event of ECS.

    Parameters
    ----------
    masker
        Masks the values of environment overrides; equal values stay equal under one masker only.
    tally
        Counts what is read and what is left out.
    """
    masker, tally = masker or Masker(), tally or Tally()
    for told in held_events(event):
        read = read_event(told)
        if isinstance(read, Event):
            tally.events += 1
            yield _row(read, masker)
        else:
            kind = told.get("detail-type") if isinstance(told, Mapping) else None
            reason = f"events of type {str(kind)[:_SHOWN]!r}" if kind and read is Reason.NO_EVENT else str(read)
            tally.leave_out(reason, _beginning(event))


def rows_of_lines(
    lines: Iterable[bytes | str], *, masker: Masker | None = None, tally: Tally | None = None
) -> Iterator[Row]:
    """Yield the rows of all events in some lines of text, in their order.

    A line may hold an event, several without anything between them, one of CloudWatch Logs' log events, or a part of
    a value that goes over many lines. What is damaged or no event is counted in `tally` and left out.
    """
    masker, tally = masker or Masker(), tally or Tally()
    for text in split_objects(map(_ended, lines)):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            reason = Reason.DAMAGED if text.lstrip().startswith(b"{") else Reason.NOT_JSON
            tally.leave_out(str(reason), text[:_SHOWN].decode(errors="replace"))
        else:
            yield from rows_of_event(value, masker=masker, tally=tally)


def _ended(line: bytes | str) -> bytes:
    text = line.encode(errors="replace") if isinstance(line, str) else line
    return text if text.endswith(b"\n") else text + b"\n"


def _beginning(event: Any) -> str:
    return orjson.dumps(event, default=dict)[:_SHOWN].decode(errors="replace")


def _row(event: Event, masker: Masker) -> Row:
    return Row(
        at=event.at,
        kind=event.type.kind,
        account=event.account,
        region=event.region,
        cluster=event.cluster,
        service=event.service,
        scope=event.cluster_arn if event.type.operation else event.service_arn or event.cluster_arn,
        key=event.key,
        version=event.version,
        origin="event",
        state=event.state(masker),
    )
