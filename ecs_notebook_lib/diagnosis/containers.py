"""Which container of a task is the application, and which are sidecars."""

import pandas as pd

from ecs_notebook_lib.diagnosis.once import once
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.sidecars import is_sidecar


@once
def main_containers(frames: Frames) -> frozenset[tuple[str, str]]:
    """Return (task definition, container) of those that take the service's requests, or are the application.

    The service's load balancer names it; else it is the one that opens a port; else every one that is no known sidecar.
    """
    named = set(frames.service_load_balancers["container"].dropna())
    opens = set(frames.port_mappings[["task_definition", "container"]].itertuples(index=False, name=None))
    known = pd.concat([frames.containers, frames.container_definitions])[["task_definition", "container"]].dropna()
    main: set[tuple[str, str]] = set()
    for definition, rows in known.drop_duplicates().groupby("task_definition", sort=False):
        names = list(rows["container"])
        chosen = (
            [name for name in names if name in named]
            or [name for name in names if (definition, name) in opens and not is_sidecar(name)]
            or [name for name in names if not is_sidecar(name)]
        )
        main |= {(str(definition), name) for name in chosen}
    return frozenset(main)


def application_names(frames: Frames) -> set[str]:
    """Return the names that the application's containers have, in any task definition."""
    return {name for _, name in main_containers(frames)}


def sidecar_names(frames: Frames) -> set[str]:
    """Return the names of the containers that are known, and are the application's in no task definition."""
    known = pd.concat([frames.containers["container"], frames.container_definitions["container"]])
    return set(known.dropna()) - application_names(frames)
