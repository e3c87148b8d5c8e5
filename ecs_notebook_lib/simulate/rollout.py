"""Deployments from request to end: PRIMARY and ACTIVE, the circuit breaker, rollback, and the record kept of each.

Sources: ECS developer guide, "Deployment circuit breaker" and "View service history"; ECS_FACTS 2.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.model import Deployment, Service, Shape

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.scheduler import Scheduler
    from ecs_notebook_lib.simulate.world import World

_STEADY = "has reached a steady state."
_OPEN = {"PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}


def _percentages(random: Random, allowed: Callable[[int, int], bool]) -> tuple[int, int]:
    """Return a minimum and a maximum as people write them, of those that are allowed."""
    minimums, maximums = (0, 50, 66, 67, 75, 76, 90, 100), (100, 105, 110, 120, 125, 133, 134, 150, 200)
    return random.choice([(low, high) for low in minimums for high in maximums if allowed(low, high)])


def _room(desired: int, minimum: int, maximum: int) -> tuple[int, int]:
    return desired * maximum // 100 - desired, desired - -(-desired * minimum // 100)


def stuck_percentages(random: Random, desired: int) -> tuple[int, int]:
    """Return percentages under which no task can be replaced (ECS_FACTS 2.6)."""
    return _percentages(random, lambda low, high: max(_room(desired, low, high)) < 1)


def busy_percentages(random: Random, desired: int) -> tuple[int, int]:
    """Return percentages under which one task after the other is replaced, the new one first."""
    return _percentages(random, lambda low, high: _room(desired, low, high) == (1, 0))


def threshold(desired: int) -> int:
    """Return the number of failures at which the circuit breaker opens."""
    return max(3, min(200, -(-desired // 2)))


class Rollout:
    """Begins, ends and rolls back the deployments of services."""

    def __init__(self, world: "World", scheduler: "Scheduler") -> None:
        self._world = world
        self._scheduler = scheduler

    def begin(self, service: Service, task_definition: str) -> Deployment:
        """Deploy a task definition, as UpdateService does; a rollout that still goes on is superseded."""
        now = self._world.engine.now
        for earlier in service.deployments:
            earlier.shape["status"] = "ACTIVE"
            if earlier.record["status"] in _OPEN:
                earlier.record |= {"status": "STOP_REQUESTED", "updatedAt": now}
                self._world.engine.after(self._world.engine.between(20, 60), _ending(self._world, earlier.record))
        deployment = Deployment(self._shape(service, task_definition), self._record(service, task_definition))
        service.deployments.insert(0, deployment)
        service.past.append(deployment)
        service.shape["taskDefinition"] = task_definition
        service.shape["currentServiceDeployment"] = deployment.record["serviceDeploymentArn"]
        service.steady, service.start_not_before = False, None
        self._world.trail.deployed(service, task_definition)
        self._publish(service)
        self._world.engine.after(self._world.engine.between(3, 6), lambda: _advance(deployment.record, self._world))
        self._scheduler.soon(service)
        return deployment

    def _shape(self, service: Service, task_definition: str) -> Shape:
        now = self._world.engine.now
        number = self._world.engine.random.randrange(10**18, 10**19)
        return {
            "id": f"ecs-svc/{number}",
            "status": "PRIMARY",
            "taskDefinition": task_definition,
            "desiredCount": service.desired,
            "pendingCount": 0,
            "runningCount": 0,
            "failedTasks": 0,
            "createdAt": now,
            "updatedAt": now,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "networkConfiguration": deepcopy(service.shape["networkConfiguration"]),
            "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": f"ECS deployment ecs-svc/{number} in progress.",
        }

    def _record(self, service: Service, task_definition: str) -> Shape:
        now = self._world.engine.now
        revision = self._revision(service, task_definition)
        sources = [row.record["targetServiceRevision"]["arn"] for row in service.deployments[:1]]
        name = f"{self._world.cluster}/{service.name}/{self._world.engine.hexadecimal(20)}"
        breaker = service.shape["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]
        return {
            "serviceDeploymentArn": self._world.arn("ecs", f"service-deployment/{name}"),
            "serviceArn": service.shape["serviceArn"],
            "clusterArn": self._world.cluster_arn,
            "createdAt": now,
            "startedAt": now + timedelta(seconds=2),
            "updatedAt": now,
            "sourceServiceRevisions": [{"arn": arn} for arn in sources],
            "targetServiceRevision": {"arn": revision, "requestedTaskCount": service.desired},
            "status": "PENDING",
            "deploymentConfiguration": dict(service.shape["deploymentConfiguration"]),
            "deploymentCircuitBreaker": {
                "status": "MONITORING" if breaker else "DISABLED",
                "failureCount": 0,
                "threshold": threshold(service.desired) if breaker else 0,
            },
        }

    def _revision(self, service: Service, task_definition: str) -> str:
        number = self._world.engine.random.randrange(10**18, 10**19)
        arn = self._world.arn("ecs", f"service-revision/{self._world.cluster}/{service.name}/{number}")
        rows = self._world.task_definitions[task_definition]["containerDefinitions"]
        service.revisions[arn] = {
            "serviceRevisionArn": arn,
            "serviceArn": service.shape["serviceArn"],
            "clusterArn": self._world.cluster_arn,
            "taskDefinition": task_definition,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "loadBalancers": service.shape["loadBalancers"],
            "networkConfiguration": deepcopy(service.shape["networkConfiguration"]),
            "containerImages": [
                {
                    "containerName": row["name"],
                    "image": row["image"],
                    "imageDigest": self._world.image_digest(row["image"]),
                }
                for row in rows
            ],
            "guardDutyEnabled": False,
            "createdAt": self._world.engine.now,
        }
        return arn

    def failed(self, service: Service, deployment: Deployment, *, stage: int) -> None:
        """Count a failure for the circuit breaker: tasks that never ran, then tasks found unhealthy."""
        deployment.shape["failedTasks"] += stage == 1
        breaker = service.shape["deploymentConfiguration"]["deploymentCircuitBreaker"]
        counts = deployment is service.deployments[0] and deployment.shape["rolloutState"] == "IN_PROGRESS"
        if not (breaker["enable"] and counts and stage == (2 if deployment.ever_running else 1)):
            return
        deployment.failures += 1
        deployment.record["deploymentCircuitBreaker"]["failureCount"] = deployment.failures
        if deployment.failures >= threshold(service.desired):
            deployment.record["deploymentCircuitBreaker"]["status"] = "TRIGGERED"
            self.fail(service, deployment, "tasks failed to start.", rollback=breaker["rollback"])

    def fail(self, service: Service, deployment: Deployment, why: str, *, rollback: bool) -> None:
        """End a deployment that its circuit breaker or an alarm found failing; go back if that is asked for."""
        deployment.stopped = True
        reason = f"ECS deployment {'failed' if 'alarm' in why else 'circuit breaker'}: {why}"
        deployment.shape |= {"rolloutState": "FAILED", "rolloutStateReason": reason}
        self._scheduler.tell(service, f"(deployment {deployment.id}) deployment failed: {why}")
        if rollback and self.back(service, deployment, reason):
            return
        deployment.record |= {"status": "STOPPED", "statusReason": reason, "finishedAt": self._world.engine.now}

    def stop(self, service: Service) -> None:
        """End the newest rollout and go back, as StopServiceDeployment does by default."""
        deployment = service.deployments[0]
        deployment.stopped = True
        self._world.trail.stopped(deployment.record["serviceDeploymentArn"])
        deployment.record |= {"status": "ROLLBACK_REQUESTED", "stoppedAt": self._world.engine.now}
        deployment.shape |= {"rolloutState": "FAILED", "rolloutStateReason": "Service deployment was stopped."}
        reason = "Service deployment rolled back because of a StopServiceDeployment request."
        if not self.back(service, deployment, reason):
            deployment.record |= {"status": "STOPPED", "finishedAt": self._world.engine.now}

    def back(self, service: Service, deployment: Deployment, reason: str) -> bool:
        """Make the last completed deployment PRIMARY again; False if there is none."""
        good = next((row for row in service.deployments[1:] if row.shape["rolloutState"] == "COMPLETED"), None)
        if good is None:
            return False
        now = self._world.engine.now
        service.deployments.remove(good)
        service.deployments.insert(0, good)
        deployment.shape["status"] = "ACTIVE"
        good.shape |= {"status": "PRIMARY", "desiredCount": service.desired, "rolloutState": "IN_PROGRESS"}
        good.shape["rolloutStateReason"] = f"ECS deployment circuit breaker: rolling back to deploymentId {good.id}."
        target = good.record["targetServiceRevision"]["arn"]
        deployment.record |= {"status": "ROLLBACK_IN_PROGRESS", "statusReason": reason}
        deployment.record["rollback"] = {"reason": reason, "startedAt": now, "serviceRevisionArn": target}
        service.shape["taskDefinition"] = good.shape["taskDefinition"]
        service.shape["networkConfiguration"] = deepcopy(good.shape["networkConfiguration"])
        self._world.trail.went_back(service)
        service.steady, service.start_not_before = False, None
        self._scheduler.tell(service, f"rolling back to deployment {good.id}.")
        self._scheduler.soon(service)
        return True

    def settle(self, service: Service) -> None:
        """Drop deployments without tasks; when only the newest is left and healthy, the service is steady."""
        primary = service.deployments[0]
        ready = sum(self._scheduler.healthy(task) for task in primary.tasks)
        for gone in [row for row in service.deployments[1:] if not (row.tasks or row.shape["desiredCount"])]:
            gone.shape["status"] = "INACTIVE"
            service.deployments.remove(gone)
        self._publish(service)
        if len(service.deployments) > 1 or ready < service.desired or len(primary.tasks) != service.desired:
            service.steady = False
            return
        if not service.steady:
            service.steady = True
            self._complete(service, primary)
            self._repeat(service)

    def _complete(self, service: Service, primary: Deployment) -> None:
        now = self._world.engine.now
        if primary.shape["rolloutState"] == "IN_PROGRESS":
            completed = {"rolloutState": "COMPLETED", "rolloutStateReason": f"ECS deployment {primary.id} completed."}
            primary.shape |= completed | {"updatedAt": now, "failedTasks": 0}
            self._scheduler.tell(service, f"(deployment {primary.id}) deployment completed.")
        if primary.record["status"] in _OPEN:
            primary.record |= {"status": "SUCCESSFUL", "finishedAt": now, "updatedAt": now}
        for row in service.past:
            if row.record["status"] == "ROLLBACK_IN_PROGRESS":
                row.record |= {"status": "ROLLBACK_SUCCESSFUL", "finishedAt": now, "updatedAt": now}

    def _repeat(self, service: Service) -> None:
        """Tell of the steady state, and again every six hours while it lasts."""
        if service.steady:
            self._scheduler.tell_state(service, _STEADY)
            self._world.engine.after(6 * 3600 + self._world.engine.between(20, 90), lambda: self._repeat(service))

    def _publish(self, service: Service) -> None:
        if service.shape["deploymentController"]["type"] != "ECS":
            service.shape["deployments"], service.shape["currentServiceRevisions"] = [], []
            return
        service.shape["deployments"] = [row.shape for row in service.deployments]
        service.shape["currentServiceRevisions"] = [
            {"arn": row.record["targetServiceRevision"]["arn"], "requestedTaskCount": row.shape["desiredCount"]}
            for row in service.deployments
        ]


def _advance(record: Shape, world: "World") -> None:
    if record["status"] == "PENDING":
        record |= {"status": "IN_PROGRESS", "updatedAt": world.engine.now}


def _ending(world: "World", record: Shape) -> Any:
    def end() -> None:
        now: datetime = world.engine.now
        if record["status"] == "STOP_REQUESTED":
            reason = "Service deployment was stopped because a new deployment was started."
            record.update(status="STOPPED", statusReason=reason, stoppedAt=now, finishedAt=now, updatedAt=now)

    return end
