"""Collecting one incident: every branch begins as soon as the answers that it needs are there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

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
from ecs_notebook_lib.collect.branches import Branches
from ecs_notebook_lib.collect.caller import Answer, Caller, Past, Request
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.metrics import metric_requests
from ecs_notebook_lib.collect.shared_trail import SharedTrail
from ecs_notebook_lib.examined import (
    DeploymentHistory,
    deployment_history,
    first_failure,
    is_troubled,
    well_since,
    with_candidate,
)
from ecs_notebook_lib.knowledge.messages import Message, messages_in_log, recognise_all
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
    trail: SharedTrail | None = None,
) -> Snapshot:
    """Return everything that the kit reads about one service, with the pages that the same `masker` saw `earlier`.

    `as_of` is AWS's own time of the first answer, or that of the `past`, which then answers in place of AWS what it
    knows; `earlier` are pages of one service. A refused call is a gap in the snapshot, not an error. `first_look`
    is called with what is known once services, tasks, deployments and target health are in; reading goes on after it.
    A `candidate` (ARN, family:revision, or family for the latest) is read in place of the examined task definition:
    whether what it names exists, its roles, and what they allow. Many collections of one account and region share a
    `trail` and its masker; without one CloudTrail is asked for this service alone.

    Raises
    ------
    NotFoundError
        If there is no such cluster or service.
    AccessError
        If AWS cannot be called at all.
    """
    caller = Caller(clients, masker=masker, past=past)
    with Branches() as branches:
        progress("service")
        lists = branches.begin(lambda: _task_lists(caller, source))
        prepared = branches.begin(partial(_prepare, clients))
        service = ecs.collect_service(caller, source.cluster, source.service) or {}
        as_of = past.at if past else ecs.time_of_aws(caller, source.cluster)
        span = parse_window(window or DEFAULT_WINDOW, as_of=as_of)

        def snapshot() -> Snapshot:
            account = _account(service, caller.pages)
            names = (source.cluster.rpartition("/")[2], source.service, caller.region, account)
            members = members_of([*earlier, *caller.pages], account)
            name = IncidentName(*names, span)
            return Snapshot(name, as_of, simulated, False, __version__, members, candidate)

        incident = _Incident(caller, source, service=service, as_of=as_of, in_past=past is not None)
        incident.trail = trail
        incident.earlier_tasks = [
            task for page in earlier if page.operation == "ecs:DescribeTasks" for task in _tasks_of(page)
        ]
        incident.collect_candidate(candidate)
        progress("tasks, targets and deployments")
        for first in incident.begin(branches, lists, prepared, since=span[0]):
            first.result()
        if first_look is not None:
            first_look(snapshot())
        progress("logs, roles and policies, what the revision names, network, routing, metrics, changes")
    caller.finish()
    return snapshot()


def _prepare(clients: Clients) -> None:
    """Make ready, while the first answers come, what is needed later: clients, then the tables of messages."""
    clients.prepare()
    recognise_all(["anything"], where="stopped_reason")
    list(messages_in_log(["anything"]))


def _task_lists(caller: Caller, source: LiveSource) -> list[Answer]:
    """Ask what needs no other answer; return the first page of the living tasks and of the dead ones."""
    lists = ecs.task_list_requests(source.cluster, source.service)
    for request in (*lists, kept.probe_request(source.cluster)):
        caller.begin(request)
    return caller.gather(lists)


class _Past(NamedTuple):
    """The service deployments, brief and in full, and the revisions that they rolled out."""

    listed: Answer
    described: Answer
    revised: Answer


def _account(service: Mapping[str, Any], pages: Iterable[Page]) -> str:
    tasks = (row for page in pages if page.operation == "ecs:DescribeTasks" for row in _tasks_of(page))
    arns = chain([service.get("serviceArn", "")], (task.get("taskArn", "") for task in tasks))
    return next(filter(None, map(account_of, arns)), "")


def _tasks_of(page: Page) -> list[Mapping[str, Any]]:
    return list((page.response or {}).get("tasks") or ())


Rows = list[Mapping[str, Any]]
Definitions = dict[str, Mapping[str, Any]]


class _Incident:
    """The branches of one collection; holds only what all of them need."""

    def __init__(
        self, caller: Caller, source: LiveSource, *, service: Mapping[str, Any], as_of: datetime, in_past: bool
    ) -> None:
        self._caller = caller
        self._in_past = in_past
        self._cluster, self._name = source.cluster, source.service
        self._service = service
        self._as_of = as_of
        self.earlier_tasks: Rows = []
        """Tasks that were seen before, and that ECS may have forgotten; the newest facts of each last."""
        self._candidate = ""
        self._read_first: Definitions = {}
        self.trail: SharedTrail | None = None

    def collect_candidate(self, candidate: str) -> None:
        """Read the task definition that is not deployed yet: first, so that none is read twice under two names."""
        if candidate:
            self._read_first = self._definitions([candidate])
            self._candidate = next(iter(self._read_first), candidate)

    def begin(
        self, branches: Branches, lists: Future[list[Answer]], prepared: Future[None], *, since: datetime
    ) -> list[Future[Any]]:
        """Begin every branch; return those whose answers a first look needs. Metrics are read from `since` on.

        What reads messages waits until their table is there: else each would read it for itself.
        """
        first_tasks = branches.begin(self.collect_first_tasks, lists)
        further_tasks = branches.begin(self.collect_further_tasks, lists)
        past = branches.begin(self.collect_deployments)
        groups = branches.begin(self.collect_targets)
        current = branches.begin(lambda: self._definitions([self._service.get("taskDefinition", "")]))
        history = branches.begin(partial(self.history, first_tasks), past)
        definitions = branches.begin(self.collect_definitions, history)
        branches.begin(self.collect_roles, history, definitions)
        branches.begin(self.collect_existence, history, definitions, after=[prepared])
        branches.begin(self.collect_for_rollback, history, definitions)
        branches.begin(partial(self.collect_resource_policies, denials=[]), history, definitions)
        branches.begin(self.collect_network, past, groups)
        branches.begin(partial(elbv2.collect_routing, self._caller), groups)
        branches.begin(partial(self.collect_metrics, since), groups, history)
        tasks = branches.begin(self.collect_tasks, first_tasks, further_tasks, history)
        denials = branches.begin(self.collect_logs, tasks, history, definitions, after=[prepared])
        branches.begin(self.collect_simulations, history, definitions, denials)
        branches.begin(self.collect_resource_policies, history, definitions, denials)
        branches.begin(self.collect_groups, history, definitions, denials)
        branches.begin(self.collect_changes, tasks, history)
        return [first_tasks, groups, current, history]

    def collect_first_tasks(self, lists: list[Answer]) -> Rows:
        """Read the tasks on the first page of each list."""
        arns = [arn for answer in lists for arn in answer.items("taskArns")]
        return self._caller.gather([ecs.tasks_request(self._cluster, arns)])[0].items("tasks")

    def collect_further_tasks(self, lists: list[Answer]) -> Rows:
        """Read the tasks behind the first page of each list: a service in a crash loop has hundreds."""
        rows = zip(ecs.task_list_requests(self._cluster, self._name), lists, strict=False)
        further = filter(None, (ecs.next_tasks_request(*row) for row in rows))
        listed = self._caller.gather(replace(row, arrived=self._begin_tasks) for row in further)
        tasks = self._caller.gather(self._tasks_on(page) for answer in listed for page in answer.pages)
        return [task for answer in tasks for task in answer.items("tasks")]

    def _begin_tasks(self, listed: Mapping[str, Any]) -> None:
        """Ask for the tasks on one page while the next one is on its way: ECS gives it only after this one."""
        self._caller.begin(self._tasks_on(listed))

    def _tasks_on(self, listed: Mapping[str, Any]) -> Request:
        return ecs.tasks_request(self._cluster, listed.get("taskArns") or ())

    def collect_deployments(self) -> _Past:
        """Read the service deployments and what they rolled out."""
        since, until = self._as_of - _DEPLOYMENTS_BEFORE, self._as_of if self._in_past else None
        request = ecs.service_deployments_request(self._cluster, self._name, since, until)
        [listed] = self._caller.gather([request])
        return _Past(listed, *self._caller.gather(ecs.service_deployment_requests(listed)))

    def collect_targets(self) -> Rows:
        """Read the target groups, and the health of their targets; return the groups."""
        targets = elbv2.target_requests(elbv2.target_group_arns(self._service))
        return self._caller.gather(targets)[0].items("TargetGroups") if targets else []

    def history(self, first_tasks: Future[Rows], past: _Past) -> DeploymentHistory:
        """Return which deployment is examined; tasks are waited for only if the deployments do not tell all."""
        return deployment_history(
            [self._service],
            service_deployments=past.described.items("serviceDeployments") or past.listed.items("serviceDeployments"),
            service_revisions=past.revised.items("serviceRevisions"),
            tasks=(task for rows in map(Future.result, [first_tasks]) for task in rows),
        )

    def collect_tasks(self, first_tasks: Rows, further_tasks: Rows, history: DeploymentHistory) -> kept.Kept:
        """Return all tasks, those among them that only somebody else has kept, and the revisions of still others."""
        found = [*self.earlier_tasks, *first_tasks, *further_tasks]
        rows = [*{task["taskArn"]: task for task in found}.values()]
        if not _forgotten(rows, history):
            return kept.Kept(rows, {})
        known = kept.collect_kept_tasks(self._caller, self._cluster, self._name, until=self._as_of)
        return kept.Kept([*rows, *known.tasks], known.revisions)

    def collect_network(self, past: _Past, groups: Rows) -> None:
        """Read the VPC, for the deployments and target groups of the service."""
        network.collect_network(self._caller, self._service, past.revised.items("serviceRevisions"), groups)

    def collect_definitions(self, history: DeploymentHistory) -> Definitions:
        """Read the task definitions of the service, of the examined and of the last good deployment."""
        return self._definitions([self._service.get("taskDefinition", ""), *_of_interest(history)])

    def _definitions(self, arns: Iterable[str]) -> Definitions:
        requests = ecs.task_definition_requests(arn for arn in arns if arn not in self._read_first)
        answers = self._caller.gather(requests)
        definitions = filter(None, (answer.get("taskDefinition") for answer in answers))
        return {**self._read_first, **{row.get("taskDefinitionArn", ""): row for row in definitions}}

    def collect_logs(self, known: kept.Kept, history: DeploymentHistory, definitions: Definitions) -> list[Denial]:
        """Read the chosen streams and return the denials that they and the stopped reasons tell of."""
        tasks = known.tasks
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
        streams += self._streams_of_forgotten_tasks(known, history, definitions)
        streams += self._forgotten_streams(tasks, history, definitions)
        answers = logs.read_streams(self._caller, streams, ended=[stream for stream, dead in of_tasks if dead])
        lines = (event.get("message", "") for answer in answers for event in answer.items("events"))
        reasons = (task.get("stoppedReason", "") for task in tasks)
        known_reasons = filter(None, recognise_all(dict.fromkeys(reasons), where="stopped_reason"))
        return [*_denials(messages_in_log(dict.fromkeys(lines))), *_denials(known_reasons)]

    def _streams_of_forgotten_tasks(
        self, known: kept.Kept, history: DeploymentHistory, definitions: Definitions
    ) -> list[logs.Stream]:
        """Return streams of the examined revision whose tasks ECS has forgotten: by the ids that events still name."""
        if not _forgotten(known.tasks, history) or history.examined is None:
            return []
        definition = definitions.get(history.examined.task_definition, {})
        ids = kept.started_task_ids(self._service.get("events") or ())
        own = [task_id for task_id, name in known.revisions.items() if name == history.examined.revision]
        ids = own[-logs.MAX_FORGOTTEN :] or ids
        named = [stream for task_id in ids for stream in logs.awslogs_streams(definition, task_id)]
        if named:
            return named[: logs.MAX_FORGOTTEN]
        groups = dict.fromkeys(stream.group for stream in logs.awslogs_streams(definition, ""))
        return [s for group in groups for s in logs.streams_after(self._caller, group, history.examined.created_at)]

    def collect_metrics(self, since: datetime, groups: Rows, history: DeploymentHistory) -> None:
        """Read CloudWatch's metrics of the service, its target groups and their load balancers."""
        names = (self._cluster.rpartition("/")[2], self._name)
        began = history.examined.created_at if history.examined else None
        self._caller.gather(metric_requests(*names, groups, since=since, until=self._as_of, began=began))

    def collect_changes(self, known: kept.Kept, history: DeploymentHistory) -> None:
        """Ask CloudTrail who changed what between the last good deployment and the first failure."""
        examined = history.examined
        if examined is None or not is_troubled(examined, known.tasks):
            return
        failed = first_failure(known.tasks, examined)
        since = well_since(history, self._service.get("events") or (), failed)
        if since is not None:
            until = min(failed or self._as_of, self._as_of)
            ask = self.trail.collect if self.trail else changes.collect_changes
            ask(self._caller, since=since, until=until)

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

    def collect_existence(self, history: DeploymentHistory, definitions: Definitions) -> None:
        """Ask whether what the service and the revision to be judged name exists; of log groups see below."""
        definition = definitions.get(self._judged(history).examined_definition, {})
        existence.collect_existence(self._caller, cluster=self._cluster, service=self._service, definition=definition)

    def collect_for_rollback(self, history: DeploymentHistory, definitions: Definitions) -> None:
        """Ask whether what the last good revision names still exists."""
        access_facts.collect_for_rollback(self._caller, definitions.get(self._judged(history).good_definition, {}))

    def collect_groups(self, history: DeploymentHistory, definitions: Definitions, _: list[Denial]) -> None:
        """Ask whether the log groups exist: once the logs are read, for a group of which a line came is known."""
        definition = definitions.get(self._judged(history).examined_definition, {})
        known = logs.read_groups(self._caller.pages)
        existence.collect_groups(self._caller, service=self._service, definition=definition, read_groups=known)

    def collect_roles(self, history: DeploymentHistory, definitions: Definitions) -> None:
        """Read the roles of the revision to be judged and of the last good one."""
        access_facts.collect_roles(self._caller, _roles(self._of_interest(history, definitions)))

    def collect_simulations(self, history: DeploymentHistory, definitions: Definitions, denials: list[Denial]) -> None:
        """Ask what the roles allow of what is needed: once the logs are read, for one call a role holds it all."""
        needs = self._needs(history, definitions, denials)
        former = self._of_interest(history, definitions)[1:2] if needs else []
        access_facts.collect_simulations(self._caller, needs, former_roles=_roles(former, "taskRoleArn"))

    def collect_resource_policies(
        self, history: DeploymentHistory, definitions: Definitions, denials: list[Denial]
    ) -> None:
        """Read the resources' own policies; those that the definition names need not wait for what logs tell of."""
        access_facts.collect_resource_policies(self._caller, self._needs(history, definitions, denials))

    def _needs(self, history: DeploymentHistory, definitions: Definitions, denials: list[Denial]) -> tuple[Need, ...]:
        of_interest = self._of_interest(history, definitions)
        return needs_of(of_interest[0], denials) if of_interest else ()

    def _judged(self, history: DeploymentHistory) -> DeploymentHistory:
        return with_candidate(history, self._candidate, at=self._as_of) if self._candidate else history

    def _of_interest(self, history: DeploymentHistory, definitions: Definitions) -> list[Mapping[str, Any]]:
        return [definitions[arn] for arn in _of_interest(self._judged(history)) if arn in definitions]


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


def _denials(messages: Iterable[Message]) -> Iterator[Denial]:
    """Yield the denials that messages tell of, or quote."""
    for outer in messages:
        message: Message | None = outer
        while message is not None:
            if message.parts.get("action") and message.parts.get("principal"):
                parts = message.parts
                yield Denial(parts["principal"], parts["action"], parts.get("resource", ""), outer.where)
            message = message.inner
