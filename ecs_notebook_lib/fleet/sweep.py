"""The first look at every service of a cluster, in as few calls as AWS's batches allow.

A hundred services are listed, ten are described, a hundred tasks are described a call: a service costs about an eighth
of a call, and target groups, roles, logs and networks are read only of services with which something looks wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ecs_notebook_lib.collect.caller import Answer, Caller, Request
from ecs_notebook_lib.collect.ecs import tasks_request
from ecs_notebook_lib.errors import NotFoundError
from ecs_notebook_lib.fleet.model import ServiceName, Triaged, Unread
from ecs_notebook_lib.fleet.places import Place
from ecs_notebook_lib.fleet.triage import Shape, triage

_SERVICES_A_PAGE = 100
_STOPPED_PAGES = 30
"""Pages of a hundred stopped tasks that are looked through: ECS lists those of about an hour."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What the first look at a cluster came to; `calls` is how many it took."""

    cluster: str
    services: tuple[Triaged, ...]
    unread: tuple[Unread, ...]
    calls: int

    @classmethod
    def failed(cls, cluster: str, where: str, reason: str) -> "Swept":
        """Return that a cluster could not be looked at."""
        return cls(cluster, (), (Unread(where, reason),), 0)


def clusters_of(places: Iterable[Place], wanted: Sequence[str]) -> tuple[list[tuple[Place, str]], list[Unread]]:
    """Return each place's clusters by name, those that are `wanted` or all, and what could not be listed.

    A cluster that cannot be listed is believed to be there if it is wanted.

    Raises
    ------
    NotFoundError
        If a wanted cluster is in none of the places.
    """
    names = [name.rpartition("/")[2] for name in wanted]
    found: list[tuple[Place, str]] = []
    unread: list[Unread] = []
    existing: set[str] = set()
    for place in places:
        answer = Caller(place.clients).call("ecs:ListClusters")
        listed = {str(arn).rpartition("/")[2] for arn in answer.items("clusterArns")}
        existing |= listed
        if answer.error and not names:
            unread.append(Unread(f"clusters of {place}", _reason(answer)))
        if answer.error and names:
            listed = set(names)
        found += [(place, name) for name in sorted(listed) if not names or name in names]
    known = {name for _, name in found}
    for name in names:
        if name not in known:
            where = ", ".join(map(str, places))
            raise NotFoundError("cluster", name, where=where, existing=sorted(existing))
    return found, unread


def sweep(place: Place, cluster: str, *, since: datetime) -> Swept:
    """Look at every service of a cluster once.

    Parameters
    ----------
    since
        From when on a deployment counts that ECS gave up, and that no better one followed.

    Raises
    ------
    AccessError
        If AWS cannot be called at all.
    """
    caller = Caller(place.clients)
    listed, stopped = caller.gather(
        [
            Request("ecs:ListServices", {"cluster": cluster, "maxResults": _SERVICES_A_PAGE}),
            Request("ecs:ListTasks", {"cluster": cluster, "desiredStatus": "STOPPED"}, max_pages=_STOPPED_PAGES),
        ]
    )
    arns = [str(arn) for arn in listed.items("serviceArns")]
    described, tasks = caller.gather(
        [
            Request("ecs:DescribeServices", {"cluster": cluster, "services": arns}),
            tasks_request(cluster, map(str, stopped.items("taskArns"))),
        ]
    )
    at = caller.pages[-1].at
    rows = {str(row["serviceArn"]): row for row in described.items("services") if row.get("serviceArn")}
    ended = _by_service(tasks.items("tasks"))
    services = tuple(_triaged(place, cluster, row, ended, at, since) for row in rows.values())
    unread = [
        *(
            Unread(f"services of {cluster} ({place})", _reason(answer))
            for answer in (listed, described)
            if answer.error
        ),
        *(Unread(f"stopped tasks of {cluster} ({place})", _reason(one)) for one in (stopped, tasks) if one.error),
        *_left_out(place, cluster, arns, rows, described),
    ]
    return Swept(cluster, services, tuple(unread), len(caller.pages))


def _triaged(
    place: Place, cluster: str, row: Shape, ended: dict[str, list[Shape]], at: datetime, since: datetime
) -> Triaged:
    name = str(row.get("serviceName") or str(row["serviceArn"]).rpartition("/")[2])
    state, because = triage(row, ended[name], at=at, since=since)
    return Triaged(ServiceName(place.account, place.region, cluster, name), state, because)


def _by_service(tasks: Iterable[Shape]) -> dict[str, list[Shape]]:
    """Return tasks by the name of the service that started them: their group is `service:NAME`."""
    grouped: dict[str, list[Shape]] = defaultdict(list)
    for task in tasks:
        kind, _, name = str(task.get("group", "")).partition(":")
        if kind == "service":
            grouped[name].append(task)
    return grouped


def _left_out(
    place: Place, cluster: str, arns: Sequence[str], rows: dict[str, Shape], described: Answer
) -> Iterable[Unread]:
    """Return the services that were listed and not described: what is not seen is not well."""
    missing = sorted({arn.rpartition("/")[2] for arn in arns if arn not in rows})
    if missing and not described.error:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        yield Unread(f"{shown} of {cluster} ({place})", "listed, but not described")


def _reason(answer: Answer) -> str:
    error = answer.error or {}
    return f"{error.get('code')}: {error.get('message')}"
