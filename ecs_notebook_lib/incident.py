"""One ECS service in one window of time: its snapshot, frames and diagnosis, each made on first use."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.errors import CandidateError, MissingExtraError, StoreError, UnknownDemoError
from ecs_notebook_lib.source import CaseSource, DemoSource, LiveSource, SnapshotSource, parse_source

if TYPE_CHECKING:
    import pandas as pd

    from ecs_notebook_lib.collect import Access
    from ecs_notebook_lib.diagnosis import Diagnosis
    from ecs_notebook_lib.diagnosis.preflight import Preflight
    from ecs_notebook_lib.examined import Deployment
    from ecs_notebook_lib.frames import Frames
    from ecs_notebook_lib.snapshot import Snapshot
    from ecs_notebook_lib.treatment import Prognosis, Treatment

Progress = Callable[[str], None]
FirstLook = Callable[["Snapshot"], None]


class Incident:
    """An incident, made from its snapshot. There are no plots on it: plots are functions over frames."""

    def __init__(self, snapshot: "Snapshot", *, partial: bool = False, task_definition: str = "") -> None:
        self.snapshot = snapshot
        self._partial = partial
        self._candidate = task_definition or snapshot.candidate

    def __repr__(self) -> str:
        """Return which incident this is; what it comes to as well, once that has been found out."""
        name = self.snapshot.incident
        simulated = " Simulated." if self.simulated else ""
        told = repr(self.diagnosis) if "diagnosis" in vars(self) else "Ask .diagnosis, .treatment or .prognosis."
        return f"{self.title}, {name.region}, as of {self.snapshot.as_of:%Y-%m-%dT%H:%M:%SZ}.{simulated}\n{told}"

    def _repr_markdown_(self) -> str:
        from ecs_notebook_lib.diagnosis.words import as_markdown

        _ = self.diagnosis
        return as_markdown(repr(self).splitlines())

    @cached_property
    def frames(self) -> "Frames":
        """Return the tidy frames, `frames.gaps` naming the incomplete ones."""
        from ecs_notebook_lib.frames import Frames

        return Frames(self.snapshot, partial=self._partial)

    @property
    def examined(self) -> "Deployment | None":
        """Return the deployment that the diagnosis is about; None if none is known."""
        return self.frames.history.examined

    @cached_property
    def diagnosis(self) -> "Diagnosis":
        """Return findings, differential and plan; its document tells of treatment and prognosis, too."""
        from ecs_notebook_lib.diagnosis import diagnose

        return replace(diagnose(self.frames), further=self._further)

    def _further(self, _diagnosis: "Diagnosis") -> dict[str, Any]:
        return {"treatment": self.treatment.to_json(), "prognosis": self.prognosis.to_json()}

    @cached_property
    def preflight(self) -> "Preflight":
        """Return whether the task definition that the incident was opened with would come up, and what would stop it.

        Raises
        ------
        CandidateError
            If it was opened with none, or with one of which the snapshot holds nothing.
        """
        from ecs_notebook_lib.diagnosis.preflight import preflight_of

        if not self._candidate:
            raise CandidateError("", "none was named", advice="Open the incident with task_definition.")
        preflight = preflight_of(self.snapshot, self._candidate)
        if preflight is None:
            name = self.snapshot.incident
            command = f"ecs-notebook diagnose live:{name.cluster}/{name.service} --task-definition {self._candidate}"
            what = "this snapshot was collected for another one"
            raise CandidateError(self._candidate, what, advice=f"Read it live: {command}")
        return preflight

    @cached_property
    def treatment(self) -> "Treatment":
        """Return what to do: what stops the harm, what mends the leading cause, what prevents the next."""
        from ecs_notebook_lib.treatment import propose

        return propose(self.diagnosis)

    @cached_property
    def prognosis(self) -> "Prognosis":
        """Return whether and when the service will be stable."""
        from ecs_notebook_lib.treatment import prognosis_of

        done = self.treatment
        return prognosis_of(self.frames, self.diagnosis.state, under=done.under, bounds=done.bounds)

    @property
    def coverage(self) -> "pd.DataFrame":
        """Return a row for each read operation: what became of it, and what is hidden without it."""
        return self.frames.coverage

    @property
    def as_of(self) -> "pd.Timestamp":
        """Return when AWS was read: "now" for everything that follows."""
        import pandas as pd

        return pd.Timestamp(self.snapshot.as_of)

    @property
    def began_at(self) -> "pd.Timestamp | None":
        """Return when the examined deployment began: what elapsed times count from; None if none is examined."""
        import pandas as pd

        return pd.Timestamp(self.examined.created_at) if self.examined else None

    @property
    def troubled_since(self) -> "pd.Timestamp":
        """Return an hour before the trouble began, so that the time before it shows, too; else the window's begin."""
        import pandas as pd

        began = self.frames.history.troubled_since
        return pd.Timestamp(self.snapshot.incident.window[0] if began is None else began) - pd.Timedelta(hours=1)

    @property
    def simulated(self) -> bool:
        """Say whether this incident comes from the simulated AWS."""
        return self.snapshot.simulated is not None

    @property
    def title(self) -> str:
        """Return `service in cluster`; of a case file, that it is one."""
        name = self.snapshot.incident
        if self.frames.reported:
            return "A case file: what somebody reported"
        return f"{name.service} in {name.cluster}"


def open_incident(
    source: str | PathLike[str] = "",
    *,
    window: str = "",
    task_definition: str = "",
    access: "Access | None" = None,
    store: str = "",
    progress: Progress = lambda _step: None,
    first_look: FirstLook | None = None,
) -> Incident:
    """Return the incident that `source` names: collected, simulated, or read from a snapshot.

    Parameters
    ----------
    source
        `live:CLUSTER/SERVICE`, `demo:NAME[:SEED]`, `case:FILE`, a snapshot's path; in notebooks empty for a picker.
    window
        `90m`, `3h`, `3w`, an ISO 8601 instant, or `A/B`; empty for three weeks. A snapshot keeps its own.
    task_definition
        One to be judged before it is deployed (`Incident.preflight`): an ARN, family:revision, or family for the
        latest. A live or simulated service is read for it.
    access
        How to reach AWS; by default boto3's own chain.
    store
        A store that `ecs-notebook record` fills, of a live source: what AWS has forgotten comes from there. A window
        with an end (`A/B`) is opened as of that end.
    first_look
        Called with the snapshot as far as it is read once services, tasks and target health are in; of a live source
        only.

    Raises
    ------
    SourceError, WindowError, UnknownDemoError, CaseFileError, SnapshotError
        If the source cannot be opened.
    StoreError
        If the store cannot be read, or the source has none.
    AccessError, NotFoundError
        If AWS cannot be called, or has no such cluster or service.
    """
    parsed = parse_source(source)
    if store and not isinstance(parsed, LiveSource):
        raise StoreError(store, "only live:CLUSTER/SERVICE is joined with one", advice="Leave --store out.")
    if isinstance(parsed, SnapshotSource | CaseSource):
        return _at_rest(parsed, task_definition)
    if isinstance(parsed, DemoSource):
        return Incident(_demo(parsed, window=window, candidate=task_definition, progress=progress))
    from ecs_notebook_lib.collect import Access, collect_incident, open_clients

    clients = open_clients(access or Access())
    kept = _history(store, clients, parsed, window, progress) if store else {}
    snapshot = collect_incident(
        clients,
        parsed,
        window=window,
        candidate=task_definition,
        progress=progress,
        first_look=first_look,
        **kept,
    )
    return Incident(snapshot)


def _at_rest(source: SnapshotSource | CaseSource, task_definition: str) -> Incident:
    if isinstance(source, SnapshotSource):
        from ecs_notebook_lib.snapshot import load_snapshot

        return Incident(load_snapshot(Path(source.path)), task_definition=task_definition)
    if task_definition:
        raise CandidateError(task_definition, "a case file tells nothing of it", advice="Name a live service.")
    from ecs_notebook_lib.cases import load_case, snapshot_of

    return Incident(snapshot_of(load_case(source.path)))


def _history(store: str, clients: Any, source: LiveSource, window: str, progress: Progress) -> dict[str, Any]:
    if find_spec("duckdb") is None:
        raise MissingExtraError("A store of history", extra="history")
    from ecs_notebook_lib.history.opening import history_of

    progress("history")
    history = history_of(store, clients, source, window)
    return {"earlier": history.earlier, "past": history.past, "masker": history.masker}


def _demo(source: DemoSource, *, window: str, candidate: str, progress: Progress) -> "Snapshot":
    from ecs_notebook_lib.collect import collect_incident
    from ecs_notebook_lib.simulate import SCENARIOS, UnknownScenarioError, build
    from ecs_notebook_lib.snapshot import Simulated

    progress("simulating")
    try:
        world = build(source.name, source.seed)
    except UnknownScenarioError as error:
        raise UnknownDemoError(source.name, SCENARIOS) from error
    clients = simulated_clients(world)
    service = LiveSource(world.cluster, world.service)
    simulated = Simulated(source.name, source.seed)
    return collect_incident(
        clients, service, window=window, candidate=candidate, simulated=simulated, progress=progress
    )


def simulated_clients(world: Any) -> Any:
    """Return clients whose every call a simulated world answers, without a socket and without credentials."""
    from ecs_notebook_lib.collect import Clients
    from ecs_notebook_lib.collect.access import simulated_session
    from ecs_notebook_lib.simulate import install

    session = simulated_session(world.region)
    install(session, world.respond)
    return Clients(session)
