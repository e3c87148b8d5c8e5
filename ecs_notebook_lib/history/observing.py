"""Answers of AWS → rows of history. Pure: one page at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ecs_notebook_lib.arns import account_of
from ecs_notebook_lib.history.rows import Row
from ecs_notebook_lib.snapshot import Page
from ecs_notebook_lib.source import parse_instant

_TOLD_APART = ("events", "deployments", "runningCount", "pendingCount")
"""Members of a service that have rows of their own, or are sums over its deployments."""


def rows_of_page(page: Page, *, cluster: str, service: str = "") -> Iterator[Row]:
    """Yield a row for each thing that an answer shows; a refusal shows nothing.

    Answers of DescribeServices, DescribeTasks and DescribeTargetHealth are understood. `cluster` is the name of what
    was asked about, `service` the name of the service whose target group it is: that answer tells neither.
    """
    for row in _rows(page, service):
        yield replace(row, cluster=cluster)


def _rows(page: Page, service: str) -> Iterator[Row]:
    response = page.response or {}
    if page.operation == "ecs:DescribeServices":
        for shape in response.get("services") or ():
            yield from _of_service(page, shape)
    elif page.operation == "ecs:DescribeTasks":
        for shape in response.get("tasks") or ():
            yield _of_task(page, shape)
    elif page.operation == "elbv2:DescribeTargetHealth":
        group = str(page.params["TargetGroupArn"])
        for shape in response.get("TargetHealthDescriptions") or ():
            target = shape["Target"]
            key = f"{target['Id']}:{target.get('Port', '')}"
            yield _row(page, "target", service, group, key, shape, arn=group)


def _of_service(page: Page, shape: Mapping[str, Any]) -> Iterator[Row]:
    name, arn = str(shape["serviceName"]), str(shape["serviceArn"])
    kept = {member: value for member, value in shape.items() if member not in _TOLD_APART}
    yield _row(page, "service", name, str(shape.get("clusterArn", "")), arn, kept, arn=arn)
    for deployment in shape.get("deployments") or ():
        yield _row(page, "deployment", name, arn, str(deployment["id"]), deployment, arn=arn)
    for event in shape.get("events") or ():
        row = _row(page, "service_event", name, arn, str(event["id"]), event, arn=arn)
        yield replace(row, at=parse_instant(event["createdAt"]))


def _of_task(page: Page, shape: Mapping[str, Any]) -> Row:
    arn, group = str(shape["taskArn"]), str(shape.get("group") or "")
    service = group.removeprefix("service:") if group.startswith("service:") else ""
    row = _row(page, "task", service, str(shape.get("clusterArn", "")), arn, shape, arn=arn)
    return replace(row, version=shape.get("version"))


def _row(page: Page, kind: str, service: str, scope: str, key: str, state: Mapping[str, Any], *, arn: str) -> Row:
    return Row(page.at, kind, account_of(arn), page.region, "", service, scope, key, None, "live", state)
