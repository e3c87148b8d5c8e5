"""Faults of AWS's own: internal errors, capacity of its services, maintenance."""

from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.world import World


def internal_error(plan: Plan) -> None:
    """Let ECS itself fail to start tasks."""
    text, seconds = plan.pick(
        [
            ("Timeout waiting for EphemeralStorage provisioning to complete", (120, 150)),
            ("InternalError: failed to create container runtime task", (10, 30)),
        ],
        [
            ("ContainerRuntimeError: failed to create containerd task: unavailable: ttrpc: closed", (5, 20)),
            ("InternalError: unable to process credentials", (5, 30)),
        ],
    )
    plan.hitch("prepare" if seconds[0] < 100 else "provisioning", text, seconds=seconds)


def unavailable(plan: Plan) -> None:
    """Let ECS's own interface answer its scheduler with a server error."""
    plan.silent, plan.attempts, plan.late = True, 0, False
    plan.ask_after = max(plan.ask_after, 5.0)
    error = plan.rng.choice(
        [
            "failed to launch a task with (error Service Unavailable. Please try again later.)",
            "failed to launch a task with (error ServerException: Service Unavailable. Please try again later.)",
        ]
    )

    def edit(world: World) -> None:
        world.placement_error = error

    plan.edits.append(edit)


def maintenance(plan: Plan) -> None:
    """Let AWS take tasks away for maintenance, as fast as new ones are ready."""
    plan.attempts, plan.late, plan.breaker = 0, False, False
    plan.ask_after = max(plan.ask_after, 8.0)
    prefix = plan.pick([f"Service {plan.name}: "], [""])
    reason = f"{prefix}ECS is performing maintenance on the underlying infrastructure hosting the task"

    def arrange(world: World, _service: Service, deployment: Deployment) -> None:
        def take() -> None:
            for task in [task for task in deployment.tasks if task.running and not task.stopping]:
                world.tasks.stop(task, "ServiceSchedulerInitiated", reason)
            world.engine.after(world.engine.between(20, 40), take)

        world.engine.after(25, take)

    plan.after.append(arrange)


_DISRUPTION = "aws_service.disruption"
RECIPES = (
    Recipe("internal-error", _DISRUPTION, "AWS fails to start tasks", internal_error, "fargate"),
    Recipe("ecs-unavailable", _DISRUPTION, "ECS answers its own scheduler with server errors", unavailable),
    Recipe("maintenance", _DISRUPTION, "AWS takes tasks away for maintenance", maintenance, "fargate"),
)
