"""Whether each named thing exists, from what AWS answered: there, not there, or not known and why.

That a thing does not exist is said only if AWS says so; a refusal, another account or another region leaves it open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.frames.columns import rows_frame
from ecs_notebook_lib.frames.existence import NAMED_THINGS, answered_rows, task_definition_of
from ecs_notebook_lib.knowledge.named import (
    FARGATE_PROVIDERS,
    NamedThing,
    ThingKind,
    image_question,
    named_by_definition,
    named_by_service,
    runs_on_instances,
)
from ecs_notebook_lib.snapshot import Snapshot

_NOT_ASKED = "it was not asked for"
MADE_AT_START = "it is not there yet; awslogs-create-group lets the first task make it"
"""Why it is not known whether a log group will be there: no fault."""
_LOGS = ("logs:GetLogEvents", "logs:FilterLogEvents")


@dataclass(frozen=True, slots=True)
class _State:
    """Whether something exists (None: not known), its state, and why it is not known."""

    exists: bool | None
    detail: str = ""
    reason: str = ""


def named_things_frame(
    snapshot: Snapshot,
    examined: str,
    *,
    platforms: pd.DataFrame,
    providers: pd.DataFrame,
    instances: pd.DataFrame,
) -> pd.DataFrame:
    """Return `NAMED_THINGS` of the task definition `examined` (an ARN) and of the service.

    Parameters
    ----------
    platforms, providers, instances
        The frames `image_platforms`, `capacity_providers` and `container_instances`.
    """
    definition = task_definition_of(snapshot, examined)
    service = next(iter(answered_rows(snapshot, "ecs:DescribeServices", "services")[-1:]), {})
    answers = _Answers(snapshot, platforms)
    rows: list[dict[str, object]] = []
    if definition:
        state = _State(True, str(definition.get("status") or ""))
        rows.append(_row("task_definition", examined, "service/taskDefinition", state))
    for thing in (*named_by_definition(definition), *named_by_service(service)):
        state = _State(None, reason=thing.elsewhere) if thing.elsewhere else answers.state_of(thing)
        rows.append(_row(thing.kind.value, thing.name, thing.named_by, state))
        if thing.kind == ThingKind.FILE_SYSTEM and state.exists:
            rows += _mount_targets(snapshot, thing, examined)
    rows += [_group_row(row) for row in providers.dropna(subset=["auto_scaling_group"]).to_dict("records")]
    if runs_on_instances(service):
        rows.append(_instances_row(snapshot, instances, str(service.get("clusterArn") or "")))
    return rows_frame(({**row, "revision": revision_of(examined)} for row in rows), NAMED_THINGS)


def _row(kind: str, name: str, named_by: str, state: _State) -> dict[str, object]:
    return {
        "kind": kind,
        "name": name,
        "named_by": named_by,
        "exists": state.exists,
        "detail": state.detail or None,
        "reason": state.reason or None,
    }


class _Answers:
    """What AWS answered about single things."""

    def __init__(self, snapshot: Snapshot, platforms: pd.DataFrame) -> None:
        self._snapshot = snapshot
        self._platforms = platforms

    def state_of(self, thing: NamedThing) -> _State:
        """Say whether a thing exists."""
        return _RESOLVERS[thing.kind](self, thing)

    def _page(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the last answer to a question; None if it was not asked."""
        pages = [p for p in self._snapshot.records(operation) if params.items() <= p["params"].items()]
        return pages[-1] if pages else None

    def _single(self, operation: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], _State]:
        """Return the answer about one thing, and whether AWS says that it exists."""
        page = self._page(operation, params)
        if page is None:
            return {}, _State(None, reason=_NOT_ASKED)
        if page["error"]:
            return {}, _refused(page["error"])
        return page["response"], _State(True)

    def image(self, thing: NamedThing) -> _State:
        question = image_question(thing)
        _, state = self._single("ecr:DescribeImages", question)
        if state.exists is False:
            return self._pulled_through(question) or state
        rows = self._platforms[(self._platforms["image"] == thing.name) & self._platforms["architecture"].notna()]
        pairs = zip(rows["os"], rows["architecture"], strict=True)
        return _State(state.exists, ", ".join(f"{os}/{architecture}" for os, architecture in pairs), state.reason)

    def _pulled_through(self, question: Mapping[str, Any]) -> _State | None:
        """Return that it cannot be told, if ECR may fetch the image from another registry at the first pull."""
        page = self._page("ecr:DescribePullThroughCacheRules", {"registryId": question["registryId"]})
        if page is None:
            return None
        if page["error"] and "NotFound" not in page["error"]["code"]:
            return _State(None, reason=f"pull-through cache rules: {_words(page['error'])}")
        rules = (page["response"] or {}).get("pullThroughCacheRules") or ()
        prefixes = [str(rule.get("ecrRepositoryPrefix") or "") for rule in rules]
        repository = str(question["repositoryName"])
        if any(prefix == "ROOT" or repository.startswith(f"{prefix}/") for prefix in prefixes):
            return _State(None, reason="a pull-through cache rule covers it: ECR fetches it at the first pull")
        return None

    def secret(self, thing: NamedThing) -> _State:
        response, state = self._single("secretsmanager:DescribeSecret", {"SecretId": thing.identifiers[0]})
        if response.get("DeletedDate"):
            return _State(False, f"its deletion is scheduled: {response['DeletedDate']}")
        return state

    def parameter(self, thing: NamedThing) -> _State:
        wanted = set(thing.identifiers)
        pages = [p for p in self._snapshot.records("ssm:DescribeParameters") if wanted <= _asked_names(p["params"])]
        refused = [page["error"] for page in pages if page["error"]]
        if not pages or refused:
            return _refused(refused[0]) if refused else _State(None, reason=_NOT_ASKED)
        found = {row["Name"] for page in pages for row in page["response"].get("Parameters") or ()}
        return _State(bool(found & wanted))

    def log_group(self, thing: NamedThing) -> _State:
        if thing.name in self._read_groups:
            return _State(True, "lines of it were read")
        pages = [
            page
            for page in self._snapshot.records("logs:DescribeLogGroups")
            if page["params"].get("logGroupNamePrefix") == thing.name
        ]
        refused = [page["error"] for page in pages if page["error"]]
        if not pages or refused:
            return _refused(refused[0]) if refused else _State(None, reason=_NOT_ASKED)
        found = {row["logGroupName"] for page in pages for row in page["response"].get("logGroups") or ()}
        if thing.name not in found and thing.optional:
            return _State(None, reason=MADE_AT_START)
        return _State(thing.name in found)

    @cached_property
    def _read_groups(self) -> set[str]:
        """Return the log groups from which an answer came: the same that the collector does not ask for."""
        pages = (page for operation in _LOGS for page in self._snapshot.records(operation))
        return {str(page["params"].get("logGroupName")) for page in pages if page["response"] is not None}

    def file_system(self, thing: NamedThing) -> _State:
        response, state = self._single("efs:DescribeFileSystems", {"FileSystemId": thing.name})
        rows = response.get("FileSystems") or ()
        life = str(rows[0].get("LifeCycleState") or "") if rows else ""
        return _State(life not in ("deleting", "deleted", "error"), life) if life else state

    def role(self, thing: NamedThing) -> _State:
        response, state = self._single("iam:GetRole", {"RoleName": thing.identifiers[0]})
        arn = (response.get("Role") or {}).get("Arn", thing.name)
        return state if arn == thing.name else _State(False, f"the role of this name is {arn}")

    def discovery(self, thing: NamedThing) -> _State:
        return self._single("servicediscovery:GetService", {"Id": thing.identifiers[0]})[1]

    def capacity_provider(self, thing: NamedThing) -> _State:
        """Look into the cluster: a service can use only providers that are associated with its cluster."""
        name = thing.identifiers[0]
        clusters = answered_rows(self._snapshot, "ecs:DescribeClusters", "clusters")
        if clusters:
            there = name in (clusters[-1].get("capacityProviders") or ())
            return _State(there, "" if there else "it is not associated with the cluster")
        refused = [page["error"] for page in self._snapshot.records("ecs:DescribeClusters") if page["error"]]
        state = _refused(refused[0]) if refused else _State(None, reason=_NOT_ASKED)
        return _State(True, "of AWS") if name in FARGATE_PROVIDERS else state


_RESOLVERS = {
    ThingKind.IMAGE: _Answers.image,
    ThingKind.SECRET: _Answers.secret,
    ThingKind.PARAMETER: _Answers.parameter,
    ThingKind.LOG_GROUP: _Answers.log_group,
    ThingKind.FILE_SYSTEM: _Answers.file_system,
    ThingKind.ROLE: _Answers.role,
    ThingKind.SERVICE_DISCOVERY_SERVICE: _Answers.discovery,
    ThingKind.CAPACITY_PROVIDER: _Answers.capacity_provider,
}


def _words(error: Mapping[str, Any]) -> str:
    return f"{error['code']}: {error['message']}"


def _refused(error: Mapping[str, Any]) -> _State:
    """Tell "there is none" from every other error: only the former says that a thing does not exist."""
    gone = "NotFound" in error["code"] or "NoSuch" in error["code"]
    return _State(False) if gone else _State(None, reason=_words(error))


def _asked_names(params: Mapping[str, Any]) -> set[str]:
    return {value for row in params.get("ParameterFilters") or () for value in row.get("Values") or ()}


def _mount_targets(snapshot: Snapshot, thing: NamedThing, examined: str) -> list[dict[str, object]]:
    """Return a row for each zone in which tasks of the revision were placed: a task mounts through its own zone's."""
    question = {"FileSystemId": thing.name}
    pages = [p for p in snapshot.records("efs:DescribeMountTargets") if p["params"] == question]
    refused = [page["error"] for page in pages if page["error"]]
    if not pages or refused:
        state = _refused(refused[0]) if refused else _State(None, reason=_NOT_ASKED)
        return [_row("mount_target", thing.name, thing.named_by, state)]
    targets = [row for page in pages for row in page["response"].get("MountTargets") or ()]
    tasks = answered_rows(snapshot, "ecs:DescribeTasks", "tasks")
    zones = {t.get("availabilityZone") for t in tasks if t.get("taskDefinitionArn") == examined} - {None}
    if not (zones and all(target.get("AvailabilityZoneName") for target in targets)):
        return [_row("mount_target", thing.name, thing.named_by, _mounted(targets))]
    return [
        _row(
            "mount_target",
            f"{thing.name} in {zone}",
            thing.named_by,
            _mounted(target for target in targets if target["AvailabilityZoneName"] == zone),
        )
        for zone in sorted(map(str, zones))
    ]


def _mounted(targets: Iterable[Mapping[str, Any]]) -> _State:
    states = [str(target.get("LifeCycleState")) for target in targets]
    return _State("available" in states, ", ".join(states) or "there is none")


def _group_row(provider: Mapping[Any, Any]) -> dict[str, object]:
    name, of = str(provider["auto_scaling_group"]), f"capacity provider {provider['capacity_provider']}"
    if pd.isna(provider["in_service_count"]):
        return _row("auto_scaling_group", name, of, _State(None, reason="the group was not read, or does not exist"))
    counts = f"{provider['in_service_count']} of {provider['desired_capacity']} instances in service"
    return _row("auto_scaling_group", name, of, _State(True, f"{counts}, at most {provider['max_size']}"))


def _instances_row(snapshot: Snapshot, instances: pd.DataFrame, cluster: str) -> dict[str, object]:
    pages = [
        page
        for operation in ("ecs:ListContainerInstances", "ecs:DescribeContainerInstances")
        for page in snapshot.records(operation)
    ]
    refused = [page["error"] for page in pages if page["error"]]
    if not pages or refused:
        state = _refused(refused[0]) if refused else _State(None, reason=_NOT_ASKED)
        return _row("container_instance", cluster, "service/launchType", state)
    usable = (instances["status"] == "ACTIVE") & instances["agent_connected"].fillna(value=False)
    detail = f"{int(usable.sum())} of {len(instances)} instances take tasks"
    return _row("container_instance", cluster, "service/launchType", _State(bool(len(instances)), detail))
