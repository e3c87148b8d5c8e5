"""Tidy frames of one snapshot, each made on first use. Pure: no network, no clock."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from ecs_notebook_lib.examined import DeploymentHistory, deployment_history
from ecs_notebook_lib.frames import access, coverage, ecs, logs, network, network_path, shape, targets, tasks
from ecs_notebook_lib.frames.columns import Column, FrameSchema
from ecs_notebook_lib.frames.reading import frame_of, read_pages
from ecs_notebook_lib.snapshot import Snapshot

SCHEMAS: Mapping[str, FrameSchema] = {
    schema.name: schema
    for schema in (
        ecs.SERVICES,
        ecs.DEPLOYMENTS,
        ecs.EVENTS,
        ecs.SERVICE_DEPLOYMENTS,
        ecs.SERVICE_REVISIONS,
        ecs.TASK_DEFINITIONS,
        ecs.CONTAINER_DEFINITIONS,
        ecs.SECRETS,
        ecs.ENVIRONMENT,
        tasks.TASKS,
        tasks.CONTAINERS,
        tasks.ADDRESSES,
        targets.TARGET_GROUPS,
        targets.TARGETS,
        logs.LOG_EVENTS,
        logs.LOG_STREAMS,
        access.ROLES,
        access.POLICIES,
        access.SIMULATED_ACCESS,
        access.SIMULATED_OVERALL,
        access.RESOURCE_POLICIES,
        access.ACCESS,
        *network.READ,
        network.SECURITY_GROUP_RULES,
        network_path.TASK_NETWORKS,
        network_path.NETWORK_PATH,
        coverage.COVERAGE,
    )
}
"""Every frame by its name: columns, dtypes, paths and meanings; `docs/frames.md` is printed from it."""

__all__ = ["SCHEMAS", "Column", "FrameSchema", "Frames"]


class Frames:
    """The frames of one snapshot; their columns are in `SCHEMAS`. `gaps` tells which are incomplete, and why."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._pages: dict[str, pa.Table] = {}

    def _read(self, schema: FrameSchema) -> pd.DataFrame:
        if schema.operation not in self._pages:
            schemas = _SCHEMAS_OF[schema.operation]
            self._pages[schema.operation] = read_pages(self.snapshot.lines(schema.operation), schemas)
        return frame_of(self._pages[schema.operation], schema)

    def _responses(self, operation: str, member: str) -> list[dict[str, Any]]:
        pages = (page["response"] or {} for page in self.snapshot.records(operation))
        return [row for page in pages for row in page.get(member) or ()]

    @cached_property
    def history(self) -> DeploymentHistory:
        """Return the deployments, which one is examined, and which was the last good one."""
        return deployment_history(
            self._responses("ecs:DescribeServices", "services"),
            service_deployments=self._responses("ecs:DescribeServiceDeployments", "serviceDeployments"),
            service_revisions=self._responses("ecs:DescribeServiceRevisions", "serviceRevisions"),
        )

    @cached_property
    def gaps(self) -> dict[str, str]:
        """Return for each incomplete frame AWS's reason: `AccessDeniedException: ListTasks`."""
        return coverage.gaps_of(self.coverage, SCHEMAS)

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """Return `coverage`: what was asked of AWS, and what came of it."""
        asked = self._read(logs.LOG_EVENTS)["log_stream"].drop_duplicates()
        read = pd.DataFrame({"log_stream": asked, "task_id": asked.str.rsplit("/", n=1).str[-1]})
        return coverage.with_logs_left_out(coverage.coverage_frame(self.snapshot), self.tasks, read)

    @cached_property
    def services(self) -> pd.DataFrame:
        """Return `services`: the service itself."""
        return self._read(ecs.SERVICES)

    @cached_property
    def deployments(self) -> pd.DataFrame:
        """Return `deployments`: those that the service lists."""
        return shape.deployments_frame(self._read(ecs.DEPLOYMENTS))

    @cached_property
    def events(self) -> pd.DataFrame:
        """Return `events`: the service events."""
        return shape.events_frame(self._read(ecs.EVENTS))

    @cached_property
    def service_revisions(self) -> pd.DataFrame:
        """Return `service_revisions`."""
        return self._read(ecs.SERVICE_REVISIONS)

    @cached_property
    def service_deployments(self) -> pd.DataFrame:
        """Return `service_deployments`: the last 90 days."""
        return shape.service_deployments_frame(self._read(ecs.SERVICE_DEPLOYMENTS), self.service_revisions)

    @cached_property
    def task_definitions(self) -> pd.DataFrame:
        """Return `task_definitions`: one row a revision."""
        return shape.task_definitions_frame(self._read(ecs.TASK_DEFINITIONS))

    @cached_property
    def container_definitions(self) -> pd.DataFrame:
        """Return `container_definitions`."""
        return self._read(ecs.CONTAINER_DEFINITIONS)

    @cached_property
    def secrets(self) -> pd.DataFrame:
        """Return `secrets`: what ECS injects."""
        return self._read(ecs.SECRETS)

    @cached_property
    def environment(self) -> pd.DataFrame:
        """Return `environment`: variables, their values masked."""
        return self._read(ecs.ENVIRONMENT)

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """Return `tasks`: running and stopped ones."""
        return shape.tasks_frame(self._read(tasks.TASKS))

    @cached_property
    def containers(self) -> pd.DataFrame:
        """Return `containers` of those tasks."""
        return shape.containers_frame(self._read(tasks.CONTAINERS), self.container_definitions)

    @cached_property
    def addresses(self) -> pd.DataFrame:
        """Return `addresses` of those tasks."""
        return self._read(tasks.ADDRESSES)

    @cached_property
    def target_groups(self) -> pd.DataFrame:
        """Return `target_groups` of the service."""
        return self._read(targets.TARGET_GROUPS)

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Return `targets` and their health."""
        return shape.targets_frame(self._read(targets.TARGETS), self.addresses)

    @cached_property
    def log_events(self) -> pd.DataFrame:
        """Return `log_events`: the lines that were read, each with its revision."""
        return logs.log_events_frame(self._read(logs.LOG_EVENTS), self.tasks, self.history)

    @cached_property
    def log_streams(self) -> pd.DataFrame:
        """Return `log_streams`: a summary of the lines that were read."""
        return logs.log_streams_frame(self.log_events)

    @cached_property
    def roles(self) -> pd.DataFrame:
        """Return `roles` of the examined and the last good revision."""
        return self._read(access.ROLES)

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
    def simulated_overall(self) -> pd.DataFrame:
        """Return `simulated_overall`: the same without resources."""
        return self._read(access.SIMULATED_OVERALL)

    @cached_property
    def resource_policies(self) -> pd.DataFrame:
        """Return `resource_policies`: of buckets, secrets, keys and repositories."""
        return access.resource_policies_frame(self.snapshot)

    @cached_property
    def access(self) -> pd.DataFrame:
        """Return `access`: what the examined revision needs, and what is known of it."""
        definitions = {
            page["response"]["taskDefinition"]["taskDefinitionArn"]: page["response"]["taskDefinition"]
            for page in self.snapshot.records("ecs:DescribeTaskDefinition")
            if page["response"]
        }
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
    def subnets(self) -> pd.DataFrame:
        """Return `subnets`: of the VPC of the tasks."""
        return self._read(network.SUBNETS)

    @cached_property
    def routes(self) -> pd.DataFrame:
        """Return `routes`: of the VPC's route tables."""
        return self._read(network.ROUTES)

    @cached_property
    def route_table_associations(self) -> pd.DataFrame:
        """Return `route_table_associations`: which subnet has which."""
        return self._read(network.ROUTE_TABLE_ASSOCIATIONS)

    @cached_property
    def network_acl_entries(self) -> pd.DataFrame:
        """Return `network_acl_entries`: their rules."""
        return self._read(network.NETWORK_ACL_ENTRIES)

    @cached_property
    def network_acl_subnets(self) -> pd.DataFrame:
        """Return `network_acl_subnets`: which subnet has which."""
        return self._read(network.NETWORK_ACL_SUBNETS)

    @cached_property
    def nat_gateways(self) -> pd.DataFrame:
        """Return `nat_gateways`: of the VPC."""
        return self._read(network.NAT_GATEWAYS)

    @cached_property
    def vpc_endpoints(self) -> pd.DataFrame:
        """Return `vpc_endpoints`: of the VPC."""
        return self._read(network.VPC_ENDPOINTS)

    @cached_property
    def vpc_endpoint_subnets(self) -> pd.DataFrame:
        """Return `vpc_endpoint_subnets`: where interface endpoints are."""
        return self._read(network.VPC_ENDPOINT_SUBNETS)

    @cached_property
    def vpc_endpoint_route_tables(self) -> pd.DataFrame:
        """Return `vpc_endpoint_route_tables`: what leads to gateway endpoints."""
        return self._read(network.VPC_ENDPOINT_ROUTE_TABLES)

    @cached_property
    def vpc_endpoint_groups(self) -> pd.DataFrame:
        """Return `vpc_endpoint_groups`: whom interface endpoints let in."""
        return self._read(network.VPC_ENDPOINT_GROUPS)

    @cached_property
    def vpc_attributes(self) -> pd.DataFrame:
        """Return `vpc_attributes`: whether names resolve."""
        return self._read(network.VPC_ATTRIBUTES)

    @cached_property
    def load_balancers(self) -> pd.DataFrame:
        """Return `load_balancers`: before the service."""
        return self._read(network.LOAD_BALANCERS)

    @cached_property
    def load_balancer_zones(self) -> pd.DataFrame:
        """Return `load_balancer_zones`: where they are enabled."""
        return self._read(network.LOAD_BALANCER_ZONES)

    @cached_property
    def load_balancer_groups(self) -> pd.DataFrame:
        """Return `load_balancer_groups`: their security groups."""
        return self._read(network.LOAD_BALANCER_GROUPS)

    @cached_property
    def security_group_rules(self) -> pd.DataFrame:
        """Return `security_group_rules`: in and out."""
        return network.security_group_rules_frame(self._responses("ec2:DescribeSecurityGroups", "SecurityGroups"))

    @cached_property
    def task_networks(self) -> pd.DataFrame:
        """Return `task_networks`: subnets and security groups of the examined and the last good deployment."""
        return network_path.task_networks_frame(self.snapshot, self.history)

    @cached_property
    def network_path(self) -> pd.DataFrame:
        """Return `network_path`: each hop on the ways that the examined deployment needs."""
        return network_path.network_path_frame(self.snapshot, self.history)

    def rows(self, name: str) -> pd.DataFrame:
        """Return a frame by its name.

        Raises
        ------
        KeyError
            If no frame has this name.
        """
        frame: pd.DataFrame = getattr(self, SCHEMAS[name].name)
        return frame


def _by_operation() -> dict[str, list[FrameSchema]]:
    grouped: dict[str, list[FrameSchema]] = defaultdict(list)
    for schema in SCHEMAS.values():
        grouped[schema.operation].append(schema)
    return grouped


_SCHEMAS_OF = _by_operation()
