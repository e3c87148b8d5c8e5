"""Whether the task definition exists, is ACTIVE, and fits the service that is to run it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_notebook_lib.diagnosis.preflight.row import Answer, Row
from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.candidate import Candidate
from ecs_notebook_lib.frames.existence import answered_rows, task_definition_of
from ecs_notebook_lib.knowledge.named import FARGATE_PROVIDERS, runs_on_instances
from ecs_notebook_lib.knowledge.needs import RoleKind, needs_of
from ecs_notebook_lib.knowledge.preflight import Question

Shape = Mapping[str, Any]
_UNKNOWN = "ClientException"
"""What DescribeTaskDefinition answers if there is none (`Unable to describe task definition.`)."""

_NO_PLACE = "deployment_config.constraint"
_NO_TARGET = "deployment_config.target_group"


def service_of(frames: Frames) -> Shape:
    """Return the service as DescribeServices has it; empty if it was not read."""
    return next(iter(answered_rows(frames.snapshot, "ecs:DescribeServices", "services")[-1:]), {})


def service_unread(question: Question, frames: Frames) -> Row:
    """Return the row that the question cannot be answered, for the service was not read."""
    reason = frames.gaps.get("services", "the service was not read")
    return Row(question, Answer.NOT_CHECKED, reason, refused=True)


def definition_of(frames: Frames) -> Shape:
    """Return the candidate as DescribeTaskDefinition has it; empty if it was not read."""
    return task_definition_of(frames.snapshot, frames.candidate)


def definition(question: Question, frames: Frames, candidate: Candidate) -> Iterator[Row]:
    """Yield whether there is such a task definition, and whether a service can be given it."""
    shape = definition_of(frames)
    status = str(shape.get("status") or "")
    if candidate.error and candidate.error["code"] == _UNKNOWN:
        said = f'There is no task definition {candidate.asked}: AWS says "{candidate.error["message"]}"'
        yield Row(question, Answer.WOULD_FAIL, said)
    elif candidate.error or not shape:
        reason = f"{candidate.error['code']}: {candidate.error['message']}" if candidate.error else "it was not read"
        yield Row(question, Answer.NOT_CHECKED, reason, refused=True)
    elif status != "ACTIVE":
        said = f"{candidate.revision} is {status or 'of an unknown status'}: no service can be updated to it."
        yield Row(question, Answer.WOULD_FAIL, said)
    else:
        yield Row(question, Answer.OK, f"{candidate.revision} exists and is ACTIVE.")


def fits_service(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield what of the task definition does not fit the service; one that fits is told so."""
    service, shape = service_of(frames), definition_of(frames)
    if not service:
        yield service_unread(question, frames)
        return
    misfits = [*_place(service, shape), *_network(service, shape), *_targets(service, shape)]
    for cause, statement in misfits:
        yield Row(question, Answer.WOULD_FAIL, statement, cause)
    family, now = str(shape.get("family")), revision_of(str(service.get("taskDefinition") or "")).partition(":")[0]
    if now and family != now:
        said = f"It is of the family {family}; the service runs {now}: perhaps it is meant for another service."
        yield Row(question, Answer.WARNING, said)
    elif not misfits:
        yield Row(question, Answer.OK, f"{revision_of(frames.candidate)} fits the service.")


Misfit = tuple[str, str]
"""The cause, and the sentence."""


def _place(service: Shape, shape: Shape) -> Iterator[Misfit]:
    if service.get("status") not in (None, "ACTIVE"):
        yield "", f"The service is {service['status']}: it starts no tasks."
    named = {str(row.get("capacityProvider")) for row in service.get("capacityProviderStrategy") or ()}
    fargate = service.get("launchType") == "FARGATE" or bool(named & FARGATE_PROVIDERS)
    wanted = "FARGATE" if fargate else str(service.get("launchType") or "EC2") if runs_on_instances(service) else ""
    fits = shape.get("compatibilities")
    if wanted and fits and wanted not in fits:
        yield _NO_PLACE, f"The service runs on {wanted}; the task definition is compatible with {', '.join(fits)} only."
    if fargate and not shape.get("executionRoleArn"):
        imagined = {**shape, "executionRoleArn": "arn:aws:iam::000000000000:role/none"}
        needed = sorted({need.action for need in needs_of(imagined) if need.role is RoleKind.EXECUTION})
        if needed:
            said = f"It names no execution role, which Fargate needs here for {', '.join(needed[:3])}."
            yield "permissions.execution_role", said


def _network(service: Shape, shape: Shape) -> Iterator[Misfit]:
    mode = str(shape.get("networkMode") or "bridge")
    configured = bool((service.get("networkConfiguration") or {}).get("awsvpcConfiguration"))
    if configured and mode != "awsvpc":
        yield _NO_PLACE, f"Its network mode is {mode}; the service has a configuration for awsvpc."
    elif mode == "awsvpc" and not configured:
        yield _NO_PLACE, "Its network mode is awsvpc; the service has no subnets for that (networkConfiguration)."


def _targets(service: Shape, shape: Shape) -> Iterator[Misfit]:
    """Yield each container, or port of one, that the service's load balancers name and the definition lacks."""
    rows = {str(row.get("name")): row for row in shape.get("containerDefinitions") or ()}
    named = [*(service.get("loadBalancers") or ()), *(service.get("serviceRegistries") or ())]
    wanted = dict.fromkeys((row.get("containerName"), row.get("containerPort")) for row in named)
    for name, port in wanted:
        if name and name not in rows:
            yield _NO_TARGET, f"The service registers the container {name}; it has only {', '.join(rows)}."
        elif name and port and port not in _ports(rows[name]):
            told = ", ".join(map(str, sorted(_ports(rows[name])))) or "none"
            yield _NO_TARGET, f"The service registers port {port} of the container {name}, which maps {told}."


def _ports(container: Shape) -> set[int]:
    return {int(row["containerPort"]) for row in container.get("portMappings") or () if row.get("containerPort")}
