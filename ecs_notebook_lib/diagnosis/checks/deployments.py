"""What the service, its deployments and its events say."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, examined_of, keys_of, listing
from ecs_notebook_lib.diagnosis.rollout import bounds_of
from ecs_notebook_lib.frames import Frames

_PLACEMENT = (
    "no_instance_fits",
    "no_instances",
    "instance_lacks_cpu",
    "instance_lacks_memory",
    "instance_port_taken",
    "instance_error",
    "instance_lacks_attribute",
    "placement_capacity",
    "placement_quota",
    "placement_over_limit",
    "provisioning_limit",
    "could_not_launch",
)


def deployment_state(frames: Frames) -> Iterator[Finding]:
    """How the service is configured to deploy, and how many deployments it lists."""
    if not len(frames.services):
        raise NothingToExamineError("the service was not described")
    service = frames.services.iloc[0]
    rows = (str(service["service_arn"]),)
    if not (pd.notna(service["circuit_breaker_enabled"]) and service["circuit_breaker_enabled"]):
        statement = "The deployment circuit breaker is off: a rollout that fails goes on until somebody stops it."
        yield Finding("no_circuit_breaker", "deployment_state", statement, "services", rows)
    going_on = frames.deployments[frames.deployments["rollout_state"] == "IN_PROGRESS"]
    if len(going_on) > 1:
        statement = f"{len(going_on)} deployments are IN_PROGRESS side by side: {listing(going_on['revision'])}."
        keys = keys_of(going_on, "deployment_id")
        yield Finding("overlapping_deployments", "deployment_state", statement, "deployments", keys)
    yield from _percentages(service, rows)
    examined = frames.history.examined
    counted_tasks = service[["desired_count", "running_count"]]
    counts = counted_tasks.notna().all() and bool(service["running_count"] == service["desired_count"])
    if examined is not None and examined.succeeded and counts and len(frames.deployments) == 1:
        statement = f"The rollout of {examined.revision} is completed, and all {service['desired_count']} tasks run."
        yield Finding("rollout_completed", "deployment_state", statement, "services", rows)


def _percentages(service: pd.Series, rows: tuple[str, ...]) -> Iterator[Finding]:
    wanted = service[["desired_count", "minimum_healthy_percent", "maximum_percent"]]
    if wanted.isna().any():
        return
    desired, minimum, maximum = (int(value) for value in wanted)
    bounds = bounds_of(desired, minimum, maximum)
    if bounds.cycles is None:
        statement = (
            f"With {minimum} % minimum, {maximum} % maximum and {counted(desired, 'desired task')}, "
            f"ECS may neither start a task nor stop one: at least {bounds.lower}, at most {bounds.upper}."
        )
        yield Finding("percentages_leave_no_room", "deployment_state", statement, "services", rows)


def past_deployments(frames: Frames) -> Iterator[Finding]:
    """With which minimum each service deployment was made: at 0, old tasks go before new ones are healthy."""
    past, history = frames.service_deployments, frames.history
    if not len(past):
        raise NothingToExamineError("no service deployment is recorded")
    began = history.troubled_since
    recent = past if began is None else past[past["created_at"] >= pd.Timestamp(began)]
    zero = recent[recent["minimum_healthy_percent"] == 0]
    if len(zero):
        first = zero.sort_values("created_at").iloc[0]
        more = f" and {len(zero) - 1} after it" if len(zero) > 1 else ""
        statement = (
            f"The deployment of {first['revision']} at {first['created_at']:%Y-%m-%d %H:%M} UTC{more} began with "
            "minimumHealthyPercent 0: ECS was free to stop every old task before a new one was healthy."
        )
        keys = keys_of(zero, "service_deployment_arn")
        yield Finding("minimum_healthy_percent_zero", "past_deployments", statement, "service_deployments", keys)


def service_events(frames: Frames) -> Iterator[Finding]:
    """Whether the scheduler says that it cannot place, start or replace tasks, or assume the roles."""
    examined = examined_of(frames)
    since = frames.events[frames.events["created_at"] >= pd.Timestamp(examined.created_at)]
    failed = since[since["kind"].isin(_PLACEMENT)]
    if len(failed):
        newest = failed.iloc[0]
        statement = f"ECS could not place tasks: {newest['message']}"
        rows, revision = keys_of(failed, "event_id"), examined.revision
        yield Finding(
            "placement_fails", "service_events", statement, "events", rows, revision, {"kind": newest["kind"]}
        )
    stuck = since[since["kind"] == "percentages_stuck"]
    if len(stuck):
        statement = f"ECS says that the percentages stop the rollout: {stuck.iloc[0]['message']}"
        rows = keys_of(stuck, "event_id")
        yield Finding("percentages_stop_rollout", "service_events", statement, "events", rows, examined.revision)
    alarmed = since[since["kind"] == "deployment_alarm"]
    if len(alarmed):
        statement = f"A deployment alarm ended the rollout: {alarmed.iloc[0]['message']}"
        rows = keys_of(alarmed, "event_id")
        yield Finding("deployment_alarm_fired", "service_events", statement, "events", rows, examined.revision)
    backoff = since[since["kind"] == "starts_failing"]
    if len(backoff):
        statement = "ECS says that tasks keep failing before they run, and waits longer before each new try."
        rows = keys_of(backoff, "event_id")
        yield Finding("starts_keep_failing", "service_events", statement, "events", rows, examined.revision)
    refused = since[since["kind"] == "role_not_assumed"]
    if len(refused):
        statement = f"ECS could not assume a role of the revision: {refused['message'].iloc[0]}"
        rows = keys_of(refused, "event_id")
        yield Finding("role_not_assumed", "service_events", statement, "events", rows, examined.revision)
