"""Task sets: what stands for deployments where CodeDeploy, or somebody else, controls them."""

from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.model import Deployment, Service, Shape

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World


def task_sets(world: "World", service: Service) -> Shape:
    """Return the member `taskSets` of a service that another controller than ECS deploys; nothing of others."""
    if service.shape["deploymentController"]["type"] == "ECS":
        return {}
    return {"taskSets": [_task_set(world, service, row) for row in service.deployments]}


def _task_set(world: "World", service: Service, deployment: Deployment) -> Shape:
    shape, identifier = deployment.shape, deployment.id
    return {
        "id": identifier,
        "taskSetArn": world.arn("ecs", f"task-set/{world.cluster}/{service.name}/{identifier}"),
        "serviceArn": service.shape["serviceArn"],
        "clusterArn": world.cluster_arn,
        "startedBy": "CODE_DEPLOY",
        "externalId": "d-8FZ2QK1LM",
        "status": shape["status"],
        "taskDefinition": shape["taskDefinition"],
        "computedDesiredCount": shape["desiredCount"],
        "pendingCount": shape["pendingCount"],
        "runningCount": shape["runningCount"],
        "createdAt": shape["createdAt"],
        "updatedAt": shape["updatedAt"],
        "launchType": "FARGATE",
        "scale": {"value": 100.0, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if shape["runningCount"] == shape["desiredCount"] else "STABILIZING",
        "stabilityStatusAt": shape["updatedAt"],
        "loadBalancers": service.shape["loadBalancers"],
        "tags": [],
    }
