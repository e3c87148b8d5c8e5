"""Faults of Fargate's room: capacity, quotas, addresses, interruptions; and of the strategy that asks for it."""

from collections.abc import Callable

from ecs_notebook_lib.simulate.conditions import is_for_instances_only, subnet_is_crowded
from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.placement import MORE
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes_capacity import SHORT, again_and_again, passing, waits
from ecs_notebook_lib.simulate.world import World

_LARGE = 4
"""vCPUs of a task that is too large for the account."""


def _provide(plan: Plan, provider: str) -> None:
    plan.service["capacityProviderStrategy"] = [{"capacityProvider": provider, "weight": 1, "base": 0}]


def refuse(plan: Plan, text: str, refuses: Callable[[World, Service, Deployment], bool]) -> None:
    """Let tasks of the service find no place, told in these words, while something holds."""

    def edit(world: World) -> None:
        def rule(service: Service, deployment: Deployment) -> str:
            return text if service.name == plan.name and refuses(world, service, deployment) else ""

        world.scheduler.placement.rules.append(rule)

    plan.edits.append(edit)


def capacity_unavailable(plan: Plan) -> None:
    """Let Fargate have no capacity in the service's zones, or for no more than a task."""
    spot = plan.chance(0.35)
    if spot:
        _provide(plan, "FARGATE_SPOT")
    waits(plan, surge=True)
    few = plan.rng.choice([0, 0, 1]) if plan.desired > 1 else 0
    plan.attempts = 0 if few else plan.attempts
    where = "Please try again later or in a different availability zone."
    usual = f"was unable to place a task. Reason: Capacity is unavailable at this time. {where}"
    text = plan.pick([usual + MORE], [usual, usual.replace("Reason:", "The reason for failure is") + SHORT])
    refuse(plan, text, lambda _world, _service, deployment: len(deployment.alive) >= few)


def vcpu_quota(plan: Plan) -> None:
    """Let the account's quota have less left than a task takes: others of the account use the rest."""
    kind = plan.rng.choice(["On-Demand", "On-Demand", "On-Demand", "Spot"])
    _provide(plan, "FARGATE_SPOT" if kind == "Spot" else "FARGATE")
    waits(plan, surge=True)
    name = f"Fargate {kind} vCPU resource count"
    quota, left = plan.rng.choice([6.0, 10.0, 16.0, 64.0]), plan.new.cpu / 1024 * plan.rng.random()

    def edit(world: World) -> None:
        world.holdings.fargate_quotas[name] = max(quota, _used(world) + 2)
        world.slots["vcpus_elsewhere"] = world.holdings.fargate_quotas[name] - _used(world) - left

    def full(world: World, _service: Service, deployment: Deployment) -> bool:
        taken = _used(world) + float(str(world.slots["vcpus_elsewhere"]))
        return taken + _vcpus(world, deployment) > world.holdings.fargate_quotas[name]

    plan.edits.append(edit)
    mark, what = plan.pick(["'"], ["\u2019"]), plan.pick(["vCPUs"], ["vCPUs", "tasks"])
    text = f"was unable to place a task. Reason: You{mark}ve reached the limit on the number of {what} you can run"
    refuse(plan, f"{text} concurrently.{plan.rng.choice([MORE, SHORT])}", full)


def _used(world: World) -> float:
    """Return the vCPUs that the tasks of this world have on Fargate."""
    tasks = [task for service in world.scheduler.services.values() for task in service.tasks]
    return sum(int(task.shape["cpu"]) for task in tasks if task.shape["launchType"] == "FARGATE") / 1024


def _vcpus(world: World, deployment: Deployment) -> float:
    """Return the vCPUs of a deployment's task."""
    return int(world.task_definitions[deployment.shape["taskDefinition"]]["cpu"]) / 1024


def above_limit(plan: Plan) -> None:
    """Let the new revision be larger than a young account may start."""
    waits(plan)
    what = plan.rng.choice(["CPU", "MEMORY"])
    plan.new.cpu, plan.new.memory = _LARGE * 1024, 8192 if what == "CPU" else 30720
    text = f"was unable to place a task. Reason: The requested {what} configuration is above your limit."
    refuse(plan, text + plan.rng.choice(["", MORE]), lambda world, _service, row: _vcpus(world, row) >= _LARGE)


def provisioning_limit(plan: Plan) -> None:
    """Let the cluster have as many tasks in PROVISIONING as it may."""
    waits(plan, surge=True)
    text = "was unable to place tasks in your cluster because the tasks provisioning capacity limit was exceeded."
    refuse(plan, text, lambda _world, _service, _deployment: True)


def few_addresses(plan: Plan) -> None:
    """Let the tasks' subnets have no free address, or one or two that go as they come."""
    public = " with public IP assignment enabled" if plan.egress == "public" else ""
    text = f"Unexpected EC2 error while attempting to Create Network Interface{public} in subnet '{{subnet}}': "
    free = [plan.rng.randint(0, 2) for _ in range(3)]

    def edit(world: World) -> None:
        for row, left in zip(world.network.subnets, free * 2, strict=False):
            if row["SubnetId"] in world.zones:
                taken = world.addresses_taken(row["CidrBlock"])
                world.network.taken_elsewhere[row["SubnetId"]] = 250 - taken - left

    plan.edits.append(edit)
    plan.hitch("provisioning", f"{text}InsufficientFreeAddressesInSubnet", seconds=(3, 12), given=subnet_is_crowded)
    if not plan.paired:
        passing(plan, lambda world: world.network.taken_elsewhere.clear())


def spot_interrupted(plan: Plan) -> None:
    """Let Fargate Spot take its capacity back, from new tasks and sometimes from old ones."""
    _provide(plan, "FARGATE_SPOT")

    def take(world: World, service: Service, deployment: Deployment) -> None:
        on_spot = [task for task in service.tasks if task.shape.get("capacityProviderName") == "FARGATE_SPOT"]
        for task in [task for task in on_spot if task.running and not task.stopping]:
            if task.deployment is deployment or world.engine.random.random() < 0.1:
                world.tasks.stop(task, "SpotInterruption", "Your Spot Task was interrupted.")

    again_and_again(plan, take)


def wrong_strategy(plan: Plan) -> None:
    """Let the new revision be registered for instances only, while the service asks for Fargate."""
    _provide(plan, "FARGATE")
    compatible = {"requiresCompatibilities": ["EC2"], "compatibilities": ["EXTERNAL", "EC2"]}
    plan.new.definition = {**plan.new.definition, **compatible}
    sentence = "The selected task definition is not compatible with the selected compute strategy."
    if plan.chance(plan.dialect.other / 2):
        plan.hitch("provisioning", sentence, hits=is_for_instances_only)
        return
    waits(plan)

    def edit(world: World) -> None:
        def rule(_service: Service, deployment: Deployment) -> str:
            definition = world.task_definitions[deployment.shape["taskDefinition"]]
            fits = "FARGATE" in definition["compatibilities"]
            return "" if fits else f"failed to launch a task with (error {sentence})."

        world.scheduler.placement.rules.append(rule)

    plan.edits.append(edit)


_QUOTA = "capacity.quota"
RECIPES = (
    Recipe("few-addresses", "capacity.addresses", "the subnets have no free address", few_addresses, "fargate"),
    Recipe("no-capacity", "capacity.fargate", "Fargate has no capacity in the zones", capacity_unavailable, "fargate"),
    Recipe("quota-reached", _QUOTA, "the account's quota of Fargate is used up", vcpu_quota, "fargate"),
    Recipe("above-limit", _QUOTA, "the new tasks are larger than the account may start", above_limit, "fargate"),
    Recipe("too-many-provisioning", _QUOTA, "too many tasks are in PROVISIONING", provisioning_limit, "fargate"),
    Recipe(
        "spot-interrupted", "capacity.interrupted", "Fargate Spot takes its capacity back", spot_interrupted, "fargate"
    ),
    Recipe(
        "wrong-strategy",
        "deployment_config.constraint",
        "the revision does not fit the strategy",
        wrong_strategy,
        "fargate",
    ),
)
