"""What the load balancer says about the tasks, in its own state and in the service events that quote it."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, keys_of
from ecs_notebook_lib.diagnosis.health_budget import constant_life, health_budget_of, stopped_on_schedule
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.health_codes import kind_of_code
from ecs_notebook_lib.knowledge.messages import Message, recognise
from ecs_notebook_lib.knowledge.weights import reading_of


def target_health(frames: Frames) -> Iterator[Finding]:
    """With what answer the load balancer rejected tasks of the examined revision.

    A target that is `initial` or `draining` says nothing. Which revision an event is about follows from its task.
    """
    if (
        frames.services["service_arn"].notna().any()
        and not frames.gaps.get("targets")
        and not len(frames.target_groups)
    ):
        raise NothingToExamineError("the service has no target group")
    verdicts = _verdicts(frames)
    for (kind, revision), rows in verdicts.groupby(["kind", "revision"], sort=True):
        frame = str(rows["frame"].iloc[0])
        of_frame = rows[rows["frame"] == frame]
        reason = str(rows["reason"].iloc[0])
        what = counted(len(of_frame), "service event" if frame == "events" else "target")
        checked = _asked(frames)
        yield Finding(
            kind=str(kind),
            check="target_health",
            statement=f"The load balancer rejected tasks of {revision or 'an unknown revision'} ({what}): "
            f"{reason}{checked}.",
            frame=frame,
            rows=keys_of(of_frame, "key"),
            revision=str(revision),
            parts={"reason": reason},
            weighs=bool(revision) or bool(rows["recent"].all()),
        )
    if not len(verdicts) and not (frames.targets["state"] == "healthy").any():
        raise NothingToExamineError("the load balancer gave no verdict on any task yet")


def _asked(frames: Frames) -> str:
    if not len(frames.target_groups):
        return ""
    group = frames.target_groups.iloc[0]
    return f" to {group['health_check_path']} on {group['health_check_port']}, where {group['matcher']} is expected"


def _verdicts(frames: Frames) -> pd.DataFrame:
    """Return a row for each rejection that AWS tells of: frame, key, kind, revision, reason, and whether it is recent.

    Recent is what came after the examined deployment began: where the task is not known, it is taken for its own.
    """
    examined = frames.history.examined
    began = pd.Timestamp(examined.created_at) if examined else pd.Timestamp.max.tz_localize("UTC")
    revisions = dict(zip(frames.tasks["task_id"], frames.tasks["revision"].fillna(""), strict=True))
    rows: list[tuple[object, ...]] = []
    told = frames.events[frames.events["kind"] == "elb_target_unhealthy"]
    for key, text, when in zip(told["event_id"], told["message"], told["created_at"], strict=True):
        message = recognise(text, where="service_event")
        if message is not None:
            revision = revisions.get(message.parts.get("task", "")) or frames.history.rolled_out_at(when)
            reason = message.parts.get("reason", "")
            kind = _kind(message.inner) or "target_unhealthy"
            rows.append(("events", key, kind, revision, reason, bool(when >= began)))
    unhealthy = frames.targets[frames.targets["state"].isin(["unhealthy", "unused"])]
    columns = ["address", "description", "reason", "revision", "state"]
    for target in unhealthy[columns].astype("string").fillna("").to_numpy():
        address, description, reason, revision, state = map(str, target)
        given = description or reason
        kind = _kind(recognise(given, where="target_health")) or ("target_unhealthy" if state == "unhealthy" else "")
        rows.append(("targets", address, kind, revision, given or state, True))
    verdicts = pd.DataFrame(rows, columns=["frame", "key", "kind", "revision", "reason", "recent"])
    return verdicts[verdicts["kind"] != ""]


def _kind(message: Message | None) -> str:
    if message is None:
        return ""
    if message.kind == "response_code":
        return kind_of_code(message.parts["codes"].strip("[] ").partition(",")[0].partition("-")[0].strip())
    return reading_of(message.kind, where="target_health")


def registered_targets(frames: Frames) -> Iterator[Finding]:
    """Whether the load balancer has a healthy target of each revision, whatever it says about the others."""
    known = frames.targets.dropna(subset=["revision"])
    if not len(known):
        raise NothingToExamineError("no target of a known revision is registered")
    for name, rows in known.groupby("revision", sort=True):
        healthy = rows[rows["state"] == "healthy"]
        if len(healthy):
            statement = f"The load balancer finds {counted(len(healthy), 'target')} of {name} healthy."
            keys = keys_of(healthy, "address")
            yield Finding("load_balancer_finds_healthy", "registered_targets", statement, "targets", keys, str(name))
            continue
        states = ", ".join(f"{count} {state}" for state, count in rows["state"].value_counts().sort_index().items())
        yield Finding(
            kind="no_healthy_target",
            check="registered_targets",
            statement=f"No target of {name} is healthy: {states}.",
            frame="targets",
            rows=keys_of(rows, "address"),
            revision=str(name),
        )
    examined = frames.history.examined
    if examined is None or not (known["revision"] == examined.revision).any():
        raise NothingToExamineError("no target of the examined revision is registered")


def health_check_timing(frames: Frames) -> Iterator[Finding]:
    """Whether the examined revision needs longer to start than it has, and whether its tasks die on a schedule.

    A task is stopped, at the earliest, when its grace period and the time to unhealthy are both over.
    """
    budget, examined = health_budget_of(frames), frames.history.examined
    if budget is None or examined is None:
        raise NothingToExamineError("the service has no target group, or no deployment is known")
    group = (str(frames.target_groups["target_group_arn"].iloc[0]),)
    alike = constant_life(frames, examined.revision)
    if len(alike):
        life = float(alike["running_seconds"].median())
        whose = "about when" if stopped_on_schedule(budget, life) else "not when"
        statement = (
            f"{counted(len(alike), 'stopped task')} of {examined.revision} lived equally long, {life:.0f} s (median): "
            f"{whose} the health check lets ECS stop them, {budget.earliest_stop:.0f} to {budget.latest_stop:.0f} s "
            "after they started."
        )
        keys = keys_of(alike, "task_arn")
        yield Finding("constant_task_life", "health_check_timing", statement, "tasks", keys, examined.revision)
    if budget.ready_seconds is None:
        raise NothingToExamineError("the log does not tell when the application was ready")
    verdicts = _verdicts(frames)
    if ((verdicts["kind"] == "target_not_ready") & (verdicts["revision"] == examined.revision)).any():
        raise NothingToExamineError("the application listens, and answers the load balancer that it is not ready")
    healthy = frames.targets["revision"].fillna("").eq(examined.revision) & frames.targets["state"].eq("healthy")
    if budget.too_short and not healthy.any():
        statement = (
            f"{examined.revision} is ready {budget.ready_seconds:.0f} s after its start (median, {budget.ready_from}); "
            f"ECS stops it after {budget.latest_stop:.0f} s: grace period {budget.grace:.0f} s, unhealthy after "
            f"{budget.to_unhealthy:.0f} s."
        )
        yield Finding(
            "start_longer_than_grace", "health_check_timing", statement, "target_groups", group, examined.revision
        )


def routing(frames: Frames) -> Iterator[Finding]:
    """Whether any listener sends requests to the service's target groups.

    A load balancer in another account, or a target group that CodeDeploy switches, looks the same as a missing rule.
    """
    if not len(frames.target_groups) or not len(frames.listener_rules):
        raise NothingToExamineError("no listener rule of a load balancer in front of the service is known")
    forwarded = set(frames.listener_rules["target_group_arn"].dropna())
    forwarded |= set(frames.forwarded_groups["target_group_arn"].dropna())
    for arn, name in frames.target_groups[["target_group_arn", "name"]].astype("string").to_numpy():
        if arn not in forwarded:
            statement = f"No listener rule forwards to the target group {name}: the load balancer does not check it."
            yield Finding("target_group_not_forwarded", "routing", statement, "target_groups", (str(arn),))
