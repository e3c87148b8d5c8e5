"""The checks: the list is the order, and what each needs and can find stands in `knowledge/checks.toml`."""

from collections.abc import Mapping

from ecs_notebook_lib.diagnosis.checks import (
    changes,
    configuration,
    deployments,
    existence,
    listening,
    log_patterns,
    logs,
    network,
    permissions,
    reported,
    resources,
    targets,
    tasks,
)
from ecs_notebook_lib.diagnosis.findings import CheckResult, Examine, Finding, NothingToExamineError, Outcome
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.weights import CheckRow, check_rows

CHECKS: Mapping[str, Examine] = {
    examine.__name__: examine
    for examine in (
        deployments.deployment_state,
        deployments.past_deployments,
        deployments.service_events,
        existence.named_things,
        existence.service_capacity,
        configuration.rollout_pace,
        configuration.redeployments,
        configuration.old_tasks,
        configuration.deployment_controller,
        configuration.status_reasons,
        targets.target_health,
        targets.registered_targets,
        targets.health_check_timing,
        targets.routing,
        listening.health_check_settings,
        tasks.stopped_tasks,
        tasks.created_tasks,
        tasks.fresh_evidence,
        logs.log_errors,
        logs.health_answers,
        listening.listening,
        log_patterns.new_log_patterns,
        log_patterns.exceptions_of_dead_tasks,
        permissions.role_permissions,
        permissions.roles_exist,
        permissions.resource_policies,
        network.security_groups,
        network.routes,
        network.subnets_fit,
        resources.memory,
        resources.cpu,
        resources.task_size,
        changes.changes,
        reported.reported_texts,
        reported.reported_network,
    )
}
"""Every check that is made, by its name."""

BY_HAND = "this version does not read it; do it by hand"


def run_checks(frames: Frames) -> tuple[CheckResult, ...]:
    """Return what came of every check, in the order of the table."""
    rows = check_rows().values()
    return tuple(_run(row, frames) for row in rows if frames.reported or not row.of_cases)


def run_check(name: str, frames: Frames) -> CheckResult:
    """Return what came of one check."""
    return _run(check_rows()[name], frames)


def _run(row: CheckRow, frames: Frames) -> CheckResult:
    if row.by_hand:
        return CheckResult(row.name, row.step, Outcome.NOT_CHECKED, reason=BY_HAND)
    gaps = [f"{name}: {frames.gaps[name]}" for name in row.needs if name in frames.gaps]
    if gaps and frames.partial:
        return CheckResult(row.name, row.step, Outcome.NOT_CHECKED, reason=gaps[0], refused=True)
    found: list[Finding] = []
    try:
        found.extend(CHECKS[row.name](frames))
        reason = "; ".join(gaps)
    except NothingToExamineError as nothing:
        reason = gaps[0] if gaps else str(nothing)
        if not found:
            return CheckResult(row.name, row.step, Outcome.NOT_CHECKED, reason=reason, refused=bool(gaps))
    if found:
        return CheckResult(row.name, row.step, Outcome.FOUND, tuple(found), reason=reason, refused=bool(gaps))
    if gaps:
        return CheckResult(row.name, row.step, Outcome.NOT_CHECKED, reason=gaps[0], refused=True)
    return CheckResult(row.name, row.step, Outcome.CLEAR)
