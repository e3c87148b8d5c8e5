"""One suspected service: everything is read about it, then diagnosed. Reading needs AWS, the diagnosis nothing."""

import math

from ecs_notebook_lib.collect import collect_incident
from ecs_notebook_lib.diagnosis.words import because, verdict
from ecs_notebook_lib.fleet.model import Examined, ServiceName
from ecs_notebook_lib.fleet.places import Place
from ecs_notebook_lib.fleet.shared import things_of
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.snapshot import Snapshot
from ecs_notebook_lib.source import LiveSource


def collect(place: Place, name: ServiceName) -> Snapshot:
    """Return everything that the kit reads about one service.

    Raises
    ------
    AccessError, NotFoundError
        If AWS cannot be called, or the service is gone.
    """
    source = LiveSource(name.cluster, name.service)
    return collect_incident(place.clients, source, masker=place.masker, trail=place.trail)


def examine(snapshot: Snapshot, name: ServiceName) -> Examined:
    """Return what a snapshot comes to. Pure, and its arguments and result can be sent to another process."""
    incident = Incident(snapshot)
    diagnosis, services = incident.diagnosis, incident.frames.services
    state, first = diagnosis.state, diagnosis.differential[0]
    desired = services["desired_count"].iloc[0] if len(services) else None
    errors = [count for count in (state.elb_5xx, state.target_5xx) if count is not None]
    return Examined(
        name=name,
        status=state.status,
        outcome=state.outcome,
        revision=state.examined_revision,
        cause=first.cause,
        family=first.family,
        probability=round(first.probability, 6),
        verdict=verdict(diagnosis),
        because=tuple(because(diagnosis)),
        desired=None if desired is None or math.isnan(desired) else int(desired),
        serving=state.serving_tasks,
        server_errors=sum(errors) if errors else None,
        since=state.since,
        things=things_of(diagnosis),
    )
