"""The table of CloudWatch metrics, and the queries that ask for them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ecs_notebook_lib.knowledge.tables import read_table

MINUTE, HOUR = 60, 3600


def metric_queries(
    *, cluster: str, service: str, target_groups: Iterable[Mapping[str, Any]], period: int
) -> list[dict[str, Any]]:
    """Return the MetricDataQueries for a service and its target groups.

    Parameters
    ----------
    target_groups
        `TargetGroups[]` of DescribeTargetGroups: ARN, and the ARNs of the load balancers in front of it.
    period
        Seconds of one data point; by the hour only what is wanted for the whole window.
    """
    places = {
        "service": [[("ClusterName", cluster), ("ServiceName", service)]],
        "target_group": list(_target_groups(target_groups)),
        "load_balancer": _distinct(dimensions[1:] for dimensions in _target_groups(target_groups)),
    }
    rows = [row for row in read_table("metrics")["metric"] if period == MINUTE or row.get("history")]
    wanted = [(row, dimensions) for row in rows for dimensions in places[row["of"]]]
    return [_query(number, row, dimensions, period) for number, (row, dimensions) in enumerate(wanted)]


Dimensions = list[tuple[str, str]]


def _target_groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[Dimensions]:
    for row in rows:
        for balancer in row.get("LoadBalancerArns") or ():
            name = balancer.partition(":loadbalancer/")[2]
            if name.startswith("app/"):
                yield [("TargetGroup", row["TargetGroupArn"].rpartition(":")[2]), ("LoadBalancer", name)]


def _distinct(values: Iterable[Dimensions]) -> list[Dimensions]:
    return [list(row) for row in dict.fromkeys(map(tuple, values))]


def _query(number: int, row: Mapping[str, Any], dimensions: Dimensions, period: int) -> dict[str, Any]:
    metric = {
        "Namespace": row["namespace"],
        "MetricName": row["name"],
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
    }
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": row["statistic"]}}


def unit_of(namespace: str, name: str) -> str:
    """Return the unit of a metric of the table; `""` if it is not in it."""
    rows = (row for row in read_table("metrics")["metric"] if (row["namespace"], row["name"]) == (namespace, name))
    return str(next(rows, {"unit": ""})["unit"])
