"""The network of a varied account: private, public or endpoint-only subnets, in EC2's own shapes."""

from ecs_notebook_lib.simulate.engine import Engine
from ecs_notebook_lib.simulate.model import Shape
from ecs_notebook_lib.simulate.network import rule, security_group
from ecs_notebook_lib.simulate.plan import Plan
from ecs_notebook_lib.simulate.world import World

_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "sts", "dynamodb", "sqs")
_OPEN_POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'


def add_network(world: World, plan: Plan) -> dict[str, str]:
    """Fill the world's network; return the identifiers of its parts by what they are.

    Of a VPC that worlds share, all is the same in each of them but the group of the service's own tasks.
    """
    source = Engine(world.now, plan.vpc) if plan.vpc else world.engine
    new = source.hexadecimal
    ids = {part: f"{kind}-0{new(16)}" for part, kind in _PARTS.items()}
    ids["task_group"] = f"sg-0{world.engine.hexadecimal(16)}" if plan.vpc else ids["task_group"]
    net = f"10.{source.random.randint(0, 200)}"
    zones = [f"{world.region}{letter}" for letter in "abc"[: plan.zones]]
    for number, zone in enumerate(zones, start=1):
        subnet = f"subnet-0{new(16)}"
        world.zones[subnet] = zone
        world.network.subnets.append(_subnet(world, ids["vpc"], subnet, zone, f"{net}.{number}.0/24"))
    outer = list(world.zones)
    if plan.egress != "public":
        outer = [f"subnet-0{new(16)}" for _ in zones]
        for number, (subnet, zone) in enumerate(zip(outer, zones, strict=True), start=101):
            world.network.subnets.append(_subnet(world, ids["vpc"], subnet, zone, f"{net}.{number}.0/24"))
    _route(world, plan, ids, outer)
    everywhere = [row["SubnetId"] for row in world.network.subnets]
    world.network.network_acls.append(_acl(world, ids, everywhere))
    world.network.security_groups += [
        group(world, ids["balancer_group"], "load-balancer", ids["vpc"], [rule(443, cidr="0.0.0.0/0")]),
        group(world, ids["task_group"], f"{plan.name}-tasks", ids["vpc"], _ingress(plan, ids)),
    ]
    ids["net"], ids["nodes"] = net, ",".join(_nodes(world, outer))
    return ids


_PARTS = {
    "vpc": "vpc",
    "balancer_group": "sg",
    "task_group": "sg",
    "endpoint_group": "sg",
    "table": "rtb",
    "outer_table": "rtb",
    "gateway": "igw",
    "nat": "nat",
    "acl": "acl",
}


def _nodes(world: World, subnets: list[str]) -> list[str]:
    blocks = {row["SubnetId"]: row["CidrBlock"] for row in world.network.subnets}
    return [blocks[subnet].replace(".0/24", ".5") for subnet in subnets[:2]]


def _ingress(plan: Plan, ids: dict[str, str]) -> list[Shape]:
    return [rule(plan.port, group=ids["balancer_group"])] if plan.balanced else []


def group(world: World, group_id: str, name: str, vpc: str, ingress: list[Shape]) -> Shape:
    """Return a security group of this account that lets everything out."""
    return security_group(group_id, name, vpc, ingress) | {"OwnerId": world.account}


def _subnet(world: World, vpc: str, subnet: str, zone: str, block: str) -> Shape:
    return {
        "SubnetId": subnet,
        "VpcId": vpc,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": f"{_short(world.region)}-az{'abc'.index(zone[-1]) + 1}",
        "CidrBlock": block,
        "AvailableIpAddressCount": 251,
        "State": "available",
        "OwnerId": world.account,
        "MapPublicIpOnLaunch": False,
        "DefaultForAz": False,
    }


def _short(region: str) -> str:
    """Return the region as zone identifiers have it: `us-east-1` is `use1`."""
    first, *middle, last = region.split("-")
    return first + "".join(word[0] for word in middle) + last


def _route(world: World, plan: Plan, ids: dict[str, str], outer: list[str]) -> None:
    network, inner = world.network, list(world.zones)
    local = route(f"{_block(world)}", "GatewayId", "local")
    internet = route("0.0.0.0/0", "GatewayId", ids["gateway"])
    if plan.egress == "public":
        network.route_tables.append(_table(world, ids["table"], ids["vpc"], inner, [local, internet]))
        return
    network.route_tables.append(_table(world, ids["outer_table"], ids["vpc"], outer, [local, internet]))
    routes = [local]
    if plan.egress == "nat":
        routes.append(route("0.0.0.0/0", "NatGatewayId", ids["nat"]))
        network.nat_gateways.append(_nat(ids, outer[0]))
    else:
        _add_endpoints(world, ids, inner)
    network.route_tables.append(_table(world, ids["table"], ids["vpc"], inner, routes))


def _block(world: World) -> str:
    return str(world.network.subnets[0]["CidrBlock"]).rsplit(".", 2)[0] + ".0.0/16"


def route(destination: str, member: str, target: str) -> Shape:
    """Return a route of a route table."""
    return {"DestinationCidrBlock": destination, member: target, "Origin": "CreateRoute", "State": "active"}


def _table(world: World, table: str, vpc: str, subnets: list[str], routes: list[Shape]) -> Shape:
    return {
        "RouteTableId": table,
        "VpcId": vpc,
        "OwnerId": world.account,
        "Associations": [
            {
                "Main": False,
                "RouteTableId": table,
                "SubnetId": subnet,
                "RouteTableAssociationId": subnet.replace("subnet-", "rtbassoc-"),
            }
            for subnet in subnets
        ],
        "PropagatingVgws": [],
        "Routes": routes,
        "Tags": [],
    }


def _nat(ids: dict[str, str], subnet: str) -> Shape:
    return {
        "NatGatewayId": ids["nat"],
        "VpcId": ids["vpc"],
        "SubnetId": subnet,
        "State": "available",
        "ConnectivityType": "public",
        "NatGatewayAddresses": [{"PublicIp": "203.0.113.9", "AllocationId": ids["nat"].replace("nat-", "eipalloc-")}],
        "Tags": [],
    }


def _add_endpoints(world: World, ids: dict[str, str], subnets: list[str]) -> None:
    ingress = [rule(443, cidr=_block(world))]
    world.network.security_groups.append(group(world, ids["endpoint_group"], "endpoints", ids["vpc"], ingress))
    for name in _ENDPOINTS:
        world.network.endpoints.append(
            _endpoint(world, ids, name, "Interface")
            | {
                "SubnetIds": subnets,
                "Groups": [{"GroupId": ids["endpoint_group"], "GroupName": "endpoints"}],
                "PrivateDnsEnabled": True,
            }
        )
    world.network.endpoints.append(_endpoint(world, ids, "s3", "Gateway") | {"RouteTableIds": [ids["table"]]})


def _endpoint(world: World, ids: dict[str, str], name: str, kind: str) -> Shape:
    prefix = "cn.com.amazonaws" if world.partition == "aws-cn" else "com.amazonaws"
    return {
        "VpcEndpointId": f"vpce-0{world.engine.hexadecimal(16)}",
        "VpcEndpointType": kind,
        "VpcId": ids["vpc"],
        "ServiceName": f"{prefix}.{world.region}.{name}",
        "State": "available",
        "PolicyDocument": _OPEN_POLICY,
        "RouteTableIds": [],
        "SubnetIds": [],
        "Groups": [],
        "PrivateDnsEnabled": False,
        "OwnerId": world.account,
    }


def _acl(world: World, ids: dict[str, str], subnets: list[str]) -> Shape:
    return {
        "NetworkAclId": ids["acl"],
        "VpcId": ids["vpc"],
        "OwnerId": world.account,
        "IsDefault": True,
        "Associations": [
            {
                "NetworkAclId": ids["acl"],
                "SubnetId": subnet,
                "NetworkAclAssociationId": subnet.replace("subnet-", "aclassoc-"),
            }
            for subnet in subnets
        ],
        "Entries": [
            {"Egress": egress, "RuleNumber": number, "RuleAction": action, "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
            for egress in (True, False)
            for number, action in ((100, "allow"), (32767, "deny"))
        ],
        "Tags": [],
    }
