"""Faults of how the service is rolled out: percentages, overlaps, controllers, hooks, target groups, protection."""

from itertools import count

from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes_access import rolled_back
from ecs_notebook_lib.simulate.rollout import busy_percentages, stuck_percentages
from ecs_notebook_lib.simulate.varied_account import register_revision
from ecs_notebook_lib.simulate.world import World


def _quiet(plan: Plan, *, least: float, most: float = 45.0) -> None:
    """Expect no failed task: ask at some time within these minutes, of a service that was there before."""
    plan.silent, plan.first, plan.attempts, plan.late = True, False, 0, False
    plan.ask_after = plan.rng.uniform(least, max(least, most))


def squeezed(plan: Plan) -> None:
    """Leave no room to replace a task."""
    _quiet(plan, least=5)
    plan.minimum, plan.maximum = stuck_percentages(plan.rng, plan.desired)


def deployed_again(plan: Plan) -> None:
    """Deploy again before any rollout can end; nothing is broken."""
    _quiet(plan, least=12, most=30)
    plan.minimum, plan.maximum, plan.breaker = 0, 200, False
    plan.group.drain = 300
    plan.program(pull_seconds=(85.0, 110.0))
    period = plan.rng.uniform(130, 200) if plan.balanced else plan.rng.uniform(90, 130)

    def arrange(world: World, service: Service, deployment: Deployment) -> None:
        family, _, last = deployment.shape["taskDefinition"].rpartition(":")
        numbers = count(int(last) + 1)

        def again() -> None:
            number = next(one for one in numbers if f"{family}:{one}" not in world.task_definitions)
            world.scheduler.rollout.begin(service, register_revision(world, plan, plan.new, number))
            world.engine.after(period * world.engine.between(0.9, 1.1), again)

        world.engine.after(period, again)

    plan.after.append(arrange)


def slow(plan: Plan) -> None:
    """Break nothing: the shortest possible rollout takes longer than the waiter looks.

    There are many steps, or a large image, or old tasks that drain for long.
    """
    plan.need_balancer()
    _quiet(plan, least=10, most=20)
    plan.grace = max(plan.grace, 60)
    if plan.chance(0.6):
        plan.desired = plan.rng.choice([4, 5, 6])
        plan.minimum, plan.maximum = busy_percentages(plan.rng, plan.desired)
        plan.group.drain = 300
        plan.program(pull_seconds=(20.0, 60.0))
        return
    plan.minimum, plan.maximum = 100, 200
    pull, drain = plan.rng.choice([(plan.rng.uniform(160, 260), 600), (40.0, 900), (60.0, 900)])
    plan.program(pull_seconds=(pull, pull * 1.2))
    plan.group.drain = drain
    plan.ask_after = plan.rng.uniform(10, (pull + 60 + drain) / 60)


def other_controller(plan: Plan) -> None:
    """Let CodeDeploy, or somebody else, control the deployments: the service lists none."""
    _quiet(plan, least=10)
    plan.breaker = plan.rollback = False
    kind = plan.rng.choice(["CODE_DEPLOY", "CODE_DEPLOY", "EXTERNAL"])
    plan.service["deploymentController"] = {"type": kind}
    plan.finish.append(_name_task_sets)


def _name_task_sets(world: World) -> None:
    """Let events name task sets, as they do where ECS does not deploy."""
    service = world.scheduler.services[world.service]
    first = service.deployments[0].id
    told = f"(service {service.name}, taskSet {first})"
    kept = [row for row in service.shape["events"] if "(deployment" not in row["message"]]
    service.shape["events"] = [
        row | {"message": row["message"].replace(f"(service {service.name})", told)} for row in kept
    ]


def hook_fails(plan: Plan) -> None:
    """Let a lifecycle hook fail, or answer what ECS cannot read."""
    plan.need_balancer()
    _quiet(plan, least=12)
    function = f"arn:{plan.partition}:lambda:{plan.region}:{plan.account}:function:{plan.name}-hook"
    stage = plan.rng.choice(["PRE_SCALE_UP", "POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT"])
    rolled = f"Service deployment rolled back because {stage} lifecycle hook(s) failed."
    rolled_back(
        plan,
        plan.pick(
            [f"{rolled} Lifecycle hook target {function} returned FAILED status."],
            [f"{rolled} ECS was unable to parse the response from {function} due to HookStatus must not be null"],
        ),
    )


def nothing_forwards(plan: Plan) -> None:
    """Let no listener rule forward to a new service's target group."""
    plan.need_balancer()
    plan.first, plan.attempts = True, 0
    text = "Target group is not configured to receive traffic from the load balancer"

    def edit(world: World) -> None:
        fixed = {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "not found"}
        for listener in world.listeners:
            listener["DefaultActions"] = [{"Type": "fixed-response", "FixedResponseConfig": fixed}]
        for group in world.balancer.groups.values():
            group.shape["LoadBalancerArns"] = []
            group.unused = lambda _zone: text

    plan.edits.append(edit)


def other_vpc(plan: Plan) -> None:
    """Let a new service's target group be of another VPC than its tasks."""
    plan.need_balancer()
    plan.first, plan.attempts, plan.silent = True, 0, True
    plan.ask_after = max(plan.ask_after, 6.0)

    def edit(world: World) -> None:
        vpc = f"vpc-0{world.engine.hexadecimal(16)}"
        for group in world.balancer.groups.values():
            group.shape["VpcId"] = vpc
        address = f"{world.slots['net']}.1.10"
        world.registration_error = f"The following targets are not in the target group VPC '{vpc}': '{address}'"

    plan.edits.append(edit)


def rule_unfit(plan: Plan) -> None:
    """Let listener rule and target groups of a blue/green service not fit."""
    plan.need_balancer()
    _quiet(plan, least=12)
    balancing = f"arn:{plan.partition}:elasticloadbalancing:{plan.region}:{plan.account}:"
    green = f"{balancing}targetgroup/{plan.name}-green/0a1b2c3d4e5f6071"
    rule = f"{balancing}listener-rule/app/{plan.cluster}/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
    rolled = "Service deployment rolled back because of invalid networking configuration:"
    rolled_back(
        plan,
        plan.rng.choice(
            [
                f"{rolled} Target group {green} is not associated with either productionListenerRule or "
                "testListenerRule.",
                f"{rolled} productionListenerRule {rule} should have exactly one target group serving traffic but "
                "found 2 "
                "target groups which are serving traffic",
            ]
        ),
    )


def protected(plan: Plan) -> None:
    """Let old tasks be protected from scale-in."""
    _quiet(plan, least=8)
    plan.desired = max(2, plan.desired)
    plan.minimum, plan.maximum = 100, 200

    def arrange(_world: World, service: Service, deployment: Deployment) -> None:
        old = [task for row in service.deployments if row is not deployment for task in row.tasks]
        for task in old[: plan.rng.randint(1, len(old))]:
            task.protected = True

    plan.after.append(arrange)


def count_reset(plan: Plan) -> None:
    """Let the deployment set the desired count to 0, as its template has it."""
    _quiet(plan, least=6)
    plan.after.append(lambda world, service, _deployment: world.scheduler.scale(service, 0))


_GROUP = "deployment_config.target_group"
RECIPES = (
    Recipe("no-room", "deployment_config.percentages", "the percentages leave no room to replace a task", squeezed),
    Recipe(
        "deployed-again",
        "deployment_config.superseded",
        "the pipeline deploys again and again",
        deployed_again,
        "fargate",
    ),
    Recipe(
        "slow-rollout",
        "deployment_config.waiter_shorter_than_rollout",
        "nothing is broken: the rollout takes longer than the waiter looks",
        slow,
    ),
    Recipe("other-controller", "deployment_config.controller", "CodeDeploy deploys: none is listed", other_controller),
    Recipe("hook-fails", "deployment_config.lifecycle_hook", "a lifecycle hook fails", hook_fails),
    Recipe("nothing-forwards", _GROUP, "no listener forwards to the target group", nothing_forwards),
    Recipe("group-of-other-vpc", _GROUP, "the target group is of another VPC", other_vpc),
    Recipe("listener-rule-unfit", _GROUP, "listener rule and target groups do not fit", rule_unfit),
    Recipe("protected-tasks", "deployment_config.scale_in_protection", "old tasks are protected", protected),
    Recipe("count-reset", "deployment_config.desired_zero", "the deployment sets the count to 0", count_reset),
)
