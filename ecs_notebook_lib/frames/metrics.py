"""CloudWatch metrics, one row a data point: frames of GetMetricData."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, UTC_TIME, Column, FrameSchema, declared
from ecs_notebook_lib.knowledge.metrics import unit_of
from ecs_notebook_lib.snapshot import Snapshot

METRICS = FrameSchema(
    "metrics",
    "",
    needs=("cloudwatch:GetMetricData",),
    rows="One row a data point, oldest first. AWS makes none while no task runs: a gap is evidence, not health.",
    columns=(
        Column("namespace", TEXT, "", "CloudWatch's namespace, e.g. AWS/ECS."),
        Column("metric", TEXT, "", "CloudWatch's name, e.g. MemoryUtilization."),
        Column("statistic", TEXT, "", "Maximum, Average, Minimum or Sum."),
        Column("resource", TEXT, "", "Service, target group or load balancer that it is about."),
        Column("period_seconds", COUNT, "", "Length of the period. [s]"),
        Column("began_at", UTC_TIME, "", "When the period began."),
        Column("value", NUMBER, "", "The statistic over the period, in `unit`."),
        Column("unit", TEXT, "", "Unit of the value."),
    ),
)


def metrics_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return `METRICS` from every page of GetMetricData."""
    series = list(_series(snapshot))
    if not series:
        return declared(pd.DataFrame(columns=METRICS.names), METRICS)
    points = pd.DataFrame(series).explode(["began_at", "value"], ignore_index=True).dropna(subset=["began_at"])
    instants = pd.to_datetime(points["began_at"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    frame = points.assign(began_at=instants, value=points["value"].astype("Float64"))
    keys = ["namespace", "metric", "statistic", "resource", "period_seconds", "began_at"]
    return declared(frame.drop_duplicates(keys, keep="last").sort_values("began_at", kind="stable"), METRICS)


_STATED = {"Metric", "Stat", "Period"}
"""Members without which botocore sends no query."""


def _series(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for page in snapshot.records("cloudwatch:GetMetricData"):
        queries = {query.get("Id"): query.get("MetricStat") for query in page["params"]["MetricDataQueries"]}
        queries = {name: stat for name, stat in queries.items() if stat and stat.keys() >= _STATED}
        for result in (page["response"] or {}).get("MetricDataResults") or ():
            stat = queries.get(result.get("Id"))
            if stat is None:
                continue
            metric = stat["Metric"]
            namespace, name = metric.get("Namespace"), metric.get("MetricName")
            points = list(zip(result.get("Timestamps") or (), result.get("Values") or (), strict=False))
            yield {
                "namespace": namespace,
                "metric": name,
                "statistic": stat["Stat"],
                "resource": _resource(metric.get("Dimensions") or ()),
                "period_seconds": stat["Period"],
                "began_at": [began_at for began_at, _ in points],
                "value": [value for _, value in points],
                "unit": unit_of(namespace, name),
            }


def _resource(dimensions: Any) -> str:
    values = {row.get("Name"): row.get("Value") for row in dimensions}
    for name in ("ServiceName", "TargetGroup", "LoadBalancer"):
        if name in values:
            return str(values[name])
    return ""
