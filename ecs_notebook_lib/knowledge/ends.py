"""How each task ended: the finding that its stop code, reasons, exit codes and containers come to (ECS_FACTS 4.3-4.5).

Stops that are a consequence (a rollout, a scale-in, somebody's StopTask) come to nothing. An exit code of 137 is memory
only if nothing else killed: ECS itself sends SIGKILL when a stop takes too long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecs_notebook_lib.knowledge.callers import is_call_of_deployer, is_call_of_ecs
from ecs_notebook_lib.knowledge.exits import meaning_of_exit
from ecs_notebook_lib.knowledge.messages import Message, recognise
from ecs_notebook_lib.knowledge.sidecars import is_injected
from ecs_notebook_lib.knowledge.weights import finding_kinds, reading_of

SIGKILL = 137
_AT_ONCE = (1, 255)
_AT_ONCE_SECONDS = 2.5
"""A process of another platform does not even begin; an application takes longer to fail."""

FAILED_CHECKS = frozenset({"failed_elb_health_checks", "failed_container_health_checks"})
"""What ECS says when it stops a running task for a health check, the load balancer's or the container's own."""

_VERDICTS = FAILED_CHECKS | {"tasks_interrupted", "maintenance"}
"""What ECS says when it stops a running task for a reason."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One container of a task that has ended, or never started.

    `told` is the kind of finding that its reason comes to; `main` takes the service's requests.
    """

    name: str
    exit_code: int | None
    told: str
    main: bool
    unhealthy: bool


def end_of(
    stop_code: str | None, told: str, containers: Sequence[Ended], *, seconds: float | None = None, silent: bool = False
) -> str:
    """Return the kind of finding that one task's end comes to; `""` if it says nothing.

    Parameters
    ----------
    told
        The kind of finding that its stopped reason comes to; `""` if it comes to none.
    seconds
        How long it ran; None if that is not known.
    silent
        Whether its log was looked for and holds nothing.
    """
    by_container = {row.name: row.told for row in containers if row.told}
    if "out_of_memory" in (told, *by_container.values()):
        return "out_of_memory"
    if stop_code in ("SpotInterruption", "TerminationNotice"):
        return told if told in _VERDICTS else "tasks_interrupted"
    if told == "failed_container_health_checks" and _of_sidecars(containers):
        return "sidecar_ended"
    if stop_code in ("ServiceSchedulerInitiated", "UserInitiated"):
        return told if told in _VERDICTS else ""
    specific = _most_specific([told, *by_container.values()])
    if stop_code == "TaskFailedToStart":
        return _of_injected(by_container) or specific or "start_failed_otherwise"
    if specific and specific not in ("exited_by_itself", *_VERDICTS):
        return _of_injected(by_container) or specific
    if told in _VERDICTS:
        return told
    exited = stop_code is not None or told != ""
    culprits = [row for row in containers if row.exit_code is not None and meaning_of_exit(row.exit_code).finding]
    if not culprits:
        return _without_exit_code(containers, exited=exited)
    return _by_exit_codes(culprits, seconds, silent=silent)


def reading(text: str | None) -> str:
    """Return the kind of finding that a stopped reason, or a container's, comes to; `""` if it comes to none."""
    message = recognise(text, where="stopped_reason")
    return reading_of_message(message) if message else ""


def reading_of_message(message: Message) -> str:
    """Return the kind of finding that a message comes to: of what it quotes, if that tells more."""
    inner = message.innermost
    if _is_deployers(inner):
        return "deployer_denied"
    kind = reading_of(inner.kind, where=inner.where) or reading_of(message.kind, where=message.where)
    if inner.kind == "access_denied" and inner.where == "service_event":
        own = is_call_of_ecs(inner.parts.get("action", ""))
        kind = "service_role_wrong" if own else "start_access_denied"
    if kind == "start_access_denied" and is_partial_secret(
        inner.parts.get("action", ""), inner.parts.get("resource", "")
    ):
        return "secret_reference_partial"
    if kind == "start_access_denied" and any("secretsmanager:GetSecretValue" in part for part in inner.parts.values()):
        return "secret_access_denied"
    return kind


def _is_deployers(message: Message) -> bool:
    """Say whether AWS refused a call of whoever deploys; what an application prints is the application's own call."""
    action = message.parts.get("action", f"ecs:{message.parts.get('call', '')}")
    told = message.kind in ("access_denied", "ecs_call_denied") and message.where != "log_line"
    return told and is_call_of_deployer(action, message.parts.get("principal", ""))


def is_partial_secret(action: str, resource: str) -> bool:
    """Say whether a refused secret is named by an ARN without the six characters that Secrets Manager adds."""
    if action != "secretsmanager:GetSecretValue" or not resource.startswith("arn:") or "*" in resource:
        return False
    name = resource.partition(":secret:")[2].partition(":")[0]
    suffix = name.rpartition("-")[2]
    return bool(name) and not ("-" in name and len(suffix) == 6 and suffix.isalnum())


def _most_specific(kinds: Iterable[str]) -> str:
    known = [kind for kind in kinds if kind]
    return next((kind for kind in known if not finding_kinds()[kind].general), next(iter(known), ""))


def _of_injected(by_container: dict[str, str]) -> str:
    """Return the finding about a container that AWS added to the task, if one of them is what failed."""
    return "sidecar_not_started" if any(is_injected(name) and kind for name, kind in by_container.items()) else ""


def _by_exit_codes(culprits: Sequence[Ended], seconds: float | None, *, silent: bool) -> str:
    """Return what exit codes come to: the container that ended by itself is to blame, the others were stopped.

    A sidecar that ended with 0 beside a killed application may have obeyed, or may have been the first to end.
    """
    killed = [row for row in culprits if row.main and row.exit_code == SIGKILL]
    others = [row for row in culprits if row not in killed]
    if killed and others and not any(row.main or row.exit_code for row in others):
        return "killed_beside_sidecar"
    by_themselves = [row for row in culprits if row.exit_code != SIGKILL] or culprits
    main = next((row for row in by_themselves if row.main), None)
    if main is None or main.exit_code is None:
        return "sidecar_ended"
    return _by_code(main.exit_code, seconds, silent=silent)


def _of_sidecars(containers: Sequence[Ended]) -> bool:
    """Say whether the containers that are known to be unhealthy are sidecars."""
    unhealthy = [row for row in containers if row.unhealthy]
    return bool(unhealthy) and not any(row.main for row in unhealthy)


def _without_exit_code(containers: Sequence[Ended], *, exited: bool) -> str:
    unhealthy = [row for row in containers if row.unhealthy]
    if unhealthy:
        return "container_unhealthy" if any(row.main for row in unhealthy) else "sidecar_ended"
    return "exited_by_itself" if exited else ""


def _by_code(code: int, seconds: float | None, *, silent: bool) -> str:
    if code in _AT_ONCE and silent and seconds is not None and seconds <= _AT_ONCE_SECONDS:
        return "died_at_once"
    return meaning_of_exit(code).finding
