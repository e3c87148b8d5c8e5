"""Every frame by its name, and those that are read from the pages as they are."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

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
    network,
    network_path,
    reported,
    routing,
    stack_traces,
    targets,
    tasks,
    trail,
)
from ecs_notebook_lib.frames.columns import FrameSchema
from ecs_notebook_lib.frames.reading import frame_of, read_pages
from ecs_notebook_lib.snapshot import Snapshot, of_last_answers

SCHEMAS: Mapping[str, FrameSchema] = {
    schema.name: schema
    for schema in (
        ecs.SERVICES,
        ecs.SERVICE_LOAD_BALANCERS,
        ecs.DEPLOYMENTS,
        ecs.EVENTS,
        ecs.SERVICE_ACTIONS,
        ecs.SERVICE_DEPLOYMENTS,
        ecs.SERVICE_REVISIONS,
        ecs.TASK_DEFINITIONS,
        ecs.CONTAINER_DEFINITIONS,
        ecs.PORT_MAPPINGS,
        ecs.HEALTH_CHECK_COMMANDS,
        ecs.SECRETS,
        ecs.ENVIRONMENT,
        tasks.TASKS,
        tasks.CONTAINERS,
        tasks.ADDRESSES,
        kept.KEPT_TASKS,
        targets.TARGET_GROUPS,
        targets.TARGETS,
        routing.TARGET_GROUP_ATTRIBUTES,
        routing.LISTENERS,
        routing.LISTENER_RULES,
        routing.FORWARDED_GROUPS,
        metrics.METRICS,
        logs.LOG_EVENTS,
        logs.LOG_STREAMS,
        stack_traces.STACK_TRACES,
        log_patterns.LOG_PATTERNS,
        access.ROLES,
        access.POLICIES,
        access.SIMULATED_ACCESS,
        access.SIMULATED_OVERALL,
        access.RESOURCE_POLICIES,
        access.ACCESS,
        *existence.SCHEMAS,
        *network.READ,
        network.SECURITY_GROUP_RULES,
        network_path.TASK_NETWORKS,
        network_path.NETWORK_PATH,
        trail.TRAIL_EVENTS,
        changes.CHANGES,
        reported.REPORTED_TEXTS,
        reported.REPORTED_NETWORK,
        coverage.COVERAGE,
    )
}
"""Every frame by its name: columns, dtypes, paths and meanings; `docs/frames.md` is printed from it."""


class ReadFrames:
    """The frames of one snapshot in which each column is a path in AWS's answer; `Frames` adds what is derived."""

    def __init__(self, snapshot: Snapshot, *, partial: bool = False) -> None:
        self.snapshot = snapshot
        self.partial = partial
        """Whether the snapshot is not finished: what was not asked yet is a gap."""
        self._pages: dict[str, tuple[pa.Table, list[bool]]] = {}

    def _read(self, schema: FrameSchema, *, remembers: bool | None = None) -> pd.DataFrame:
        """Return the frame as it is read; `remembers` in place of the schema's own."""
        if schema.operation not in self._pages:
            schemas = _SCHEMAS_OF[schema.operation]
            lines = self.snapshot.lines(schema.operation)
            self._pages[schema.operation] = read_pages(lines, schemas), of_last_answers(lines)
        pages, last = self._pages[schema.operation]
        whole = schema.remembers if remembers is None else remembers
        return frame_of(pages if whole or all(last) else pages.filter(pa.array(last)), schema)

    def _responses(self, operation: str, member: str) -> list[dict[str, Any]]:
        last = of_last_answers(self.snapshot.lines(operation))
        pages = [page["response"] or {} for page in self.snapshot.records(operation)]
        return [row for page, newest in zip(pages, last, strict=True) if newest for row in page.get(member) or ()]

    @cached_property
    def services(self) -> pd.DataFrame:
        """Return `services`: the service itself."""
        return self._read(ecs.SERVICES)

    @cached_property
    def service_load_balancers(self) -> pd.DataFrame:
        """Return `service_load_balancers`: which container answers which target group."""
        return self._read(ecs.SERVICE_LOAD_BALANCERS)

    @cached_property
    def service_actions(self) -> pd.DataFrame:
        """Return `service_actions`: what ECS sent to EventBridge, as far as a store has it."""
        return self._read(ecs.SERVICE_ACTIONS)

    @cached_property
    def service_revisions(self) -> pd.DataFrame:
        """Return `service_revisions`."""
        return self._read(ecs.SERVICE_REVISIONS)

    @cached_property
    def container_definitions(self) -> pd.DataFrame:
        """Return `container_definitions`."""
        return self._read(ecs.CONTAINER_DEFINITIONS)

    @cached_property
    def port_mappings(self) -> pd.DataFrame:
        """Return `port_mappings`: the ports that containers open."""
        return self._read(ecs.PORT_MAPPINGS)

    @cached_property
    def health_check_commands(self) -> pd.DataFrame:
        """Return `health_check_commands`: how containers check themselves."""
        return self._read(ecs.HEALTH_CHECK_COMMANDS)

    @cached_property
    def secrets(self) -> pd.DataFrame:
        """Return `secrets`: what ECS injects."""
        return self._read(ecs.SECRETS)

    @cached_property
    def environment(self) -> pd.DataFrame:
        """Return `environment`: variables, their values masked."""
        return self._read(ecs.ENVIRONMENT)

    @cached_property
    def addresses(self) -> pd.DataFrame:
        """Return `addresses` of those tasks."""
        return self._read(tasks.ADDRESSES)

    @cached_property
    def target_groups(self) -> pd.DataFrame:
        """Return `target_groups` of the service."""
        return self._read(targets.TARGET_GROUPS)

    @cached_property
    def target_group_attributes(self) -> pd.DataFrame:
        """Return `target_group_attributes` of the service's target groups."""
        return self._read(routing.TARGET_GROUP_ATTRIBUTES)

    @cached_property
    def listeners(self) -> pd.DataFrame:
        """Return `listeners` of the load balancers in front of the service."""
        return self._read(routing.LISTENERS)

    @cached_property
    def listener_rules(self) -> pd.DataFrame:
        """Return `listener_rules`: what those listeners do with a request."""
        return self._read(routing.LISTENER_RULES)

    @cached_property
    def forwarded_groups(self) -> pd.DataFrame:
        """Return `forwarded_groups`: the target groups that a rule forwards to with a weight."""
        return self._read(routing.FORWARDED_GROUPS)

    @cached_property
    def simulated_overall(self) -> pd.DataFrame:
        """Return `simulated_overall`: the same without resources."""
        return self._read(access.SIMULATED_OVERALL)

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
    def trail_events(self) -> pd.DataFrame:
        """Return `trail_events`: CloudTrail's, since the last good deployment."""
        return self._read(trail.TRAIL_EVENTS)

    @cached_property
    def load_balancer_groups(self) -> pd.DataFrame:
        """Return `load_balancer_groups`: their security groups."""
        return self._read(network.LOAD_BALANCER_GROUPS)


def _by_operation() -> dict[str, list[FrameSchema]]:
    grouped: dict[str, list[FrameSchema]] = defaultdict(list)
    for schema in SCHEMAS.values():
        grouped[schema.operation].append(schema)
    return grouped


_SCHEMAS_OF = _by_operation()
