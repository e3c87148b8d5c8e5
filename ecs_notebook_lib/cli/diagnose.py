"""`ecs-notebook diagnose`: the differential diagnosis and what to check next; or what a deployment would come to."""

import argparse
import sys

from ecs_notebook_lib.cli.opening import incident_of

EXIT_CODES = {"stable": 0, "stabilizing": 0, "failing": 3, "unknown": 4}


def run(options: argparse.Namespace) -> int:
    """Print the diagnosis; the exit code tells the status (DESIGN 5.2)."""
    incident = incident_of(options)
    if options.task_definition:
        from ecs_notebook_lib.cli.preflight import answer

        return answer(incident, options)
    diagnosis = incident.diagnosis
    if options.format == "json":
        from ecs_notebook_lib.cli.documents import print_json

        print_json(diagnosis.to_json())
    elif options.format == "markdown":
        from ecs_notebook_lib.report.markdown import markdown_of

        sys.stdout.write(markdown_of(incident))
    else:
        from ecs_notebook_lib.cli.text import print_diagnosis

        print_diagnosis(incident, color=not options.no_color)
    if diagnosis.state.outcome in ("failed", "rolled_back", "superseded"):
        return 3
    return EXIT_CODES[diagnosis.state.status]
