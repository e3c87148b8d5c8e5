"""A button that carries a treatment out, in a notebook that a person looks at."""

from html import escape
from pathlib import Path

import ipywidgets

from ecs_notebook_lib.collect import Access, open_clients
from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.treatment import Action
from ecs_notebook_lib.treatment.apply import Hands, apply_action, refuse_source
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.widgets.panel import Drawn, Panel

FOLDER = "reports/treatment"


def treatment_buttons(incident: Incident, *, access: Access | None = None, folder: str = FOLDER) -> Panel:
    """Return a choice of the actions that can be carried out, a field for the service's name, and a button.

    The button works once the name is typed; every guard of `treat --apply` is asked, and what happens is written into
    a journal. In a report this is not there: the cell is dropped, and a button that nobody presses does nothing.
    """
    actions = [row for row in (*incident.treatment.immediate, *incident.treatment.long_term) if row.calls]
    choice = ipywidgets.Dropdown(options=[(row.kind.title, row) for row in actions], description="Action")
    name = ipywidgets.Text(description="Service", placeholder="type the service's name")
    flags = ipywidgets.Checkbox(value=False, indent=False, description="Allow what this action asks for")
    button = ipywidgets.Button(description="Carry it out", button_style="danger", disabled=True)
    told = ipywidgets.HTML()

    def arm(_change: object = None) -> None:
        button.disabled = not actions or name.value.strip() != incident.snapshot.incident.service
        wanted = choice.value.flags if choice.value is not None else ()
        flags.layout.display = "" if wanted else "none"
        flags.description = f"Allow it to change {', '.join(wanted)}"

    def act(_button: object) -> None:
        button.disabled = True
        allowed = choice.value.flags if flags.value else ()
        told.value = _escaped(_carry_out(incident, choice.value, name.value, allowed, access, folder))

    for box in (choice, name):
        box.observe(arm, names="value")
    button.on_click(act)
    arm()
    return Panel({"action": choice}, _about, below=[name, flags, button, told])


def _about(action: Action | None) -> Drawn:
    """Return what an action is, and what it risks."""
    if action is None:
        return Drawn("<p>No action of the plan can be carried out from here.</p>", "No action can be carried out.")
    told = visible(f"{action.kind.title}. Risk: {action.kind.risk}")
    return Drawn(f"<p>{escape(told)}</p>", told)


def _carry_out(
    incident: Incident, action: Action, typed: str, allowed: tuple[str, ...], access: Access | None, folder: str
) -> str:
    lines: list[str] = []
    try:
        refuse_source(incident.snapshot, reported=incident.frames.reported)
        hands = Hands(open_clients(access or Access()), Path(folder))
        done = apply_action(action, incident.snapshot, hands, typed=lambda: typed, tell=lines.append, allowed=allowed)
    except EcsNotebookError as error:
        return " ".join([*lines, str(error)])
    return " ".join([*lines, f"Done. The journal is {done.journal}; treat --undo takes it back."])


def _escaped(text: str) -> str:
    return f"<p>{escape(visible(text))}</p>"
