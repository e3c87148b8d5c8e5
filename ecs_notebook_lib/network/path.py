"""The ways that a task needs: from the load balancer to it, and from it to AWS; each with the filters in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_notebook_lib.network import endpoints, groups, routes
from ecs_notebook_lib.network.acls import acl_of, evaluate_acl
from ecs_notebook_lib.network.addresses import ANYWHERE, EPHEMERAL, Peer
from ecs_notebook_lib.network.verdict import Decision, all_of, closed, opened, unknown

Row = Mapping[str, Any]
HTTPS = 443


@dataclass(frozen=True, slots=True)
class Vpc:
    """EC2's tables of one VPC; None stands for a call that was refused."""

    subnets: Mapping[str, Row] | None = None
    route_tables: Sequence[Row] | None = None
    security_groups: Mapping[str, Row] | None = None
    network_acls: Sequence[Row] | None = None
    nat_gateways: Sequence[Row] | None = None
    endpoints: Sequence[Row] | None = None
    dns: Mapping[str, bool | None] = field(default_factory=dict)

    def networks(self, subnets: Sequence[str]) -> tuple[str, ...]:
        """Return the IPv4 CIDRs of subnets; empty unless all of them are known: a subnet may have IPv6 only."""
        known = self.subnets or {}
        blocks = [known.get(one, {}).get("CidrBlock") for one in subnets]
        return tuple(map(str, blocks)) if all(blocks) else ()

    def between(self, source: str, target: str, ports: tuple[int, int]) -> Decision:
        """Return whether the network ACLs let TCP from one subnet to another, and the replies back."""
        if source == target:
            return opened("", "Both ends are in the same subnet, where no network ACL is passed.")
        return all_of([*self._leaving(source, target, ports), *self._leaving(target, source, EPHEMERAL)])

    def _leaving(self, source: str, target: str, ports: tuple[int, int]) -> Iterator[Decision]:
        for subnet, other, egress in ((source, target, True), (target, source, False)):
            networks = self.networks([other])
            if networks:
                yield evaluate_acl(acl_of(self.network_acls, subnet), egress=egress, networks=networks, ports=ports)
            else:
                yield unknown("", f"The addresses of {other} are not known.")


@dataclass(frozen=True, slots=True)
class Tasks:
    """Where the tasks of a deployment are, and what their network interfaces have."""

    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    public_ip: bool | None


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer, as DescribeLoadBalancers tells it."""

    name: str
    subnets: tuple[str, ...]
    zones: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Destination:
    """A service that a task needs: its name, e.g. `ecr.api` (empty: only on the internet), and what for.

    `action` and `resource` are what the policy of its endpoint must let through.
    """

    service: str
    name: str
    needed_for: str
    action: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One filter on a way; `path` tells the ways apart and `number` counts the hops of each from 1."""

    path: str
    number: int
    passes: str
    from_: str
    to: str
    port: int
    subnet: str
    direction: str
    needed_for: str
    decision: Decision


def _numbered(hops: list[tuple[str, Decision]], **way: Any) -> Iterator[Hop]:
    for number, (passes, decision) in enumerate(hops, start=1):
        yield Hop(number=number, passes=passes, decision=decision, **way)


def balancer_path(vpc: Vpc, balancer: Balancer, tasks: Tasks, *, port: int, needed_for: str) -> Iterator[Hop]:
    """Yield the hops from a load balancer to a port of tasks, for each of their subnets."""
    for subnet in tasks.subnets:
        target = Peer(vpc.networks([subnet]), frozenset(tasks.groups))
        source = Peer(vpc.networks(balancer.subnets), frozenset(balancer.groups))
        leaves = opened("", f"{balancer.name} has no security group.")
        if balancer.groups:
            leaves = groups.evaluate_groups(
                vpc.security_groups, balancer.groups, direction=groups.EGRESS, peer=target, port=port
            )
        enters = groups.evaluate_groups(
            vpc.security_groups, tasks.groups, direction=groups.INGRESS, peer=source, port=port
        )
        hops = [
            ("zone", _zone(vpc, balancer, subnet)),
            ("load balancer's security groups", leaves),
            ("network ACLs", all_of(vpc.between(one, subnet, (port, port)) for one in balancer.subnets)),
            ("task's security groups", enters),
        ]
        yield from _numbered(
            hops,
            path=f"{balancer.name} to {subnet}:{port}",
            from_=balancer.name,
            to=f"tasks in {subnet}",
            port=port,
            subnet=subnet,
            direction="load_balancer_to_task",
            needed_for=needed_for,
        )


def _zone(vpc: Vpc, balancer: Balancer, subnet: str) -> Decision:
    row = (vpc.subnets or {}).get(subnet)
    if row is None:
        return unknown(subnet, f"The zone of {subnet} is not known.")
    zone = str(row.get("AvailabilityZone", ""))
    if zone in balancer.zones:
        return opened(zone, f"{balancer.name} is enabled in {zone}.")
    return closed(zone, f"{subnet} is in {zone}, where {balancer.name} is not enabled.")


def endpoint_path(vpc: Vpc, tasks: Tasks, destination: Destination) -> Iterator[Hop]:
    """Yield the hops from tasks to a service of AWS or a registry on the internet, for each of their subnets."""
    for subnet in tasks.subnets:
        yield from _numbered(
            list(_way_out(vpc, tasks, destination, subnet)),
            path=f"{subnet} to {destination.name}",
            from_=f"tasks in {subnet}",
            to=destination.name,
            port=HTTPS,
            subnet=subnet,
            direction="task_to_endpoint",
            needed_for=destination.needed_for,
        )


def _way_out(vpc: Vpc, tasks: Tasks, wanted: Destination, subnet: str) -> Iterator[tuple[str, Decision]]:
    table = routes.table_of(vpc.route_tables, subnet)
    interface = endpoints.interface_endpoint(vpc.endpoints, wanted.service) if wanted.service else None
    if interface is not None:
        yield from _by_interface(vpc, tasks, interface, wanted, subnet)
        return
    yield "task's security groups", _out(vpc, tasks, Peer((ANYWHERE,)))
    yield "network ACL", _acl_to_anywhere(vpc, subnet)
    if wanted.service and vpc.endpoints is None:
        yield "route", unknown("", "Whether there is a VPC endpoint could not be read.")
        return
    name = str(table.get("RouteTableId", "")) if table else ""
    gateway = endpoints.gateway_endpoint(vpc.endpoints, wanted.service, name) if wanted.service and table else None
    if gateway is not None:
        yield "gateway endpoint", endpoints.evaluate_state(gateway)
        yield "endpoint policy", endpoints.evaluate_policy(gateway, action=wanted.action, resource=wanted.resource)
        return
    yield (
        "route",
        routes.evaluate_exit(vpc.route_tables, vpc.nat_gateways, subnet=subnet, public_ip=tasks.public_ip),
    )


def _by_interface(
    vpc: Vpc, tasks: Tasks, endpoint: Row, wanted: Destination, subnet: str
) -> Iterator[tuple[str, Decision]]:
    """Yield the hops to an interface endpoint; its private name leads there even where there is another way out."""
    names = tuple(str(group.get("GroupId", "")) for group in endpoint.get("Groups") or ())
    subnets = tuple(str(one) for one in endpoint.get("SubnetIds") or ())
    source = Peer(vpc.networks([subnet]), frozenset(tasks.groups))
    yield "private name", endpoints.evaluate_names(vpc.dns, endpoint)
    yield "task's security groups", _out(vpc, tasks, Peer(vpc.networks(subnets), frozenset(names)))
    yield "network ACLs", all_of(vpc.between(subnet, one, (HTTPS, HTTPS)) for one in subnets)
    yield "interface endpoint", endpoints.evaluate_state(endpoint)
    yield (
        "endpoint's security groups",
        groups.evaluate_groups(vpc.security_groups, names, direction=groups.INGRESS, peer=source, port=HTTPS),
    )
    yield "endpoint policy", endpoints.evaluate_policy(endpoint, action=wanted.action, resource=wanted.resource)


def _out(vpc: Vpc, tasks: Tasks, peer: Peer) -> Decision:
    return groups.evaluate_groups(vpc.security_groups, tasks.groups, direction=groups.EGRESS, peer=peer, port=HTTPS)


def _acl_to_anywhere(vpc: Vpc, subnet: str) -> Decision:
    acl = acl_of(vpc.network_acls, subnet)
    return all_of(
        [
            evaluate_acl(acl, egress=True, networks=(ANYWHERE,), ports=(HTTPS, HTTPS)),
            evaluate_acl(acl, egress=False, networks=(ANYWHERE,), ports=EPHEMERAL),
        ]
    )
