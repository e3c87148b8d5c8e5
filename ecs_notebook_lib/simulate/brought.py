"""Which change brought the fault of each recipe and story, in AWS's own terms: the truth of "what changed".

A row names members of the new task definition (`containerDefinitions[].image`), of the service (`service.…`), or API
calls by which somebody broke something while the good revision still ran (`call.PutRolePolicy`). Several in a row are
one change seen in several places, or ways in which a seed may go; what a world did not do in its seed is not its truth.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.trail import Event

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.model import Shape
    from ecs_notebook_lib.simulate.world import World

_CONTAINER = "containerDefinitions[]."
_IMAGE = (f"{_CONTAINER}image",)
_CHECK = (f"{_CONTAINER}healthCheck",)
_SECRETS = (f"{_CONTAINER}secrets",)
_LOGGING = (f"{_CONTAINER}logConfiguration",)
_VOLUME = ("volumes", f"{_CONTAINER}mountPoints")
_ANOTHER = ("containerDefinitions[]",)
_ROLE = ("taskRoleArn", "call.PutRolePolicy", "call.DeleteRolePolicy")
_EXECUTION = ("executionRoleArn", "call.PutRolePolicy", "call.CreateRole")
_NETWORK = "service.networkConfiguration.awsvpcConfiguration."
BROUGHT: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(
        (
            "moved-health-path",
            "redirect-to-https",
            "redirect-to-login",
            "login-demanded",
            "forbidden-to-check",
            "host-not-allowed",
            "other-port",
            "speaks-tls",
            "speaks-plain",
            "slow-start",
            "warming-up",
            "slow-answers",
            "tag-missing",
            "repository-missing",
            "no-such-platform",
            "exec-format-error",
            "exec-format-unsaid",
            "too-many-pulls",
            "memory-killed",
            "heap-full",
            "disk-full-pulling",
            "disk-full-running",
            "program-crashes",
            "program-crashes-silently",
            "program-ends",
            "answers-500",
            "own-check-500",
            "alarm-rings",
            "listens-on-loopback",
            "killed-after-failed-checks",
        ),
        _IMAGE,
    ),
    "check-tool-missing": _CHECK,
    "check-asks-elsewhere": _CHECK,
    "check-needs-shell": _CHECK,
    "task-role-refused": _ROLE,
    "task-role-unready": _ROLE,
    "secret-refused": ("call.DeleteRolePolicy",),
    "registry-refused": _EXECUTION,
    "log-stream-refused": _EXECUTION,
    "pull-refused": _EXECUTION,
    "parameter-refused": _SECRETS,
    "resource-policy-denies": ("call.PutBucketPolicy", "call.PutResourcePolicy"),
    "layers-denied": ("call.ModifyVpcEndpoint",),
    "role-not-assumed": ("taskRoleArn", "executionRoleArn", "call.CreateRole"),
    "secret-absent": _SECRETS,
    "secret-empty": _SECRETS,
    "parameter-absent": _SECRETS,
    "json-key-absent": _SECRETS,
    "secret-not-json": _SECRETS,
    "secret-version-malformed": _SECRETS,
    "partial-secret-arn": _SECRETS,
    "log-group-missing": _LOGGING,
    "env-file-absent": (f"{_CONTAINER}environmentFiles",),
    "directory-absent": _VOLUME,
    "balancer-blocked": (f"{_NETWORK}securityGroups",),
    "no-way-out": (
        f"{_NETWORK}assignPublicIp",
        f"{_NETWORK}securityGroups",
        "call.DeleteRoute",
        "call.DeleteNatGateway",
        "call.DeleteVpcEndpoints",
        "call.ReplaceRouteTableAssociation",
    ),
    "zone-not-enabled": (f"{_NETWORK}subnets", "call.SetSubnets"),
    "file-system-unreachable": _VOLUME,
    "cpu-starved": ("cpu",),
    "cpu-starved-answers": ("cpu",),
    "files-exhausted": (f"{_CONTAINER}ulimits",),
    "command-not-executable": (f"{_CONTAINER}command",),
    "log-router-ends": _LOGGING,
    "proxy-ends": _ANOTHER,
    "proxy-unhealthy": _ANOTHER,
    "logging-socket-absent": _LOGGING,
    "count-reset": ("service.desiredCount",),
    "instances-full": ("cpu", "memory"),
    "host-port-taken": (f"{_CONTAINER}portMappings",),
    "constraint-unmet": ("placementConstraints", "service.placementConstraints"),
    "attribute-missing": (f"{_CONTAINER}logConfiguration", "runtimePlatform", "requiresAttributes"),
    "zone-empty": (f"{_NETWORK}subnets",),
    "above-limit": ("cpu", "memory"),
    "wrong-strategy": ("requiresCompatibilities", "compatibilities"),
    "clarity-backend": _ROLE,
    "clarity-permissions-execution": ("call.DeleteRolePolicy",),
    "clarity-health-check": _IMAGE,
    "clarity-network": (f"{_NETWORK}securityGroups",),
    "clarity-resources": _IMAGE,
    "clarity-percentages": ("service.deploymentConfiguration",),
}
NOT_BROUGHT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "absent-health-path",
            "wrong-check-port",
            "dropped-check-port",
            "acl-denies",
            "zone-without-fargate",
            "no-instances",
            "empty-provider",
            "nothing-forwards",
            "group-of-other-vpc",
        ),
        "the first deployment of a new service: there is no last good one",
    ),
    **dict.fromkeys(
        (
            "interface-fails",
            "internal-error",
            "ecs-unavailable",
            "maintenance",
            "no-capacity",
            "spot-interrupted",
            "instances-terminated",
            "instances-draining",
            "agent-away",
        ),
        "AWS's own trouble, or what happens to instances: nobody changed a configuration",
    ),
    **dict.fromkeys(
        ("quota-reached", "too-many-provisioning", "few-addresses", "few-interfaces"),
        "others of the account use up what there is",
    ),
    **dict.fromkeys(
        ("dependency-down-exit", "dependency-down-waiting", "dependency-down-503"), "the dependency is down by itself"
    ),
    **dict.fromkeys(
        ("registration-refused", "traffic-shift-refused", "hook-fails", "listener-rule-unfit"),
        "only ECS's words tell of it: the role, hook or rule is not in the simulated account",
    ),
    **dict.fromkeys(
        ("no-room", "slow-rollout", "other-controller"), "the service was set up so from its first deployment on"
    ),
    "deployed-again": "nothing of the revision is wrong: that it is deployed again and again is",
    "protected-tasks": "the application protects its tasks itself, at run time",
}


@dataclass(frozen=True, slots=True)
class Brought:
    """One change: the name of what changed, the member, and CloudTrail's event if a call by itself brought it."""

    resource: str
    member: str
    event_id: str = ""


def brought(world: "World", recipe: str, broken: Sequence[Event]) -> tuple[Brought, ...]:
    """Return what brought a recipe's fault in this world; `broken` are the calls that its edits took."""
    rows = BROUGHT.get(recipe, ())
    service = world.scheduler.services[world.service]
    good = next((row for row in service.past if row.record["status"] == "SUCCESSFUL"), None)
    newest = service.past[-1]
    if good is None or good is newest:
        return ()
    return tuple(_found(world, rows, broken, good.shape, newest.shape))


def _found(
    world: "World", rows: Sequence[str], broken: Sequence[Event], good: "Shape", new: "Shape"
) -> Iterator[Brought]:
    before, after = (world.task_definitions[row["taskDefinition"]] for row in (good, new))
    for row in rows:
        kind, _, member = row.partition(".")
        if kind == "call":
            yield from (Brought("", member, event.id) for event in broken if event.call.name == member)
        elif kind == "service":
            if member in ("desiredCount", "placementConstraints", "deploymentConfiguration"):
                calls = [event for event in broken if event.call.name == "UpdateService"]
                told = [event for event in calls if member in event.call.params]
                yield from (Brought(world.service, member, event.id) for event in told)
            elif _member(good, member) != _member(new, member):
                yield Brought(world.service, member)
        else:
            yield from (Brought(after["family"], place) for place in _places(before, after, row))


def _member(shape: "Shape", path: str) -> object:
    value: object = shape
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _places(before: "Shape", after: "Shape", row: str) -> Iterator[str]:
    """Yield where the two task definitions differ of what a row names."""
    if not row.startswith("containerDefinitions[]"):
        if before.get(row) != after.get(row):
            yield row
        return
    olds = {one["name"]: one for one in before["containerDefinitions"]}
    for new in after["containerDefinitions"]:
        old, member = olds.get(new["name"]), row.partition(".")[2]
        place = f"containerDefinitions[{new['name']}]"
        if not member and old != new and new["name"] != after["family"]:
            yield place
        elif member and old is not None and old.get(member) != new.get(member):
            yield f"{place}.{member}"
