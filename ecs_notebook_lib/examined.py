"""Which deployment an incident is about, and which was the last good one (DESIGN rule 3).

Collectors need it to choose what to read, checks to weigh what was read: both ask here, with the same plain responses
of `DescribeServices`, `DescribeServiceDeployments` and `DescribeServiceRevisions`, and, where one of those was refused,
of `DescribeTasks`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ecs_notebook_lib.source import parse_instant

_SAME_START = timedelta(seconds=120)
"""A deployment and its service deployment are created by one call, but not in the same instant."""

_SUCCEEDED = "SUCCESSFUL"
_NOT_GOOD = frozenset({"STOPPED", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
_GOING_BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
_ROLLED_BACK = frozenset({"ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a service, as far as the listed and the historical API know it.

    `id` (`ecs-svc/…`, what tasks carry in `startedBy`), `status` and `rollout_state` come from DescribeServices and
    are empty for past ones; `service_deployment` (ARN) and `service_deployment_status` from ListServiceDeployments.
    """

    task_definition: str
    created_at: datetime
    id: str = ""
    status: str = ""
    rollout_state: str = ""
    service_deployment: str = ""
    service_deployment_status: str = ""
    minimum_healthy_percent: int | None = None
    maximum_percent: int | None = None
    finished_at: datetime | None = None
    desired_count: int | None = None

    @property
    def scaled_to_zero(self) -> bool:
        """Say whether the service is to run nothing: then ECS calls any rollout completed, and it proves nothing."""
        return self.status == "PRIMARY" and self.desired_count == 0

    @property
    def revision(self) -> str:
        """Return `family:number` of the task definition."""
        return revision_of(self.task_definition)

    @property
    def only_its_tasks(self) -> bool:
        """Say whether nothing but its tasks tells of it: the service does not list it any more."""
        return bool(self.id) and not self.status and not self.service_deployment

    @property
    def succeeded(self) -> bool:
        """Say whether this rollout is known to have ended well."""
        if self.scaled_to_zero:
            return False
        if self.service_deployment_status:
            return self.service_deployment_status == _SUCCEEDED
        return self.rollout_state == "COMPLETED"


@dataclass(frozen=True, slots=True)
class DeploymentHistory:
    """The deployments of a service, oldest first; which one is examined, and the last good one before it."""

    deployments: tuple[Deployment, ...]
    examined: Deployment | None
    last_good: Deployment | None

    @property
    def examined_definition(self) -> str:
        """Return the ARN of the examined deployment's task definition; `""` if none is examined."""
        return self.examined.task_definition if self.examined else ""

    @property
    def good_definition(self) -> str:
        """Return the ARN of the last good deployment's task definition; `""` if none is known."""
        return self.last_good.task_definition if self.last_good else ""

    @property
    def former_revision(self) -> str:
        """Return the last good revision if it is another one than the examined; `""`: there is none to compare with."""
        former = self.last_good.revision if self.last_good else ""
        return "" if self.examined and self.examined.revision == former else former

    @property
    def troubled_since(self) -> datetime | None:
        """Return when the first of the deployments began after which the service was not well any more."""
        began = None
        for deployment in reversed(self.deployments):
            if deployment.succeeded or deployment.service_deployment_status == "ROLLBACK_SUCCESSFUL":
                break
            began = deployment.created_at
        return began

    @property
    def good_since(self) -> datetime | None:
        """Return when the last good revision was first deployed well, if no other one was good since then.

        Who goes back deploys the good revision again: what broke the newer one may have been before that.
        """
        since = None
        for deployment in reversed(self.deployments):
            if self.last_good is None or not deployment.succeeded or deployment.created_at > self.last_good.created_at:
                continue
            if deployment.task_definition != self.last_good.task_definition:
                break
            since = deployment.created_at
        return since

    def rolled_out_at(self, instant: datetime) -> str:
        """Return the revision that was deployed last at `instant`: what starts or fails then is mostly its own."""
        begun = [d for d in self.deployments if d.created_at <= instant]
        return begun[-1].revision if begun else ""

    def revision_at(self, instant: datetime) -> str:
        """Return the revision that alone was running at `instant`; `""` if that is not known.

        While a rollout goes on two revisions may run; one that was rolled back leaves the one that succeeded before.
        """
        begun = [d for d in self.deployments if d.created_at <= instant]
        if not begun or begun[-1].finished_at is None or begun[-1].finished_at > instant:
            return ""
        if begun[-1].service_deployment_status == "ROLLBACK_SUCCESSFUL":
            begun = [d for d in begun if d.succeeded]
        return begun[-1].revision if begun and begun[-1].succeeded else ""


CANDIDATE = "CANDIDATE"
"""Status of a deployment that nobody has made: the one that is judged beforehand."""


def with_candidate(history: DeploymentHistory, task_definition: str, *, at: datetime) -> DeploymentHistory:
    """Return the history as if a task definition were deployed at `at`: examined is that, last good what serves now."""
    candidate = Deployment(task_definition, at, status=CANDIDATE)
    newest = history.examined
    serving = newest if newest is not None and newest.succeeded else history.last_good
    return DeploymentHistory((*history.deployments, candidate), candidate, serving)


SCALED_IN = "Scaling activity"
"""How the reason of a stop begins that a rollout, or less demand, brought."""


def first_failure(tasks: Iterable[Mapping[str, Any]], examined: Deployment) -> datetime | None:
    """Return when the first task of the examined revision stopped that no rollout stopped; None if none is known."""
    stops = [
        parse_instant(task["stoppingAt"])
        for task in tasks
        if task.get("taskDefinitionArn") == examined.task_definition
        and task.get("stoppingAt")
        and not str(task.get("stoppedReason") or "").startswith(SCALED_IN)
    ]
    return min((stop for stop in stops if stop >= examined.created_at), default=None)


_STEADY = "has reached a steady state"


def well_since(
    history: DeploymentHistory, events: Iterable[Mapping[str, Any]], failed_at: datetime | None
) -> datetime | None:
    """Return from when on a change may have brought the trouble; None if no time is known at which all was well.

    That is when the last good revision was first deployed well; where no deployment tells of one, the last steady state
    that service events tell of before the trouble: before the examined deployment, or the first failure after it.
    """
    if history.good_since is not None or history.examined is None:
        return history.good_since
    trouble = failed_at if history.examined.succeeded and failed_at else history.examined.created_at
    steady = [parse_instant(row["createdAt"]) for row in events if _STEADY in str(row.get("message") or "")]
    return max((moment for moment in steady if moment < trouble), default=None)


def is_troubled(examined: Deployment, tasks: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether a deployment did not end well, or did and its tasks failed after that."""
    return not examined.succeeded or first_failure(tasks, examined) is not None


def revision_of(task_definition: str) -> str:
    """Return `family:number` of a task definition's ARN; what is no ARN stays as it is."""
    return task_definition.rpartition("/")[2]


def deployment_history(
    services: Iterable[Mapping[str, Any]],
    *,
    service_deployments: Iterable[Mapping[str, Any]] = (),
    service_revisions: Iterable[Mapping[str, Any]] = (),
    tasks: Iterable[Mapping[str, Any]] = (),
) -> DeploymentHistory:
    """Return the history that these responses tell; empty answers give an empty history.

    Of `service_deployments` the brief rows of ListServiceDeployments do as well. The tasks of DescribeTasks are asked
    only where past deployments, or what they deployed, could not be read.
    """
    rows = [row for service in services for row in service.get("deployments") or ()]
    listed = [_listed(row) for row in rows if row.get("createdAt") and row.get("taskDefinition")]
    task_definitions = {row["serviceRevisionArn"]: row.get("taskDefinition", "") for row in service_revisions}
    records = {row.get("serviceDeploymentArn", number): row for number, row in enumerate(service_deployments)}
    past = [_past(row, task_definitions) for row in records.values() if row.get("createdAt")]
    merged = _merged(listed, past)
    if not past or not all(deployment.task_definition for deployment in merged):
        merged = _with_those_of_tasks(merged, tasks)
    known = sorted(merged, key=lambda deployment: deployment.created_at)
    examined = _examined(known)
    return DeploymentHistory(tuple(known), examined, _last_good(known, examined))


def _listed(row: Mapping[str, Any]) -> Deployment:
    return Deployment(
        task_definition=row["taskDefinition"],
        created_at=parse_instant(row["createdAt"]),
        id=row.get("id", ""),
        status=row.get("status", ""),
        rollout_state=row.get("rolloutState", ""),
        desired_count=row.get("desiredCount"),
    )


def _past(row: Mapping[str, Any], task_definitions: Mapping[str, str]) -> Deployment:
    target = (row.get("targetServiceRevision") or {}).get("arn", "") or row.get("targetServiceRevisionArn", "")
    configuration = row.get("deploymentConfiguration") or {}
    finished = row.get("finishedAt")
    return Deployment(
        task_definition=task_definitions.get(target, ""),
        created_at=parse_instant(row["createdAt"]),
        service_deployment=row.get("serviceDeploymentArn", ""),
        service_deployment_status=row.get("status", ""),
        minimum_healthy_percent=configuration.get("minimumHealthyPercent"),
        maximum_percent=configuration.get("maximumPercent"),
        finished_at=parse_instant(finished) if finished else None,
    )


def _merged(listed: list[Deployment], past: list[Deployment]) -> list[Deployment]:
    """Join each listed deployment with the service deployment that started with it."""
    rest = list(past)
    merged = []
    for deployment in listed:
        twin = next((candidate for candidate in rest if _started_together(deployment, candidate)), None)
        if twin is not None:
            rest.remove(twin)
            twin = replace(
                twin,
                task_definition=deployment.task_definition,
                id=deployment.id,
                status=deployment.status,
                rollout_state=deployment.rollout_state,
                desired_count=deployment.desired_count,
            )
        merged.append(twin or deployment)
    return merged + rest


def _started_together(deployment: Deployment, candidate: Deployment) -> bool:
    same_revision = candidate.task_definition in ("", deployment.task_definition)
    return same_revision and abs(deployment.created_at - candidate.created_at) <= _SAME_START


def _with_those_of_tasks(known: list[Deployment], tasks: Iterable[Mapping[str, Any]]) -> list[Deployment]:
    """Add the deployments that nothing but their tasks tells of, or complete one whose revision is not known."""
    begun: dict[str, Deployment] = {}
    for task in tasks:
        name, created = str(task.get("startedBy") or ""), task.get("createdAt")
        if name.startswith("ecs-svc/") and created and task.get("taskDefinitionArn"):
            deployment = Deployment(task["taskDefinitionArn"], parse_instant(created), id=name)
            first = begun.setdefault(name, deployment)
            begun[name] = min(first, deployment, key=lambda row: row.created_at)
    completed = list(known)
    listed = {deployment.id for deployment in known}
    for deployment in sorted(begun.values(), key=lambda row: row.created_at):
        if deployment.id in listed:
            continue
        unnamed = [row for row in completed if not row.task_definition and _could_have_begun(row, deployment)]
        if unnamed:
            row = max(unnamed, key=lambda candidate: candidate.created_at)
            completed[completed.index(row)] = replace(row, task_definition=deployment.task_definition, id=deployment.id)
        else:
            completed.append(deployment)
    return completed


def _could_have_begun(row: Deployment, deployment: Deployment) -> bool:
    """Say whether a service deployment went on when the first task of a deployment was created."""
    return row.created_at <= deployment.created_at and (
        row.finished_at is None or deployment.created_at <= row.finished_at
    )


def _examined(known: list[Deployment]) -> Deployment | None:
    """Return the newest deployment unless it ended well; then one that failed after it, if there is one.

    After a rollback the PRIMARY deployment is an older one that is COMPLETED: the one that failed is newer. One of
    which only tasks are left, and which is not PRIMARY, did not end well either.
    """
    unlisted = known[-1] if known and not any(d.status for d in known) else None
    primary = next((d for d in known if d.status == "PRIMARY"), unlisted)
    if primary is not None and not primary.succeeded:
        return _being_rolled_back(known, primary) or primary
    troubled = [
        d
        for d in known
        if d.service_deployment_status in _NOT_GOOD | _ROLLED_BACK or d.rollout_state == "FAILED" or d.only_its_tasks
    ]
    newer = [d for d in troubled if primary is None or d.created_at > primary.created_at]
    return newer[-1] if newer else _gone_back_from(known, primary) or primary


def _being_rolled_back(known: list[Deployment], primary: Deployment) -> Deployment | None:
    """Return the deployment that failed, if the newest one is ECS's way back to a revision that was good before."""
    was_good = any(d.succeeded and d.task_definition == primary.task_definition for d in known if d is not primary)
    if not was_good and known.index(primary) == len(known) - 1:
        return None
    failed = [d for d in known if d.rollout_state == "FAILED" or d.service_deployment_status in _GOING_BACK]
    others = [d for d in failed if d.task_definition != primary.task_definition]
    return others[-1] if others else None


def _gone_back_from(known: list[Deployment], primary: Deployment | None) -> Deployment | None:
    """Return the deployment that was given up for an earlier good revision, if that is what the newest one is.

    A newest deployment of another revision is a correction: what failed before it is over.
    """
    if primary is None or primary not in known:
        return None
    before = known[: known.index(primary)]
    given_up = before[-1] if before else None
    if given_up is None or given_up.task_definition in ("", primary.task_definition):
        return None
    was_good = any(d.succeeded and d.task_definition == primary.task_definition for d in before)
    return given_up if was_good else None


def _last_good(known: list[Deployment], examined: Deployment | None) -> Deployment | None:
    good = [d for d in known if d.succeeded and d.task_definition and d != examined]
    before = [d for d in good if examined is None or d.created_at < examined.created_at]
    return (before or good or [None])[-1]  # type: ignore[list-item]
