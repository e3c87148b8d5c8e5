"""Amazon ECS's answers to calls that change something (ECS API reference; ECS_FACTS 10)."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler, at_most, named
from ecs_notebook_lib.simulate.ecs_rows import check_cluster, missing, protection_row
from ecs_notebook_lib.simulate.model import Deployment, Service, Task
from ecs_notebook_lib.simulate.registering import register
from ecs_notebook_lib.simulate.updating import update
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_GOING_BACK = ("STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
_MOST_PROTECTED = 10
_MINUTES = (120, 2880)
"""For how long a task is protected if the caller does not say, and at most."""


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of Amazon ECS that change something and that this world answers."""
    api = _Ecs(world)
    return {
        "ecs:RegisterTaskDefinition": lambda call: register(world, call.params),
        "ecs:StopServiceDeployment": api.stop_service_deployment,
        "ecs:StopTask": api.stop_task,
        "ecs:UpdateService": lambda call: update(world, call),
        "ecs:UpdateTaskProtection": api.update_task_protection,
    }


class _Ecs:
    def __init__(self, world: "World") -> None:
        self._world = world

    def stop_service_deployment(self, call: Call) -> dict[str, Any]:
        arn = call.params["serviceDeploymentArn"]
        service, deployment = self._deployment(arn)
        if call.params.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise AWSError("InvalidParameterException", "The stop type is not valid. The valid value is ROLLBACK.")
        if service.shape["deploymentController"]["type"] != "ECS":
            raise AWSError("UnsupportedFeatureException", "The service does not use the ECS deployment controller.")
        status = deployment.record["status"]
        if status in _GOING_BACK:
            return {"serviceDeploymentArn": arn}
        if status not in ("PENDING", "IN_PROGRESS"):
            raise AWSError("ConflictException", f"The service deployment cannot be stopped. Its status is {status}.")
        self._bring_back_source(service)
        self._world.scheduler.rollout.stop(service)
        return {"serviceDeploymentArn": arn}

    def _deployment(self, arn: str) -> tuple[Service, Deployment]:
        for service in self._world.scheduler.services.values():
            for row in service.past:
                if row.record["serviceDeploymentArn"] == arn:
                    return service, row
        raise AWSError("ServiceDeploymentNotFoundException", "Service deployment not found.")

    @staticmethod
    def _bring_back_source(service: Service) -> None:
        """Let the last completed deployment stand among the service's, also if it has no task left.

        Without one there is nothing to go back to. That lies in the state of the service and not in what was asked,
        so it is a conflict, and the rollout goes on.
        """
        good = next((row for row in reversed(service.past) if row.record["status"] == "SUCCESSFUL"), None)
        if any(row.shape["rolloutState"] == "COMPLETED" for row in service.deployments[1:]):
            return
        if good is None:
            text = "The service deployment cannot be rolled back. The service has no completed deployment."
            raise AWSError("ConflictException", text)
        if good not in service.deployments:
            good.shape |= {"status": "ACTIVE", "desiredCount": 0, "rolloutState": "COMPLETED"}
            service.deployments.append(good)

    def _task(self, name_or_arn: str) -> Task | None:
        return next((row for row in self._world.tasks.by_arn.values() if row.id == named(name_or_arn)), None)

    def update_task_protection(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        asked, enabled = call.params["tasks"], call.params["protectionEnabled"]
        at_most(asked, _MOST_PROTECTED, "tasks")
        minutes = call.params.get("expiresInMinutes", _MINUTES[0])
        if not 1 <= minutes <= _MINUTES[1]:
            raise AWSError("InvalidParameterException", f"expiresInMinutes must be between 1 and {_MINUTES[1]}.")
        found = [task for name in asked if (task := self._task(name)) is not None and not task.stopping]
        for task in found:
            self._protect(task, minutes) if enabled else self._unprotect(task)
        known = {task.id for task in found}
        failures = [missing(self._world, "task", name) for name in asked if named(name) not in known]
        return {"protectedTasks": [protection_row(self._world, task) for task in found], "failures": failures}

    def _protect(self, task: Task, minutes: int) -> None:
        until = self._world.now + timedelta(minutes=minutes)
        task.protected, task.protected_until = True, until
        self._world.engine.at(until, lambda: self._unprotect(task) if task.protected_until == until else None)

    def _unprotect(self, task: Task) -> None:
        task.protected, task.protected_until = False, None
        self._world.scheduler.soon(self._world.scheduler.service_of(task))

    def stop_task(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        task = self._task(call.params["task"])
        if task is None:
            raise AWSError("InvalidParameterException", "The referenced task was not found.")
        self._world.tasks.stop(task, "UserInitiated", call.params.get("reason", ""))
        return {"task": task.shape}
