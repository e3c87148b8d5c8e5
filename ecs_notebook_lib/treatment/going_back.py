"""Whether to go back to the last good revision, and how: what stops the harm, where the revision brought it."""

from ecs_notebook_lib.knowledge.weights import causes
from ecs_notebook_lib.treatment.action import Action, Call
from ecs_notebook_lib.treatment.making import action, deploying, service_changes, update_service
from ecs_notebook_lib.treatment.situation import Situation

_WITH_THE_DEPLOYMENT = frozenset({"task_definition", "service"})
_IN_THE_REVISION = frozenset({"image", "application", "health_check", "resources", "secrets_config"})
"""Families that live in what was deployed, where no change is known that brought the fault otherwise."""


def go_back(s: Situation) -> Action | None:
    """Return how to go back; None where it is not possible, or would not help."""
    if not (s.service and s.last_good and s.last_good.task_definition):
        return None
    if causes()[s.cause].going_back == "no" or s.diagnosis.state.rollback["ready"] is False:
        return None
    stop = stop_deployment(s)
    if stop is not None:
        return stop if _all_serve(s) or goes_with_the_revision(s) else None
    return roll_back(s) if goes_with_the_revision(s) else None


def _all_serve(s: Situation) -> bool:
    """Say whether the old revision's tasks run still, as many as are wanted: then none of them has to start."""
    return s.desired > 0 and s.good_tasks >= s.desired


def goes_with_the_revision(s: Situation) -> bool:
    """Say whether what broke it goes with the revision, so that new tasks of the old one start.

    What somebody did to a role or a route stays, and the old revision's new tasks meet it, too.
    """
    if s.brought_by:
        return s.brought_by in _WITH_THE_DEPLOYMENT
    return s.leading.family in _IN_THE_REVISION or s.cause == "dependency.sidecar"


def stop_deployment(s: Situation) -> Action | None:
    """Return how to stop the current service deployment; None if ECS would have nothing to go back to."""
    if not (s.stoppable and s.can_go_back_by_itself) or s.service.get("taskDefinition") == s.good_definition_arn:
        return None
    stop = Call("ecs:StopServiceDeployment", {"serviceDeploymentArn": s.stoppable, "stopType": "ROLLBACK"})
    kept = deploying(s)
    calls = (*([update_service(s, **kept)] if kept else []), stop)
    changes = service_changes(s, {**_before_deployment(s), **kept})
    return action(s, "stop_deployment", _why(s), calls=calls, changes=changes)


def roll_back(s: Situation) -> Action | None:
    """Return the deployment of the last good revision; None if it is what the service runs already."""
    if not service_changes(s, _before_deployment(s)):
        return None
    members = deploying(s, **_before_deployment(s))
    changes = service_changes(s, members)
    return action(s, "roll_back", _why(s), calls=(update_service(s, **members),), changes=changes)


def _before_deployment(s: Situation) -> dict[str, object]:
    network = s.good_network
    changed = bool(network) and network != s.service.get("networkConfiguration")
    return {"taskDefinition": s.good_definition_arn} | ({"networkConfiguration": network} if changed else {})


def _why(s: Situation) -> str:
    good = s.last_good.revision if s.last_good else ""
    if _all_serve(s):
        return f"{s.good_tasks} tasks of {good} serve still, as many as are wanted."
    if s.brought_by:
        return f"What most likely broke it came with the deployment, and goes with it; {good} ran without it."
    return f"{good} ran well."
