"""What proposals are made from: the diagnosis, and AWS's own objects as they were last read."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.differential import Ranked
from ecs_notebook_lib.diagnosis.what_changed import TOLD_FROM
from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.existence import task_definition_of
from ecs_notebook_lib.knowledge.change_kinds import change_kinds

_OPEN = frozenset({"PENDING", "IN_PROGRESS"})
"""A service deployment in one of these can be stopped (ECS_FACTS 10.2)."""

Object = Mapping[str, Any]
"""One of AWS's objects in AWS's own members."""


class Situation:
    """One diagnosis and the cause to be treated, with the objects that a treatment changes.

    Everything is of the snapshot; an object that was not read is an empty mapping, and nothing is proposed on it.
    """

    def __init__(self, diagnosis: Diagnosis, leading: Ranked) -> None:
        self.diagnosis = diagnosis
        self.leading = leading
        self.frames: Frames = diagnosis.frames

    @property
    def cause(self) -> str:
        """Return the cause to be treated."""
        return self.leading.cause

    @property
    def cluster(self) -> str:
        """Return the cluster, as it was asked for."""
        return self.frames.snapshot.incident.cluster

    @property
    def name(self) -> str:
        """Return the service's name."""
        return self.frames.snapshot.incident.service

    @property
    def examined(self) -> Deployment | None:
        """Return the deployment that the diagnosis is about."""
        return self.frames.history.examined

    @property
    def last_good(self) -> Deployment | None:
        """Return the last good deployment."""
        return self.frames.history.last_good

    @cached_property
    def service(self) -> Object:
        """Return the service as DescribeServices told it last; of a case file nothing is known in this form."""
        if self.frames.reported:
            return {}
        rows = self.rows("ecs:DescribeServices", "services")
        return rows[-1] if rows else {}

    def rows(self, operation: str, member: str) -> list[Object]:
        """Return the elements of a repeated member of all answers to an operation, in the order of the answers."""
        pages = [row["response"] for row in self.frames.snapshot.records(operation) if row["response"]]
        return [one for page in pages for one in page.get(member) or ()]

    @cached_property
    def definition(self) -> Object:
        """Return the task definition of the examined deployment; values of its variables are masked."""
        return task_definition_of(self.frames.snapshot, self.frames.history.examined_definition)

    @property
    def good_definition_arn(self) -> str:
        """Return the ARN of the last good revision; empty if none is known."""
        return self.frames.history.good_definition

    @cached_property
    def good_definition(self) -> Object:
        """Return the task definition of the last good deployment."""
        return task_definition_of(self.frames.snapshot, self.good_definition_arn)

    @cached_property
    def target_groups(self) -> tuple[Object, ...]:
        """Return the target groups of the service."""
        found = {row["TargetGroupArn"]: row for row in self.rows("elbv2:DescribeTargetGroups", "TargetGroups")}
        wanted = [row.get("targetGroupArn") for row in self.service.get("loadBalancers") or ()]
        return tuple(found[arn] for arn in wanted if arn in found)

    @cached_property
    def revisions(self) -> Mapping[str, Object]:
        """Return the service revisions by ARN."""
        rows = self.rows("ecs:DescribeServiceRevisions", "serviceRevisions")
        return {row["serviceRevisionArn"]: row for row in rows}

    @property
    def good_network(self) -> Object:
        """Return the networkConfiguration that the last good deployment had; empty if it is not known."""
        if self.last_good is None:
            return {}
        own = self.frames.service_deployments
        arns = own.loc[own["service_deployment_arn"] == self.last_good.service_deployment, "service_revision_arn"]
        for arn in arns.dropna():
            return self.revisions.get(str(arn), {}).get("networkConfiguration") or {}
        listed = [row for row in self.service.get("deployments") or () if row.get("id") == self.last_good.id]
        return (listed[0].get("networkConfiguration") or {}) if listed else {}

    @cached_property
    def stoppable(self) -> str:
        """Return the ARN of the current service deployment if it can be stopped; else nothing."""
        current = self.service.get("currentServiceDeployment", "")
        rows = self.frames.service_deployments
        own = rows.loc[rows["service_deployment_arn"] == current, "status"].dropna()
        return str(current) if len(own) and own.iloc[0] in _OPEN else ""

    @property
    def can_go_back_by_itself(self) -> bool:
        """Say whether ECS has a completed deployment at hand to which a stopped rollout goes back."""
        rows = self.service.get("deployments") or ()
        return any(row.get("status") == "ACTIVE" and row.get("rolloutState") == "COMPLETED" for row in rows)

    @property
    def has_given_up(self) -> bool:
        """Say whether ECS starts no more tasks of the newest deployment, and did not go back either."""
        rows = self.service.get("deployments") or ()
        return any(row.get("status") == "PRIMARY" and row.get("rolloutState") == "FAILED" for row in rows)

    @property
    def desired(self) -> int:
        """Return the desired count."""
        return int(self.service.get("desiredCount") or 0)

    @cached_property
    def good_tasks(self) -> int:
        """Return how many tasks of the last good revision serve: running, healthy where that is known."""
        tasks = self.frames.tasks
        if self.last_good is None:
            return 0
        own = tasks[(tasks["task_definition"] == self.last_good.task_definition) & (tasks["last_status"] == "RUNNING")]
        own = own[own["desired_status"] == "RUNNING"]
        if not len(self.frames.target_groups) or "targets" in self.frames.gaps:
            return len(own)
        targets = self.frames.targets
        serving = set(targets.loc[targets["state"] == "healthy", "address"].dropna())
        addresses = self.frames.addresses
        mine = addresses[addresses["task_arn"].isin(own["task_arn"])]
        behind = mine.loc[mine["address"].isin(serving), "task_arn"].nunique()
        return int(behind) if len(mine) else len(own)

    @property
    def has_no_room(self) -> bool:
        """Say whether more tasks than now may find no place: capacity is the cause, or a port of the host is theirs."""
        ports = self.frames.port_mappings
        fixed = ports[ports["host_port"].fillna(0) > 0]
        bound = len(fixed) > 0 and self.definition.get("networkMode") in ("bridge", "host")
        return bound or self.leading.family == "capacity" or self.cause == "deployment_config.constraint"

    @property
    def serving(self) -> int | None:
        """Return how many tasks serve requests; None if that is not known."""
        return self.diagnosis.state.serving_tasks

    @property
    def customers_are_hurt(self) -> bool:
        """Say whether fewer tasks serve than half of what is wanted, as far as it is known."""
        return self.serving is not None and self.desired > 0 and 2 * self.serving < self.desired

    @cached_property
    def brought_by(self) -> str:
        """Return the subject of the change that most likely brought the leading cause; empty if none is known.

        `task_definition` and `service` come with the deployment, and go with it; the rest stays when one goes back.
        """
        for change in self.diagnosis.changes:
            if self.cause in change.causes and change.score >= TOLD_FROM:
                return change_kinds()[change.kind].subject
        return ""

    def findings(self, *kinds: str) -> tuple[str, ...]:
        """Return the numbers of the findings of these kinds that count."""
        return tuple(name for name, row in self.diagnosis.findings if row.kind in kinds and row.weighs)

    @property
    def behind(self) -> tuple[str, ...]:
        """Return the numbers of the findings that speak for the leading cause."""
        known = dict(self.diagnosis.findings)
        return tuple(name for name in self.leading.evidence_for if name in known)

    @property
    def container(self) -> str:
        """Return the name of the container that the service's load balancers ask, or of the first essential one."""
        for row in self.service.get("loadBalancers") or ():
            if row.get("containerName"):
                return str(row["containerName"])
        rows = self.definition.get("containerDefinitions") or ()
        essential = [row["name"] for row in rows if row.get("essential", True)]
        return str((essential or [row["name"] for row in rows] or [""])[0])

    def container_definition(self, definition: Object, name: str = "") -> Object:
        """Return a container of a task definition; by default the application's."""
        wanted = name or self.container
        rows = definition.get("containerDefinitions") or ()
        return next((row for row in rows if row.get("name") == wanted), {})
