"""CloudWatch metrics of the service and its target groups: two calls, by the minute and by the hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ecs_notebook_lib.collect.caller import Request
from ecs_notebook_lib.knowledge.metrics import HOUR, MINUTE, metric_queries

_BY_THE_MINUTE = timedelta(hours=3)
_LONGEST = timedelta(days=60)
"""Data points by the hour are kept for 455 days, but starts older than 63 days are rounded (ECS_FACTS 9.3)."""


def metric_requests(
    cluster: str,
    service: str,
    target_groups: list[Mapping[str, Any]],
    *,
    since: datetime,
    until: datetime,
) -> list[Request]:
    """Return the questions for the last three hours by the minute, and for the time since `since` by the hour."""
    ranges = {MINUTE: until - _BY_THE_MINUTE, HOUR: max(since, until - _LONGEST)}
    requests = []
    for period, begin in ranges.items():
        queries = metric_queries(cluster=cluster, service=service, target_groups=target_groups, period=period)
        if queries and begin < until:
            params = {"MetricDataQueries": queries, "StartTime": begin, "EndTime": until}
            requests.append(Request("cloudwatch:GetMetricData", params))
    return requests
