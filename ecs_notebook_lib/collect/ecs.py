"""The service, its deployments, its tasks and what they run: operations of Amazon ECS."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.errors import NotFoundError
from ecs_notebook_lib.snapshot import Page

_MISSING_CLUSTER = "ClusterNotFoundException"
_MAX_DEPLOYMENTS = 100
"""Service deployments that are described: the newest, one page of ListServiceDeployments."""


def collect_service(caller: Caller, cluster: str, service: str) -> Mapping[str, Any] | None:
    """Return the service as DescribeServices has it; None if that call was refused.

    Raises
    ------
    NotFoundError
        If there is no such cluster or service; it names near misses.
    """
    answer = caller.call("ecs:DescribeServices", cluster=cluster, services=[service])
    check_cluster(caller, cluster, answer)
    found = answer.items("services")
    if not found:
        check_service(caller, cluster, service, answer)
    return found[0] if found else None


def check_cluster(caller: Caller, cluster: str, answer: Answer) -> None:
    """Raise NotFoundError, with near misses, if an answer says that there is no such cluster."""
    if answer.error and answer.error["code"] == _MISSING_CLUSTER:
        existing = _names(caller.call("ecs:ListClusters"), "clusterArns")
        raise NotFoundError("cluster", cluster, where=caller.region, existing=existing)


def check_service(caller: Caller, cluster: str, service: str, answer: Answer) -> None:
    """Raise NotFoundError, with near misses, if DescribeServices says that there is no such service."""
    missing = (failure for failure in answer.items("failures") if failure.get("reason") == "MISSING")
    if any(str(failure.get("arn")).rpartition("/")[2] == service.rpartition("/")[2] for failure in missing):
        existing = _names(caller.call("ecs:ListServices", cluster=cluster), "serviceArns")
        raise NotFoundError("service", service, where=f"cluster {cluster} ({caller.region})", existing=existing)


def _names(answer: Answer, member: str) -> list[str]:
    return [arn.rpartition("/")[2] for arn in answer.items(member)]


def cluster_request(cluster: str) -> Request:
    """Return the question for a cluster with its settings."""
    return Request("ecs:DescribeClusters", {"clusters": [cluster], "include": ["SETTINGS", "CONFIGURATIONS"]})


def time_of_aws(caller: Caller, cluster: str) -> datetime:
    """Return AWS's own time, of its answer about the service, else about the cluster; else that of this machine."""
    told = _pages_of(caller, "ecs:DescribeServices")
    if not any(map(_is_from_aws, told)):
        caller.gather([cluster_request(cluster)])
        told += _pages_of(caller, "ecs:DescribeClusters")
    return next(filter(_is_from_aws, told), told[0]).at


def _pages_of(caller: Caller, operation: str) -> list[Page]:
    return [page for page in caller.pages if page.operation == operation]


def _is_from_aws(page: Page) -> bool:
    return page.error is None or bool(page.error["status"])


def task_list_requests(cluster: str, service: str) -> list[Request]:
    """Return the questions for the first page of the service's tasks: the living (and pending) ones, and the dead."""
    where = {"cluster": cluster, "serviceName": service}
    return [
        Request("ecs:ListTasks", {**where, "desiredStatus": status}, max_pages=1) for status in ("RUNNING", "STOPPED")
    ]


def next_tasks_request(request: Request, answer: Answer) -> Request | None:
    """Return the question for the pages behind the first; None if there is none."""
    token = answer.get("nextToken")
    return Request("ecs:ListTasks", {**request.params, "nextToken": token}) if token else None


def tasks_request(cluster: str, task_arns: Iterable[str]) -> Request:
    """Return the question for these tasks, newest facts; ECS takes 100 of them a call."""
    return Request("ecs:DescribeTasks", {"cluster": cluster, "tasks": sorted(task_arns)})


def tasks_to_describe(
    known: Mapping[str, Mapping[str, Any]], running: Iterable[str], stopped: Iterable[str]
) -> set[str]:
    """Return which tasks to describe at a look: those that are new, and those that are not yet where ECS wants them.

    `known` are the tasks as they were described last, by ARN; `running` and `stopped` what ListTasks tells now. A task
    on its way arrives, and gets its exit codes, without a change of its service's counts.
    """
    wanted = {arn for arn in chain(running, stopped) if arn not in known}
    wanted |= {arn for arn, task in known.items() if _on_its_way(task)}
    return wanted | {arn for arn in stopped if arn in known and known[arn].get("lastStatus") != "STOPPED"}


def _on_its_way(task: Mapping[str, Any]) -> bool:
    return task.get("lastStatus") not in (task.get("desiredStatus"), "STOPPED")


def service_deployments_request(cluster: str, service: str, since: datetime, until: datetime | None) -> Request:
    """Return the question for the service deployments created since a time, or in a span; ECS keeps 90 days."""
    created = {"after": since} | ({"before": until} if until else {})
    params = {"cluster": cluster, "service": service, "createdAt": created, "maxResults": _MAX_DEPLOYMENTS}
    return Request("ecs:ListServiceDeployments", params, max_pages=1)


def service_deployment_requests(listed: Answer) -> list[Request]:
    """Return the questions for what ListServiceDeployments named: the deployments, then their revisions."""
    rows = listed.items("serviceDeployments")
    deployments = [row["serviceDeploymentArn"] for row in rows]
    revisions = dict.fromkeys(row["targetServiceRevisionArn"] for row in rows if "targetServiceRevisionArn" in row)
    return [
        Request("ecs:DescribeServiceDeployments", {"serviceDeploymentArns": deployments}),
        Request("ecs:DescribeServiceRevisions", {"serviceRevisionArns": list(revisions)}),
    ]


def task_definition_requests(arns: Iterable[str]) -> list[Request]:
    """Return the questions for task definitions, one each: the API has no batch."""
    return [Request("ecs:DescribeTaskDefinition", {"taskDefinition": arn}) for arn in dict.fromkeys(arns) if arn]
