"""Rules that open a closed way: security groups, network ACLs, and the zones of the tasks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.rendering import cloudformation, json_text, terraform

_IN, _OUT = "ingress", "egress"
_ACL = re.compile(r"(acl-\w+) rule (\d+)\Z")
_PORTS = re.compile(r"tcp (\d+)(?:-(\d+))? (in|out)\.")
_LAST, _STEP = 32767, 10
_ANYWHERE, _HTTPS = "0.0.0.0/0", 443


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule to add: `permission` is one of AuthorizeSecurityGroupIngress's (or Egress's) IpPermissions."""

    group_id: str
    direction: str
    permission: Mapping[str, Any]
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class AclEntry:
    """An entry to add before the one that denies; `params` are CreateNetworkAclEntry's."""

    network_acl_id: str
    params: Mapping[str, Any]
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class ZoneAdvice:
    """Subnets that lie in zones where the load balancer is not enabled, and those that may stay."""

    load_balancer: str
    zones: tuple[str, ...]
    take_out: tuple[str, ...]
    keep: tuple[str, ...]
    fragment: Fragment


def _closed(frames: Frames, direction: str, passes: str) -> pd.DataFrame:
    hops = frames.network_path
    return hops[(hops["direction"] == direction) & (hops["passes"] == passes) & (hops["verdict"] == "closed")]


def _balancer_peers(frames: Frames, name: str) -> tuple[list[str], list[str]]:
    """Return the security groups of a load balancer; if it has none, the addresses of its subnets."""
    arns = frames.load_balancers.loc[frames.load_balancers["name"] == name, "load_balancer_arn"]
    groups = frames.load_balancer_groups
    own = sorted(groups.loc[groups["load_balancer_arn"].isin(arns), "group_id"].dropna().unique())
    zones = frames.load_balancer_zones
    subnets = zones.loc[zones["load_balancer_arn"].isin(arns), "subnet_id"]
    return own, [] if own else _cidrs(frames, subnets)


def _cidrs(frames: Frames, subnets: pd.Series | list[str]) -> list[str]:
    rows = frames.subnets
    return sorted(rows.loc[rows["subnet_id"].isin(subnets), "cidr"].dropna().unique())


def ingress_permission(diagnosis: Diagnosis) -> tuple[GroupRule, ...]:
    """Return the rules that let the load balancer in to the tasks, and the tasks in to endpoints; empty: none is shut.

    One a port: the container's, and the health check's if that is another one. Only the load balancer's own groups are
    let in, or, if it has none, its subnets.
    """
    frames, groups = diagnosis.frames, diagnosis.frames.examined_networks("security_group")
    shut = _closed(frames, "load_balancer_to_task", "task's security groups")
    rules = [
        _rule(groups[0], _IN, int(port), _balancer_peers(frames, str(name)))
        for name, port in dict.fromkeys(zip(shut["from_"], shut["port"], strict=True))
        if groups
    ]
    endpoints = _closed(frames, "task_to_endpoint", "endpoint's security groups")
    ids = {one for rule in endpoints["rule"].dropna() for one in re.findall(r"sg-\w+", str(rule))}
    return tuple(rules + [_rule(one, _IN, _HTTPS, (groups, [])) for one in sorted(ids) if groups])


def egress_permission(diagnosis: Diagnosis) -> tuple[GroupRule, ...]:
    """Return the rules that let the tasks out to 443, and the load balancer out to the tasks; empty: none is shut."""
    frames, groups = diagnosis.frames, diagnosis.frames.examined_networks("security_group")
    shut = _closed(frames, "task_to_endpoint", "task's security groups")
    rules = [_rule(groups[0], _OUT, _HTTPS, ([], [_ANYWHERE]))] if len(shut) and groups else []
    leaving = _closed(frames, "load_balancer_to_task", "load balancer's security groups")
    for name, port in dict.fromkeys(zip(leaving["from_"], leaving["port"], strict=True)):
        own, _ = _balancer_peers(frames, str(name))
        rules += [_rule(own[0], _OUT, int(port), (groups, []))] if own and groups else []
    return tuple(rules)


def _rule(group: str, direction: str, port: int, peers: tuple[list[str], list[str]]) -> GroupRule:
    permission: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if peers[0]:
        permission["UserIdGroupPairs"] = [{"GroupId": one} for one in peers[0]]
    if peers[1]:
        permission["IpRanges"] = [{"CidrIp": one} for one in peers[1]]
    return GroupRule(group, direction, permission, _group_fragment(group, direction, port, peers))


def _group_fragment(group: str, direction: str, port: int, peers: tuple[list[str], list[str]]) -> Fragment:
    inward = direction == _IN
    others = [(one, "referenced_security_group_id") for one in peers[0]] + [(one, "cidr_ipv4") for one in peers[1]]
    texts, resources = [], {}
    for number, (one, member) in enumerate(others, start=1):
        values = {"security_group_id": group, member: one, "ip_protocol": "tcp", "from_port": port, "to_port": port}
        texts.append(terraform(f"aws_vpc_security_group_{direction}_rule", f"{direction} {port} {number}", values))
        of_group = "SourceSecurityGroupId" if inward else "DestinationSecurityGroupId"
        peer = {of_group if member != "cidr_ipv4" else "CidrIp": one}
        resources[one] = {"GroupId": group, "IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
    form = f"AWS::EC2::SecurityGroup{'Ingress' if inward else 'Egress'}"
    first = next(iter(resources.values()), None)
    return Fragment(
        f"Rule of {group}: tcp {port} {'in from' if inward else 'out to'} {', '.join(one for one, _ in others)}",
        json_text(list(resources.values())),
        "\n".join(texts),
        cloudformation(form, f"{direction} {port}", first) if first and len(resources) == 1 else "",
    )


def acl_entries(diagnosis: Diagnosis) -> tuple[AclEntry, ...]:
    """Return an entry for each network ACL that shuts a way, numbered before the entry that denies; empty: none does.

    A network ACL keeps no state: replies need an entry of their own, which a way that is still shut then asks for.
    """
    frames, hops = diagnosis.frames, diagnosis.frames.network_path
    shut = hops[hops["passes"].isin(["network ACLs", "network ACL"]) & (hops["verdict"] == "closed")]
    found: dict[tuple[str, str, str], AclEntry] = {}
    for row in shut.to_dict("records"):
        for entry in _entries(frames, {str(key): value for key, value in row.items()}, len(found)):
            found.setdefault((entry.network_acl_id, str(entry.params["Egress"]), entry.params["CidrBlock"]), entry)
    return tuple(found.values())


def _entries(frames: Frames, hop: Mapping[str, Any], taken: int) -> Iterator[AclEntry]:
    named, ports = _ACL.match(str(hop["rule"])), _PORTS.search(str(hop["reason"]))
    if named is None or ports is None:
        return
    acl, denying, egress = named[1], int(named[2]), ports[3] == "out"
    for offset, cidr in enumerate(_other_end(frames, hop, acl)):
        number = _free_number(frames, acl, egress=egress, before=denying, skip=taken + offset)
        if number is None:
            continue
        first, last = int(ports[1]), int(ports[2] or ports[1])
        params = {
            "NetworkAclId": acl,
            "Egress": egress,
            "RuleNumber": number,
            "Protocol": "6",
            "RuleAction": "allow",
            "CidrBlock": cidr,
            "PortRange": {"From": first, "To": last},
        }
        yield AclEntry(acl, params, _acl_fragment(params))


def _other_end(frames: Frames, hop: Mapping[str, Any], acl: str) -> list[str]:
    """Return the addresses that an ACL must let pass: those of the other end of the way."""
    if hop["direction"] != "load_balancer_to_task":
        return [_ANYWHERE]
    of_acl = frames.network_acl_subnets
    own = set(of_acl.loc[of_acl["network_acl_id"] == acl, "subnet_id"])
    arns = frames.load_balancers.loc[frames.load_balancers["name"] == hop["from_"], "load_balancer_arn"]
    zones = frames.load_balancer_zones
    nodes = zones.loc[zones["load_balancer_arn"].isin(arns), "subnet_id"]
    return _cidrs(frames, nodes if hop["subnet"] in own else frames.examined_networks("subnet"))


def _free_number(frames: Frames, acl: str, *, egress: bool, before: int, skip: int) -> int | None:
    """Return a rule number that is free, lower than the denying one; None if there is none."""
    rows = frames.network_acl_entries
    own = rows[(rows["network_acl_id"] == acl) & (rows["egress"] == egress)]
    used = {int(one) for one in own["rule_number"].dropna()}
    last = max((one for one in used if one < before), default=0)
    wide = last + _STEP * (skip + 1)
    if wide < before:
        return wide
    free = [one for one in range(before - 1, 0, -1) if one not in used]
    return free[skip] if len(free) > skip else None


def _acl_fragment(params: Mapping[str, Any]) -> Fragment:
    ports = params["PortRange"]
    name = f"{params['NetworkAclId']} {_OUT if params['Egress'] else _IN} {params['RuleNumber']}"
    members = {
        "network_acl_id": params["NetworkAclId"],
        "egress": params["Egress"],
        "rule_number": params["RuleNumber"],
        "protocol": "tcp",
        "rule_action": "allow",
        "cidr_block": params["CidrBlock"],
        "from_port": ports["From"],
        "to_port": ports["To"],
    }
    return Fragment(
        f"Entry of {name}",
        json_text(params),
        terraform("aws_network_acl_rule", name, members),
        cloudformation("AWS::EC2::NetworkAclEntry", name, {**params, "Protocol": 6}),
    )


def zone_advice(diagnosis: Diagnosis) -> ZoneAdvice | None:
    """Return which subnets the load balancer does not reach for their zone; None if there is none, or no other."""
    frames = diagnosis.frames
    shut = _closed(frames, "load_balancer_to_task", "zone")
    if not len(shut):
        return None
    out = tuple(sorted(shut["subnet"].unique()))
    keep = tuple(sorted(set(frames.examined_networks("subnet")) - set(out)))
    name, zones = str(shut["from_"].iloc[0]), tuple(sorted(shut["rule"].dropna().unique()))
    title = f"Enable {name} in {', '.join(zones)}, or let the tasks run in the other subnets only"
    form = Fragment(title, json_text({"subnets": keep})) if keep else Fragment(title)
    return ZoneAdvice(name, zones, out, keep, form)
