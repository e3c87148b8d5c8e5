"""CloudTrail: the management events of the account, as LookupEvents tells them some minutes later.

Sources: CloudTrail user guide, "CloudTrail record contents"; ECS_FACTS 9.2.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate.trail_tables import ApiCall, State, calls_between, state_of

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.model import Service, Shape
    from ecs_notebook_lib.simulate.world import World

GLOBAL = {"iam": {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}}
"""Services whose events stand in one region of a partition only."""
_PEOPLE = (("Administrator", "anna.k"), ("Infrastructure", "terraform"), ("OnCall", "ben.r"), ("Platform", "carla.m"))
_PIPELINE = ("Deployer", "pipeline")
_SERVICE_MEMBERS = (
    "desiredCount",
    "deploymentConfiguration",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "capacityProviderStrategy",
    "loadBalancers",
)
_DEFINITION_MEMBERS = (
    "family",
    "containerDefinitions",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "runtimePlatform",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One management event: when it happened, when LookupEvents knows of it, and in which region."""

    id: str
    call: ApiCall
    at: datetime
    visible_at: datetime
    region: str
    session: str
    record: Mapping[str, Any]
    """The body, which LookupEvents gives as text."""

    @property
    def source(self) -> str:
        """Return the host of the service that was called."""
        return f"{self.call.source}.amazonaws.com"


class Trail:
    """Writes down who called what; its random numbers are its own, so that it changes nothing of the world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.random = Random(f"trail:{world.scenario}:{world.seed}")
        self.events: list[Event] = []
        self._told: dict[str, Shape] = {}
        self._silent = False

    def write(
        self,
        call: ApiCall,
        *,
        who: tuple[str, str] | None = None,
        response: Any = None,
        error: tuple[str, str] | None = None,
    ) -> None:
        """Write down a call that somebody makes now; `error` is code and message of one that AWS refused."""
        if self._silent:
            return
        now, world = self._world.now, self._world
        role, session = who or self.random.choice(_PEOPLE)
        identifier = "-".join(f"{self.random.getrandbits(4 * n):0{n}x}" for n in (8, 4, 4, 4, 12))
        region = GLOBAL.get(call.source, {}).get(world.partition, world.region)
        record = {
            "eventVersion": "1.11",
            "userIdentity": self._identity(role, session),
            "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": f"{call.source}.amazonaws.com",
            "eventName": call.name,
            "awsRegion": region,
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.17.0",
            "requestParameters": json.loads(json.dumps(call.params, default=str)),
            "responseElements": response,
            "eventID": identifier,
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": world.account,
            "eventCategory": "Management",
        }
        delay = timedelta(seconds=self.random.uniform(90, 720))
        record |= {"errorCode": error[0], "errorMessage": error[1]} if error else {}
        self.events.append(Event(identifier, call, now.replace(microsecond=0), now + delay, region, session, record))

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Write nothing down of what happens meanwhile, and take it for told: one call is the reason of it all."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False
            for service in self._world.scheduler.services.values():
                self.went_back(service)

    def _identity(self, role: str, session: str) -> dict[str, Any]:
        account, partition = self._world.account, self._world.partition
        key = f"{self.random.getrandbits(64):016X}"
        issuer = {
            "type": "Role",
            "principalId": f"AROA{role.upper()[:8]}",
            "arn": f"arn:{partition}:iam::{account}:role/{role}",
            "accountId": account,
            "userName": role,
        }
        return {
            "type": "AssumedRole",
            "principalId": f"AROA{role.upper()[:8]}:{session}",
            "arn": f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}",
            "accountId": account,
            "accessKeyId": f"ASIA{key}",
            "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
        }

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Write down every call that what happens meanwhile would have taken."""
        before: State = state_of(self._world)
        yield
        who = self.random.choice(_PEOPLE)
        for call in calls_between(before, state_of(self._world)):
            self.write(call, who=who)
        for service in self._world.scheduler.services.values():
            self.updated(service, who=who)

    def registered(self, definition: "Shape") -> None:
        """Write down RegisterTaskDefinition."""
        params = {name: definition[name] for name in _DEFINITION_MEMBERS if definition.get(name)}
        arn = definition["taskDefinitionArn"]
        answer = {"taskDefinition": {"taskDefinitionArn": arn, "revision": definition["revision"]}}
        self.write(ApiCall("RegisterTaskDefinition", "ecs", params), who=_PIPELINE, response=answer)

    def deployed(self, service: "Service", task_definition: str) -> None:
        """Write down CreateService, or UpdateService with whatever else of the service has changed."""
        changed = self._changed(service)
        known = service.name in self._told
        self._told[service.name] = self._members(service)
        if known:
            asked = {"taskDefinition": task_definition, **{name: service.shape.get(name) for name in changed}}
            self._update(service, asked)
            return
        params = {"cluster": self._world.cluster, "serviceName": service.name, "taskDefinition": task_definition}
        call = ApiCall("CreateService", "ecs", params | self._told[service.name])
        self.write(call, who=_PIPELINE)

    def updated(self, service: "Service", *, who: tuple[str, str] | None = None) -> None:
        """Write down UpdateService if something of the service has changed that is no new deployment."""
        changed = self._changed(service) if service.name in self._told else []
        if changed:
            self._told[service.name] = self._members(service)
            self._update(service, {name: service.shape.get(name) for name in changed}, who=who)

    def _update(self, service: "Service", asked: dict[str, Any], who: tuple[str, str] | None = None) -> None:
        params = {"cluster": self._world.cluster, "service": service.name, **asked}
        self.write(ApiCall("UpdateService", "ecs", params), who=who or _PIPELINE)

    def stopped(self, service_deployment: str) -> None:
        """Write down StopServiceDeployment."""
        params = {"serviceDeploymentArn": service_deployment, "stopType": "ROLLBACK"}
        self.write(ApiCall("StopServiceDeployment", "ecs", params))

    def went_back(self, service: "Service") -> None:
        """Take note of how the service is, as told: ECS itself has set it back, or another event tells of it."""
        self._told[service.name] = self._members(service)

    def _members(self, service: "Service") -> "Shape":
        shape: Shape = json.loads(json.dumps({name: service.shape.get(name) for name in _SERVICE_MEMBERS}, default=str))
        return shape

    def _changed(self, service: "Service") -> list[str]:
        now, before = self._members(service), self._told.get(service.name, {})
        return [name for name in _SERVICE_MEMBERS if now[name] != before.get(name)]
