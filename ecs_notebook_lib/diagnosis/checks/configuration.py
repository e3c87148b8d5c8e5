"""Whether the rollout could end in time: percentages, pace, overlapping deployments, controller and strategy."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, examined_of, keys_of
from ecs_notebook_lib.diagnosis.rollout import Rollout, rollout_of
from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.ends import reading_of_message
from ecs_notebook_lib.knowledge.messages import recognise
from ecs_notebook_lib.rolling_update import WAITER_SECONDS

_CHECK = "rollout_pace"
_WITHOUT_DEPLOYMENTS = ("CODE_DEPLOY", "EXTERNAL")
_SLACK = 1.5
"""A rollout takes longer than the arithmetic says; one that failed is not excused by that."""
_LITTLE_SECONDS = 300
"""What is left for new tasks beside draining is little from here on (ECS_FACTS 5.5)."""
_BAKING = ("BLUE_GREEN", "LINEAR", "CANARY")


def _examined(frames: Frames) -> Deployment:
    examined = examined_of(frames)
    if examined.succeeded:
        raise NothingToExamineError("the rollout is over")
    return examined


def rollout_pace(frames: Frames) -> Iterator[Finding]:
    """How long the shortest possible rollout takes, and whether this one goes on without a failure.

    A rollout that goes well and is only long looks to the waiter like one that fails.
    """
    examined = _examined(frames)
    rollout = rollout_of(frames)
    if rollout is None or not len(frames.services):
        raise NothingToExamineError("the service's desired count or percentages are not known")
    rows, revision = (str(frames.services["service_arn"].iloc[0]),), examined.revision
    shortest = rollout.shortest_seconds
    if shortest is not None and shortest > WAITER_SECONDS:
        statement = (
            f"The shortest possible rollout takes about {minutes(shortest)}: {pace_words(rollout)}. "
            f"The waiter looks for {WAITER_SECONDS} s."
        )
        parts = {"shortest_seconds": f"{shortest:.0f}"}
        yield Finding("rollout_longer_than_waiter", _CHECK, statement, "services", rows, revision, parts)
    elif rollout.bounds.desired and WAITER_SECONDS - rollout.old_seconds <= _LITTLE_SECONDS:
        statement = (
            f"Draining alone takes {rollout.old_seconds:.0f} s of the waiter's {WAITER_SECONDS} s: new tasks must be "
            f"healthy within {WAITER_SECONDS - rollout.old_seconds:.0f} s."
        )
        yield Finding("little_time_beside_draining", _CHECK, statement, "services", rows, revision)
    as_of = pd.Timestamp(frames.snapshot.as_of)
    end = rollout.ends_at()
    if end is not None and rollout.proceeds(as_of):
        statement = (
            f"The rollout of {revision} goes on without a failure: {counted(rollout.healthy, 'healthy target')} of "
            f"{rollout.bounds.desired}; at this pace it is stable at about {end:%H:%M} UTC."
        )
        keys = keys_of(frames.deployments[frames.deployments["status"] == "PRIMARY"], "deployment_id")
        yield Finding("rollout_proceeds", _CHECK, statement, "deployments", keys or rows, revision)


def minutes(seconds: float) -> str:
    """Return a time in words: `45 s`, `12 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def pace_words(rollout: Rollout) -> str:
    """Return what a rollout's time is made of."""
    cycles = rollout.bounds.cycles
    steps = "no step is allowed" if cycles is None else counted(cycles, "step")
    return (
        f"{steps} of {rollout.new_seconds:.0f} s until a new task is healthy, and "
        f"{rollout.old_seconds:.0f} s until an old one is gone (deregistration delay "
        f"{rollout.deregistration_seconds:.0f} s)"
    )


def redeployments(frames: Frames) -> Iterator[Finding]:
    """Whether deployments were replaced by the next one before they could have ended.

    One that was replaced later than that had failed before, and another cause is to be looked for.
    """
    _examined(frames)
    rollout = rollout_of(frames)
    shortest = rollout.shortest_seconds if rollout else None
    past = frames.service_deployments.sort_values("created_at", kind="stable")
    if shortest is None or len(past) < 2:
        raise NothingToExamineError("fewer than two deployments are known, or no rollout can end")
    lived = (past["created_at"].shift(-1) - past["created_at"]).dt.total_seconds()
    stopped = past["status"].isin(["STOPPED", "STOP_REQUESTED"])
    limit = _SLACK * shortest if _only_rollouts(frames) else shortest
    early = past[stopped & (lived < limit)]
    in_a_row = max(_last_run(stopped & (lived < limit)), _most_of_late(stopped & (lived < limit), past["created_at"]))
    if in_a_row < 2:
        return
    gap = lived[early.index].tail(in_a_row).median()
    statement = (
        f"{in_a_row} of the last deployments were each replaced by the next one after {minutes(gap)} (median), before "
        f"they could have ended: the shortest possible rollout takes about {minutes(shortest)}."
    )
    keys = keys_of(early.tail(in_a_row), "service_deployment_arn")
    parts = {"deployments": str(in_a_row), "median_seconds": f"{gap:.0f}"}
    yield Finding("redeployed_before_the_end", "redeployments", statement, "service_deployments", keys, parts=parts)
    yield from _without_failure(frames)


def _last_run(flags: pd.Series) -> int:
    """Return how many of the flags before the newest are true without a break."""
    count = 0
    for flag in reversed(flags.tolist()[:-1]):
        if not flag:
            break
        count += 1
    return count


def _most_of_late(flags: pd.Series, created_at: pd.Series) -> int:
    """Return how many of the last two hours' deployments before the newest are flagged, if that is most of them."""
    late = flags[created_at >= created_at.max() - pd.Timedelta(hours=2)].iloc[:-1]
    return int(late.sum()) if len(late) > 2 and late.mean() > 0.5 else 0


def _only_rollouts(frames: Frames) -> bool:
    """Say whether tasks have stopped, and every one of them was stopped by a rollout."""
    stopped = frames.tasks[frames.tasks["stop_code"].notna()]
    return bool(len(stopped) and (stopped["reason_kind"] == "scaling_activity").all())


def _without_failure(frames: Frames) -> Iterator[Finding]:
    """Yield a finding if every task that stopped was stopped by a rollout."""
    stopped = frames.tasks[frames.tasks["stop_code"].notna()]
    if _only_rollouts(frames):
        statement = f"None of {counted(len(stopped), 'stopped task')} failed: each was stopped by a rollout."
        yield Finding("stopped_by_rollouts_only", "redeployments", statement, "tasks", keys_of(stopped, "task_arn"))


def old_tasks(frames: Frames) -> Iterator[Finding]:
    """Whether tasks of older deployments stay although the new ones are all healthy and nothing drains any more.

    Protected tasks do, and so do those whose draining takes very long.
    """
    examined = _examined(frames)
    rollout = rollout_of(frames)
    if rollout is None or rollout.last_batch_at is None or "targets" in frames.gaps:
        raise NothingToExamineError("no task of the rollout is known, or the targets are not")
    if frames.services["strategy"].isin(_BAKING).any():
        raise NothingToExamineError("the strategy keeps the older tasks until it is through")
    older = frames.deployments[(frames.deployments["status"] == "ACTIVE") & (frames.deployments["running_count"] > 0)]
    since = (pd.Timestamp(frames.snapshot.as_of) - rollout.last_batch_at).total_seconds()
    complete = rollout.bounds.desired > 0 and rollout.healthy >= rollout.bounds.desired and not rollout.failed
    if not len(older) or not complete or frames.targets["state"].eq("draining").any():
        return
    if since > rollout.new_seconds + rollout.old_seconds:
        statement = (
            f"All {rollout.bounds.desired} tasks of {examined.revision} are healthy for {minutes(since)}, nothing "
            f"drains, and {int(older['running_count'].sum())} tasks of older deployments still run."
        )
        yield Finding("old_tasks_stay", "old_tasks", statement, "deployments", keys_of(older, "deployment_id"))


def deployment_controller(frames: Frames) -> Iterator[Finding]:
    """Whether AWS's waiter can judge this service at all.

    It wants exactly one deployment: services of other controllers list none, and strategies that bake keep two.
    """
    if not len(frames.services):
        raise NothingToExamineError("the service was not described")
    service = frames.services.iloc[0]
    rows = (str(service["service_arn"]),)
    controller = service["deployment_controller"]
    if pd.notna(controller) and controller in _WITHOUT_DEPLOYMENTS:
        statement = f"The service has the deployment controller {controller}: AWS's waiter can never succeed on it."
        yield Finding("controller_without_deployments", "deployment_controller", statement, "services", rows)
    strategy, bake = service["strategy"], service["bake_time_minutes"]
    bakes = pd.notna(strategy) and strategy in _BAKING
    if bakes and pd.notna(bake) and 60 * float(bake) > WAITER_SECONDS:
        statement = (
            f"The strategy is {strategy} with a bake time of {bake} min: "
            f"both revisions run until it is over, and the waiter looks for {WAITER_SECONDS} s."
        )
        yield Finding("bakes_longer_than_waiter", "deployment_controller", statement, "services", rows)


def status_reasons(frames: Frames) -> Iterator[Finding]:
    """Why ECS itself says that the examined deployment ended: load balancer rules, roles or hooks of blue/green."""
    examined = frames.history.examined
    past = frames.service_deployments
    own = past[past["service_deployment_arn"] == (examined.service_deployment if examined else "")]
    if examined is None or not len(own):
        raise NothingToExamineError("the examined deployment has no service deployment")
    reason = own["status_reason"].iloc[0]
    message = recognise(None if pd.isna(reason) else str(reason), where="status_reason")
    kind = reading_of_message(message) if message else ""
    if kind:
        statement = f"ECS says of the deployment of {examined.revision}: {reason}"
        keys = keys_of(own, "service_deployment_arn")
        yield Finding(kind, "status_reasons", statement, "service_deployments", keys, examined.revision)
