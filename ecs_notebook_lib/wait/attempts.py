"""The failed attempts of a deployment to run its tasks, and whether their fault lasts.

A second attempt is a task that was created after one had failed: tasks that were started together are one attempt,
however many of them fail. ECS tries again for as long as it is let (ECS_FACTS 2.3).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecs_notebook_lib.knowledge.ends import FAILED_CHECKS, Ended, end_of, reading, reading_of_message
from ecs_notebook_lib.knowledge.lasting import lasts_as_event, lasts_at_once, may_pass
from ecs_notebook_lib.knowledge.messages import messages_in_log, recognise
from ecs_notebook_lib.knowledge.sidecars import is_sidecar
from ecs_notebook_lib.knowledge.weights import reading_of
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.wait.seen import Seen, Shape

QUIET = timedelta(seconds=60)
"""How long no task must have begun after an event that tells of a fault: ECS tries again within seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task of the deployment that ended by a fault; `kind` is the kind of finding that its end comes to."""

    task: str
    kind: str
    stop_code: str
    reason: str
    exit_codes: tuple[tuple[str, int | None, str], ...]
    """Container, exit code, and AWS's reason, of each container that has one of the two."""
    created_at: datetime
    ended_at: datetime
    lines: tuple[str, ...] = ()
    passing: bool = False
    """Whether it may pass by itself: by its kind, or by what its last lines say."""

    @property
    def told(self) -> str:
        """Return what AWS tells of its end: stop code, reasons and exit codes."""
        reasons = [f"{name}: {why}" for name, _, why in self.exit_codes if why]
        codes = [f"{name} exit code {code}" for name, code, _ in self.exit_codes if code is not None]
        return f"{self.stop_code}: {'; '.join(filter(None, [self.reason, *reasons, *codes]))}"

    @property
    def way(self) -> tuple[object, ...]:
        """Return what makes two failures the same to a reader: they are told once."""
        codes = tuple(code for _, code, _ in self.exit_codes)
        return self.kind, self.stop_code, self.reason if not self.kind else "", codes

    @property
    def fault(self) -> str:
        """Return what makes two failures the same fault: whose health check found it is no difference."""
        return "failed_checks" if self.kind in FAILED_CHECKS else self.kind


def failures_of(seen: Seen, deployment: str) -> list[Failure]:
    """Return the tasks of a deployment that ended by a fault, in the order of their end."""
    named = {str(row.get("containerName")) for row in (seen.service or {}).get("loadBalancers") or ()}
    found = (_failure(task, named, seen.lines) for task in seen.tasks_of(deployment))
    return sorted((row for row in found if row is not None), key=lambda row: row.ended_at)


def _failure(task: Shape, named: set[str], lines: Mapping[str, Sequence[str]]) -> Failure | None:
    if not task.get("stopCode"):
        return None
    containers, told = task.get("containers") or (), reading(task.get("stoppedReason"))
    kind = end_of(task["stopCode"], told, [_ended(row, containers, named) for row in containers])
    ended = task.get("stoppingAt") or task.get("stoppedAt") or task.get("executionStoppedAt")
    created = task.get("createdAt") or ended
    if not kind or not created:
        return None
    last = tuple(lines.get(task["taskArn"], ()))
    codes = [(str(row.get("name")), row.get("exitCode"), str(row.get("reason") or "")) for row in containers]
    return Failure(
        task=str(task["taskArn"]).rpartition("/")[2],
        kind=kind,
        stop_code=str(task["stopCode"]),
        reason=str(task.get("stoppedReason") or ""),
        exit_codes=tuple(row for row in codes if row[1] is not None or row[2]),
        created_at=parse_instant(str(created)),
        ended_at=parse_instant(str(ended or created)),
        lines=last,
        passing=may_pass(kind) or any(map(may_pass, _told_in(last))),
    )


def _ended(row: Shape, containers: Sequence[Shape], named: set[str]) -> Ended:
    name = str(row.get("name"))
    names = {str(container.get("name")) for container in containers}
    main = name in named if named & names else not is_sidecar(name)
    unhealthy = row.get("healthStatus") == "UNHEALTHY"
    return Ended(name, row.get("exitCode"), reading(row.get("reason")), main, unhealthy)


def _told_in(lines: Iterable[str]) -> list[str]:
    return [reading_of(message.kind, where="log_line") for message in messages_in_log(lines)]


def lasting_fault(failures: Sequence[Failure]) -> tuple[Failure, int] | None:
    """Return a failure whose fault lasts, and in how many attempts it was seen; None if waiting may still be of use."""
    for failure in failures:
        if lasts_at_once(failure.kind):
            return failure, 1
    passing = {row.way for row in failures if row.passing}
    lasting = [row for row in failures if not row.passing and (row.lines or row.way not in passing)]
    for later in lasting:
        if any(row.fault == later.fault and row.ended_at <= later.created_at for row in lasting):
            return later, 2
    return None


def lasting_event(seen: Seen, deployment: str, since: datetime) -> str:
    """Return a service event that tells of a fault that lasts, after which ECS has begun no task; `""` if none does.

    Such a fault leaves no task behind: a role that ECS may not assume, a constraint that no instance meets.
    """
    begun = [parse_instant(str(task["createdAt"])) for task in seen.tasks_of(deployment) if task.get("createdAt")]
    for row in (seen.service or {}).get("events") or ():
        at = parse_instant(str(row["createdAt"]))
        if at < since:
            break
        message = recognise(str(row.get("message")), where="service_event")
        quiet = seen.at - at >= QUIET and not any(moment > at for moment in begun)
        if quiet and message is not None and lasts_as_event(reading_of_message(message)):
            return str(row.get("message"))
    return ""
