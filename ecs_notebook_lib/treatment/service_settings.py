"""Proposals that change the service itself: UpdateService, and nothing of the account beside it."""

import shlex
from dataclasses import replace
from typing import Any

from ecs_notebook_lib.diagnosis.rollout import rollout_of
from ecs_notebook_lib.rolling_update import bounds_of
from ecs_notebook_lib.treatment import texts
from ecs_notebook_lib.treatment.action import Action, Call, Change, Fragment
from ecs_notebook_lib.treatment.making import (
    action,
    deploying,
    deployment_configuration,
    register_and_deploy,
    service_changes,
    update_service,
)
from ecs_notebook_lib.treatment.situation import Situation


def _updating(
    s: Situation, name: str, because: str, *, fragment: Fragment | None = None, **members: Any
) -> Action | None:
    """Return UpdateService with these members; None if the service has them already, or is not known."""
    changes = service_changes(s, members)
    if not (s.service and changes):
        return None
    fragments = (fragment,) if fragment else ()
    return action(s, name, because, calls=(update_service(s, **members),), changes=changes, fragments=fragments)


def grace_period(s: Situation) -> Action | None:
    """Give new tasks the grace that their measured start-up needs."""
    advice = texts.grace_advice(s.diagnosis)
    if advice is None:
        return None
    passed = "more than " if advice.is_lower_bound else "about "
    because = f"It answers {passed}{advice.measured_seconds:.0f} s after its start."
    members = {"healthCheckGracePeriodSeconds": advice.seconds}
    return _updating(s, "grace_period", because, fragment=advice.fragment, **members)


def percentages(s: Situation) -> Action | None:
    """Give the rollout room for one task, by the smallest change."""
    advice = texts.percentages_advice(s.diagnosis)
    if advice is None:
        return None
    wanted = deployment_configuration(s, minimumHealthyPercent=advice.minimum, maximumPercent=advice.maximum)
    because = "As they are, no task may start and none may stop."
    return _updating(s, "percentages", because, fragment=advice.fragment, deploymentConfiguration=wanted)


def desired_count(s: Situation) -> Action | None:
    """Set the count that the service had before it was set to 0: what past deployments asked for."""
    wanted = _former_count(s)
    if s.desired or not wanted:
        return None
    return _updating(s, "desired_count", f"The service ran {wanted} tasks before.", desiredCount=wanted)


def _former_count(s: Situation) -> int:
    rows = s.rows("ecs:DescribeServiceDeployments", "serviceDeployments")
    rows.sort(key=lambda row: str(row.get("createdAt", "")), reverse=True)
    counts = [int((row.get("targetServiceRevision") or {}).get("requestedTaskCount") or 0) for row in rows]
    return next((count for count in counts if count), 0)


def scale_out_and_in(s: Situation) -> Action | None:
    """Run more tasks until the rollout is through, where with more of them the percentages leave room."""
    low, high = (
        (s.service.get("deploymentConfiguration") or {}).get(name)
        for name in ("minimumHealthyPercent", "maximumPercent")
    )
    if not s.desired or low is None or high is None or bounds_of(s.desired, low, high).cycles is not None:
        return None
    counts = range(s.desired + 1, 4 * s.desired + 1)
    more = next((count for count in counts if bounds_of(count, low, high).cycles is not None), None)
    if more is None:
        return None
    out = replace(update_service(s, desiredCount=more), wait_for="stable")
    back = update_service(s, desiredCount=s.desired)
    because = f"{low} % and {high} % of {s.desired} leave no room, and of {more} they do."
    changes = (Change(f"service {s.name}", "desiredCount", s.desired, f"{more} until it is stable, then {s.desired}"),)
    return action(s, "scale_out_and_in", because, calls=(out, back), changes=changes)


def scale_to_zero_and_back(s: Situation) -> Action | None:
    """Stop all tasks, and start them again: what they hold on to is free then."""
    if not s.desired:
        return None
    out = replace(update_service(s, desiredCount=0), wait_for="no_tasks")
    back = update_service(s, desiredCount=s.desired)
    because = "The old tasks hold what the new ones need."
    changes = (Change(f"service {s.name}", "desiredCount", s.desired, f"0 until none runs, then {s.desired}"),)
    return action(s, "scale_to_zero_and_back", because, calls=(out, back), changes=changes)


def former_network(s: Situation) -> Action | None:
    """Deploy the examined revision with the network of the last good deployment, if it had another.

    Where the service was set back, the network is back already, and the examined revision is deployed again with it.
    """
    network, examined = s.good_network, s.frames.history.examined_definition
    if not network or s.brought_by not in ("service", ""):
        return None
    set_back = bool(examined) and s.service.get("taskDefinition") != examined
    again = {"taskDefinition": examined} if set_back and s.brought_by else {}
    because = f"The last good deployment, of {s.last_good.revision if s.last_good else ''}, ran with it."
    return _updating(s, "former_network", because, **deploying(s, **again, networkConfiguration=network))


def public_address(s: Situation) -> Action | None:
    """Give tasks a public address where their subnets lead to an internet gateway and to nothing else."""
    network = dict((s.service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {})
    if not network or network.get("assignPublicIp") == "ENABLED" or not _only_gateways(s, network.get("subnets") or []):
        return None
    wanted = {"awsvpcConfiguration": {**network, "assignPublicIp": "ENABLED"}}
    because = "The subnets' default route leads to an internet gateway, which serves only who has a public address."
    return _updating(s, "public_address", because, **deploying(s, networkConfiguration=wanted))


def _only_gateways(s: Situation, subnets: list[str]) -> bool:
    """Say whether the default route of every one of these subnets leads to an internet gateway."""
    associations, routes = s.frames.route_table_associations, s.frames.routes
    outward = routes[(routes["destination_cidr"] == "0.0.0.0/0") & (routes["state"] == "active")]
    tables = dict(zip(associations["subnet_id"], associations["route_table_id"], strict=True))
    main = next(iter(associations.loc[associations["main"].fillna(value=False), "route_table_id"]), "")
    gateways = dict(zip(outward["route_table_id"], outward["gateway_id"].fillna(""), strict=True))
    return bool(subnets) and all(str(gateways.get(tables.get(one, main), "")).startswith("igw-") for one in subnets)


def fewer_subnets(s: Situation) -> Action | None:
    """Leave the subnets whose zone the load balancer does not serve."""
    advice = texts.zone_advice(s.diagnosis)
    network = dict((s.service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {})
    if advice is None or not advice.keep or not network:
        return None
    wanted = {"awsvpcConfiguration": {**network, "subnets": list(advice.keep)}}
    because = f"The load balancer is not enabled in {', '.join(advice.zones)}."
    return _updating(s, "fewer_subnets", because, fragment=advice.fragment, **deploying(s, networkConfiguration=wanted))


def former_constraints(s: Situation) -> Action | None:
    """Take back placement constraints: the service's own, or those that the new revision brought."""
    ours, theirs = (row.get("placementConstraints") or [] for row in (s.definition, s.good_definition))
    if s.good_definition and ours and ours != theirs:
        because = "The last good revision had none of them."
        return action(s, "former_constraints", because, **register_and_deploy(s, {"placementConstraints": theirs}))
    if s.service.get("placementConstraints"):
        because = "Without them tasks can be placed on the instances that are there."
        return _updating(s, "former_constraints", because, placementConstraints=[])
    return None


def task_protection(s: Situation) -> Action | None:
    """End the protection of the older tasks that the rollout waits for; which of them have it AWS was not asked."""
    older = s.frames.tasks[s.frames.tasks["task_definition"] != s.frames.history.examined_definition]
    tasks = [str(arn) for arn in older.loc[older["last_status"] == "RUNNING", "task_arn"]][:_MOST_PROTECTED]
    if not tasks:
        return None
    call = Call("ecs:UpdateTaskProtection", {"cluster": s.cluster, "tasks": tasks, "protectionEnabled": False})
    changes = tuple(Change(f"task {arn.rpartition('/')[2]}", "protectionEnabled", None, False) for arn in tasks)
    because = f"{len(tasks)} tasks of older deployments run on, and protection is what keeps tasks so."
    return action(s, "task_protection", because, calls=(call,), changes=changes)


_MOST_PROTECTED = 10
"""UpdateTaskProtection takes so many tasks a call (ECS API reference)."""


def new_deployment(s: Situation) -> Action | None:
    """Begin a new deployment of what is deployed."""
    if not s.service:
        return None
    call = update_service(s, **deploying(s, forceNewDeployment=True))
    because = "What hindered the tasks may be over; ECS's pauses begin anew."
    if s.has_given_up:
        because = "ECS has given the newest deployment up, and starts no more tasks of it."
    return action(s, "new_deployment", because, calls=(call,))


def circuit_breaker(s: Situation) -> Action | None:
    """Turn the deployment circuit breaker on, with rollback, where the rolling update has it and it is off."""
    if not _rolls(s):
        return None
    configuration = s.service.get("deploymentConfiguration") or {}
    present = configuration.get("deploymentCircuitBreaker") or {}
    wanted = deployment_configuration(s, deploymentCircuitBreaker={**present, "enable": True, "rollback": True})
    because = "It is off." if not present.get("enable") else "It ends a rollout that fails, and does not go back."
    made = _updating(s, "circuit_breaker", because, deploymentConfiguration=wanted)
    return made and _resting_on(made, s.findings("no_circuit_breaker"), s)


def minimum_healthy_percent(s: Situation) -> Action | None:
    """Keep at least half of the tasks in a rollout that may take all of them away now."""
    configuration = s.service.get("deploymentConfiguration") or {}
    if not _rolls(s) or configuration.get("minimumHealthyPercent") != 0 or s.desired < 1:
        return None
    low, high = (50, configuration.get("maximumPercent", 200)) if s.desired > 1 else (100, 200)
    wanted = deployment_configuration(s, minimumHealthyPercent=low, maximumPercent=max(high, low))
    made = _updating(s, "minimum_healthy_percent", "It is 0.", deploymentConfiguration=wanted)
    return made and _resting_on(made, s.findings("minimum_healthy_percent_zero"), s)


def _rolls(s: Situation) -> bool:
    controller = (s.service.get("deploymentController") or {}).get("type", "ECS")
    strategy = (s.service.get("deploymentConfiguration") or {}).get("strategy", "ROLLING")
    return bool(s.service) and controller == "ECS" and strategy == "ROLLING"


def _resting_on(made: Action, findings: tuple[str, ...], s: Situation) -> Action:
    contributing = next((cause for cause, name in s.diagnosis.contributing if name in findings), made.treats)
    return replace(made, findings=findings or made.findings, treats=contributing)


def wait_longer(s: Situation) -> Action | None:
    """Wait with a limit that the rollout can meet, and do nothing."""
    if s.diagnosis.state.status != "stabilizing" and s.cause != "deployment_config.superseded":
        return None
    rollout = rollout_of(s.frames)
    longest = rollout.longest_seconds if rollout else None
    seconds = 3600 if longest is None else max(900, round(1.5 * longest, -2))
    given = ["--cluster", s.cluster, "--services", s.name, "--timeout", f"{seconds:.0f}"]
    command = shlex.join(["ecs-notebook", "wait", *given])
    return action(s, "wait_longer", "No task of it has failed.", command=command)
