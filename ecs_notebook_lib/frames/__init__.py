"""Tidy frames of one snapshot, each made on first use. Pure: no network, no clock."""

from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd

from ecs_notebook_lib.examined import (
    Deployment,
    DeploymentHistory,
    deployment_history,
    well_since,
    with_candidate,
)
from ecs_notebook_lib.frames import (
    access,
    changes,
    coverage,
    ecs,
    existence,
    kept,
    log_patterns,
    logs,
    metrics,
    named_things,
    network,
    network_path,
    reported,
    shape,
    stack_traces,
    targets,
    tasks,
    trail,
    used_things,
)
from ecs_notebook_lib.frames.changes import Side
from ecs_notebook_lib.frames.columns import Column, FrameSchema
from ecs_notebook_lib.frames.read_frames import SCHEMAS, ReadFrames
from ecs_notebook_lib.frames.trail import TrailEvent
from ecs_notebook_lib.knowledge.change_events import OPERATION
from ecs_notebook_lib.snapshot import Snapshot

__all__ = ["SCHEMAS", "Column", "FrameSchema", "Frames"]


REPORTED = "a case file holds only what somebody saw"


class Frames(ReadFrames):
    """The frames of one snapshot; their columns are in `SCHEMAS`. `gaps` tells which are incomplete, and why.

    With a `candidate` (the ARN of a task definition) the deployment that is examined is one that nobody has made yet:
    that of the candidate, now.
    """

    def __init__(self, snapshot: Snapshot, *, partial: bool = False, candidate: str = "") -> None:
        super().__init__(snapshot, partial=partial)
        self.candidate = candidate

    def __repr__(self) -> str:
        """Return the names of the frames with what a row of each is, and which are incomplete."""
        rows = [f"  {name}: {schema.rows}" for name, schema in SCHEMAS.items()]
        gaps = [f"  {name}: {reason}" for name, reason in self.gaps.items()]
        return "\n".join(["Frames, each made on first use:", *rows, *(["Incomplete:", *gaps] if gaps else [])])

    @cached_property
    def reported(self) -> bool:
        """Say whether this is a case file's partial observation: what is absent in it is unknown."""
        return reported.is_reported(self.snapshot)

    @cached_property
    def reported_texts(self) -> pd.DataFrame:
        """Return `reported_texts`: what a case file holds in words."""
        return reported.reported_texts_frame(self.snapshot)

    @cached_property
    def reported_network(self) -> pd.DataFrame:
        """Return `reported_network`: what a case file says of the network."""
        return reported.reported_network_frame(self.snapshot)

    @cached_property
    def history(self) -> DeploymentHistory:
        """Return the deployments, which one is examined, and which was the last good one."""
        if not self.candidate:
            return self.made
        return with_candidate(self.made, self.candidate, at=self.snapshot.as_of)

    @cached_property
    def made(self) -> DeploymentHistory:
        """Return the history of the deployments that were made, whatever is judged beforehand."""
        described = list(self._responses("ecs:DescribeServiceDeployments", "serviceDeployments"))
        return deployment_history(
            self._responses("ecs:DescribeServices", "services"),
            service_deployments=described or self._responses("ecs:ListServiceDeployments", "serviceDeployments"),
            service_revisions=self._responses("ecs:DescribeServiceRevisions", "serviceRevisions"),
            tasks=tasks.first_of_deployments(self._listed_tasks),
        )

    @cached_property
    def _listed_tasks(self) -> pd.DataFrame:
        return self._read(tasks.TASKS, remembers=False)

    @cached_property
    def gaps(self) -> dict[str, str]:
        """Return for each incomplete frame AWS's reason: `AccessDeniedException: ListTasks`; of a case, every frame."""
        if self.reported:
            return dict.fromkeys(SCHEMAS, REPORTED)
        gaps = coverage.gaps_of(self.coverage, SCHEMAS)
        return {**coverage.unread(self.snapshot, SCHEMAS), **gaps} if self.partial else gaps

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """Return `coverage`: what was asked of AWS, and what came of it."""
        asked = self._read(logs.LOG_EVENTS)["log_stream"].drop_duplicates()
        read = pd.DataFrame({"log_stream": asked, "task_id": asked.str.rsplit("/", n=1).str[-1]})
        whole = coverage.with_logs_left_out(coverage.coverage_frame(self.snapshot), self.tasks, read)
        left_out = trail.left_out(self.snapshot.records(OPERATION), self.snapshot.incident.region)
        return coverage.with_left_out(whole, OPERATION, left_out)

    @cached_property
    def deployments(self) -> pd.DataFrame:
        """Return `deployments`: those that the service lists."""
        return shape.deployments_frame(self._read(ecs.DEPLOYMENTS))

    @cached_property
    def events(self) -> pd.DataFrame:
        """Return `events`: the service events."""
        return shape.events_frame(self._read(ecs.EVENTS))

    @cached_property
    def service_deployments(self) -> pd.DataFrame:
        """Return `service_deployments`: the last 90 days."""
        return shape.service_deployments_frame(self._read(ecs.SERVICE_DEPLOYMENTS), self.service_revisions)

    @cached_property
    def task_definitions(self) -> pd.DataFrame:
        """Return `task_definitions`: one row a revision."""
        return shape.task_definitions_frame(self._read(ecs.TASK_DEFINITIONS))

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """Return `tasks`: running and stopped ones."""
        return shape.tasks_frame(self._read(tasks.TASKS))

    @cached_property
    def containers(self) -> pd.DataFrame:
        """Return `containers` of those tasks."""
        return shape.containers_frame(self._read(tasks.CONTAINERS), self.container_definitions)

    @cached_property
    def kept_tasks(self) -> pd.DataFrame:
        """Return `kept_tasks`: the revisions of tasks that ECS has forgotten."""
        return kept.kept_tasks_frame(self.snapshot, self.snapshot.incident.service)

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Return `targets` and their health."""
        return shape.targets_frame(self._read(targets.TARGETS), self.addresses)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Return `metrics`: CloudWatch's data points."""
        return metrics.metrics_frame(self.snapshot)

    @cached_property
    def log_events(self) -> pd.DataFrame:
        """Return `log_events`: the lines that were read, each with its revision."""
        known = pd.concat([self.kept_tasks, self.tasks[["task_id", "revision"]]])
        known = known.drop_duplicates("task_id", keep="last")
        return logs.log_events_frame(self._read(logs.LOG_EVENTS), known, self.history)

    @cached_property
    def log_streams(self) -> pd.DataFrame:
        """Return `log_streams`: a summary of the lines that were read."""
        return logs.log_streams_frame(self.log_events)

    @cached_property
    def stack_traces(self) -> pd.DataFrame:
        """Return `stack_traces` in those lines."""
        return stack_traces.stack_traces_frame(self.log_events)

    @cached_property
    def log_patterns(self) -> pd.DataFrame:
        """Return `log_patterns`: what each revision prints, and what the last good one never did."""
        return log_patterns.log_patterns_frame(self.log_events, self.stack_traces, self.history.former_revision)

    @cached_property
    def roles(self) -> pd.DataFrame:
        """Return `roles` of the examined and the last good revision."""
        return access.roles_frame(self._read(access.ROLES), self.snapshot.incident)

    @cached_property
    def policies(self) -> pd.DataFrame:
        """Return `policies` of those roles."""
        return access.policies_frame(self.snapshot)

    @cached_property
    def simulated_access(self) -> pd.DataFrame:
        """Return `simulated_access`: SimulatePrincipalPolicy's answers."""
        specific, overall = self._read(access.SIMULATED_ACCESS), self._read(access.SIMULATED_OVERALL)
        keys = ["role_arn", "action", "resource"]
        return pd.concat([specific, overall]).drop_duplicates(keys, keep="first").reset_index(drop=True)

    @cached_property
    def resource_policies(self) -> pd.DataFrame:
        """Return `resource_policies`: of buckets, secrets, keys and repositories."""
        return access.resource_policies_frame(self.snapshot)

    @cached_property
    def access(self) -> pd.DataFrame:
        """Return `access`: what the examined revision needs, and what is known of it."""
        definitions = self._definitions
        examined, former = self.history.examined, self.history.last_good
        former_definition = definitions.get(former.task_definition, {}) if former else {}
        return access.access_frame(
            definitions.get(examined.task_definition) if examined else None,
            denials=access.denials_of(self.log_events, self.tasks),
            former_role_arn=former_definition.get("taskRoleArn", ""),
            simulated=self.simulated_access,
            resources=(self.resource_policies, self.roles),
        )

    @cached_property
    def _definitions(self) -> dict[str, dict[str, Any]]:
        return {
            page["response"]["taskDefinition"]["taskDefinitionArn"]: page["response"]["taskDefinition"]
            for page in self.snapshot.records("ecs:DescribeTaskDefinition")
            if page["response"]
        }

    @cached_property
    def named_things(self) -> pd.DataFrame:
        """Return `named_things`: what the examined revision and the service name, and whether it exists."""
        return named_things.named_things_frame(
            self.snapshot,
            self.history.examined_definition,
            platforms=self.image_platforms,
            providers=self.capacity_providers,
            instances=self.container_instances,
        )

    @cached_property
    def image_platforms(self) -> pd.DataFrame:
        """Return `image_platforms`: for which processors the examined revision's images were built."""
        return existence.image_platforms_frame(self.snapshot, self.history.examined_definition)

    @cached_property
    def capacity_providers(self) -> pd.DataFrame:
        """Return `capacity_providers` of the service that have instances of the account."""
        return existence.capacity_providers_frame(self.snapshot)

    @cached_property
    def container_instances(self) -> pd.DataFrame:
        """Return `container_instances` of the cluster, if the service runs on them."""
        return existence.container_instances_frame(self.snapshot)

    @cached_property
    def clusters(self) -> pd.DataFrame:
        """Return `clusters`: the cluster's settings."""
        return existence.clusters_frame(self.snapshot)

    @cached_property
    def quotas(self) -> pd.DataFrame:
        """Return `quotas` of Fargate, if ECS said that one is reached."""
        return existence.quotas_frame(self.snapshot)

    @cached_property
    def security_group_rules(self) -> pd.DataFrame:
        """Return `security_group_rules`: in and out."""
        return network.security_group_rules_frame(self._responses("ec2:DescribeSecurityGroups", "SecurityGroups"))

    @cached_property
    def task_networks(self) -> pd.DataFrame:
        """Return `task_networks`: subnets and security groups of the examined and the last good deployment."""
        return network_path.task_networks_frame(self.snapshot, self.history)

    def examined_networks(self, member: str) -> list[str]:
        """Return the ids of the examined deployment's subnets (`subnet`) or groups (`security_group`)."""
        rows = self.task_networks
        return list(rows.loc[(rows["which"] == "examined") & (rows["member"] == member), "id"])

    @cached_property
    def network_path(self) -> pd.DataFrame:
        """Return `network_path`: each hop on the ways that the examined deployment needs."""
        return network_path.network_path_frame(self.snapshot, self.history)

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Return `changes`: what is not as it was at the last good deployment."""
        examined, since = self.history.examined, self.well_since
        well = examined is not None and examined.succeeded and self.first_failure is None
        if self.partial or self.reported or examined is None or since is None or well:
            return changes.no_changes()
        good = self.history.last_good or Deployment("", since)
        return changes.changes_frame(
            self._side(good), self._side(examined), self.told_calls, used_things.used_things(self)
        )

    @cached_property
    def told_calls(self) -> list[TrailEvent]:
        """Return the calls that CloudTrail tells of, with their bodies read, oldest first."""
        return trail.events_of(self.trail_events)

    @cached_property
    def well_since(self) -> datetime | None:
        """Return from when on a change may have brought the trouble; None if that is not known."""
        events = (
            row
            for service in self._responses("ecs:DescribeServices", "services")
            for row in service.get("events") or ()
        )
        return well_since(self.history, events, self.first_failure)

    @cached_property
    def first_failure(self) -> datetime | None:
        """Return when the first task of the examined revision failed; None if none is known."""
        examined = self.history.examined
        return tasks.first_failure(self._listed_tasks, examined) if examined else None

    def _side(self, deployment: Deployment) -> Side:
        """Return what AWS keeps of one deployment."""
        name, arn = deployment.service_deployment, deployment.task_definition
        rows = self._responses("ecs:DescribeServiceDeployments", "serviceDeployments")
        record = next((row for row in rows if row.get("serviceDeploymentArn") == name), {})
        revisions = self._responses("ecs:DescribeServiceRevisions", "serviceRevisions")
        target = (record.get("targetServiceRevision") or {}).get("arn")
        revision = next((row for row in revisions if row.get("serviceRevisionArn") == target), {})
        images = {row["containerName"]: row.get("imageDigest") for row in revision.get("containerImages") or ()}
        ran = self.containers[self.containers["task_definition"] == arn].dropna(subset=["image_digest"])
        digests = {**dict(zip(ran["container"], ran["image_digest"], strict=True)), **images}
        known = {key: value for key, value in digests.items() if value}
        return Side(deployment, self._definitions.get(arn, {}), revision, record, known)

    def rows(self, name: str) -> pd.DataFrame:
        """Return a frame by its name.

        Raises
        ------
        KeyError
            If no frame has this name.
        """
        frame: pd.DataFrame = getattr(self, SCHEMAS[name].name)
        return frame
