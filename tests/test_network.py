"""The rules of a VPC: groups, network ACLs, routes, endpoints; what cannot be told is neither open nor closed."""

import json

import pytest

from ecs_notebook_lib.network import (
    EGRESS,
    INGRESS,
    Balancer,
    Destination,
    Peer,
    Tasks,
    Vpc,
    all_of,
    balancer_path,
    endpoint_path,
    evaluate_acl,
    evaluate_exit,
    evaluate_groups,
    evaluate_policy,
)

BALANCER = Peer(("10.0.1.0/24", "10.0.2.0/24"), frozenset({"sg-lb"}))


def rule(protocol="tcp", first=8000, last=None, *, cidrs=(), group="", ipv6="", prefix=""):
    ports = {} if protocol == "-1" else {"FromPort": first, "ToPort": first if last is None else last}
    return {
        "IpProtocol": protocol,
        **ports,
        "IpRanges": [{"CidrIp": cidr} for cidr in cidrs],
        "Ipv6Ranges": [{"CidrIpv6": ipv6}] if ipv6 else [],
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
        "PrefixListIds": [{"PrefixListId": prefix}] if prefix else [],
    }


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        pytest.param([rule(group="sg-lb")], "open", id="from-the-balancers-group"),
        pytest.param([rule("6", group="sg-lb")], "open", id="protocol-as-a-number"),
        pytest.param([rule("-1", group="sg-lb")], "open", id="every-protocol"),
        pytest.param([rule(first=0, last=65535, group="sg-lb")], "open", id="all-ports"),
        pytest.param([rule("udp", group="sg-lb")], "closed", id="udp"),
        pytest.param([rule(first=8080, group="sg-lb")], "closed", id="another-port"),
        pytest.param([rule(group="sg-other")], "closed", id="another-group"),
        pytest.param([rule(cidrs=["10.0.0.0/16"])], "open", id="a-cidr-around-all"),
        pytest.param([rule(cidrs=["10.0.1.0/24"]), rule(cidrs=["10.0.2.0/24"])], "open", id="two-rules-together"),
        pytest.param([rule(cidrs=["10.0.1.0/24"])], "cannot_tell", id="one-zone-only"),
        pytest.param([rule(cidrs=["10.0.1.5/32"])], "cannot_tell", id="perhaps-the-node"),
        pytest.param([rule(cidrs=["198.51.100.0/24"])], "closed", id="the-office"),
        pytest.param([rule(ipv6="::/0")], "closed", id="ipv6-only"),
        pytest.param([rule(prefix="pl-1")], "cannot_tell", id="prefix-list"),
        pytest.param([rule(first=8080, prefix="pl-1")], "closed", id="prefix-list-on-another-port"),
        pytest.param([], "closed", id="no-rule"),
    ],
)
def test_a_security_group_only_allows(rules, verdict):
    groups = {"sg-task": {"IpPermissions": rules}}

    decision = evaluate_groups(groups, ["sg-task"], direction=INGRESS, peer=BALANCER, port=8000)

    assert decision.verdict == verdict
    assert decision.rule == "sg-task"
    assert decision.reason.endswith((".", ")."))


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        (None, ["sg-task"]),
        ({}, ["sg-task"]),
        ({"sg-task": {}}, []),
        ({"sg-a": {"IpPermissions": []}}, ["sg-a", "sg-b"]),
    ],
)
def test_a_group_that_was_not_seen_cannot_be_told(groups, names):
    assert evaluate_groups(groups, names, direction=INGRESS, peer=BALANCER, port=8000).verdict == "cannot_tell"


def test_without_known_addresses_a_cidr_cannot_be_told():
    groups = {"sg-task": {"IpPermissionsEgress": [rule(cidrs=["192.0.2.0/24"])]}}

    decision = evaluate_groups(groups, ["sg-task"], direction=EGRESS, peer=Peer(()), port=8000)

    assert decision.verdict == "cannot_tell"


def entry(number, action, *, cidr="0.0.0.0/0", protocol="6", ports=None, egress=False):
    row = {"RuleNumber": number, "RuleAction": action, "Protocol": protocol, "CidrBlock": cidr, "Egress": egress}
    return row | ({"PortRange": {"From": ports[0], "To": ports[1]}} if ports else {})


DEFAULT = entry(32767, "deny", protocol="-1")


@pytest.mark.parametrize(
    ("entries", "verdict", "rule_"),
    [
        pytest.param([DEFAULT, entry(100, "allow")], "open", "acl-1 rule 100", id="ascending-numbers"),
        pytest.param([entry(100, "allow"), entry(90, "deny")], "closed", "acl-1 rule 90", id="the-first-match"),
        pytest.param([entry(90, "deny", protocol="17"), entry(100, "allow")], "open", "acl-1 rule 100", id="udp"),
        pytest.param([entry(90, "deny", ports=(22, 22)), entry(100, "allow")], "open", "acl-1 rule 100", id="ssh"),
        pytest.param([entry(90, "deny", ports=(8000, 8000)), entry(100, "allow")], "cannot_tell", "acl-1", id="some"),
        pytest.param([entry(90, "deny", cidr="192.0.2.0/24"), entry(100, "allow")], "open", "acl-1 rule 100", id="far"),
        pytest.param([entry(90, "deny", cidr="10.0.1.0/28"), entry(100, "allow")], "cannot_tell", "acl-1", id="near"),
        pytest.param([entry(100, "allow", ports=(32768, 65535)), DEFAULT], "cannot_tell", "acl-1", id="ephemeral"),
        pytest.param([entry(100, "allow", ports=(1024, 65535)), DEFAULT], "open", "acl-1 rule 100", id="replies"),
        pytest.param([entry(100, "allow", egress=True), DEFAULT], "closed", "acl-1 rule 32767", id="default-deny"),
        pytest.param([], "closed", "acl-1 rule 32767", id="no-entry"),
        pytest.param([entry(100, "allow", cidr="::/0"), DEFAULT], "closed", "acl-1 rule 32767", id="ipv6"),
    ],
)
def test_a_network_acl_is_decided_by_the_first_match(entries, verdict, rule_):
    acl = {"NetworkAclId": "acl-1", "Entries": entries}

    decision = evaluate_acl(acl, egress=False, networks=("10.0.1.0/24",), ports=(1024, 65535))

    assert (decision.verdict, decision.rule) == (verdict, rule_)


def table(*routes, subnet="subnet-a", name="rtb-1", main=False):
    return {"RouteTableId": name, "Associations": [{"SubnetId": subnet, "Main": main}], "Routes": list(routes)}


def default(state="active", **target):
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": state, **target}


IGW, NAT = default(GatewayId="igw-1"), default(NatGatewayId="nat-1")
PUBLIC = table(IGW, subnet="subnet-p", name="rtb-p")


def nat(state="available", kind="public", subnet="subnet-p"):
    return {"NatGatewayId": "nat-1", "State": state, "ConnectivityType": kind, "SubnetId": subnet}


@pytest.mark.parametrize(
    ("tables", "nats", "public_ip", "verdict"),
    [
        pytest.param([table(IGW)], [], True, "open", id="public"),
        pytest.param([table(IGW)], [], False, "closed", id="no-public-address"),
        pytest.param([table(IGW)], [], None, "cannot_tell", id="address-not-known"),
        pytest.param([table()], [], True, "closed", id="no-default-route"),
        pytest.param([table(default("blackhole", NatGatewayId="nat-1"))], [], True, "closed", id="blackhole"),
        pytest.param([table(NAT), PUBLIC], [nat()], False, "open", id="nat"),
        pytest.param([table(NAT), PUBLIC], [nat("failed")], False, "closed", id="nat-failed"),
        pytest.param([table(NAT), PUBLIC], [nat(kind="private")], False, "cannot_tell", id="private-nat"),
        pytest.param([table(NAT), PUBLIC], [], False, "cannot_tell", id="nat-not-seen"),
        pytest.param([table(NAT), PUBLIC], None, False, "cannot_tell", id="nat-refused"),
        pytest.param([table(NAT), table(subnet="subnet-p")], [nat()], False, "closed", id="nat-in-a-private-subnet"),
        pytest.param([table(NAT)], [nat(subnet="subnet-a")], False, "cannot_tell", id="nat-behind-itself"),
        pytest.param([table(default(TransitGatewayId="tgw-1"))], [], False, "cannot_tell", id="transit-gateway"),
        pytest.param([table(default(VpcPeeringConnectionId="pcx-1"))], [], False, "cannot_tell", id="peering"),
        pytest.param([table(default(GatewayId="vgw-1"))], [], False, "cannot_tell", id="vpn"),
        pytest.param([table(IGW, subnet="", main=True)], [], True, "open", id="main-table"),
        pytest.param([table(IGW, subnet="", main=True), table()], [], True, "closed", id="own-before-main"),
        pytest.param([], [], True, "cannot_tell", id="no-table-known"),
        pytest.param(None, [], True, "cannot_tell", id="refused"),
    ],
)
def test_a_way_out_needs_a_gateway_that_works(tables, nats, public_ip, verdict):
    assert evaluate_exit(tables, nats, subnet="subnet-a", public_ip=public_ip).verdict == verdict


def statement(effect="Allow", action="*", resource="*", **more):
    return {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource, **more}


LAYERS = "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        pytest.param([statement()], "open", id="everything"),
        pytest.param([statement(action=["s3:Get*"], resource=[LAYERS])], "open", id="the-layers"),
        pytest.param([statement(resource="arn:aws:s3:::mine/*")], "closed", id="only-a-bucket-of-ours"),
        pytest.param([statement(), statement("Deny", resource="arn:aws:s3:::prod-*")], "closed", id="denied"),
        pytest.param([statement(Condition={"StringEquals": {"a": "b"}})], "cannot_tell", id="condition"),
        pytest.param([statement(), statement("Deny", Condition={"x": {}})], "cannot_tell", id="deny-with-condition"),
        pytest.param([statement("Deny", NotResource=[LAYERS]), statement()], "open", id="denied-but-for-the-layers"),
        pytest.param({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}, "open", id="one-statement"),
        pytest.param("nonsense", "cannot_tell", id="nonsense"),
    ],
)
def test_an_endpoints_policy_must_let_the_layers_through(statements, verdict):
    endpoint = {"VpcEndpointId": "vpce-1", "PolicyDocument": json.dumps({"Statement": statements})}

    assert evaluate_policy(endpoint, action="s3:GetObject", resource=LAYERS).verdict == verdict


OPEN_ACL = {
    "NetworkAclId": "acl-1",
    "Associations": [{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-b"}],
    "Entries": [entry(100, "allow", protocol="-1", egress=egress) for egress in (True, False)],
}
TASKS = Tasks(("subnet-a",), ("sg-task",), public_ip=True)


def vpc(**changes):
    subnets = {
        "subnet-a": {"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "z-a"},
        "subnet-b": {"CidrBlock": "10.0.2.0/24", "AvailabilityZone": "z-b"},
    }
    out = [rule("-1", cidrs=["0.0.0.0/0"])]
    groups = {
        "sg-lb": {"IpPermissionsEgress": out},
        "sg-task": {"IpPermissions": [rule(group="sg-lb")], "IpPermissionsEgress": out},
        "sg-endpoint": {"IpPermissions": [rule(first=443, group="sg-other")]},
    }
    known = {"route_tables": [table(IGW)], "nat_gateways": [], "endpoints": [], "network_acls": [OPEN_ACL]}
    dns = {"enableDnsSupport": True, "enableDnsHostnames": True}
    return Vpc(**({"subnets": subnets, "security_groups": groups, "dns": dns} | known | changes))


def way(hops):
    return all_of(hop.decision for hop in hops).verdict


def endpoint(**changes):
    row = {
        "VpcEndpointId": "vpce-1",
        "ServiceName": "com.amazonaws.us-east-1.ecr.api",
        "VpcEndpointType": "Interface",
        "State": "Available",
        "PrivateDnsEnabled": True,
        "SubnetIds": ["subnet-b"],
        "Groups": [{"GroupId": "sg-endpoint"}],
    }
    return row | changes


def letting_in(vpc_):
    vpc_.security_groups["sg-endpoint"]["IpPermissions"] = [rule(first=443, group="sg-task")]
    return vpc_


ECR = Destination("ecr.api", "ecr.api", "image", "ecr:GetAuthorizationToken", "*")
OFF = {"enableDnsSupport": True, "enableDnsHostnames": False}


@pytest.mark.parametrize(
    ("network", "verdict"),
    [
        pytest.param(vpc(), "open", id="internet"),
        pytest.param(vpc(endpoints=[endpoint()]), "closed", id="endpoints-group-blocks-in-spite-of-the-internet"),
        pytest.param(letting_in(vpc(endpoints=[endpoint()])), "open", id="endpoint"),
        pytest.param(letting_in(vpc(endpoints=[endpoint()], route_tables=[table()])), "open", id="endpoint-alone"),
        pytest.param(letting_in(vpc(endpoints=[endpoint()], dns=OFF)), "closed", id="names-do-not-resolve"),
        pytest.param(letting_in(vpc(endpoints=[endpoint()], dns={})), "cannot_tell", id="attributes-refused"),
        pytest.param(letting_in(vpc(endpoints=[endpoint(State="pending")])), "closed", id="endpoint-pending"),
        pytest.param(vpc(endpoints=[endpoint(PrivateDnsEnabled=False)]), "open", id="another-name"),
        pytest.param(vpc(endpoints=None), "cannot_tell", id="endpoints-refused"),
        pytest.param(vpc(network_acls=None), "cannot_tell", id="acls-refused"),
        pytest.param(vpc(security_groups=None), "cannot_tell", id="groups-refused"),
        pytest.param(vpc(route_tables=[table()]), "closed", id="no-way"),
    ],
)
def test_the_way_to_a_service(network, verdict):
    assert way(endpoint_path(network, TASKS, ECR)) == verdict


def test_a_gateway_endpoint_serves_the_subnets_of_its_route_tables_only():
    s3 = Destination("s3", "s3", "image layers", "s3:GetObject", LAYERS)
    row = endpoint(ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway", RouteTableIds=["rtb-1"])
    elsewhere = row | {"RouteTableIds": ["rtb-2"]}

    assert way(endpoint_path(vpc(endpoints=[row], route_tables=[table()]), TASKS, s3)) == "open"
    assert way(endpoint_path(vpc(endpoints=[elsewhere], route_tables=[table()]), TASKS, s3)) == "closed"


@pytest.mark.parametrize(
    ("network", "balancer", "verdict"),
    [
        pytest.param(vpc(), Balancer("lb", ("subnet-b",), ("z-a", "z-b"), ("sg-lb",)), "open", id="open"),
        pytest.param(vpc(), Balancer("lb", ("subnet-b",), ("z-b",), ("sg-lb",)), "closed", id="zone"),
        pytest.param(vpc(), Balancer("lb", ("subnet-b",), ("z-a",), ()), "closed", id="no-group-and-no-cidr"),
        pytest.param(
            vpc(subnets=None), Balancer("lb", ("subnet-b",), ("z-a",), ("sg-lb",)), "cannot_tell", id="refused"
        ),
        pytest.param(
            vpc(network_acls=[]), Balancer("lb", ("subnet-a",), ("z-a",), ("sg-lb",)), "open", id="one-subnet"
        ),
    ],
)
def test_the_way_from_a_load_balancer(network, balancer, verdict):
    assert way(balancer_path(network, balancer, TASKS, port=8000, needed_for="requests")) == verdict
