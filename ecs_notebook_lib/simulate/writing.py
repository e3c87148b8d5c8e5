"""Calls that change something: CloudTrail tells of each, as it was asked, whether AWS did it or refused it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.trail_tables import ApiCall, items, lowered, permission
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_AS_ASKED = ("ecs", "logs")
"""Services whose members are in lowerCamelCase anyway."""
_SOURCES = {"elbv2": "elasticloadbalancing"}
_ABOUT = {
    "RoleName": "AWS::IAM::Role",
    "PolicyName": "AWS::IAM::Policy",
    "GroupId": "AWS::EC2::SecurityGroup",
    "TargetGroupArn": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "logGroupName": "AWS::Logs::LogGroup",
}
"""The type of the resource that a member names, for services whose events list resources."""


def recorded(world: "World", call: Call, answer: Handler) -> Mapping[str, Any]:
    """Answer a call that changes something, and write it down: once, whatever else follows from it."""
    who = _caller(world)
    try:
        with world.trail.silence():
            output = answer(call)
    except AWSError as error:
        world.trail.write(_told(call), who=who, error=(error.code, error.message))
        raise
    world.decide_anew()
    kept = _RESPONSES.get(call.operation)
    world.trail.write(_told(call), who=who, response=kept(output) if kept else None)
    return output


def _caller(world: "World") -> tuple[str, str]:
    """Return role and session of every caller."""
    role, session = world.caller.split("/")[-2:]
    return role, session


def _told(call: Call) -> ApiCall:
    """Return a call as CloudTrail tells it: in lowerCamelCase, and EC2's lists with `items` around them."""
    params = dict(call.params) if call.service in _AS_ASKED else lowered(call.params)
    if "IpPermissions" in call.params:
        params["ipPermissions"] = items([permission(row) for row in call.params["IpPermissions"]])
    about = tuple((kind, call.params[member]) for member, kind in _ABOUT.items() if member in call.params)
    return ApiCall(call.operation, _SOURCES.get(call.service, call.service), params, about)


def _registered(output: Mapping[str, Any]) -> dict[str, Any]:
    row = output["taskDefinition"]
    return {"taskDefinition": {"taskDefinitionArn": row["taskDefinitionArn"], "revision": row["revision"]}}


_RESPONSES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {"RegisterTaskDefinition": _registered}
"""What of an answer stands in the event; of most operations nothing is kept here."""
