"""What a look at a service comes to: stable on what was deployed, failed for a reason, or worth waiting for.

AWS's waiter looks at counts alone, so it takes a rollback for success (ECS_FACTS 1.5) and waits through failures that
are known. Here the deployment is followed, not the service.
"""

from dataclasses import dataclass

from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.wait.attempts import failures_of, lasting_event, lasting_fault
from ecs_notebook_lib.wait.seen import Seen, Shape

WAITING, STABLE, FAILED = "waiting", "stable", "failed"

_FATAL = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidClientToken",
    "UnrecognizedClient",
    "ClusterNotFound",
    "InvalidSignature",
)
"""Errors, by the beginning of their code, that asking again does not mend."""

_GOING_BACK = {"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deployment is waited for: by its id, by its task definition, or, with neither, the newest that is seen."""

    deployment: str = ""
    task_definition: str = ""

    def is_met_by(self, deployment: Shape) -> bool:
        """Say whether this is the deployment: a task definition may be an ARN, `family:number` or a family."""
        if self.deployment:
            return bool(deployment.get("id") == self.deployment)
        name = revision_of(str(deployment.get("taskDefinition", "")))
        return revision_of(self.task_definition) in ("", name, name.rpartition(":")[0])


@dataclass(frozen=True, slots=True)
class Followed:
    """The deployment that is waited for: its id, task definition, and service deployment (ARN), as far as known."""

    deployment: str
    task_definition: str
    service_deployment: str = ""
    created_at: str = ""

    @property
    def revision(self) -> str:
        """Return `family:number`."""
        return revision_of(self.task_definition)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is waiting, stable or failed; `code` names the reason for programs, `reason` for people."""

    outcome: str
    code: str = ""
    reason: str = ""

    @property
    def settled(self) -> bool:
        """Say whether waiting is over."""
        return self.outcome != WAITING


def followed_of(seen: Seen, wanted: Wanted) -> Followed | None:
    """Return the deployment that is waited for, if this look sees it."""
    listed = [*seen.deployments, *((seen.service or {}).get("taskSets") or ())]
    found = seen.primary if not wanted.deployment else next((row for row in listed if wanted.is_met_by(row)), None)
    if found is None or not wanted.is_met_by(found):
        return None
    current = str((seen.service or {}).get("currentServiceDeployment") or "")
    return Followed(str(found["id"]), str(found.get("taskDefinition", "")), current, str(found.get("createdAt", "")))


def judge_answer(seen: Seen, name: str) -> Verdict:
    """Return what the answer itself comes to, before any deployment is looked at."""
    if seen.service is not None:
        status = seen.service.get("status", "ACTIVE")
        if status != "ACTIVE":
            return Verdict(FAILED, "service_not_active", f"{name} is {status}: it is being, or was, deleted")
        return Verdict(WAITING)
    code = str((seen.error or {}).get("code", ""))
    if code == "MISSING":
        return Verdict(FAILED, "not_found", f"there is no service {name} in this cluster")
    if code.startswith(_FATAL):
        return Verdict(FAILED, "refused", f"AWS refuses to tell: {code}: {(seen.error or {}).get('message', '')}")
    return Verdict(WAITING)


def judge_controller(seen: Seen) -> Verdict:
    """Return whether there is anything to follow where somebody else than ECS deploys: task sets, or nothing."""
    if seen.controller == "ECS" or (seen.service or {}).get("taskSets"):
        return Verdict(WAITING)
    text = (
        f"{seen.controller} deploys this service and lists no task set: there is nothing to follow, and "
        "`aws ecs wait services-stable` can never succeed on it. Wait for the deployment where it was begun"
    )
    return Verdict(FAILED, "other_controller", text)


def judge(seen: Seen, followed: Followed) -> Verdict:
    """Return what a look at a service that answered comes to for the deployment that is waited for."""
    own = seen.deployment(followed.deployment)
    if seen.controller != "ECS":
        return _by_task_set(seen, followed, own)
    if own is None or own.get("status") != "PRIMARY":
        return _replaced(seen, followed, own)
    if own.get("rolloutState") == "FAILED":
        text = f"ECS gave {followed.revision} up: {own.get('rolloutStateReason') or 'it gives no reason'}"
        return Verdict(FAILED, "deployment_failed", text)
    if seen.strategy != "ROLLING" and seen.service_deployment is not None:
        ended = _by_service_deployment(seen.service_deployment, followed)
        if ended is not None:
            return ended
    elif _is_stable(seen, own):
        return Verdict(STABLE, "stable", _stable_text(followed, own))
    return _stuck(seen, own) or _faulty(seen, followed) or Verdict(WAITING)


def _stable_text(followed: Followed, own: Shape) -> str:
    if not own.get("desiredCount"):
        return f"stable on {followed.revision}, and nothing runs: the desired count is 0"
    return f"stable on {followed.revision}: {own.get('runningCount')} of {own.get('desiredCount')} tasks run"


def _is_stable(seen: Seen, own: Shape) -> bool:
    """Say whether AWS's waiter would be content, and ECS itself calls the rollout completed, if it tells."""
    counts = seen.service or {}
    alone = len(seen.deployments) == 1 and counts.get("runningCount") == counts.get("desiredCount")
    return alone and own.get("rolloutState") in (None, "COMPLETED")


def _replaced(seen: Seen, followed: Followed, own: Shape | None) -> Verdict:
    """Return why the deployment is not the service's first any more: rolled back, or superseded by another."""
    newest = seen.primary or {}
    now = revision_of(str(newest.get("taskDefinition", ""))) or "an unknown revision"
    record = seen.service_deployment or {}
    status, failed = record.get("status", ""), (own or {}).get("rolloutState") == "FAILED"
    if failed or status in _GOING_BACK:
        told = (own or {}).get("rolloutStateReason") or (record.get("rollback") or {}).get("reason")
        why = told or record.get("statusReason") or "it gives no reason"
        return Verdict(FAILED, "rolled_back", f"ECS rolls {followed.revision} back to {now}: {why}")
    text = f"superseded: {newest.get('id', 'another deployment')} with {now} came after it"
    return Verdict(FAILED, "superseded", text)


def _by_service_deployment(record: Shape, followed: Followed) -> Verdict | None:
    """Return how a blue/green, linear or canary deployment ended; None while it goes on."""
    status, why = str(record.get("status", "")), record.get("statusReason") or "it gives no reason"
    if status == "SUCCESSFUL":
        return Verdict(STABLE, "stable", f"stable on {followed.revision}: its service deployment is SUCCESSFUL")
    if status in _GOING_BACK:
        return Verdict(FAILED, "rolled_back", f"ECS rolls {followed.revision} back ({status}): {why}")
    if status in ("STOPPED", "STOP_REQUESTED"):
        return Verdict(FAILED, "stopped", f"the deployment of {followed.revision} was stopped: {why}")
    return None


def _by_task_set(seen: Seen, followed: Followed, own: Shape | None) -> Verdict:
    """Return what the task sets come to: AWS's waiter can never succeed on such a service (ECS_FACTS 1.4)."""
    sets = (seen.service or {}).get("taskSets") or ()
    if own is None:
        return Verdict(FAILED, "superseded", f"the task set {followed.deployment} of {followed.revision} is gone")
    runs = own.get("runningCount") == own.get("computedDesiredCount") and not own.get("pendingCount")
    if own.get("status") == "PRIMARY" and runs and own.get("stabilityStatus") == "STEADY_STATE" and len(sets) == 1:
        return Verdict(STABLE, "stable", f"stable on {followed.revision}: its task set is in STEADY_STATE")
    return _faulty(seen, followed) or Verdict(WAITING)


def _stuck(seen: Seen, own: Shape) -> Verdict | None:
    """Return that the percentages let no task start and none stop (ECS_FACTS 2.6)."""
    bounds, desired = seen.bounds, seen.bounds.desired
    older = sum(int(row.get("runningCount") or 0) for row in seen.deployments if row is not own)
    daemon = (seen.service or {}).get("schedulingStrategy") == "DAEMON"
    if bounds.cycles is not None or not desired or older < desired or daemon:
        return None
    text = (
        f"nothing can move: at least {bounds.lower} and at most {bounds.upper} of {desired} tasks may run, "
        f"and {older} old ones do. Raise maximumPercent, or lower minimumHealthyPercent"
    )
    return Verdict(FAILED, "percentages", text)


def _faulty(seen: Seen, followed: Followed) -> Verdict | None:
    """Return the fault of tasks that lasts: the next attempt will end in the same way."""
    found = lasting_fault(failures_of(seen, followed.deployment))
    if found is None:
        since = parse_instant(followed.created_at) if followed.created_at else seen.at
        event = lasting_event(seen, followed.deployment, since)
        return (
            Verdict(FAILED, "lasting_fault", f"ECS starts no task of {followed.revision}: {event}") if event else None
        )
    failure, attempts = found
    times = "the message decides" if attempts == 1 else "the same in two attempts"
    return Verdict(FAILED, "lasting_fault", f"tasks of {followed.revision} fail, {times}: {failure.told}")


def _told(seen: Seen, followed: Followed) -> Verdict | None:
    """Return the fault of which only an event tells, for ECS does not even begin a task."""
    since = parse_instant(followed.created_at) if followed.created_at else seen.at
    event = lasting_event(seen, followed.deployment, since)
    return Verdict(FAILED, "lasting_fault", f"ECS starts no task of {followed.revision}: {event}") if event else None
