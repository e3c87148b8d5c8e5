"""CloudWatch's answers: GetMetricData (CloudWatch API reference)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.answers import Handler
from ecs_notebook_lib.simulate.metrics import samples
from ecs_notebook_lib.simulate.wire import AWSError, Call

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_MAX_QUERIES = 500
_STATISTICS: Mapping[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "SampleCount": lambda values: float(len(values)),
}


def handlers(world: "World") -> dict[str, Handler]:
    """Return the operations of CloudWatch that this world answers."""
    return {"cloudwatch:GetMetricData": lambda call: _get_metric_data(world, call)}


def _get_metric_data(world: "World", call: Call) -> dict[str, Any]:
    queries = call.params["MetricDataQueries"]
    if len(queries) > _MAX_QUERIES:
        raise AWSError("ValidationError", f"The collection MetricDataQueries must not have a size of {len(queries)}.")
    begin, end = call.params["StartTime"], call.params["EndTime"]
    if begin >= end:
        raise AWSError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return {"MetricDataResults": [_result(world, query, begin, end) for query in queries], "Messages": []}


def _result(world: "World", query: dict[str, Any], begin: datetime, end: datetime) -> dict[str, Any]:
    stat = query["MetricStat"]
    metric, period = stat["Metric"], timedelta(seconds=stat["Period"])
    dimensions = {row["Name"]: row["Value"] for row in metric.get("Dimensions", ())}
    points: list[tuple[datetime, float]] = []
    seconds = int(period.total_seconds())
    moment = begin - timedelta(seconds=begin.timestamp() % seconds)
    while moment < min(end, world.now):
        values = samples(world, metric["Namespace"], metric["MetricName"], dimensions, moment, period)
        if values:
            points.append((moment, round(_STATISTICS[stat["Stat"]](values), 4)))
        moment += period
    points.reverse()
    return {
        "Id": query["Id"],
        "Label": query.get("Label", metric["MetricName"]),
        "Timestamps": [when for when, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }
