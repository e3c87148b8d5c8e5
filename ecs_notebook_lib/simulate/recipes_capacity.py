"""Faults of room on instances: none, full ones, ports, interfaces, agents; constraints; instances taken away."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ecs_notebook_lib.simulate.instances import (
    Instance,
    Need,
    add_fleet,
    add_instance,
    add_provider,
    move_to_instances,
    remove_instance,
    required,
    run_on_instances,
)
from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.placement import MORE
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes_access import recurring
from ecs_notebook_lib.simulate.script import always
from ecs_notebook_lib.simulate.world import World

SHORT = " For more information, see the Troubleshooting section."
_SEEN_SHARE = 0.75
"""How often what was in the way is still to be seen when one asks; else only the event tells of it."""
_UNPLACED = "was unable to place a task because no container instance met all of its requirements."


def waits(plan: Plan, *, surge: bool = False) -> None:
    """Let tasks wait for a place: none stops. With `surge` the old ones stay until the new ones are there."""
    plan.silent = True
    plan.ask_after = max(plan.ask_after, 5.0)
    if surge:
        plan.minimum, plan.maximum = 100, 200
    more = plan.pick([MORE], [MORE, SHORT])

    def edit(world: World) -> None:
        world.scheduler.placement.more = more

    plan.edits.append(edit)


def word(plan: Plan, check: str, usual: str, other: str) -> None:
    """Let ECS tell in one of these wordings what the closest instance lacks."""
    text = plan.pick([usual], [other])

    def edit(world: World) -> None:
        world.scheduler.placement.wording[check] = text

    plan.edits.append(edit)


def each_instance(change: Callable[[Instance], None]) -> Callable[[World], None]:
    """Return an edit that changes every instance."""

    def edit(world: World) -> None:
        for instance in world.scheduler.placement.instances:
            change(instance)

    return edit


def passing(plan: Plan, edit: Callable[[World], None]) -> None:
    """Let the obstacle be gone in some worlds when one asks, so that only the event tells of it."""
    if not plan.chance(_SEEN_SHARE):
        plan.finish.append(edit)


# Instances that are not there, or have no room.


def no_instances(plan: Plan) -> None:
    """Let a new service be launched on instances in a cluster that has none."""
    move_to_instances(plan)
    waits(plan)
    plan.first, plan.attempts = True, 0


def empty_provider(plan: Plan) -> None:
    """Let the Auto Scaling group of a new service's capacity provider have no instance."""
    provider = plan.rng.choice(["ec2", "spot", "general", f"{plan.cluster}-asg"])
    move_to_instances(plan, provider=provider)
    plan.first, plan.attempts = True, 0
    most, managed = plan.rng.choice([(0, True), (4, False), (0, False)])
    plan.prepare.append(lambda world: add_provider(world, provider, 0, most=most, managed=managed))
    if plan.chance(plan.dialect.other / 2):
        plan.prepare.append(lambda world: world.scheduler.placement.scaled.add(provider))
        plan.hitch("provisioning", "EMPTY CAPACITY PROVIDER", seconds=(60, 150), hits=always)
        return
    waits(plan)
    where = "Reason: No Container Instances were found in your capacity provider."
    word(plan, "none", f"{_UNPLACED} {where}", f"was unable to reach steady state. {where}")


def lacks_room(plan: Plan) -> None:
    """Let the instances have no room for a task more: others fill them, or the revision grew beyond their size."""
    kind, lacking = run_on_instances(plan, spare=False), plan.rng.choice(["cpu", "memory"])
    larger = plan.chance(0.4)
    waits(plan, surge=not larger)
    if larger and lacking == "cpu":
        plan.new.cpu = kind.cpu + 1024
    elif larger:
        plan.new.memory = kind.memory - kind.memory % 1024 + 1024
    else:
        left = plan.rng.randrange(0, plan.new.cpu if lacking == "cpu" else plan.new.memory, 128)
        plan.edits.append(each_instance(lambda instance: _fill(instance, lacking, left)))
        passing(plan, each_instance(_empty))


def _fill(instance: Instance, lacking: str, left: int) -> None:
    """Let others take an instance's CPU or memory but for what is to be left."""
    cpu, memory = (left, instance.memory // 2) if lacking == "cpu" else (instance.cpu, left)
    instance.others = Need(max(0, instance.cpu - cpu), max(0, instance.memory - memory))


def _empty(instance: Instance) -> None:
    instance.others, instance.other_interfaces = Need(0, 0), 0


def host_port_taken(plan: Plan) -> None:
    """Let the task ask for a host port that is taken on every instance: by the old task, or by somebody else."""
    mode = plan.rng.choice(["bridge", "bridge", "host"])
    kind = move_to_instances(plan, mode=mode, room=3, provider=plan.rng.choice(["", "", "ec2"]))
    provider = plan.service.get("capacityProviderStrategy", [{}])[0].get("capacityProvider", "")
    add_fleet(plan, kind, copies=plan.desired, alone=True, provider=provider)
    foreign = plan.first or plan.chance(0.25)
    waits(plan, surge=not foreign)
    port = plan.rng.choice([9090, 9100, 8125, 8081]) if foreign else plan.port
    plan.new.container["portMappings"] = [
        {"containerPort": plan.port, "hostPort": plan.port, "protocol": "tcp"},
        *([{"containerPort": port, "hostPort": port, "protocol": "tcp"}] if foreign else []),
    ]
    if foreign:
        plan.edits.append(each_instance(lambda instance: _occupy(instance, port)))


def _occupy(instance: Instance, port: int) -> None:
    instance.others = Need(256, 512, (*instance.others.ports, port))


def few_interfaces(plan: Plan) -> None:
    """Let the instances have no network interface left for a task more."""
    run_on_instances(plan, trunk=False, spare=False, room=4)
    if plan.chance(plan.dialect.other / 2):
        plan.hitch("provisioning", "Unable to attach network interface to unused device index", seconds=(15, 60))
        return
    waits(plan, surge=True)
    plan.edits.append(each_instance(_take_interfaces))


def _take_interfaces(instance: Instance) -> None:
    instance.other_interfaces += max(0, instance.interfaces)


def agent_disconnected(plan: Plan) -> None:
    """Let the instances' agents have lost their connection to ECS; what runs goes on."""
    run_on_instances(plan)
    waits(plan, surge=True)
    if plan.chance(plan.dialect.other / 3):
        text = 'Timed out waiting for Amazon ECS Agent to start. Please check logs at /var/log/ecs/ecs-agent.log".'
        plan.edits.append(lambda world: world.scheduler.placement.rules.append(lambda _service, _deployment: text))
    word(plan, "agent", "doesn't have the agent connected.", 'encountered error "AGENT".')
    plan.edits.append(each_instance(_disconnect))
    passing(plan, each_instance(_connect))


def _disconnect(instance: Instance) -> None:
    instance.connected = False
    for task in instance.tasks:
        task.shape["connectivity"] = "DISCONNECTED"


def _connect(instance: Instance) -> None:
    instance.connected = True
    for task in instance.tasks:
        task.shape["connectivity"] = "CONNECTED"


# What no instance may take, whatever room it has.


def constraint_unsatisfied(plan: Plan) -> None:
    """Let a placement constraint, of the revision or of the service, match no instance."""
    run_on_instances(plan)
    waits(plan)
    expression = plan.rng.choice(
        [
            "attribute:ecs.instance-type =~ g4dn.*",
            "attribute:ecs.instance-type == c6i.4xlarge",
            "attribute:stack == blue",
            "attribute:workload in [batch, api]",
            f"attribute:ecs.availability-zone == {plan.region}f",
        ]
    )
    constraints = [{"type": "memberOf", "expression": expression}]
    if plan.chance(0.6):
        plan.new.definition = {**plan.new.definition, "placementConstraints": constraints}
        return

    def edit(world: World) -> None:
        service = world.scheduler.services.get(plan.name)
        if service is not None:
            service.shape["placementConstraints"] = constraints

    plan.service |= {"placementConstraints": constraints} if plan.first else {}
    plan.edits.append(edit)


def attribute_missing(plan: Plan) -> None:
    """Let the new revision require what no instance has: a log driver, an architecture, a capability."""
    run_on_instances(plan)
    waits(plan)
    word(plan, "attribute", "is missing an attribute required by your task.", 'encountered error "ATTRIBUTE".')
    kind = plan.rng.choice(["driver", "driver", "architecture", "capability"])
    missing = ""
    if kind == "driver":
        driver = plan.rng.choice(["splunk", "gelf", "fluentd", "syslog"])
        plan.new.container["logConfiguration"] = {"logDriver": driver, "options": {}}
        missing = f"com.amazonaws.ecs.capability.logging-driver.{driver}"
    elif kind == "architecture":
        platform = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
        plan.new.definition = {**plan.new.definition, "runtimePlatform": platform}
        plan.new.platforms = ("linux/arm64",)
    else:
        missing = plan.rng.choice(["ecs.capability.efs", "ecs.capability.env-files.s3", "ecs.capability.gmsa"])
    attributes = [*required("awsvpc"), *([{"name": missing}] if missing else [])]
    plan.new.definition = {**plan.new.definition, "requiresAttributes": attributes}


def zone_without_instances(plan: Plan) -> None:
    """Let the new revision's subnet be in a zone in which the cluster has no instance."""
    plan.zones = 3

    def narrow(world: World) -> None:
        plan.good.network["subnets"], plan.new.network["subnets"] = list(world.zones)[:2], list(world.zones)[2:]

    plan.prepare.append(narrow)
    run_on_instances(plan)
    waits(plan)
    word(plan, "zone", "is missing an attribute required by your task.", 'encountered error "LOCATION".')


# What is taken away under running tasks.


def again_and_again(plan: Plan, take: Callable[[World, Service, Deployment], None]) -> None:
    """Let something happen to the new tasks every minute, sooner than they are all healthy: they start slowly."""
    plan.attempts, plan.late, plan.breaker = 0, False, False
    plan.ask_after = min(max(plan.ask_after, 8.0), 25.0)
    plan.grace = 240
    plan.program(startup_seconds=(70.0, 110.0))
    plan.good.program = replace(plan.good.program, startup_seconds=(70.0, 110.0))

    def arrange(world: World, service: Service, deployment: Deployment) -> None:
        def tick() -> None:
            take(world, service, deployment)
            world.engine.after(world.engine.between(40, 65), tick)

        world.engine.after(world.engine.between(40, 60), tick)

    plan.after.append(partial(recurring, arrange))


def instances_taken(plan: Plan, *, drained: bool) -> None:
    """Let one instance after the other be terminated, or drained, and replaced, as an instance refresh does."""
    run_on_instances(plan)
    prefix = plan.pick([f"Service {plan.name}: "], [""])

    def take(world: World, _service: Service, deployment: Deployment) -> None:
        for instance in _bearing(world, deployment):
            add_instance(world, instance.kind, instance.zone, provider=instance.provider)
            reason = f"{prefix}container instance is in DRAINING state"
            if drained:
                instance.status = "DRAINING"
                world.engine.after(world.engine.between(240, 600), partial(remove_instance, world, instance))
            else:
                remove_instance(world, instance)
                reason = f"Host EC2 (instance {instance.ec2_id}) terminated."
            for task in instance.tasks:
                world.tasks.stop(task, "ServiceSchedulerInitiated" if drained else "TerminationNotice", reason)

    again_and_again(plan, take)


def _bearing(world: World, deployment: Deployment) -> list[Instance]:
    """Return the active instances on which new tasks run."""
    instances = world.scheduler.placement.instances
    return [
        row
        for row in instances
        if row.status == "ACTIVE" and any(task.running and task.deployment is deployment for task in row.tasks)
    ]


def instances_terminated(plan: Plan) -> None:
    """Let the instances under the new tasks be terminated one after the other."""
    instances_taken(plan, drained=False)


def instances_draining(plan: Plan) -> None:
    """Let the instances under the new tasks be drained one after the other."""
    instances_taken(plan, drained=True)


_ROOM, _TAKEN, _CONSTRAINT = "capacity.instances", "capacity.interrupted", "deployment_config.constraint"
RECIPES = (
    Recipe("no-instances", _ROOM, "the cluster has no container instance", no_instances, "ec2"),
    Recipe("empty-provider", _ROOM, "the capacity provider has no instance", empty_provider, "ec2"),
    Recipe("instances-full", _ROOM, "no instance has the CPU or memory for a task more", lacks_room, "ec2"),
    Recipe("host-port-taken", "capacity.host_port", "the host port is taken on each instance", host_port_taken, "ec2"),
    Recipe(
        "few-interfaces", "capacity.addresses", "no network interface is left on an instance", few_interfaces, "ec2"
    ),
    Recipe("instances-terminated", _TAKEN, "the instances under the tasks are terminated", instances_terminated, "ec2"),
    Recipe("instances-draining", _TAKEN, "the instances under the tasks are drained", instances_draining, "ec2"),
    Recipe("agent-away", "aws_service.agent", "the instances' agents are disconnected", agent_disconnected, "ec2"),
    Recipe("constraint-unmet", _CONSTRAINT, "no instance meets a placement constraint", constraint_unsatisfied, "ec2"),
    Recipe("attribute-missing", _CONSTRAINT, "no instance has what the revision requires", attribute_missing, "ec2"),
    Recipe("zone-empty", _CONSTRAINT, "the subnet's zone has no instance", zone_without_instances, "ec2"),
)
