"""What services of a fleet fail for together: recipes whose facts follow from the account and region alone.

What is shared has the same name or identifier in every world of the account; what differs is what differs in life: the
framework, the wording, how the rollout ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from random import Random

from ecs_notebook_lib.simulate.access import Secret
from ecs_notebook_lib.simulate.account import allow
from ecs_notebook_lib.simulate.network import rule
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes_dependency import fail_by
from ecs_notebook_lib.simulate.recipes_network import no_nat
from ecs_notebook_lib.simulate.recipes_start import ask_for_key
from ecs_notebook_lib.simulate.trail_tables import ApiCall
from ecs_notebook_lib.simulate.varied_account import add_role
from ecs_notebook_lib.simulate.varied_network import group
from ecs_notebook_lib.simulate.world import World

LONG_AGO = datetime(2023, 3, 14, 9, 30, tzinfo=UTC)
"""When was made what the services of an account share."""
_HOST, _PORT = "platform-db.internal", 5432
_SECRET, _KEY = "platform/database-q8Rt2V", "DB_PASSWORD"
_ROLE, _PORT_OF_ALL = "platform-runtime", 8080
_LIBRARY = (
    "/app/bin/server: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such "
    "file or directory"
)
_LAYER = "sha256:" + "7a1c4e90d2b35f68" * 4
"""The lowest layer of every image that is built on the bad base."""


@dataclass(frozen=True, slots=True)
class SharedCause:
    """`reach` is how far the shared thing reaches: `region`, `account`, or `all` accounts."""

    name: str
    recipe: Recipe
    reach: str


def _nat_gateway(plan: Plan) -> None:
    """Let the NAT gateway of the VPC be deleted: nothing can be pulled and no secret fetched any more."""
    no_nat(plan, blackhole=True)


def _rotated_secret(plan: Plan) -> None:
    """Let a secret be written anew without the key of which every service has its password."""
    arn = f"arn:{plan.partition}:secretsmanager:{plan.region}:{plan.account}:secret:{_SECRET}"
    ask_for_key(plan, arn, _KEY)
    plan.good.container["secrets"] = plan.new.container["secrets"]
    plan.prepare.append(lambda world: _add_secret(world, arn))
    plan.edits.append(partial(_rotate, arn))


def _add_secret(world: World, arn: str) -> None:
    world.access.secrets[arn] = Secret(arn, _SECRET.rpartition("-")[0], LONG_AGO)


def _rotate(arn: str, world: World) -> None:
    params = {"secretId": arn, "clientRequestToken": "5f1c2f0e-6f0b-4d51-9d3b-9a3fd1a0c7e2"}
    world.trail.write(ApiCall("PutSecretValue", "secretsmanager", params, (("AWS::SecretsManager::Secret", arn),)))


def _base_image(plan: Plan) -> None:
    """Let the new image be built on a base that lacks a library: each program dies at once with the same line."""
    plan.dies(127, (_LIBRARY,), seconds=(0.1, 0.5), mute=True)
    plan.new.platforms = ()
    plan.new.layers = (_LAYER,)
    plan.new.container.pop("healthCheck", None)


def _shared_role(plan: Plan) -> None:
    """Let the role of many services lose the bucket that new tasks read their settings from."""
    bucket = f"platform-{plan.account}-settings"
    objects = f"arn:{plan.partition}:s3:::{bucket}/*"
    plan.good.task_role = plan.new.task_role = _ROLE
    plan.program(needs=(("GetObject", "s3:GetObject", objects),))
    plan.script(on_refusal=plan.rng.choice(["exit", "exit", "unready"]) if plan.balanced else "exit")
    plan.prepare.append(partial(_add_shared_role, bucket, objects))
    plan.edits.append(_narrow_shared_role)


def _add_shared_role(bucket: str, objects: str, world: World) -> None:
    role = add_role(world, _ROLE, allow("sqs:SendMessage", on=world.arn("sqs", "platform-*")))
    role.inline["settings"] = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject", on=objects)]}
    role.role_id, role.created_at = "AROAPLATFORMRUNTIME01", LONG_AGO
    world.access.buckets[bucket] = None


def _narrow_shared_role(world: World) -> None:
    del world.access.roles[_ROLE].inline["settings"]


def _security_group(plan: Plan) -> None:
    """Let the group that new tasks share lose the rule by which the load balancer gets in."""
    plan.need_balancer()
    script = replace(plan.good.script, port=_PORT_OF_ALL)
    plan.good.program = replace(plan.good.program, script=script)
    plan.script(port=_PORT_OF_ALL)
    identifier = f"sg-0{Random(f'shared:{plan.vpc}').getrandbits(64):016x}"
    plan.new.network["securityGroups"] = [identifier]
    plan.new.container.pop("healthCheck", None)
    plan.prepare.append(partial(_add_shared_group, identifier))
    plan.edits.append(lambda world: world.network.group(identifier)["IpPermissions"].clear())


def _add_shared_group(identifier: str, world: World) -> None:
    ingress = [rule(_PORT_OF_ALL, group=str(world.slots["balancer_group"]))]
    world.network.security_groups.append(group(world, identifier, "platform-tasks", str(world.slots["vpc"]), ingress))


def _dependency(plan: Plan) -> None:
    """Let the database of many services be down: every connection to it is refused."""
    known = plan.dialect.frameworks
    framework = plan.use(*(name for name, one in known.items() if any(map(_is_refusal, one.unreachable))))
    refused = [lines for lines in framework.unreachable if _is_refusal(lines)]
    last = [lines for lines in refused if _is_refusal(lines[-1:])]  # what waits repeats the last line alone
    kind = plan.rng.choice(["exit", "exit", "503", *(["waiting"] if last else [])]) if plan.balanced else "exit"
    fail_by(plan, kind, (_HOST, _PORT), last if kind == "waiting" else refused)


def _is_refusal(lines: Sequence[str]) -> bool:
    """Say whether last words tell of a database that refused the connection: not of a queue, nor of an upstream."""
    text = " ".join(lines).lower()
    return "refused" in text and "{target_port}" in text and "kombu" not in text and "upstream" not in text


SHARED: Mapping[str, SharedCause] = {
    one.name: one
    for one in (
        SharedCause(
            "nat_gateway",
            Recipe("fleet-nat-gateway", "network.egress", "the NAT gateway of a VPC is gone", _nat_gateway, "fargate"),
            "region",
        ),
        SharedCause(
            "rotated_secret",
            Recipe(
                "fleet-rotated-secret", "secrets_config.malformed", "a rotated secret has lost a key", _rotated_secret
            ),
            "region",
        ),
        SharedCause(
            "base_image",
            Recipe("fleet-base-image", "application.crash", "the base image of many lacks a library", _base_image),
            "all",
        ),
        SharedCause(
            "shared_role",
            Recipe("fleet-shared-role", "permissions.task_role", "the task role of many lost a bucket", _shared_role),
            "account",
        ),
        SharedCause(
            "security_group",
            Recipe("fleet-security-group", "network.security_group", "a shared group lost its rule", _security_group),
            "region",
        ),
        SharedCause(
            "dependency",
            Recipe("fleet-dependency", "dependency.unavailable", "the database of many is down", _dependency),
            "region",
        ),
    )
}
