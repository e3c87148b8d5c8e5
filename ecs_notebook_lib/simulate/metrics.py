"""CloudWatch metrics of the world, made from what was kept of tasks and targets (ECS_FACTS 8.4)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.model import Life, TargetGroup

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_SAMPLE = timedelta(seconds=20)
_MOST_SAMPLES = 12
_REQUESTS_PER_SECOND = 2.5
_RESPONSE_SECONDS = 0.08
_MIB = 1.0

Samples = list[float]


def samples(
    world: "World", namespace: str, name: str, dimensions: Mapping[str, str], begin: datetime, period: timedelta
) -> Samples:
    """Return the samples of one period; none where AWS would have no data point."""
    end = min(begin + period, world.now)
    if namespace == "AWS/ECS" and {"ClusterName", "ServiceName"} == set(dimensions):
        return _of_service(world, name, dimensions["ServiceName"], begin, end)
    if namespace == "ECS/ContainerInsights" and world.holdings.container_insights != "disabled":
        return _insights(world, name, dimensions.get("ServiceName", ""), begin, end)
    if namespace == "AWS/ApplicationELB" and "TargetGroup" in dimensions:
        found = [g for g in world.balancer.groups.values() if g.arn.endswith(dimensions["TargetGroup"])]
        return _of_group(found[0], name, begin, end) if found else []
    if namespace == "AWS/ApplicationELB" and name == "HTTPCode_ELB_5XX_Count":
        return _refused(world, dimensions.get("LoadBalancer", ""), begin, end)
    return []


def _moments(begin: datetime, end: datetime) -> Iterable[datetime]:
    """Yield the moments of a period at which samples are taken: AWS takes more, and they would tell the same."""
    step = max(_SAMPLE, (end - begin) / _MOST_SAMPLES)
    moment = begin
    while moment < end:
        yield moment
        moment += step


def _living(world: "World", service: str, begin: datetime, end: datetime) -> list[Life]:
    """Return the lives of a service that a period meets; tasks begin in order of time."""
    until = bisect_left(world.lives, end, key=lambda life: life.began)
    lives = (life for life in world.lives[:until] if life.service == service)
    return [life for life in lives if life.ended is None or begin < life.ended]


def _alive(lives: list[Life], moment: datetime) -> list[Life]:
    return [life for life in lives if life.began <= moment and (life.ended is None or moment < life.ended)]


def _of_service(world: "World", name: str, service: str, begin: datetime, end: datetime) -> Samples:
    values: Samples = []
    lives = _living(world, service, begin, end)
    for moment in _moments(begin, end):
        for life in _alive(lives, moment):
            if name == "MemoryUtilization":
                values.append(100 * life.memory_mib(moment) / life.limit_mib)
            elif name == "CPUUtilization":
                young = (moment - life.began).total_seconds() < life.program.startup_seconds[0]
                values.append(life.cpu_percent or (55.0 if young else 7.0))
    return values


def _insights(world: "World", name: str, service: str, begin: datetime, end: datetime) -> Samples:
    values: Samples = []
    lives = _living(world, service, begin, end)
    for moment in _moments(begin, end):
        alive = _alive(lives, moment)
        if name == "RunningTaskCount":
            values.append(float(len(alive)))
        elif name == "MemoryUtilized":
            values += [life.memory_mib(moment) for life in alive]
        elif name == "MemoryReserved":
            values += [life.limit_mib * _MIB for life in alive]
    return values


def _counts(group: TargetGroup, moment: datetime) -> tuple[int, int] | None:
    index = bisect_right(group.counts, moment, key=lambda row: row[0])
    return group.counts[index - 1][1:] if index else None


def _of_group(group: TargetGroup, name: str, begin: datetime, end: datetime) -> Samples:
    known = [counts for moment in _moments(begin, end) if (counts := _counts(group, moment)) is not None]
    if name == "HealthyHostCount":
        return [float(healthy) for healthy, _ in known]
    if name == "UnHealthyHostCount":
        return [float(unhealthy) for _, unhealthy in known]
    serving = [healthy for healthy, _ in known if healthy]
    if name == "RequestCount":
        return [_requests(begin, end, len(serving) / max(1, len(known)))] if serving else []
    return [_RESPONSE_SECONDS] * len(serving) if name == "TargetResponseTime" else []


def _refused(world: "World", balancer: str, begin: datetime, end: datetime) -> Samples:
    """Return the requests that the load balancer answered with 503 because it had no healthy target."""
    default = next(
        (
            world.balancer.groups[row["DefaultActions"][0]["TargetGroupArn"]]
            for row in world.listeners
            if row["LoadBalancerArn"].endswith(balancer)
        ),
        None,
    )
    if default is None:
        return []
    known = [_counts(default, moment) for moment in _moments(begin, end)]
    nobody = [counts for counts in known if counts is not None and counts[0] == 0]
    return [_requests(begin, end, len(nobody) / len(known))] if nobody else []


def _requests(begin: datetime, end: datetime, share: float) -> float:
    """Return how many requests came in this share of a period."""
    return round(_REQUESTS_PER_SECOND * (end - begin).total_seconds() * share)
