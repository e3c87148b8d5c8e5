"""Settings of health checks and of the rollout, computed from what was measured; and what an endpoint should answer."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.health_budget import health_budget_of
from ecs_notebook_lib.rolling_update import bounds_of
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.definition_forms import spelt_for_cloudformation
from ecs_notebook_lib.treatment.texts.rendering import Block, cloudformation, json_text, terraform

_MARGIN = 1.5
"""Of the measured start-up: the next task may take longer than the median one."""

_ROUND_SECONDS, _MOST_SECONDS = 10, 2_147_483_647
_LONGEST_TIMEOUT, _LONGEST_INTERVAL = 120, 300
_STOPPED = ("failed_elb_health_checks",)


_UNMEASURED, _UNMEASURED_SECONDS = 4.0, 300.0
"""Where no task lived until it was ready, how long that takes is not known: a grace that is too long costs less than
one that is too short, which kills every task again."""


@dataclass(frozen=True, slots=True)
class GraceAdvice:
    """Seconds of grace. `measured_seconds` is the start-up or, a lower bound, the longest life of a stopped task."""

    seconds: int
    measured_seconds: float
    is_lower_bound: bool
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class CheckAdvice:
    """Settings of a target group's check; `params` are ModifyTargetGroup's. The group may serve production as well."""

    params: dict[str, Any]
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class PercentagesAdvice:
    """Percentages under which the rollout can go on, in place of those that leave no room."""

    minimum: int
    maximum: int
    fragment: Fragment


def grace_advice(diagnosis: Diagnosis) -> GraceAdvice | None:
    """Return the grace period that the measured start-up needs; None if it is granted, or nothing was measured."""
    frames, budget = diagnosis.frames, health_budget_of(diagnosis.frames)
    if budget is None:
        return None
    measured, bound = budget.ready_seconds, False
    if measured is None or _answers_that_it_is_not_ready(diagnosis):
        measured, bound = _longest_life(diagnosis), True
    if measured is None or not (bound or measured > budget.earliest_stop):
        return None
    needed = max(_UNMEASURED_SECONDS, _UNMEASURED * measured) if bound else _MARGIN * measured
    seconds = _rounded(needed + budget.to_healthy)
    if seconds <= budget.grace:
        return None
    name = frames.snapshot.incident.service
    title = f"Grace period of {seconds} s: {'more than' if bound else 'about'} {measured:.0f} s pass until it answers"
    return GraceAdvice(seconds, measured, bound, _service(title, name, {"healthCheckGracePeriodSeconds": seconds}))


def _answers_that_it_is_not_ready(diagnosis: Diagnosis) -> bool:
    """Say whether the application listens, and answers the load balancer with a 5xx until it is warm."""
    return any("[5" in finding.parts.get("reason", "") for _, finding in diagnosis.findings)


def _rounded(seconds: float) -> int:
    return min(_MOST_SECONDS, math.ceil(seconds / _ROUND_SECONDS) * _ROUND_SECONDS)


def _longest_life(diagnosis: Diagnosis) -> float | None:
    """Return how long the longest task ran that was stopped for its checks: it was not ready until then."""
    examined = diagnosis.frames.history.examined
    if examined is None or not any(finding.kind in _STOPPED for _, finding in diagnosis.findings):
        return None
    tasks = diagnosis.frames.tasks
    lives = tasks.loc[(tasks["revision"] == examined.revision) & tasks["stop_code"].notna(), "running_seconds"].dropna()
    return float(lives.max()) if len(lives) else None


def check_advice(diagnosis: Diagnosis, *, slowest_seconds: float) -> CheckAdvice | None:
    """Return timeout and interval for an endpoint that takes `slowest_seconds` to answer; None if it is in time.

    The thresholds stay: how long a target may fail before it is unhealthy does not follow from how fast it answers.
    """
    groups = diagnosis.frames.target_groups.dropna(subset=["timeout_seconds", "interval_seconds"])
    if not len(groups) or slowest_seconds < float(groups["timeout_seconds"].iloc[0]):
        return None
    group = groups.iloc[0]
    timeout = min(_LONGEST_TIMEOUT, math.ceil(2 * slowest_seconds))
    interval = min(_LONGEST_INTERVAL, max(int(group["interval_seconds"]), timeout + 5))
    params: dict[str, Any] = {
        "TargetGroupArn": str(group["target_group_arn"]),
        "HealthCheckTimeoutSeconds": timeout,
        "HealthCheckIntervalSeconds": interval,
    }
    name = "" if pd.isna(group["name"]) else str(group["name"])
    form = Fragment(
        f"Check of the target group {name}: timeout {timeout} s, interval {interval} s",
        json_text(params),
        terraform("aws_lb_target_group", name, {"health_check": Block({"timeout": timeout, "interval": interval})}),
        cloudformation(
            "AWS::ElasticLoadBalancingV2::TargetGroup", name, {k: v for k, v in params.items() if k[0] == "H"}
        ),
    )
    return CheckAdvice(params, form)


def percentages(desired: int, minimum: int, maximum: int, *, may_exceed: bool = True) -> tuple[int, int] | None:
    """Return the smallest change of the percentages that lets the rollout go on; None if it can, or nothing runs.

    The minimum stays, and one task more may start. Where no more tasks may run (`may_exceed`: a daemon, host ports),
    one may be missing; of a single task that is an outage.
    """
    bounds = bounds_of(desired, minimum, maximum)
    if desired < 1 or bounds.cycles is not None:
        return None
    if may_exceed:
        return minimum, max(maximum, math.ceil(100 * (desired + 1) / desired))
    return min(minimum, 100 * (desired - 1) // desired), max(maximum, 100)


def percentages_advice(diagnosis: Diagnosis) -> PercentagesAdvice | None:
    """Return percentages under which the rollout can go on; None if those of now leave room, or are not known."""
    frames = diagnosis.frames
    counts = frames.services[["desired_count", "minimum_healthy_percent", "maximum_percent"]].dropna()
    if not len(counts):
        return None
    daemon = frames.services["scheduling_strategy"].eq("DAEMON").fillna(value=False).any()
    desired, minimum, maximum = (int(value) for value in counts.iloc[-1])
    changed = percentages(desired, minimum, maximum, may_exceed=not daemon)
    if changed is None:
        return None
    title = f"At least {changed[0]} %, at most {changed[1]} % of {desired}, in place of {minimum} % and {maximum} %"
    form = _service(
        title,
        frames.snapshot.incident.service,
        {"deploymentConfiguration": {"minimumHealthyPercent": changed[0], "maximumPercent": changed[1]}},
    )
    return PercentagesAdvice(changed[0], changed[1], form)


_OF_TERRAFORM = {
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
    "minimumHealthyPercent": "deployment_minimum_healthy_percent",
    "maximumPercent": "deployment_maximum_percent",
}


def _service(title: str, name: str, members: dict[str, Any]) -> Fragment:
    flat = {key: value for key, value in members.items() if not isinstance(value, dict)}
    for value in members.values():
        flat |= value if isinstance(value, dict) else {}
    hcl = {_OF_TERRAFORM[key]: value for key, value in flat.items()}
    return Fragment(
        title,
        json_text(members),
        terraform("aws_ecs_service", name, hcl),
        cloudformation("AWS::ECS::Service", name, spelt_for_cloudformation(members)),
    )


READINESS = Fragment(
    "Two endpoints: one says that the process lives, the other that it can serve",
    json_text(
        {
            "GET /live": {
                "200": "the process runs and its loop turns: nothing else is looked at, no database, no other service",
                "asked by": "the container's own health check: a restart must be able to mend what it reports",
            },
            "GET /ready": {
                "200": "start-up is over (migrations, warm caches) and what no request can do without was reached, "
                "within 1 s, by a result that is at most some seconds old",
                "503": "still starting, or stopping since SIGTERM; the body names what is missing, without secrets",
                "asked by": "the load balancer: it sends requests elsewhere, and nothing is restarted for a slow "
                "database that a restart does not mend",
            },
        }
    ),
)
"""What a readiness endpoint answers, for any framework."""
