"""CloudWatch metrics of the service and its target groups, by the minute and by the hour: two calls, seldom three."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ecs_notebook_lib.collect.caller import Request
from ecs_notebook_lib.knowledge.metrics import HOUR, MINUTE, metric_queries

_BY_THE_MINUTE = timedelta(hours=3)
_LONGEST = timedelta(days=60)
"""Data points by the hour are kept for 455 days, but starts older than 63 days are rounded (ECS_FACTS 9.3)."""

_MINUTES_KEPT = timedelta(days=15)
"""How long CloudWatch keeps data points by the minute (ECS_FACTS 9.3)."""

_BEFORE = timedelta(minutes=15)


def metric_requests(
    cluster: str,
    service: str,
    target_groups: list[Mapping[str, Any]],
    *,
    since: datetime,
    until: datetime,
    began: datetime | None = None,
) -> list[Request]:
    """Return the questions for the last three hours by the minute, and for the time since `since` by the hour.

    A deployment that `began` before those three hours has three of its own, as long as CloudWatch keeps them.
    """
    lately = until - _BY_THE_MINUTE
    ranges = [(MINUTE, lately, until), (HOUR, max(since, until - _LONGEST), until)]
    if began is not None and until - _MINUTES_KEPT < began - _BEFORE < lately:
        ranges.append((MINUTE, began - _BEFORE, min(began + _BY_THE_MINUTE, lately)))
    requests = []
    for period, begin, end in ranges:
        queries = metric_queries(cluster=cluster, service=service, target_groups=target_groups, period=period)
        if queries and begin < end:
            params = {"MetricDataQueries": queries, "StartTime": begin, "EndTime": end}
            requests.append(Request("cloudwatch:GetMetricData", params))
    return requests
