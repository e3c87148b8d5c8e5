"""Faults of who may do what: task role, execution role, resource policies, trust, infrastructure role."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ecs_notebook_lib.simulate.access import Document
from ecs_notebook_lib.simulate.account import allow, policy, role_arn
from ecs_notebook_lib.simulate.conditions import (
    Condition,
    both,
    layers_are_kept_away,
    log_group_of,
    may_not,
    names_secret,
    repository_of,
)
from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.plan import Plan, Recipe, Step
from ecs_notebook_lib.simulate.varied_account import NEEDS, add_role, resource
from ecs_notebook_lib.simulate.world import World

_KINDS = ("table", "queue", "secret", "bucket")
_AUTH = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"


def _ask(plan: Plan, on_refusal: str) -> str:
    """Let the new revision need one more thing than the good one; return its kind."""
    kind = plan.rng.choice(_KINDS)
    name, rng = plan.name, plan.rng

    def needs(world: World) -> None:
        operation, action = NEEDS[kind]
        need = (operation, action, resource(world, plan, kind))
        plan.new.program = replace(plan.new.program, needs=(need,))

    plan.prepare.append(needs)
    plan.script(on_refusal="shrug" if plan.paired and on_refusal == "unready" else on_refusal)
    if not plan.first and rng.random() < 0.5:
        plan.new.task_role = f"{name}-task-v2"
    return kind


def _narrow(plan: Plan, kind: str) -> None:
    """Take from the new revision's task role what it needs."""

    def edit(world: World) -> None:
        others = [allow(NEEDS[row][1], on=resource(world, plan, row)) for row in _KINDS if row != kind]
        if plan.new.task_role:
            add_role(world, plan.new.task_role, *others)
        world.access.roles[f"{plan.name}-task"].inline["application"] = policy(*others)

    plan.edits.append(edit)


def task_role_exit(plan: Plan) -> None:
    """Let the application exit when AWS refuses what it needs."""
    _narrow(plan, _ask(plan, "exit"))


def task_role_unready(plan: Plan) -> None:
    """Let the application stay, and answer 503, when AWS refuses what it needs."""
    plan.need_balancer()
    _narrow(plan, _ask(plan, "unready"))


def execution_secret(plan: Plan) -> None:
    """Let the execution role lack the secret that the new revision has injected."""

    def inject(world: World) -> None:
        arn = resource(world, plan, "secret")
        plan.new.container["secrets"] = [{"name": "SETTINGS", "valueFrom": arn}]

    plan.prepare.append(inject)
    plan.edits.append(lambda world: world.access.roles[f"{plan.name}-execution"].inline.clear())


def _execution_lacks(action: str, text: str, given: Condition) -> Callable[[Plan], None]:
    def apply(plan: Plan) -> None:
        role = f"{plan.name}-execution-v2"
        plan.new.execution_role = role
        plan.hitch("prepare", text, seconds=(1.0, 6.0), given=given)
        plan.edits.append(lambda world: _without(world, role, action))

    return apply


def _without(world: World, role: str, action: str) -> None:
    """Add an execution role that may do what the managed policy allows, but for one action."""
    managed = next(row for row in world.access.policies.values() if row.name == "AmazonECSTaskExecutionRolePolicy")
    allowed = [name for name in managed.document["Statement"][0]["Action"] if name != action]
    add_role(world, role, allow(*allowed))


def _refusal(action: str, on: str) -> str:
    return (
        "AccessDeniedException: User: {execution_session} is not authorized to perform: "
        f"{action} on resource: {on} because no identity-based policy allows the {action} action status code: 400, "
        "request id: {request}"
    )


_REGISTRY = f"{_AUTH} unable to retrieve ecr registry auth: service call has been retried 1 time(s): " + _refusal(
    "ecr:GetAuthorizationToken", "*"
)
_STREAM = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log stream: "
    + _refusal(
        "logs:CreateLogStream",
        "arn:{partition}:logs:{region}:{account}:log-group:{log_group}:log-stream:app/{container}/{task}",
    )
    + " : exit status 1"
)


def pull_denied(plan: Plan) -> None:
    """Let the execution role lack the image, in either of AWS's wordings."""
    role = plan.new.execution_role = f"{plan.name}-execution-v2"
    repository = "arn:{partition}:ecr:{region}:{account}:repository/{repository_name}"
    denied = (
        "denied: User: {execution_session} is not authorized to perform: ecr:BatchGetImage on resource: "
        f"{repository} because no identity-based policy allows the ecr:BatchGetImage action"
    )
    text = plan.pick(
        [
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
            + denied
        ],
        [
            "CannotPullContainerError: The task can\u2019t pull the image. Check that the role has the permissions to "
            f"pull images from the registry. Error response from daemon: {denied}"
        ],
    )
    plan.hitch("pull", text, seconds=(1.0, 4.0), given=may_not("ecr:BatchGetImage", repository_of))
    plan.edits.append(lambda world: _without(world, role, "ecr:BatchGetImage"))


def parameters_denied(plan: Plan) -> None:
    """Let the execution role lack a parameter of Systems Manager."""
    name = f"/{plan.name}/api-key"
    arn = f"arn:{plan.partition}:ssm:{plan.region}:{plan.account}:parameter{name}"
    text = f"{_AUTH} unable to retrieve secrets from ssm: service call has been retried 1 time(s): " + _refusal(
        "ssm:GetParameters", arn
    )
    refused = may_not("ssm:GetParameters", lambda _world, _task: arn)
    plan.hitch("prepare", text, seconds=(1.0, 6.0), given=both(names_secret(arn), refused))
    plan.new.container["secrets"] = [{"name": "API_KEY", "valueFrom": arn}]
    plan.prepare.append(lambda world: _add_parameter(world, name))


def _add_parameter(world: World, name: str) -> None:
    arn = world.arn("ssm", f"parameter{name}")
    world.holdings.parameters[name] = {"Name": name, "ARN": arn, "Type": "SecureString", "Version": 3}


def policy_denies(plan: Plan) -> None:
    """Let a policy of the bucket or secret deny what the task role allows."""
    kind = plan.rng.choice(["bucket", "secret"])

    def prepare(world: World) -> None:
        operation, action = NEEDS[kind]
        plan.new.program = replace(plan.new.program, needs=((operation, action, resource(world, plan, kind)),))

    def deny(world: World) -> None:
        arn = resource(world, plan, kind)
        document = policy(_only_for(world, "deploy-admin", arn))
        if kind == "bucket":
            world.access.buckets[f"{plan.name}-{world.account}-data"] = document
        else:
            world.access.secrets[arn].policy = document

    plan.prepare.append(prepare)
    plan.edits.append(deny)


def _only_for(world: World, role: str, arn: str) -> Document:
    return {
        "Sid": "OnlyAdmins",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"] if ":s3:" in arn else ["secretsmanager:GetSecretValue"],
        "Resource": [arn],
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": [role_arn(world, role)]}},
    }


def layers_denied(plan: Plan) -> None:
    """Let the policy of the S3 endpoint keep the image's layers from the task."""
    plan.egress = "endpoints"
    text = (
        "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReaderSeeker: failed open: "
        "unexpected status code https://prod-{region}-starport-layer-bucket.s3.{region}.{suffix}/4b1c-{account}/"
        "a3d0f1: 403 Forbidden"
    )
    plan.hitch("pull", text, seconds=(20, 60), given=layers_are_kept_away)

    def edit(world: World) -> None:
        gateway = next(row for row in world.network.endpoints if row["VpcEndpointType"] == "Gateway")
        bucket = f"arn:{world.partition}:s3:::{plan.name}-{world.account}-data/*"
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": bucket}
        gateway["PolicyDocument"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    plan.edits.append(edit)


def not_assumed(plan: Plan) -> None:
    """Let the new revision name a role that ECS may not assume: another trust, or none of that name."""
    member = plan.rng.choice(["task_role", "execution_role"])
    role = f"{plan.name}-{member.partition('_')[0]}-next"
    setattr(plan.new, member, role)
    plan.silent, plan.attempts = True, 0
    if plan.chance(0.6):
        trusted = plan.rng.choice(["ec2.amazonaws.com", "ecs.amazonaws.com", "lambda.amazonaws.com"])
        plan.edits.append(lambda world: _add_role(world, role, trusted))


def _add_role(world: World, name: str, trusted: str) -> None:
    add_role(world, name, service=trusted)


_INFRASTRUCTURE = (
    "User: arn:{partition}:sts::{account}:assumed-role/{role}/ecs-service-scheduler is not authorized to perform: "
    "elasticloadbalancing:RegisterTargets on resource: {group} because no identity-based policy allows the "
    "elasticloadbalancing:RegisterTargets action"
)


def cannot_register(plan: Plan) -> None:
    """Let ECS's own role not register targets any more."""
    plan.need_balancer()
    plan.silent, plan.attempts = True, 0
    plan.ask_after = max(plan.ask_after, 8.0)

    def forbid(world: World) -> None:
        role = plan.rng.choice(["AWSServiceRoleForECS", "ecsServiceRole"])
        world.registration_error = _INFRASTRUCTURE.replace("{role}", role)

    plan.edits.append(forbid)


def cannot_shift_traffic(plan: Plan) -> None:
    """Let a blue/green deployment be rolled back, for the infrastructure role may not do its part."""
    plan.need_balancer()
    plan.first, plan.silent, plan.attempts = False, True, 0
    role = f"arn:{plan.partition}:iam::{plan.account}:role/ecsInfrastructureRole"
    reason = plan.rng.choice(
        [
            "Service deployment rolled back because of invalid networking configuration. ECS was unable to manage the "
            f"ELB resources due to missing permissions on ECS Infrastructure Role '{role}'.",
            "Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed. ECS was unable to assume "
            f"role {role}",
            "Service deployment rolled back because of invalid networking configuration. User: "
            f"arn:{plan.partition}:sts::{plan.account}:assumed-role/ecsInfrastructureRole/ECSNetworkingWithELB is not "
            "authorized to perform: elasticloadbalancing:ModifyListener on resource: * because no identity-based "
            "policy allows the elasticloadbalancing:ModifyListener action",
        ]
    )
    rolled_back(plan, reason)


def rolled_back(plan: Plan, reason: str) -> None:
    """Make the service's strategy blue/green, and let its deployment be rolled back for a reason."""
    plan.service["deploymentConfiguration"] = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "BLUE_GREEN",
        "bakeTimeInMinutes": plan.rng.choice([5, 10]),
    }
    plan.minimum, plan.maximum, plan.late = 100, 200, False
    plan.ask_after = max(plan.ask_after, 12.0)
    seconds = plan.rng.uniform(60, 240)

    def arrange(world: World, service: Service, deployment: Deployment) -> None:
        if service.shape["deploymentConfiguration"].get("strategy") != "BLUE_GREEN":
            return
        deployment.keeps_older = True

        def back() -> None:
            if deployment is not service.deployments[0]:
                return
            deployment.stopped = True
            deployment.record["lifecycleStage"] = "PRE_SCALE_UP" if "PRE_SCALE_UP" in reason else "SCALE_UP"
            world.scheduler.rollout.back(service, deployment, reason)

        world.engine.after(seconds, back)

    plan.after.append(partial(recurring, arrange))


def recurring(step: Step, world: World, service: Service, deployment: Deployment) -> None:
    """Arrange something for the last deployment of the story, and for each that a caller begins after it."""
    step(world, service, deployment)
    world.recurring.append(lambda world, other, row: step(world, other, row) if other is service else None)


_ROLE, _EXECUTION, _POLICY = "permissions.task_role", "permissions.execution_role", "permissions.resource_policy"
_OWN = "permissions.infrastructure_role"
RECIPES = (
    Recipe("task-role-refused", _ROLE, "the task role lacks what the application needs; it exits", task_role_exit),
    Recipe("task-role-unready", _ROLE, "the task role lacks what it needs; it answers 503", task_role_unready),
    Recipe("secret-refused", _EXECUTION, "the execution role may not read the secret", execution_secret),
    Recipe(
        "registry-refused",
        _EXECUTION,
        "the execution role may not log in to the registry",
        _execution_lacks(
            "ecr:GetAuthorizationToken", _REGISTRY, may_not("ecr:GetAuthorizationToken", lambda _world, _task: "*")
        ),
    ),
    Recipe(
        "log-stream-refused",
        _EXECUTION,
        "the execution role may not create the log stream",
        _execution_lacks("logs:CreateLogStream", _STREAM, may_not("logs:CreateLogStream", log_group_of)),
    ),
    Recipe("pull-refused", _EXECUTION, "the execution role may not pull the image", pull_denied),
    Recipe("parameter-refused", _EXECUTION, "the execution role may not read the parameter", parameters_denied),
    Recipe("resource-policy-denies", _POLICY, "a bucket's or secret's policy denies the task", policy_denies),
    Recipe("layers-denied", _POLICY, "the S3 endpoint's policy keeps the layers away", layers_denied, "fargate"),
    Recipe("role-not-assumed", "permissions.trust", "ECS may not assume a role of the revision", not_assumed),
    Recipe("registration-refused", _OWN, "ECS's own role may not register targets", cannot_register),
    Recipe("traffic-shift-refused", _OWN, "the infrastructure role may not shift the traffic", cannot_shift_traffic),
)
