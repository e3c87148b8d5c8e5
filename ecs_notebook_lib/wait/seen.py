"""What one look at a service saw, in AWS's own shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ecs_notebook_lib.rolling_update import Bounds, bounds_of

Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One service at one moment; `service` is None if DescribeServices did not answer, and `error` says why.

    `tasks` (by ARN) are all that were described since the wait began, newest facts; `targets` (by target group) are
    the `TargetHealthDescriptions` of this look; `lines` (by task ARN) the last lines of a task that ended.
    """

    at: datetime
    service: Shape | None
    error: Shape | None = None
    tasks: Mapping[str, Shape] = field(default_factory=dict)
    targets: Mapping[str, Sequence[Shape]] = field(default_factory=dict)
    service_deployment: Shape | None = None
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def deployments(self) -> Sequence[Shape]:
        """Return the deployments that the service lists; none where another controller than ECS deploys."""
        return (self.service or {}).get("deployments") or ()

    @property
    def controller(self) -> str:
        """Return who deploys: `ECS`, `CODE_DEPLOY` or `EXTERNAL`."""
        return str(((self.service or {}).get("deploymentController") or {}).get("type", "ECS"))

    @property
    def strategy(self) -> str:
        """Return how ECS deploys: `ROLLING`, `BLUE_GREEN`, `LINEAR` or `CANARY`."""
        return str(((self.service or {}).get("deploymentConfiguration") or {}).get("strategy", "ROLLING"))

    @property
    def bounds(self) -> Bounds:
        """Return what the service's percentages come to for its desired count."""
        service = self.service or {}
        settings = service.get("deploymentConfiguration") or {}
        return bounds_of(
            int(service.get("desiredCount") or 0),
            settings.get("minimumHealthyPercent", 100),
            settings.get("maximumPercent", 200),
        )

    @property
    def primary(self) -> Shape | None:
        """Return the newest deployment, or task set, of the service."""
        listed = self.deployments or sorted(
            (self.service or {}).get("taskSets") or (), key=lambda row: str(row.get("createdAt")), reverse=True
        )
        return next((row for row in listed if row.get("status") == "PRIMARY" or not self.deployments), None)

    def deployment(self, identifier: str) -> Shape | None:
        """Return the deployment, or task set, with this id; None if the service does not list it."""
        listed = [*self.deployments, *((self.service or {}).get("taskSets") or ())]
        return next((row for row in listed if row.get("id") == identifier), None)

    def tasks_of(self, identifier: str) -> list[Shape]:
        """Return the tasks that a deployment started, in the order of their creation."""
        own = (task for task in self.tasks.values() if task.get("startedBy") == identifier)
        return sorted(own, key=lambda task: str(task.get("createdAt", "")))

    def healthy_targets(self, identifier: str) -> int | None:
        """Return how many targets of a deployment's tasks are healthy; None if there are none, or none can be told.

        Targets of type `ip` are told apart by the tasks' addresses, others are not.
        """
        addresses = {address for task in self.tasks_of(identifier) for address in addresses_of(task)}
        if not self.targets or not addresses:
            return None
        rows = {row["Target"]["Id"]: row for group in self.targets.values() for row in group}
        return len([name for name in addresses & rows.keys() if rows[name]["TargetHealth"]["State"] == "healthy"])


def addresses_of(task: Shape) -> list[str]:
    """Return the private addresses of a task's own network interfaces."""
    details = (row for attachment in task.get("attachments") or () for row in attachment.get("details") or ())
    return [row["value"] for row in details if row.get("name") == "privateIPv4Address" and row.get("value")]
