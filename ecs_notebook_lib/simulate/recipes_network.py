"""Faults of the network: groups, ways out, zones, file systems, interfaces."""

from collections.abc import Callable

from ecs_notebook_lib.simulate.conditions import both, cut_off_from, mounts
from ecs_notebook_lib.simulate.model import Shape, Task
from ecs_notebook_lib.simulate.network import rule
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes_start import add_file_system, mount
from ecs_notebook_lib.simulate.script import always
from ecs_notebook_lib.simulate.varied_network import group
from ecs_notebook_lib.simulate.world import World

_PULL = "ResourceInitializationError: unable to pull secrets or registry auth: "
_RETRIEVAL = f"{_PULL}execution resource retrieval failed: "
_REGISTRY = (
    f"{_RETRIEVAL}unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send "
    "request "
    'failed caused by: Post "https://api.ecr.{region}.{suffix}/": dial tcp {address}:443: i/o timeout. Please check '
    "your "
    "task network configuration."
)
_REGISTRY_NEW = (
    f"{_PULL}The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and "
    "Amazon "
    "ECR. Check your task network configuration. RequestError: send request failed caused by: Post "
    '"https://api.ecr.{region}.{suffix}/": dial tcp {address}:443: i/o timeout'
)
_IMAGE = (
    "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: failed "
    "to do "
    'request: Head "https://{registry}/v2/{repository_name}/manifests/latest": dial tcp {address}:443: i/o timeout'
)
_IMAGE_OLD = (
    "CannotPullContainerError: API error (500): Get https://{registry}/v2/: net/http: request canceled while waiting "
    "for "
    "connection (Client.Timeout exceeded while awaiting headers)"
)
_IMAGE_NEW = (
    "CannotPullContainerError: The task cannot pull '{image}' from the Amazon ECR repository '{repository}'. There "
    "is a "
    "connection issue between the task and Amazon ECR. Check your task network configuration."
)
_LAYERS = (
    "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: "
    "failed to "
    'do request: Get "https://prod-{region}-starport-layer-bucket.s3.{region}.{suffix}/4b1c": dial tcp '
    "{address}:443: i/o "
    "timeout"
)
_SECRET = (
    f"{_RETRIEVAL}unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets "
    "Manager. "
    "Check your task network configuration. failed to fetch secret {secret} from secrets manager: RequestCanceled: "
    "request "
    "context canceled caused by: context deadline exceeded"
)
_LOGGER = (
    "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group "
    "defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your "
    "network "
    "configuration. : signal: killed"
)
_STARTED = "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s"
_CLOSED = "closed_group"


def no_balancer_rule(plan: Plan) -> None:
    """Let the new revision bring a group that the load balancer may not enter."""
    plan.need_balancer()
    plan.new.network["securityGroups"] = [_CLOSED]
    ingress = plan.rng.choice(
        [
            [],
            [rule(plan.port, cidr="198.51.100.0/24")],
            [rule(plan.port + 1, cidr="0.0.0.0/0")],
            [rule(22, cidr="10.0.0.0/8")],
        ]
    )
    _bring_group(plan, f"{plan.name}-{plan.rng.choice(['v2', 'new', 'default'])}", ingress)


def _bring_group(plan: Plan, name: str, ingress: list[Shape], egress: list[Shape] | None = None) -> None:
    def edit(world: World) -> None:
        identifier = f"sg-0{world.engine.hexadecimal(16)}"
        row = group(world, identifier, name, str(world.slots["vpc"]), ingress)
        if egress is not None:
            row["IpPermissionsEgress"] = egress
        world.network.security_groups.append(row)
        world.slots[_CLOSED] = identifier

    plan.prepare.append(edit)


def acl_denies(plan: Plan) -> None:
    """Let a network ACL of the tasks' subnets deny what comes from the load balancer."""
    plan.need_balancer()
    plan.first, plan.attempts = True, 0
    plan.egress = "nat" if plan.egress == "public" else plan.egress

    def edit(world: World) -> None:
        [acl] = world.network.network_acls
        inner = {**acl, "NetworkAclId": f"acl-0{world.engine.hexadecimal(16)}", "IsDefault": False}
        inner["Associations"] = [row for row in acl["Associations"] if row["SubnetId"] in world.zones]
        acl["Associations"] = [row for row in acl["Associations"] if row["SubnetId"] not in world.zones]
        port = {"PortRange": {"From": 443, "To": 443}, "Protocol": "6"}
        entry = {"Egress": False, "RuleNumber": 90, "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", **port}
        replies = {"PortRange": {"From": 32768, "To": 65535}, "Protocol": "6"}
        back = {"Egress": False, "RuleNumber": 95, "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", **replies}
        kept = [row for row in acl["Entries"] if row["Egress"] or row["RuleAction"] == "deny"]
        inner["Entries"] = [entry, back, *kept]
        world.network.network_acls.append(inner)

    plan.edits.append(edit)


def no_way_out(plan: Plan) -> None:
    """Let the tasks not get out: no public address, no NAT, no endpoint, no outbound rule."""
    kind = "half" if plan.paired else plan.rng.choice(["address", "nat", "endpoint", "rule"])
    _WAYS[kind](plan)


def _hang(plan: Plan, usual: list[str], other: list[str], *, service: str = "", everywhere: bool = True) -> None:
    """Let the start hang while the task has no way to a service; by default the one that the words are about."""
    text = plan.pick(usual, other)
    phase = "start" if text == _STARTED else "pull" if text.startswith("CannotPull") else "prepare"
    seconds = (170, 182) if phase == "start" else (62, 150)
    cut_off = cut_off_from(service or ("logs" if text in (_LOGGER, _STARTED) else "ecr.api"))
    plan.hitch(phase, text, seconds=seconds, hits=both(plan.starting if everywhere else always, cut_off))


def _no_address(plan: Plan) -> None:
    plan.egress = "public"
    plan.new.network["assignPublicIp"] = "DISABLED"
    _hang(plan, [_REGISTRY, _REGISTRY, _IMAGE], [_REGISTRY_NEW, _IMAGE_OLD, _IMAGE_NEW])


def _no_nat(plan: Plan) -> None:
    no_nat(plan, blackhole=plan.chance(0.5))


def no_nat(plan: Plan, *, blackhole: bool) -> None:
    """Let the route to the NAT gateway go, or the gateway itself: then the route leads into a black hole."""
    plan.egress = "nat"

    def edit(world: World) -> None:
        table = next(row for row in world.network.route_tables if row["RouteTableId"] == world.slots["table"])
        if blackhole:
            table["Routes"][-1]["State"] = "blackhole"
            world.network.nat_gateways.clear()
        else:
            table["Routes"].pop()

    plan.edits.append(edit)
    _hang(plan, [_REGISTRY, _IMAGE], [_REGISTRY_NEW, _IMAGE_OLD, _LOGGER])


def _no_endpoint(plan: Plan) -> None:
    plan.egress = "endpoints"
    name, usual, other = plan.rng.choice(
        [
            ("ecr.api", [_REGISTRY], [_REGISTRY_NEW]),
            ("ecr.dkr", [_IMAGE], [_IMAGE_NEW, _IMAGE_OLD]),
            ("s3", [_LAYERS], [_LAYERS]),
            ("logs", [_LOGGER], [_LOGGER, _STARTED]),
            ("secretsmanager", [_SECRET], [_SECRET]),
        ]
    )
    if name == "secretsmanager":
        _inject_secret(plan)
    plan.edits.append(lambda world: _drop_endpoint(world, name))
    _hang(plan, usual, other, service=name)


def _inject_secret(plan: Plan) -> None:
    def prepare(world: World) -> None:
        secret = next(iter(world.access.secrets))
        world.slots["secret"] = secret
        plan.new.container["secrets"] = [{"name": "SETTINGS", "valueFrom": secret}]

    plan.prepare.append(prepare)


def _drop_endpoint(world: World, name: str) -> None:
    world.network.endpoints = [row for row in world.network.endpoints if not row["ServiceName"].endswith(f".{name}")]


def _no_rule(plan: Plan) -> None:
    plan.new.network["securityGroups"] = [_CLOSED]
    ingress = [rule(plan.port, cidr="10.0.0.0/8")]
    egress = plan.rng.choice([[], [rule(5432, cidr="10.0.0.0/8")]])
    _bring_group(plan, f"{plan.name}-locked", ingress, egress)
    _hang(plan, [_REGISTRY, _IMAGE], [_REGISTRY_NEW, _IMAGE_NEW, _LOGGER])


def _half_without(plan: Plan) -> None:
    """Let one of the two subnets have no route to the NAT gateway."""
    plan.zones, plan.by_subnet = 2, True
    plan.egress = "nat"

    def edit(world: World) -> None:
        first, table = next(iter(world.zones)), world.slots["table"]
        whole = next(row for row in world.network.route_tables if row["RouteTableId"] == table)
        other = f"rtb-0{world.engine.hexadecimal(16)}"
        moved = [row | {"RouteTableId": other} for row in whole["Associations"] if row["SubnetId"] == first]
        whole["Associations"] = [row for row in whole["Associations"] if row["SubnetId"] != first]
        world.network.route_tables.append(
            whole | {"RouteTableId": other, "Associations": moved, "Routes": whole["Routes"][:1]}
        )

    plan.edits.append(edit)
    _hang(plan, [_REGISTRY, _IMAGE], [_REGISTRY_NEW, _IMAGE_OLD], everywhere=False)


def in_first_subnet(world: World, task: Task) -> bool:
    """Say whether a task was placed in the first of the service's subnets."""
    return bool(task.shape["availabilityZone"] == next(iter(world.zones.values())))


_WAYS: dict[str, Callable[[Plan], None]] = {
    "address": _no_address,
    "nat": _no_nat,
    "endpoint": _no_endpoint,
    "rule": _no_rule,
    "half": _half_without,
}


def zone_not_enabled(plan: Plan) -> None:
    """Let the new revision's subnets reach into a zone that the load balancer does not serve."""
    plan.need_balancer()
    plan.zones, plan.desired, plan.minimum, plan.maximum = 3, max(3, plan.desired), 100, 200
    plan.egress = "nat" if plan.egress == "public" else plan.egress

    def edit(world: World) -> None:
        zone = list(world.zones.values())[-1]
        for balancer in world.load_balancers:
            balancer["AvailabilityZones"] = [row for row in balancer["AvailabilityZones"] if row["ZoneName"] != zone]
        text = "Target is in an Availability Zone that is not enabled for the load balancer"
        for target_group in world.balancer.groups.values():
            target_group.unused = lambda other: text if other == zone else None

    def before(world: World) -> None:
        plan.good.network["subnets"] = list(world.zones)[:-1]
        plan.new.network["subnets"] = list(world.zones)

    plan.prepare.append(before)
    plan.edits.append(edit)


def zone_without_fargate(plan: Plan) -> None:
    """Let a subnet be in a zone that Fargate does not serve."""
    plan.silent, plan.attempts = True, 0
    plan.first = True
    plan.ask_after = max(plan.ask_after, 6.0)

    def edit(world: World) -> None:
        for subnet in world.network.subnets:
            if subnet["SubnetId"] in world.zones:
                subnet["AvailabilityZoneId"] = subnet["AvailabilityZoneId"][:-1] + "3"
        world.placement_error = "was unable to place a task. Reason: Internal error."
        bad = set(world.zones)
        world.is_unplaced = lambda deployment: bool(bad & set(deployment.network["subnets"]))

    plan.edits.append(edit)


def file_system_unreachable(plan: Plan) -> None:
    """Let the file system's mount target not be reached: no target in the zone, or a closed port."""
    file_system = f"fs-0{plan.rng.randrange(16**8, 16**9):x}"
    mount(plan, file_system)
    plan.by_subnet = plan.paired
    start = "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: "
    end = " : unsuccessful EFS utils command execution; code: "
    host = "{file_system}.efs.{region}.{suffix}".replace("{file_system}", file_system)
    resolve = f'{start}Failed to resolve "{host}" - check that your file system ID is correct{end}1'
    timed_out = f"{start}b'mount.nfs4: Connection timed out'{end}32"
    attempt = f"{start}Mount attempt 1/3 failed due to timeout after 15 sec, wait 0 sec before next attempt{end}32"
    if plan.paired or plan.chance(0.5):
        plan.prepare.append(lambda world: add_file_system(world, file_system, list(world.zones)[1:]))
        place = in_first_subnet if plan.paired else always
        text = plan.pick([resolve], [timed_out])
        plan.hitch("prepare", text, seconds=(30, 75), hits=both(place, mounts(file_system)))
    else:
        plan.prepare.append(lambda world: add_file_system(world, file_system, list(world.zones)))
        plan.hitch("prepare", plan.pick([timed_out], [attempt]), seconds=(60, 120), given=mounts(file_system))


def interface_fails(plan: Plan) -> None:
    """Let the task's network interface not be made or attached."""
    text, seconds = plan.pick(
        [("Timeout waiting for network interface provisioning to complete.", (180, 200))],
        [
            (
                "ResourceInitializationError: failed to configure ENI: failed to setup regular eni: netplugin failed "
                "with "
                'no error message: "failed to move interface to network namespace"',
                (4, 10),
            ),
            (
                "Unexpected EC2 error while attempting to Create Network Interface in subnet '{subnet}': "
                "RequestLimitExceeded",
                (3, 9),
            ),
        ],
    )
    plan.hitch("provisioning", text, seconds=seconds)


_GROUP, _ZONE = "network.security_group", "network.zone"
RECIPES = (
    Recipe("balancer-blocked", _GROUP, "the load balancer may not enter the new tasks' group", no_balancer_rule),
    Recipe("acl-denies", _GROUP, "a network ACL denies the load balancer's checks", acl_denies),
    Recipe("no-way-out", "network.egress", "the tasks do not reach AWS's endpoints", no_way_out),
    Recipe(
        "zone-not-enabled", _ZONE, "a subnet's zone is not enabled on the load balancer", zone_not_enabled, "fargate"
    ),
    Recipe("zone-without-fargate", _ZONE, "a subnet's zone does not have Fargate", zone_without_fargate, "fargate"),
    Recipe(
        "file-system-unreachable",
        "network.file_system",
        "the file system's mount target is not reached",
        file_system_unreachable,
        "fargate",
    ),
    Recipe("interface-fails", "network.interface", "the network interface cannot be made", interface_fails, "fargate"),
)
