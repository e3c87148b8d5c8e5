"""How the service is now: its status, how the examined deployment ended, who is served, whether going back works."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis.rollback import rollback_of
from ecs_notebook_lib.diagnosis.rollout import Rollout, rollout_of
from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.metrics import HOUR, MINUTE
from ecs_notebook_lib.rolling_update import WAITER_SECONDS
from ecs_notebook_lib.snapshot.model import utc_text

_OUTCOMES = {
    "SUCCESSFUL": "completed",
    "ROLLBACK_SUCCESSFUL": "rolled_back",
    "ROLLBACK_FAILED": "failed",
    "STOPPED": "superseded",
}


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the service now, in the words of DESIGN 5.5; None is not known."""

    status: str
    outcome: str
    examined: str
    serving: str | None
    serving_tasks: int | None
    healthy_targets: int | None
    target_5xx: int | None
    elb_5xx: int | None
    since: str | None
    chief_complaint: str
    rollback: Mapping[str, Any]

    @property
    def examined_revision(self) -> str:
        """Return `family:number` of the examined task definition; `""` if none is examined."""
        return self.examined.rpartition("/")[2]

    @property
    def settled(self) -> bool:
        """Say whether nothing is to be explained: the service is stable on what was deployed last."""
        return self.status == "stable" and self.outcome == "completed"


def state_of(frames: Frames) -> State:
    """Return the state of the service that the frames are about."""
    history = frames.history
    examined = history.examined
    status = _status(frames, examined)
    troubled = history.troubled_since if status not in ("stable", "unknown") and not frames.reported else None
    return State(
        status=status,
        outcome=_outcome(examined),
        examined=history.examined_definition,
        serving=_serving(frames),
        serving_tasks=_serving_tasks(frames),
        healthy_targets=_healthy_targets(frames),
        target_5xx=_responses(frames, "HTTPCode_Target_5XX_Count", troubled),
        elb_5xx=_responses(frames, "HTTPCode_ELB_5XX_Count", troubled),
        since=utc_text(troubled) if troubled else None,
        chief_complaint=_complaint(frames, examined, status),
        rollback=rollback_of(frames, history.last_good),
    )


def _outcome(examined: Deployment | None) -> str:
    if examined is None or examined.scaled_to_zero:
        return "unknown"
    if examined.status == "PRIMARY" and not examined.succeeded and examined.rollout_state != "FAILED":
        return "in_progress"
    if examined.rollout_state == "FAILED" and examined.service_deployment_status not in _OUTCOMES:
        return "failed"
    return _OUTCOMES.get(examined.service_deployment_status, "completed" if examined.succeeded else "in_progress")


def _status(frames: Frames, examined: Deployment | None) -> str:
    if examined is None or not len(frames.services):
        return "unknown"
    if frames.reported:
        return "failing"
    service = frames.services.iloc[0]
    if examined.scaled_to_zero:
        return "failing" if _tried_in_vain(frames, examined) else "stable"
    running, desired = service["running_count"], service["desired_count"]
    counted = pd.notna(running) and pd.notna(desired)
    if not counted and _outcome(examined) == "completed":
        return "unknown"
    steady = counted and bool(running == desired) and len(frames.deployments) == 1
    if steady and (frames.deployments["rollout_state"] == "COMPLETED").all():
        return "stable"
    if _outcome(examined) != "in_progress" or _tried_in_vain(frames, examined):
        return "failing"
    rollout = rollout_of(frames)
    if rollout is not None and rollout.proceeds(pd.Timestamp(frames.snapshot.as_of)):
        return "stabilizing"
    if _in_grace(frames, rollout):
        return "stabilizing"
    young = frames.snapshot.as_of - examined.created_at < timedelta(seconds=WAITER_SECONDS)
    possible = rollout is None or rollout.bounds.cycles is not None
    failures = frames.deployments["failed_tasks"].fillna(0).sum()
    return "stabilizing" if young and possible and not failures else "failing"


def _tried_in_vain(frames: Frames, examined: Deployment) -> bool:
    """Say whether the two deployments before this one were given up, too: one alone may have been a correction."""
    before = [row for row in frames.history.deployments if row.created_at < examined.created_at][-2:]
    return len(before) == 2 and all(row.service_deployment_status in ("STOPPED", "STOP_REQUESTED") for row in before)


def _in_grace(frames: Frames, rollout: Rollout | None) -> bool:
    """Say whether the newest tasks have not failed, and are still in the time in which ECS ignores health checks."""
    grace = frames.services["health_check_grace_period_seconds"].iloc[0]
    if rollout is None or rollout.failed or rollout.last_batch_at is None or pd.isna(grace):
        return False
    return bool(pd.Timestamp(frames.snapshot.as_of) - rollout.last_batch_at < timedelta(seconds=float(grace)))


def _healthy(frames: Frames) -> pd.DataFrame:
    return frames.targets[frames.targets["state"] == "healthy"]


def _healthy_targets(frames: Frames) -> int | None:
    if "targets" in frames.gaps or not len(frames.target_groups):
        return None
    return len(_healthy(frames))


def _serving_tasks(frames: Frames) -> int | None:
    healthy = _healthy_targets(frames)
    if healthy is not None or not len(frames.services):
        return healthy
    running = frames.services["running_count"].iloc[0]
    return None if "targets" in frames.gaps or pd.isna(running) else int(running)


def _responses(frames: Frames, metric: str, since: datetime | None) -> int | None:
    """Return how many responses CloudWatch counted since the trouble began; None if that is not known.

    CloudWatch makes no data point where there was no such response, so none at all is 0.
    """
    if "metrics" in frames.gaps or not len(frames.target_groups) or since is None:
        return None
    rows = frames.metrics[frames.metrics["metric"] == metric]
    as_of, begin = pd.Timestamp(frames.snapshot.as_of), pd.Timestamp(since)
    period = MINUTE if as_of - begin <= timedelta(hours=3) else HOUR
    rows = rows[(rows["period_seconds"] == period) & (rows["began_at"] >= begin.floor(f"{period}s"))]
    return round(float(rows["value"].sum()))


def _serving(frames: Frames) -> str | None:
    revisions = _healthy(frames)["revision"].dropna()
    return str(revisions.mode().iloc[0]) if len(revisions) else None


def _complaint(frames: Frames, examined: Deployment | None, status: str) -> str:
    if examined is None:
        return "Nothing is known of the service's deployments."
    if frames.reported:
        return f"Reported as not stable; {_counts(frames)}."
    if status == "stable" and examined.succeeded:
        return f"None: the deployment of {examined.revision} is completed and the service is stable."
    if status == "stable":
        stable = f"The service is stable on {frames.deployments['revision'].iloc[0]}."
        ended = _ENDED.get(_outcome(examined), "did not end well")
        return f"The deployment of {examined.revision}, begun {utc_text(examined.created_at)}, {ended}. {stable}"
    if examined.scaled_to_zero:
        return (
            f"The service is scaled to 0: nothing runs, which AWS's waiter calls stable. The rollout of "
            f"{examined.revision}, begun {utc_text(examined.created_at)}, was not seen to end well."
        )
    seconds = (frames.snapshot.as_of - examined.created_at).total_seconds()
    waited = (
        f"The deployment of {examined.revision} began {_minutes(seconds)} ago and is not stable: {_counts(frames)}."
    )
    if seconds < WAITER_SECONDS:
        return waited
    return f"Waiter ServicesStable failed: Max attempts exceeded. {waited}"


def _counts(frames: Frames) -> str:
    if not len(frames.services):
        return "the service itself was not described"
    running, desired = frames.services.iloc[0][["running_count", "desired_count"]]
    if pd.isna(running) or pd.isna(desired):
        return "how many tasks run was not told"
    return f"{running} of {desired} tasks run"


_ENDED = {"rolled_back": "was rolled back", "failed": "failed", "superseded": "was replaced before it ended"}


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
