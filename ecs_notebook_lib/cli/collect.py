"""`ecs-notebook collect`: read a service into a snapshot."""

import argparse
import sys
from pathlib import Path

from ecs_notebook_lib.cli.opening import incident_of
from ecs_notebook_lib.report.naming import incident_name
from ecs_notebook_lib.snapshot import save_snapshot


def run(options: argparse.Namespace) -> int:
    """Write the snapshot and print its path."""
    incident = incident_of(options)
    path = Path(options.out or f"{incident_name(incident.snapshot)}.zip")
    save_snapshot(incident.snapshot, path)
    sys.stdout.write(f"{path}\n")
    return 0
