"""`ecs-notebook lab`: JupyterLab on a working copy of the notebooks, opened on this incident."""

import argparse
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ecs_notebook_lib.cli.opening import incident_of
from ecs_notebook_lib.errors import MissingExtraError

_ONLY_HERE = (
    "--ServerApp.ip=127.0.0.1",
    "--LabApp.extension_manager=readonly",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)
"""Nobody else reaches it, and it asks nobody for news. The token is Jupyter's own, and stays on."""


def run(options: argparse.Namespace) -> int:
    """Make the working copy, and become JupyterLab on it."""
    if options.port and not 1 <= options.port <= 65535:
        options.parser.error("--port takes a number from 1 to 65535")
    if find_spec("jupyterlab") is None:
        raise MissingExtraError("JupyterLab", extra="notebooks")
    from ecs_notebook_lib.report.working_copy import FIRST, make_working_copy

    access = {"profile": options.profile, "region": options.region}
    copy = make_working_copy(incident_of(options).snapshot, options.out, access=access)
    if copy.kept:
        told = f"{len(copy.kept)} notebooks are kept as they are, on the snapshot of {copy.as_of}"
        sys.stderr.write(f"ecs-notebook: {copy.folder} was there: {told}; {len(copy.made)} made. New ones: --out DIR\n")
    sys.stdout.write(f"{copy.folder / FIRST}\n")
    sys.stdout.flush()
    command = lab_command(copy.folder, FIRST, port=options.port, browser=options.browser)
    os.execve(command[0], command, lab_environment(os.environ))  # noqa: S606  a fixed command, and no shell
    return 0


def lab_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with our defaults behind the user's own settings: JupyterLab asks nothing about news."""
    defaults = str(Path(__file__).parent / "lab_settings")
    paths = filter(None, (environment.get("JUPYTER_CONFIG_PATH", ""), defaults))
    return {**environment, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def lab_command(folder: Path, first: str, *, port: int, browser: bool) -> list[str]:
    """Return the command that starts JupyterLab in `folder` with one notebook open; port 0 is Jupyter's own choice."""
    arguments = [*_ONLY_HERE, f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/lab/tree/{first}"]
    arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"] if port else []
    arguments += [] if browser else ["--ServerApp.open_browser=False"]
    arguments += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *arguments]
