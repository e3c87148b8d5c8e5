"""Collecting one incident: each wave asks side by side all that the waves before it made known."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from ecs_notebook_lib.arns import account_of
from ecs_notebook_lib.collect import (
    access_facts,
    changes,
    ecs,
    elbv2,
    existence,
    kept,
    logs,
    network,
)
from ecs_notebook_lib.collect.access import Clients
from ecs_notebook_lib.collect.caller import Answer, Caller, Past, Request
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.metrics import metric_requests
from ecs_notebook_lib.examined import (
    DeploymentHistory,
    deployment_history,
    first_failure,
    is_troubled,
    well_since,
    with_candidate,
)
from ecs_notebook_lib.knowledge.messages import find_in_log, recognise
from ecs_notebook_lib.knowledge.needs import Denial, Need, needs_of
from ecs_notebook_lib.snapshot import IncidentName, Page, Simulated, Snapshot
from ecs_notebook_lib.snapshot.model import members_of
from ecs_notebook_lib.source import DEFAULT_WINDOW, LiveSource, parse_window
from ecs_notebook_lib.version import __version__

_DEPLOYMENTS_BEFORE = timedelta(days=90)
"""How far back the last good deployment is looked for: all that ECS keeps (ECS_FACTS 2.5)."""

Progress = Callable[[str], None]
FirstLook = Callable[[Snapshot], None]


def collect_incident(
    clients: Clients,
    source: LiveSource,
    *,
    window: str = "",
    candidate: str = "",
    simulated: Simulated | None = None,
    progress: Progress = lambda _step: None,
    first_look: FirstLook | None = None,
    earlier: Sequence[Page] = (),
    past: Past | None = None,
    masker: Masker | None = None,
) -> Snapshot:
    """Return everything that the kit reads about one service, with the pages that the same `masker` saw `earlier`.

    `as_of` is AWS's own time of the first answer, or that of the `past`, which then answers in place of AWS what it
    knows; `earlier` are pages of one service. A refused call is a gap in the snapshot, not an error. `first_look`
    is called with what is known once services, tasks, deployments and target health are in; reading goes on after it.
    A `candidate` (ARN, family:revision, or family for the latest) is read in place of the examined task definition:
    whether what it names exists, its roles, and what they allow.

    Raises
    ------
    NotFoundError
        If there is no such cluster or service.
    AccessError
        If AWS cannot be called at all.
    """
    caller = Caller(clients, masker=masker, past=past)
    progress("service")
    service = ecs.collect_service(caller, source.cluster, source.service) or {}
    as_of = past.at if past else caller.pages[0].at
    span = parse_window(window or DEFAULT_WINDOW, as_of=as_of)

    def snapshot() -> Snapshot:
        account = _account(service, caller.pages)
        names = (source.cluster.rpartition("/")[2], source.service, caller.region, account)
        members = members_of([*earlier, *caller.pages], account)
        name = IncidentName(*names, span)
        return Snapshot(name, as_of, simulated, False, __version__, members, candidate)

    incident = _Incident(caller, source, service=service, as_of=as_of, in_past=past is not None)
    incident.earlier_tasks = [
        task for page in earlier if page.operation == "ecs:DescribeTasks" for task in _tasks_of(page)
    ]
    incident.collect_candidate(candidate)
    if first_look is not None:
        incident.look = lambda: first_look(snapshot())
    progress("tasks, targets and deployments")
    tasks, history, definitions = incident.collect_tasks()
    progress("logs, roles and policies, what the revision names, network, routing, metrics, changes")
    _side_by_side(
        lambda: incident.collect_details(tasks, history, definitions),
        incident.collect_network,
        incident.collect_routing,
        lambda: incident.collect_metrics(span[0], history),
        lambda: incident.collect_changes(tasks, history),
    )
    return snapshot()


def _side_by_side(*branches: Callable[[], None]) -> None:
    """Follow branches that need nothing of each other at the same time; the first error of one ends the run."""
    with ThreadPoolExecutor(max_workers=len(branches)) as workers:
        for future in [workers.submit(branch) for branch in branches]:
            future.result()


def _account(service: Mapping[str, Any], pages: Iterable[Page]) -> str:
    tasks = (row for page in pages if page.operation == "ecs:DescribeTasks" for row in _tasks_of(page))
    arns = chain([service.get("serviceArn", "")], (task.get("taskArn", "") for task in tasks))
    return next(filter(None, map(account_of, arns)), "")


def _tasks_of(page: Page) -> list[Mapping[str, Any]]:
    return list((page.response or {}).get("tasks") or ())


Rows = list[Mapping[str, Any]]
Definitions = dict[str, Mapping[str, Any]]


class _Incident:
    """The waves of one collection; holds only what all of them need."""

    def __init__(
        self, caller: Caller, source: LiveSource, *, service: Mapping[str, Any], as_of: datetime, in_past: bool
    ) -> None:
        self._caller = caller
        self._in_past = in_past
        self._cluster, self._name = source.cluster, source.service
        self._service = service
        self._as_of = as_of
        self._revisions: Rows = []
        self._target_groups: Rows = []
        self.look: Callable[[], None] = lambda: None
        self.earlier_tasks: Rows = []
        """Tasks that were seen before, and that ECS may have forgotten; the newest facts of each last."""
        self._kept_revisions: dict[str, str] = {}
        self._candidate = ""
        self._read_first: Definitions = {}

    def collect_candidate(self, candidate: str) -> None:
        """Read the task definition that is not deployed yet: first, so that none is read twice under two names."""
        if candidate:
            self._read_first = self._definitions([candidate])
            self._candidate = next(iter(self._read_first), candidate)

    def collect_tasks(self) -> tuple[Rows, DeploymentHistory, Definitions]:
        """Read tasks, targets, service deployments and the task definitions that they name."""
        lists = ecs.task_list_requests(self._cluster, self._name)
        since, until = self._as_of - _DEPLOYMENTS_BEFORE, self._as_of if self._in_past else None
        past = ecs.service_deployments_request(self._cluster, self._name, since, until)
        targets = elbv2.target_requests(elbv2.target_group_arns(self._service))
        known = [self._service.get("taskDefinition", "")]
        known = [arn for arn in known if arn not in self._read_first]
        running, stopped, listed, probe, *rest = self._caller.gather(
            [*lists, past, kept.probe_request(self._cluster), *targets, *ecs.task_definition_requests(known)]
        )
        self._target_groups = rest[0].items("TargetGroups") if targets else []
        first = running.items("taskArns") + stopped.items("taskArns")
        details = ecs.service_deployment_requests(listed)
        tasks, described, revised = self._caller.gather([ecs.tasks_request(self._cluster, first), *details])
        history = self._history(described, listed, revised, tasks)
        self.look()
        rows = tasks.items("tasks") + self._further_tasks([*zip(lists, (running, stopped), strict=True)])
        rows = [*{task["taskArn"]: task for task in [*self.earlier_tasks, *rows]}.values()]
        if _forgotten(rows, history):
            known_still = kept.collect_kept_tasks(self._caller, probe, self._cluster, self._name, until=self._as_of)
            self._kept_revisions = known_still.revisions
            rows = [*rows, *known_still.tasks]
        return rows, history, self._definitions([self._service.get("taskDefinition", ""), *_of_interest(history)])

    def _further_tasks(self, lists: Iterable[tuple[Request, Answer]]) -> Rows:
        """Read the tasks behind the first page of each list: a service in a crash loop has hundreds."""
        pages = self._caller.gather(filter(None, (ecs.next_tasks_request(*row) for row in lists)))
        arns = [arn for page in pages for arn in page.items("taskArns")]
        [tasks] = self._caller.gather([ecs.tasks_request(self._cluster, arns)])
        return tasks.items("tasks")

    def collect_network(self) -> None:
        """Read the VPC, for the deployments whose tasks and targets are known by now."""
        network.collect_network(self._caller, self._service, self._revisions, self._target_groups)

    def _history(self, described: Answer, listed: Answer, revised: Answer, tasks: Answer) -> DeploymentHistory:
        self._revisions = revised.items("serviceRevisions")
        return deployment_history(
            [self._service],
            service_deployments=described.items("serviceDeployments") or listed.items("serviceDeployments"),
            service_revisions=revised.items("serviceRevisions"),
            tasks=tasks.items("tasks"),
        )

    def _definitions(self, arns: Iterable[str]) -> Definitions:
        requests = ecs.task_definition_requests(arn for arn in arns if arn not in self._read_first)
        answers = self._caller.gather(requests)
        definitions = filter(None, (answer.get("taskDefinition") for answer in answers))
        return {**self._read_first, **{row.get("taskDefinitionArn", ""): row for row in definitions}}

    def collect_logs(self, tasks: Rows, history: DeploymentHistory, definitions: Definitions) -> list[Denial]:
        """Read the chosen streams and return the denials that they and the stopped reasons tell of."""
        of_tasks = [
            (stream, bool(task.get("stopCode")))
            for task in logs.chosen_tasks(
                tasks, examined=history.examined_definition, last_good=history.good_definition
            )
            for stream in logs.awslogs_streams(
                definitions.get(task.get("taskDefinitionArn") or "", {}), task["taskArn"]
            )
        ]
        streams = [stream for stream, _ in of_tasks]
        streams += self._streams_of_forgotten_tasks(tasks, history, definitions)
        streams += self._forgotten_streams(tasks, history, definitions)
        answers = logs.read_streams(self._caller, streams, ended=[stream for stream, dead in of_tasks if dead])
        lines = (event.get("message", "") for answer in answers for event in answer.items("events"))
        reasons = (task.get("stoppedReason", "") for task in tasks)
        return [*_denials(lines, "log_line"), *_denials(reasons, "stopped_reason")]

    def _streams_of_forgotten_tasks(
        self, tasks: Rows, history: DeploymentHistory, definitions: Definitions
    ) -> list[logs.Stream]:
        """Return streams of the examined revision whose tasks ECS has forgotten: by the ids that events still name."""
        if not _forgotten(tasks, history) or history.examined is None:
            return []
        definition = definitions.get(history.examined.task_definition, {})
        ids = kept.started_task_ids(self._service.get("events") or ())
        own = [task_id for task_id, name in self._kept_revisions.items() if name == history.examined.revision]
        ids = own[-logs.MAX_FORGOTTEN :] or ids
        named = [stream for task_id in ids for stream in logs.awslogs_streams(definition, task_id)]
        if named:
            return named[: logs.MAX_FORGOTTEN]
        groups = dict.fromkeys(stream.group for stream in logs.awslogs_streams(definition, ""))
        return [s for group in groups for s in logs.streams_after(self._caller, group, history.examined.created_at)]

    def collect_routing(self) -> None:
        """Read what stands between the load balancers and the target groups."""
        elbv2.collect_routing(self._caller, self._target_groups)

    def collect_metrics(self, since: datetime, history: DeploymentHistory) -> None:
        """Read CloudWatch's metrics of the service, its target groups and their load balancers."""
        names = (self._cluster.rpartition("/")[2], self._name)
        began = history.examined.created_at if history.examined else None
        requests = metric_requests(*names, self._target_groups, since=since, until=self._as_of, began=began)
        self._caller.gather(requests)

    def collect_changes(self, tasks: Rows, history: DeploymentHistory) -> None:
        """Ask CloudTrail who changed what between the last good deployment and the first failure."""
        examined = history.examined
        if examined is None or not is_troubled(examined, tasks):
            return
        failed = first_failure(tasks, examined)
        since = well_since(history, self._service.get("events") or (), failed)
        if since is not None:
            changes.collect_changes(self._caller, since=since, until=min(failed or self._as_of, self._as_of))

    def _forgotten_streams(
        self, tasks: Rows, history: DeploymentHistory, definitions: Definitions
    ) -> Iterator[logs.Stream]:
        """Yield streams of the last good revision whose tasks ECS no longer lists."""
        good, began = history.last_good, history.troubled_since
        if good is None or began is None or any(t.get("taskDefinitionArn") == good.task_definition for t in tasks):
            return
        computed = logs.awslogs_streams(definitions.get(good.task_definition, {}), "")
        for group in dict.fromkeys(stream.group for stream in computed):
            yield from logs.streams_before(self._caller, group, began)

    def collect_details(self, tasks: Rows, history: DeploymentHistory, definitions: Definitions) -> None:
        """Read the logs, then side by side what they, and the task definitions, ask for."""
        denials = self.collect_logs(tasks, history, definitions)
        if self._candidate:
            history = with_candidate(history, self._candidate, at=self._as_of)
        _side_by_side(
            lambda: self.collect_existence(history, definitions),
            lambda: self.collect_access(history, definitions, denials),
        )

    def collect_existence(self, history: DeploymentHistory, definitions: Definitions) -> None:
        """Ask whether what the service and the examined revision name exists."""
        examined = history.examined_definition
        existence.collect_existence(
            self._caller,
            cluster=self._cluster,
            service=self._service,
            definition=definitions.get(examined, {}),
            read_groups=logs.read_groups(self._caller.pages),
        )

    def collect_access(self, history: DeploymentHistory, definitions: Definitions, denials: list[Denial]) -> None:
        """Read the roles of the examined and the last good revision, and what they allow of what is needed."""
        of_interest = [definitions[arn] for arn in _of_interest(history) if arn in definitions]
        access_facts.collect_roles(self._caller, _roles(of_interest))
        needs: tuple[Need, ...] = needs_of(of_interest[0], denials) if of_interest else ()
        former = [role for role in _roles(of_interest[1:2], "taskRoleArn") if needs]
        access_facts.collect_simulations(self._caller, needs, former_roles=former)
        access_facts.collect_resource_policies(self._caller, needs)
        if history.last_good is not None:
            access_facts.collect_for_rollback(self._caller, definitions.get(history.last_good.task_definition, {}))


def _forgotten(tasks: Rows, history: DeploymentHistory) -> bool:
    """Say whether the rollout did not end well, and ECS lists no task of the examined revision any more."""
    examined = history.examined
    if examined is None or examined.succeeded:
        return False
    return not any(task.get("taskDefinitionArn") == examined.task_definition for task in tasks)


def _of_interest(history: DeploymentHistory) -> list[str]:
    """Return the task definitions of the examined and of the last good deployment, in that order."""
    return [d.task_definition for d in (history.examined, history.last_good) if d is not None and d.task_definition]


def _roles(definitions: Iterable[Mapping[str, Any]], *members: str) -> list[str]:
    members = members or ("taskRoleArn", "executionRoleArn")
    return [definition[member] for definition in definitions for member in members if definition.get(member)]


def _denials(texts: Iterable[str], where: str) -> Iterator[Denial]:
    for text in dict.fromkeys(texts):
        message = find_in_log(text) if where == "log_line" else recognise(text, where=where)
        while message is not None:
            if message.parts.get("action") and message.parts.get("principal"):
                parts = message.parts
                yield Denial(parts["principal"], parts["action"], parts.get("resource", ""), where)
            message = message.inner
