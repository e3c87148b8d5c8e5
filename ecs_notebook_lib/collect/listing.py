"""What there is to choose from: profiles and regions of this machine, clusters and services of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from ecs_notebook_lib.collect.access import Access, open_clients
from ecs_notebook_lib.collect.caller import Answer, Caller
from ecs_notebook_lib.collect.ecs import check_cluster
from ecs_notebook_lib.errors import AccessError
from ecs_notebook_lib.source import parse_instant

_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class ListedService:
    """A service of a cluster as one chooses it: how its newest deployment stands, and what ECS said last."""

    name: str
    state: str
    running: int
    desired: int
    event_at: datetime | None = None
    event: str = ""


class Listing:
    """What a session can see of Amazon ECS. It reads (`sts:GetCallerIdentity`, `ecs:List*`, `ecs:Describe*`) only.

    Raises
    ------
    AccessError
        By each question: without usable credentials, or where AWS cannot be reached, or refuses to list.
    """

    def __init__(self, access: Access) -> None:
        self._caller = Caller(open_clients(access))

    @property
    def region(self) -> str:
        """Return the region that is read."""
        return self._caller.region

    def account(self) -> str:
        """Return the account id and who is asking, as AWS has it."""
        answer = _answered(self._caller.call("sts:GetCallerIdentity"))
        return f"{answer.get('Account')} as {str(answer.get('Arn')).rpartition(':')[2]}"

    def clusters(self) -> list[str]:
        """Return the names of the clusters, in alphabetical order."""
        answer = _answered(self._caller.call("ecs:ListClusters"))
        return sorted(str(arn).rpartition("/")[2] for arn in answer.items("clusterArns"))

    def services(self, cluster: str) -> list[ListedService]:
        """Return the services of a cluster: what is not stable first, then by name.

        Raises
        ------
        NotFoundError
            If there is no such cluster any more.
        """
        listed = self._caller.call("ecs:ListServices", cluster=cluster, maxResults=_PER_PAGE)
        check_cluster(self._caller, cluster, listed)
        arns = [str(arn) for arn in _answered(listed).items("serviceArns")]
        described = self._caller.call("ecs:DescribeServices", cluster=cluster, services=arns)
        rows = [_listed(row) for row in _answered(described).items("services")]
        return sorted(rows, key=lambda row: (row.state == "COMPLETED", row.name))


def _answered(answer: Answer) -> Answer:
    if answer.error:
        raise AccessError(f"AWS refused to list: {answer.error['code']}: {answer.error['message']}")
    return answer


def _listed(service: Mapping[str, Any]) -> ListedService:
    newest: Mapping[str, Any] = next(iter(service.get("events") or ()), {})
    primary: Mapping[str, Any] = next(
        (row for row in service.get("deployments") or () if row.get("status") == "PRIMARY"), {}
    )
    at = newest.get("createdAt")
    return ListedService(
        name=str(service.get("serviceName", "")),
        state=str(primary.get("rolloutState") or service.get("status") or "not known"),
        running=int(service.get("runningCount") or 0),
        desired=int(service.get("desiredCount") or 0),
        event_at=parse_instant(str(at)) if at else None,
        event=str(newest.get("message", "")),
    )


def profiles() -> list[str]:
    """Return the profiles of the AWS configuration; empty if there is none."""
    return sorted(boto3.Session().available_profiles)


def regions(profile: str = "") -> tuple[list[str], str]:
    """Return the regions that have Amazon ECS, as boto3 knows them, and the one that a profile names; nothing is asked.

    Raises
    ------
    AccessError
        If there is no such profile.
    """
    try:
        session = boto3.Session(profile_name=profile or None)
        names = [
            name for part in session.get_available_partitions() for name in session.get_available_regions("ecs", part)
        ]
    except BotoCoreError as error:
        raise AccessError(f"AWS cannot be called: {error}") from error
    return sorted(names), str(session.region_name or "")
