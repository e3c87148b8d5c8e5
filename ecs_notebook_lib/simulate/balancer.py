"""Target groups: registration, health checks, draining.

A target's state changes only when a check could change it, so checks are simulated until they agree with the state
and again after the application changed; the probes in between are a rule of the log stream.
Times: ELB user guide, "Health checks for your target groups"; one passing check makes a new target healthy.
"""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate import probing, scripted
from ecs_notebook_lib.simulate.application import HEALTH_CHECKER, probe_source
from ecs_notebook_lib.simulate.model import Target, TargetGroup, Task

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World


class Balancer:
    """The load balancer's side of the world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.groups: dict[str, TargetGroup] = {}

    def register(self, group: TargetGroup, task: Task, port: int, zone: str) -> None:
        """Register a task's address; checks begin when the registration is through."""
        target = group.targets[task.address] = Target(task, port, zone)
        if group.unused is not None and group.unused(target.zone):
            target.become("unused", "Target.NotInUse", group.unused(target.zone))
            if self._world.program(task).script is not None:
                self._world.engine.after(self._world.engine.between(20, 60), lambda: self._not_in_use(group, target))
            return
        self._world.engine.after(self._world.engine.between(8.5, 11), lambda: self._begin(group, target))

    def _not_in_use(self, group: TargetGroup, target: Target) -> None:
        """Let ECS see that the load balancer does not use this target."""
        if group.targets.get(target.task.address) is target and target.state == "unused":
            self._world.scheduler.target_unhealthy(group, target)

    def _begin(self, group: TargetGroup, target: Target) -> None:
        if not self._registered(group, target):
            return
        target.become("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
        interval = group.shape["HealthCheckIntervalSeconds"]
        self._world.engine.after(self._world.engine.between(0.5, 0.4 * interval), lambda: self._first(group, target))

    def _first(self, group: TargetGroup, target: Target) -> None:
        if not self._registered(group, target):
            return
        if self._scripted(target):
            self._examine(group, target)
            return
        if target.task.answering and self._reaches(group, target):
            self._probe(group, target)
        self._check(group, target)

    def _scripted(self, target: Target) -> bool:
        return self._world.program(target.task).script is not None

    def _examine(self, group: TargetGroup, target: Target) -> None:
        """Check a target of a varied world, again and again until it is healthy or gone."""
        if not self._registered(group, target) or target.task.stopping:
            return
        if not target.probing and probing.arrives(self._world, group, target):
            target.probing = True
            for node in group.nodes:
                self._world.stream(target.task).periodic += probing.requests(self._world, group, target, node)
        reason, description = probing.verdict(self._world, group, target)
        if reason is None:
            target.failures, target.successes = 0, target.successes + 1
            if target.state == "healthy":
                target.again = False
                return
            if target.state == "initial" or target.successes >= group.shape["HealthyThresholdCount"]:
                self._becomes(group, target, "healthy")
                return
        else:
            target.failures, target.successes = target.failures + 1, 0
            if target.failures == group.shape["UnhealthyThresholdCount"]:
                self._becomes(group, target, "unhealthy", reason, description)
            elif target.failures > group.shape["UnhealthyThresholdCount"]:
                target.become("unhealthy", reason, description)
        interval = group.shape["HealthCheckIntervalSeconds"]
        self._world.engine.after(interval, lambda: self._examine(group, target))

    def _becomes(self, group: TargetGroup, target: Target, state: str, *why: str | None) -> None:
        """Change a target's state, count it, and let ECS know."""
        target.become(state, *why)
        target.again = False
        self._count(group)
        if state == "healthy":
            if not target.serving:
                target.serving = True
                scripted.process(self._world, target.task).serve()
            self._world.scheduler.task_changed(target.task)
        else:
            self._world.scheduler.target_unhealthy(group, target)

    def look_again(self, task: Task) -> None:
        """Begin to check a task's targets again: its program behaves otherwise now."""
        for group in self.groups.values():
            target = group.targets.get(task.address)
            if target is not None and target.task is task and target.state == "healthy" and not target.again:
                self._forget_checks(target)
                target.again = True
                self._examine(group, target)

    def checks_changed(self, group: TargetGroup) -> None:
        """Check every target of a group by the new settings: those whose state was settled, too."""
        settled = {"healthy"}
        for target in [row for row in group.targets.values() if row.state in ("initial", "healthy", "unhealthy")]:
            self._forget_checks(target)
            target.probing = False
            scripted_one = self._scripted(target)
            at_rest = target.state in (settled if scripted_one else settled | {"unhealthy"})
            if at_rest and not target.again:
                target.again = True
                seconds = self._world.engine.between(0.5, group.shape["HealthCheckIntervalSeconds"])
                step = partial(self._examine if scripted_one else self._check, group, target)
                self._world.engine.after(seconds, step)

    def _forget_checks(self, target: Target) -> None:
        """Let nothing count that checks have found so far, and no more of their requests be logged."""
        target.failures = target.successes = 0
        for source in self._world.stream(target.task).periodic:
            if source.client == HEALTH_CHECKER:
                source.stop(self._world.now)

    def _probe(self, group: TargetGroup, target: Target) -> None:
        """Let the task print a line for each request of a health check."""
        target.probing = True
        stream = self._world.stream(target.task)
        path, period = group.shape["HealthCheckPath"], float(group.shape["HealthCheckIntervalSeconds"])
        for node in group.nodes:
            stream.periodic.append(probe_source(self._world, target.task, node, path=path, period=period))

    def _reaches(self, group: TargetGroup, target: Target) -> bool:
        return self._world.reaches(group, target.task.deployment, target.task.address, target.port)

    @staticmethod
    def _registered(group: TargetGroup, target: Target) -> bool:
        return group.targets.get(target.task.address) is target and target.state != "draining"

    def _check(self, group: TargetGroup, target: Target) -> None:
        if not self._registered(group, target):
            return
        reason, description = self._verdict(group, target)
        target.again = target.again and reason is not None
        if reason is None:
            if not target.probing:
                self._probe(group, target)
            target.failures = 0
            if target.state != "healthy":
                target.become("healthy")
                self._count(group)
                self._world.scheduler.task_changed(target.task)
            return
        target.failures += 1
        if target.failures >= group.shape["UnhealthyThresholdCount"]:
            target.become("unhealthy", reason, description)
            target.again = False
            self._count(group)
            self._world.scheduler.target_unhealthy(group, target)
            return
        self._world.engine.after(group.shape["HealthCheckIntervalSeconds"], lambda: self._check(group, target))

    def _verdict(self, group: TargetGroup, target: Target) -> tuple[str | None, str | None]:
        task = target.task
        if not self._reaches(group, target):
            return "Target.Timeout", "Request timed out"
        met = probing.check_port(group, target) == target.port and group.shape["HealthCheckProtocol"] == "HTTP"
        if not (task.answering and met):
            return "Target.FailedHealthChecks", "Health checks failed"
        code = self._world.program(task).routes.get(group.shape["HealthCheckPath"], 404)
        if probing.accepts(group.shape["Matcher"]["HttpCode"], code):
            return None, None
        return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]"

    def deregister(self, group: TargetGroup, task: Task) -> bool:
        """Begin to drain a target; it is gone after the deregistration delay. Say whether there was one."""
        target = group.targets.get(task.address)
        if target is None or target.task is not task or target.state == "draining":
            return False
        target.become("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        self._count(group)
        self._world.engine.after(group.drain_time.total_seconds(), lambda: self._gone(group, target))
        end = self._world.engine.now + timedelta(seconds=1)
        for source in self._world.stream(task).periodic:
            if source.client == HEALTH_CHECKER:
                source.stop(end)
        return True

    def _count(self, group: TargetGroup) -> None:
        states = [target.state for target in group.targets.values()]
        group.counts.append((self._world.engine.now, states.count("healthy"), states.count("unhealthy")))

    @staticmethod
    def _gone(group: TargetGroup, target: Target) -> None:
        if group.targets.get(target.task.address) is target:
            del group.targets[target.task.address]

    def healthy(self, group: TargetGroup, task: Task) -> bool:
        """Say whether the load balancer sends requests to this task."""
        target = group.targets.get(task.address)
        return target is not None and target.task is task and target.state == "healthy"
