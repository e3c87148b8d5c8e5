"""Picking an incident in a notebook: a service of an account, a snapshot on this machine, or a demo."""

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import display

from ecs_notebook_lib.collect import Access
from ecs_notebook_lib.collect.listing import ListedService, Listing, profiles, regions
from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.incident import open_incident
from ecs_notebook_lib.report.parameters import parameter_lines
from ecs_notebook_lib.simulate import SCENARIOS
from ecs_notebook_lib.snapshot import Snapshot
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn
from ecs_notebook_lib.widgets.picked import PickedIncident

_WIDE = ipywidgets.Layout(width="98%")
_ROWS = 9
_MOST_SNAPSHOTS = 30
_EVENT = 160
_NOTHING = "Nothing is picked yet."
_STATIC = (
    f"{_NOTHING} In JupyterLab a service, a snapshot or a demo can be picked here; elsewhere set `source` in the "
    "parameters cell: live:CLUSTER/SERVICE, demo:NAME, or a snapshot file."
)
_last: dict[str, tuple[str, Snapshot]] = {}
"""What was picked last in this kernel, and its parameters: a cell that is run again need not be answered again."""


def pick(*, access: Access | None = None, **options: Any) -> PickedIncident:
    """Show a picker and return the incident that is picked in it; what was picked before stays until then."""
    incident = PickedIncident(task_definition=options.get("task_definition", ""))
    picker = Picker(incident, access=access or Access(), options=options)
    display(picker)
    return incident


class Picker:
    """The picker: three ways to an incident, and a line that tells what is picked, or why not.

    It asks AWS only when a button is pressed or a cluster is chosen.
    """

    def __init__(self, incident: PickedIncident, *, access: Access, options: dict[str, Any]) -> None:
        self._incident, self._given, self._options = incident, access, options
        self._listing: Listing | None = None
        self._listed: list[ListedService] = []
        self.told = ipywidgets.HTML()
        self._make_controls()
        tabs = ipywidgets.Tab(
            [
                ipywidgets.VBox(self._in_aws()),
                ipywidgets.VBox([self.snapshot, self.open_snapshot]),
                ipywidgets.VBox([self.demo, self.open_demo]),
            ],
            titles=["Service in AWS", "Recent snapshots", "Demos (simulated)"],
        )
        self.widget = ipywidgets.VBox([tabs, self.told])
        self._observe()
        self._tell(_NOTHING)
        if "picked" in _last:
            lines, snapshot = _last["picked"]
            self._take(lines, snapshot, "This was picked before; pick another one, or run the cells below.")

    def _make_controls(self) -> None:
        own = [("boto3's own choice", ""), *((visible(name), name) for name in profiles())]
        chosen = self._given.profile if self._given.profile in [name for _, name in own] else ""
        self.profile = ipywidgets.Dropdown(options=own, value=chosen, description="Profile")
        self.region = ipywidgets.Combobox(value=self._given.region, description="Region", placeholder="boto3's own")
        self.connect = ipywidgets.Button(description="List clusters", icon="refresh")
        self.account = ipywidgets.HTML()
        self.cluster = ipywidgets.Dropdown(options=[("list the clusters first", "")], value="", description="Cluster")
        self.search = ipywidgets.Text(description="Search", placeholder="part of a name, a state, an event")
        self.service = ipywidgets.Select(options=[], rows=_ROWS, description="Service", layout=_WIDE)
        self.open_service = ipywidgets.Button(description="Open this service", button_style="primary")
        found = [(visible(path), str(path)) for path in recent_snapshots(Path())]
        self.snapshot = ipywidgets.Select(options=found, rows=_ROWS, description="Snapshot", layout=_WIDE)
        self.open_snapshot = ipywidgets.Button(description="Open this snapshot", button_style="primary")
        demos = [(f"simulated  |  {row.name}  |  {row.summary}", row.name) for row in SCENARIOS.values()]
        self.demo = ipywidgets.Select(options=demos, rows=_ROWS, description="Demo", layout=_WIDE)
        self.open_demo = ipywidgets.Button(description="Open this demo", button_style="primary")

    def _in_aws(self) -> list[Any]:
        asking = ipywidgets.HBox([self.connect, self.account])
        return [self.profile, self.region, asking, self.cluster, self.search, self.service, self.open_service]

    def _observe(self) -> None:
        self.profile.observe(lambda _change: self._guarded(self._offer_regions), names="value")
        self.connect.on_click(lambda _button: self._guarded(self._list_clusters))
        self.cluster.observe(lambda _change: self._guarded(self._list_services), names="value")
        self.search.observe(lambda _change: self._show_services(), names="value")
        openers: list[tuple[Any, str, Any]] = [
            (self.open_service, "live", self.service),
            (self.open_snapshot, "", self.snapshot),
            (self.open_demo, "demo", self.demo),
        ]
        for button, scheme, choice in openers:
            button.on_click(partial(self._open, scheme, choice))
        self._guarded(self._offer_regions)

    @property
    def access(self) -> Access:
        """Return how AWS is reached, as it is chosen now."""
        given = self._given
        return Access(self.profile.value, self.region.value.strip(), given.role_arn, given.endpoint_url)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do it, or tell in one line why not."""
        try:
            work()
        except EcsNotebookError as error:
            self._tell(f"{error} {error.next_step}")

    def _offer_regions(self) -> None:
        names, own = regions(self.profile.value)
        self.region.options = names
        self.region.placeholder = own or "none is set: choose one"
        self._forget()

    def _forget(self) -> None:
        self._listing, self._listed = None, []
        self.account.value = ""
        self.cluster.options = [("list the clusters first", "")]
        self._show_services()

    def _list_clusters(self) -> None:
        self._forget()
        self._tell("Reading the clusters ...")
        self._listing = Listing(self.access)
        clusters = self._listing.clusters()
        self.account.value = escape(visible(f"Account {self._listing.account()}, {self._listing.region}"))
        self._tell(f"{len(clusters)} clusters.")
        self.cluster.options = [("choose a cluster", ""), *((visible(name), name) for name in clusters)]
        if len(clusters) == 1:
            self.cluster.value = clusters[0]

    def _list_services(self) -> None:
        if not self.cluster.value or self._listing is None:
            return
        self._listed = []
        self._listed = self._listing.services(self.cluster.value)
        self._show_services()
        self._tell(f"{len(self._listed)} services in {self.cluster.value}; what is not stable comes first.")

    def _show_services(self) -> None:
        wanted = self.search.value.strip().lower()
        labels = [(_label(row), row.name) for row in self._listed]
        self.service.options = [(label, name) for label, name in labels if wanted in label.lower()]
        if len(self.service.options) == 1:
            self.service.index = 0

    def _open(self, scheme: str, choice: Any, _button: object = None) -> None:
        if not choice.value:
            self._tell("Nothing is chosen in the list.")
            return
        name = f"{self.cluster.value}/{choice.value}" if scheme == "live" else choice.value
        source = f"{scheme}:{name}" if scheme else name
        self._guarded(lambda: self._open_source(source, live=scheme == "live"))

    def _open_source(self, source: str, *, live: bool) -> None:
        options = {"progress": lambda step: self._tell(f"Reading: {step} ..."), **self._options}
        opened = open_incident(source, access=self.access, **options)
        values = {"source": source}
        if live:
            values |= {"profile": self.profile.value, "region": self.region.value.strip()}
        self._take(parameter_lines(values), opened.snapshot, "Now run the cells below, or all of them again.")

    def _take(self, lines: str, snapshot: Snapshot, advice: str) -> None:
        self._incident.take(snapshot)
        _last["picked"] = (lines, snapshot)
        name = snapshot.incident
        simulated = " (simulated)" if snapshot.simulated else ""
        told = f"Picked: {name.service} in {name.cluster}{simulated}, as of {snapshot.as_of:%Y-%m-%d %H:%M:%S} UTC."
        same = "The same without a picker, in the parameters cell:"
        self._tell(f"{told} {advice} {same}", code=lines)

    def _tell(self, text: str, *, code: str = "") -> None:
        block = f"<pre>{escape(code)}</pre>" if code else ""
        self.told.value = f"<p>{escape(visible(text))}</p>{block}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        view = self.widget._repr_mimebundle_() or {}
        return {**view, **Drawn(f"<p>{escape(_STATIC)}</p>", _STATIC).static}


def _label(row: ListedService) -> str:
    last = f"  |  {row.event_at:%m-%d %H:%M}  {row.event}" if row.event_at else ""
    return visible(f"{row.name}  |  {row.state}  |  {row.running} of {row.desired} running{last}", limit=_EVENT)


def recent_snapshots(folder: Path) -> list[Path]:
    """Return the snapshots of this folder and of the reports beside or around it, the newest first."""
    around = [parent for parent in folder.resolve().parents if parent.name == "reports"]
    places = [folder, folder / "reports", folder.parent / "reports", *around]
    paths = (path for place in places for path in (*place.glob("*.zip"), *place.glob("*/snapshot.zip")))
    found = {path.resolve(): path for path in paths if path.is_file()}
    newest = sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    return [found[path] for path in newest[:_MOST_SNAPSHOTS]]
