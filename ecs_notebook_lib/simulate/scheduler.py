"""The ECS service scheduler of rolling updates.

It follows the behaviour that AWS documents since November 2025 (ECS_FACTS 2.7): a task that died is replaced with the
revision that it belonged to, so a failing deployment goes on beside a newer one, and both stay IN_PROGRESS. The newest
deployment is served first within the upper limit. One simplification: a task that fails its health checks is stopped
at once and then replaced, where ECS would start the replacement first if the upper limit allows.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.model import Deployment, Service, Target, TargetGroup, Task
from ecs_notebook_lib.simulate.placement import Placement, port_of
from ecs_notebook_lib.simulate.rollout import Rollout
from ecs_notebook_lib.simulate.script import fill

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_REPEAT_AFTER = timedelta(hours=6)
_MAX_EVENTS = 100
_STUCK = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again."
)
_MAX_BACKOFF_SECONDS = 900
_FAILED_STARTS_BEFORE_BACKOFF = 3
_LAUNCH_AGAIN_SECONDS = 60


class Scheduler:
    """Keeps the services at their desired counts, moves rollouts on, and tells of it in service events."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.services: dict[str, Service] = {}
        self.rollout = Rollout(world, self)
        self.placement = Placement(world)

    # What happened to a task.

    def task_running(self, task: Task) -> None:
        """Register a task that reached RUNNING with the target groups of its service."""
        service, deployment = self.service_of(task), task.deployment
        deployment.ever_running, deployment.failed_starts = True, 0
        deployment.shape["failedTasks"] = 0 if not self._world.groups_of(service) else deployment.shape["failedTasks"]
        self._count(service)
        self._world.engine.after(self._world.engine.between(1, 3), lambda: self._register(service, task))

    def _register(self, service: Service, task: Task) -> None:
        if task.stopping:
            return
        port = service.shape["loadBalancers"][0]["containerPort"] if service.shape["loadBalancers"] else 0
        if self._world.registration_error and service.shape["loadBalancers"]:
            self._tell_registration(service)
            return
        for group in self._world.groups_of(service):
            self._world.balancer.register(group, task, port_of(task, port), task.shape["availabilityZone"])
            self.tell(service, f"registered 1 targets in (target-group {group.arn})")
        self.task_changed(task)

    def _tell_registration(self, service: Service) -> None:
        [group, *_] = self._world.groups_of(service)
        world = self._world
        facts = {"group": group.arn, "partition": world.partition, "account": world.account, **world.slots}
        error = fill(world.registration_error, facts)
        self.tell_state(service, f"failed to register targets in (target-group {group.arn}) with (error {error})")

    def task_changed(self, task: Task) -> None:
        """Look at the service again: one of its tasks became healthy."""
        self.soon(self.service_of(task))

    def task_leaving(self, task: Task) -> None:
        """Drain a task that leaves RUNNING, and count what failed."""
        service = self.service_of(task)
        code = task.shape["stopCode"]
        if code == "TaskFailedToStart":
            task.deployment.failed_starts += 1
            if self._world.told_starts:
                text = f"was unable to place a task. Reason: {task.shape['stoppedReason']}."
                self.tell_state(service, text, about="start")
            self.rollout.failed(service, task.deployment, stage=1)
        elif code == "EssentialContainerExited":
            task.deployment.shape["failedTasks"] += 1
            if self._scripted(task) and not self._was_healthy(service, task):
                self.rollout.failed(service, task.deployment, stage=2)
        for group in self._world.groups_of(service):
            if self._world.balancer.deregister(group, task):
                self.tell(service, f"deregistered 1 targets in (target-group {group.arn})")
        self._count(service)
        self.soon(service)

    def _scripted(self, task: Task) -> bool:
        return self._world.program(task).script is not None

    def _was_healthy(self, service: Service, task: Task) -> bool:
        groups = self._world.groups_of(service)
        return task.container_healthy and all(self._world.balancer.healthy(group, task) for group in groups)

    def task_stopped(self, task: Task) -> None:
        """Look at the service again: a task reached STOPPED."""
        self._count(self.service_of(task))
        self.soon(self.service_of(task))

    def target_unhealthy(self, group: TargetGroup, target: Target) -> None:
        """Tell that the load balancer found a task unhealthy, and stop it once the grace period is over."""
        task, service = target.task, self.service_of(target.task)
        if self._scripted(task):
            when = self._world.engine.now + timedelta(seconds=self._world.engine.between(8, 25))
            self._world.engine.at(max(when, self._grace_over(service, task)), lambda: self._reject(group, target))
            return
        self._tell_unhealthy(group, target)
        self._replace(service, task, f"Task failed ELB health checks in (target-group {group.arn})")

    def _reject(self, group: TargetGroup, target: Target) -> None:
        """Stop a task of a varied world whose target is still unhealthy now that the grace period is over."""
        task = target.task
        over = self._grace_over(self.service_of(task), task)
        if self._world.engine.now < over:  # somebody has made the grace period longer meanwhile
            self._world.engine.at(over, lambda: self._reject(group, target))
            return
        here = group.targets.get(task.address) is target and target.state in ("unhealthy", "unused")
        if here and not (task.stopping or task.draining):
            self._tell_unhealthy(group, target)
            reason = f"Task failed ELB health checks in (target-group {group.arn})"
            self._stop_unhealthy(self.service_of(task), task, reason)

    def _tell_unhealthy(self, group: TargetGroup, target: Target) -> None:
        task = target.task
        instance = f" (instance {task.instance})" if task.instance else ""
        self.tell(
            self.service_of(task),
            f"(task {task.id}){instance} (port {target.port}) is unhealthy in (target-group {group.arn}) "
            f"due to (reason {target.description})",
        )

    def container_unhealthy(self, task: Task) -> None:
        """Stop a task whose own health check failed, once the grace period is over."""
        service = self.service_of(task)
        self.tell(service, f"(task {task.id}) failed container health checks.")
        self._replace(service, task, "Task failed container health checks")

    def _replace(self, service: Service, task: Task, reason: str) -> None:
        when = max(self._world.engine.now + timedelta(seconds=5), self._grace_over(service, task))
        self._world.engine.at(when, lambda: self._stop_unhealthy(service, task, reason))

    @staticmethod
    def _grace_over(service: Service, task: Task) -> datetime:
        started: datetime = task.shape["startedAt"]
        return started + timedelta(seconds=service.shape.get("healthCheckGracePeriodSeconds", 0))

    def _stop_unhealthy(self, service: Service, task: Task, reason: str) -> None:
        if task.stopping:
            return
        over = self._grace_over(service, task)
        if self._world.engine.now < over:
            self._world.engine.at(over, lambda: self._stop_unhealthy(service, task, reason))
            return
        task.deployment.shape["failedTasks"] += 1
        self.tell(service, f"has stopped 1 running tasks: (task {task.id}).")
        self._world.tasks.stop(task, "ServiceSchedulerInitiated", reason)
        self.rollout.failed(service, task.deployment, stage=2)

    # What the service needs.

    def soon(self, service: Service) -> None:
        """Look at a service in a few seconds; what happens until then is seen together."""
        if not service.reconciling:
            service.reconciling = True
            self._world.engine.after(self._world.engine.between(3, 9), lambda: self._reconcile(service))

    def _reconcile(self, service: Service) -> None:
        service.reconciling = False
        self._start_tasks(service)
        self._stop_tasks(service)
        self._tell_if_stuck(service)
        self._count(service)
        self.rollout.settle(service)

    def scale(self, service: Service, desired: int) -> None:
        """Change the desired count, as UpdateService does: that is no new deployment."""
        service.shape["desiredCount"] = service.deployments[0].shape["desiredCount"] = desired
        self._world.trail.updated(service)
        self.soon(service)

    def bounds(self, service: Service) -> tuple[int, int]:
        """Return the least healthy and the most tasks of a rolling update (ECS_FACTS 2.6)."""
        configuration, desired = service.shape["deploymentConfiguration"], service.desired
        return -(-desired * configuration["minimumHealthyPercent"] // 100), desired * configuration[
            "maximumPercent"
        ] // 100

    def healthy(self, task: Task) -> bool:
        """Say whether a task counts toward the minimum: its own check and every target group agree."""
        groups = self._world.groups_of(self.service_of(task))
        return task.alive and task.container_healthy and all(self._world.balancer.healthy(g, task) for g in groups)

    def _start_tasks(self, service: Service) -> None:
        now = self._world.engine.now
        if service.start_not_before is not None and now < service.start_not_before:
            return
        _, upper = self.bounds(service)
        room = upper - sum(1 for task in service.tasks if not task.stopping)
        for deployment in service.deployments:
            missing = deployment.shape["desiredCount"] - len(deployment.alive)
            count = 0 if deployment.stopped else max(0, min(missing, room))
            if count:
                room -= count
                self._start(service, deployment, count)

    def _start(self, service: Service, deployment: Deployment, count: int) -> None:
        denial = self._world.assuming_denial(deployment.shape["taskDefinition"])
        if denial is not None:
            self.tell_state(service, f"failed to launch a task with (error {denial}).")
            self._world.engine.after(_LAUNCH_AGAIN_SECONDS, lambda: self.soon(service))
            return
        if self._unplaced(service, deployment):
            self.tell_state(service, self._world.placement_error)
            self._world.engine.after(_LAUNCH_AGAIN_SECONDS, lambda: self.soon(service))
            return
        started, refusal = self._launch(service, deployment, count)
        if started:
            names = " ".join(f"(task {task.id})" for task in started)
            self.tell(service, f"has started {len(started)} tasks: {names}.")
        if refusal:
            self._refused(service, deployment, refusal, missing=count - len(started))
            return
        failures = deployment.failed_starts
        if failures >= _FAILED_STARTS_BEFORE_BACKOFF:
            self.tell_state(service, "is unable to consistently start tasks successfully.")
            pause = min(_MAX_BACKOFF_SECONDS, 10 * 2 ** ((failures - 1) // 2))
            service.start_not_before = self._world.engine.now + timedelta(seconds=pause)
            self._world.engine.at(service.start_not_before, lambda: self.soon(service))

    def _unplaced(self, service: Service, deployment: Deployment) -> bool:
        """Say whether no task of a deployment can be placed."""
        world = self._world
        return bool(world.placement_error) and service.name == world.service and world.is_unplaced(deployment)

    def _launch(self, service: Service, deployment: Deployment, count: int) -> tuple[list[Task], str]:
        """Start tasks as long as there is a place for one more; return them, and why there was none."""
        started: list[Task] = []
        for _ in range(count):
            place = self.placement.ask(service, deployment)
            if isinstance(place, str):
                return started, place
            started.append(self._world.tasks.start(service, deployment, place))
        return started, ""

    def _refused(self, service: Service, deployment: Deployment, refusal: str, *, missing: int) -> None:
        """Tell that tasks of a deployment find no place, and try again in a while."""
        breaker = service.shape["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]
        if breaker and deployment.alive:
            reason = refusal.partition("Reason: ")[2] or refusal.partition("requirements. ")[2] or refusal
            text = f"could not launch {missing} tasks for deployment {deployment.id}. {reason}"
            self.tell_state(service, text, about=f"{deployment.id}: some")
        self.tell_state(service, refusal, about=f"{deployment.id}: {refusal}")
        if self.placement.counts(deployment):
            self._world.engine.after(1, lambda: self.rollout.failed(service, deployment, stage=1))
        if service.name not in self.placement.waiting:
            self.placement.waiting.add(service.name)
            self._world.engine.after(_LAUNCH_AGAIN_SECONDS, lambda: self._place_again(service))

    def _place_again(self, service: Service) -> None:
        self.placement.waiting.discard(service.name)
        self.soon(service)

    def _stop_tasks(self, service: Service) -> None:
        """Let older deployments go as far as the minimum allows; scale in what is too much."""
        lower, upper = self.bounds(service)
        healthy = sum(self.healthy(task) for task in service.tasks)
        primary = service.deployments[0]
        ready = sum(self.healthy(task) for task in primary.tasks)
        left = max(0, upper - primary.shape["desiredCount"])
        for deployment in () if primary.keeps_older else service.deployments[1:]:
            keep = max(0, min(left, service.desired - ready if lower else 0, deployment.shape["desiredCount"]))
            if deployment.stopped:
                keep = 0
            left -= keep
            deployment.shape["desiredCount"] = keep
            surplus = sorted(deployment.alive, key=self.healthy)[: max(0, len(deployment.alive) - keep)]
            self._tell_protected(service, surplus)
            for task in surplus:
                if task.protected:
                    continue
                if self.healthy(task):
                    if healthy <= lower:
                        continue
                    healthy -= 1
                self._drain(service, task)
        surplus = sorted(primary.alive, key=self.healthy)[: max(0, len(primary.alive) - service.desired)]
        self._tell_protected(service, surplus)
        for task in [one for one in surplus if not one.protected]:
            self._drain(service, task)

    def _tell_protected(self, service: Service, surplus: Iterable[Task]) -> None:
        """Tell that tasks which should go may not: they are protected from scale-in."""
        number = sum(task.protected for task in surplus)
        if number:
            reason = f"was unable to scale in due to (reason {number} tasks under protection)"
            self.tell_state(service, reason, about="protection")

    def _tell_if_stuck(self, service: Service) -> None:
        """Tell that the percentages let the newest deployment neither start a task nor stop one of another."""
        lower, upper = self.bounds(service)
        missing = len(service.deployments[0].alive) < service.desired and not service.deployments[0].stopped
        if missing and len(service.deployments) > 1 and max(upper - service.desired, service.desired - lower) < 1:
            self.tell_state(service, _STUCK)

    def _drain(self, service: Service, task: Task) -> None:
        """Take a task out of its target groups, and stop it when the deregistration delay is over."""
        reason = f"Scaling activity initiated by (deployment {task.deployment.id})"
        task.draining = True
        groups = [group for group in self._world.groups_of(service) if self._world.balancer.deregister(group, task)]
        for group in groups:
            self.tell(service, f"deregistered 1 targets in (target-group {group.arn})")
        if not groups:
            self._world.tasks.stop(task, "ServiceSchedulerInitiated", reason)
            return
        self.tell(service, "has begun draining connections on 1 tasks.")
        delay = max(group.drain_time for group in groups)
        self._world.engine.after(delay.total_seconds(), lambda: self._drained(service, task, reason))

    def _drained(self, service: Service, task: Task, reason: str) -> None:
        if not task.stopping:
            self.tell(service, f"has stopped 1 running tasks: (task {task.id}).")
            self._world.tasks.stop(task, "ServiceSchedulerInitiated", reason)

    # What the service shows.

    def _count(self, service: Service) -> None:
        for deployment in service.deployments:
            running = sum(task.running for task in deployment.tasks)
            pending = sum(not (task.running or task.stopping) for task in deployment.tasks)
            if (running, pending) != (deployment.shape["runningCount"], deployment.shape["pendingCount"]):
                now = self._world.engine.now
                deployment.shape |= {"runningCount": running, "pendingCount": pending, "updatedAt": now}
        for total in ("runningCount", "pendingCount"):
            service.shape[total] = sum(deployment.shape[total] for deployment in service.deployments)

    def tell_state(self, service: Service, text: str, *, about: str = "") -> None:
        """Write a service event about how things are, unless the same was said in the last six hours."""
        now = self._world.engine.now
        told = service.last_told.get(about or text)
        if told is None or now - told >= _REPEAT_AFTER:
            service.last_told[about or text] = now
            self.tell(service, text)

    def tell(self, service: Service, text: str) -> None:
        """Write a service event about what was done; ECS keeps the newest 100."""
        now = self._world.engine.now
        new = self._world.engine.hexadecimal
        event_id = f"{new(8)}-{new(4)}-4{new(3)}-8{new(3)}-{new(12)}"
        event = {"id": event_id, "createdAt": now, "message": f"(service {service.name}) {text}"}
        service.shape["events"] = [event, *service.shape["events"][: _MAX_EVENTS - 1]]

    def service_of(self, task: Task) -> Service:
        """Return the service of a task."""
        return self.services[str(task.shape["group"]).partition(":")[2]]

    def stop_all(self, tasks: Iterable[Task], service: Service) -> None:
        """Drain every one of these tasks that still counts."""
        for task in list(tasks):
            if task.alive:
                self._drain(service, task)
