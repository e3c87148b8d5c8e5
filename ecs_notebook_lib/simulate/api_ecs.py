"""Amazon ECS's answers: filters, batch limits, pages, failures and errors (ECS API reference; ECS_FACTS 9.5)."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler, at_most, named, page
from ecs_notebook_lib.simulate.ecs_rows import (
    as_launched,
    check_cluster,
    find_definition,
    find_service,
    missing,
    protection_row,
    shown_service,
)
from ecs_notebook_lib.simulate.model import Task
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_KEPT = timedelta(days=90)


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of Amazon ECS that this world answers."""
    api = _Ecs(world)
    return {
        "ecs:DescribeClusters": api.describe_clusters,
        "ecs:DescribeServiceDeployments": api.describe_service_deployments,
        "ecs:DescribeServiceRevisions": api.describe_service_revisions,
        "ecs:DescribeServices": api.describe_services,
        "ecs:DescribeTaskDefinition": api.describe_task_definition,
        "ecs:DescribeTasks": api.describe_tasks,
        "ecs:GetTaskProtection": api.get_task_protection,
        "ecs:ListClusters": api.list_clusters,
        "ecs:ListServiceDeployments": api.list_service_deployments,
        "ecs:ListServices": api.list_services,
        "ecs:ListTaskDefinitions": api.list_task_definitions,
        "ecs:ListTasks": api.list_tasks,
    }


class _Ecs:
    def __init__(self, world: "World") -> None:
        self._world = world

    def list_clusters(self, call: Call) -> dict[str, Any]:
        arns, more = page(call, [self._world.cluster_arn], limit=call.params.get("maxResults", 100))
        return {"clusterArns": arns, **more}

    def describe_clusters(self, call: Call) -> dict[str, Any]:
        wanted = call.params.get("clusters") or ["default"]
        services = self._world.scheduler.services.values()
        found = {
            "clusterArn": self._world.cluster_arn,
            "clusterName": self._world.cluster,
            "status": "ACTIVE",
            "registeredContainerInstancesCount": len(self._world.holdings.container_instances),
            "runningTasksCount": sum(service.shape["runningCount"] for service in services),
            "pendingTasksCount": sum(service.shape["pendingCount"] for service in services),
            "activeServicesCount": len(services),
            "capacityProviders": ["FARGATE", "FARGATE_SPOT", *self._world.holdings.capacity_providers],
            "defaultCapacityProviderStrategy": [],
        }
        if "SETTINGS" in call.params.get("include", ()):
            found["settings"] = [{"name": "containerInsights", "value": self._world.holdings.container_insights}]
        known = [name for name in wanted if named(name) == self._world.cluster]
        failures = [
            {"arn": self._world.arn("ecs", f"cluster/{named(name)}"), "reason": "MISSING"}
            for name in wanted
            if name not in known
        ]
        return {"clusters": [found] if known else [], "failures": failures}

    def list_services(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        arns = sorted(service.shape["serviceArn"] for service in self._world.scheduler.services.values())
        rows, more = page(call, arns, limit=call.params.get("maxResults", 10))
        return {"serviceArns": rows, **more}

    def describe_services(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        wanted = call.params["services"]
        if not wanted:
            raise AWSError("InvalidParameterException", "Services cannot be empty.")
        at_most(wanted, 10, "services")
        services = self._world.scheduler.services
        known = [services[named(name)] for name in wanted if named(name) in services]
        tagged = "TAGS" in call.params.get("include", ())
        found = [shown_service(self._world, service, tagged=tagged) for service in known]
        failures = [missing(self._world, "service", name) for name in wanted if named(name) not in services]
        return {"services": found, "failures": failures}

    def list_tasks(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        tasks: Iterable[Task] = self._world.tasks.by_arn.values()
        if "serviceName" in call.params:
            group = f"service:{find_service(self._world, call.params['serviceName']).name}"
            tasks = [task for task in tasks if task.shape["group"] == group]
        tasks = [task for task in tasks if _matches(task, call.params)]
        arns = [task.shape["taskArn"] for task in tasks]
        rows, more = page(call, arns, limit=call.params.get("maxResults", 100))
        return {"taskArns": rows, **more}

    def describe_tasks(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        wanted = call.params["tasks"]
        if not wanted:
            raise AWSError("InvalidParameterException", "Tasks cannot be empty.")
        at_most(wanted, 100, "tasks")
        by_id = {task.id: task for task in self._world.tasks.by_arn.values()}
        found = [by_id[named(task)].shape for task in wanted if named(task) in by_id]
        return {"tasks": found, "failures": [missing(self._world, "task", t) for t in wanted if named(t) not in by_id]}

    def get_task_protection(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        wanted = {named(task) for task in call.params.get("tasks", ())}
        tasks = [task for task in self._world.tasks.by_arn.values() if task.id in wanted]
        known = {task.id for task in tasks}
        rows = [protection_row(self._world, task) for task in tasks]
        failures = [
            missing(self._world, "task", task) for task in call.params.get("tasks", ()) if named(task) not in known
        ]
        return {"protectedTasks": rows, "failures": failures}

    def describe_task_definition(self, call: Call) -> dict[str, Any]:
        newest = find_definition(self._world, call.params["taskDefinition"])
        if newest is None:
            raise AWSError("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": newest, "tags": []}

    def list_task_definitions(self, call: Call) -> dict[str, Any]:
        prefix, status = call.params.get("familyPrefix"), call.params.get("status", "ACTIVE")
        rows = [row for row in self._world.task_definitions.values() if row["status"] == status]
        rows = [row for row in rows if prefix is None or row["family"] == prefix]
        rows.sort(key=lambda row: (row["family"], row["revision"]), reverse=call.params.get("sort") == "DESC")
        arns, more = page(call, [row["taskDefinitionArn"] for row in rows], limit=call.params.get("maxResults", 100))
        return {"taskDefinitionArns": arns, **more}

    def list_service_deployments(self, call: Call) -> dict[str, Any]:
        check_cluster(self._world, call)
        service = find_service(self._world, call.params["service"])
        if service.shape["deploymentController"]["type"] != "ECS":
            raise AWSError("UnsupportedFeatureException", "The service does not use the ECS deployment controller.")
        rows = [deployment.record for deployment in reversed(service.past)]
        rows = [row for row in rows if self._in_time(row, call.params.get("createdAt", {}))]
        status = call.params.get("status")
        rows = [row for row in rows if not status or row["status"] in status]
        brief, more = page(call, [_brief(row) for row in rows], limit=call.params.get("maxResults", 20))
        return {"serviceDeployments": brief, **more}

    def _in_time(self, row: dict[str, Any], created: dict[str, Any]) -> bool:
        after = max(created.get("after", self._world.engine.now - _KEPT), self._world.engine.now - _KEPT)
        return bool(after <= row["createdAt"] <= created.get("before", self._world.engine.now))

    def describe_service_deployments(self, call: Call) -> dict[str, Any]:
        wanted = call.params["serviceDeploymentArns"]
        at_most(wanted, 20, "serviceDeploymentArns")
        known = {
            row.record["serviceDeploymentArn"]: row.record
            for service in self._world.scheduler.services.values()
            for row in service.past
        }
        found = [known[arn] for arn in wanted if arn in known]
        failures = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known]
        return {"serviceDeployments": found, "failures": failures}

    def describe_service_revisions(self, call: Call) -> dict[str, Any]:
        wanted = call.params["serviceRevisionArns"]
        at_most(wanted, 20, "serviceRevisionArns")
        known = {
            arn: as_launched(self._world, service.revisions[arn], row.id)
            for service in self._world.scheduler.services.values()
            for row in service.past
            for arn in [row.record["targetServiceRevision"]["arn"]]
        }
        found = [known[arn] for arn in wanted if arn in known]
        failures = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known]
        return {"serviceRevisions": found, "failures": failures}


def _matches(task: Task, params: dict[str, Any]) -> bool:
    """Say whether a task passes ListTasks' filters; desiredStatus is RUNNING unless asked otherwise."""
    wanted = {
        "desiredStatus": params.get("desiredStatus", "RUNNING"),
        "startedBy": params.get("startedBy"),
        "launchType": params.get("launchType"),
    }
    family = params.get("family")
    of_family = family is None or named(task.shape["taskDefinitionArn"]).partition(":")[0] == family
    return of_family and all(value is None or task.shape[member] == value for member, value in wanted.items())


def _brief(record: dict[str, Any]) -> dict[str, Any]:
    members = (
        "serviceDeploymentArn",
        "serviceArn",
        "clusterArn",
        "createdAt",
        "startedAt",
        "finishedAt",
        "status",
        "statusReason",
    )
    brief = {member: record[member] for member in members if member in record}
    return brief | {"targetServiceRevisionArn": record["targetServiceRevision"]["arn"]}
