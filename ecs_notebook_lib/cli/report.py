"""`ecs-notebook report`: write the incident report."""

import argparse
import sys
from importlib.util import find_spec

from ecs_notebook_lib.cli.opening import incident_of, progress_of
from ecs_notebook_lib.errors import MissingExtraError
from ecs_notebook_lib.untrusted import visible


def run(options: argparse.Namespace) -> int:
    """Write the report and print the path of its HTML."""
    if find_spec("papermill") is None:
        raise MissingExtraError("A report", extra="notebooks")
    from ecs_notebook_lib.report.kernel import started_kernel

    with started_kernel() as kernel:
        incident = incident_of(options)
        from ecs_notebook_lib.report import write_report

        report = write_report(
            incident, folder=options.out, share=options.share, kernel=kernel, progress=progress_of(options)
        )
    for error in report.errors:
        sys.stderr.write(f"ecs-notebook: a cell of the report failed: {visible(error)}\n")
    for problem in report.problems:
        sys.stderr.write(f"ecs-notebook: {visible(problem)}\n")
    if options.share:
        masked = ", ".join(f"{kind}: {count}" for kind, count in sorted(report.masked.items()))
        sys.stderr.write(f"ecs-notebook: masked {masked or 'nothing'}\n")
    sys.stdout.write(f"{visible(report.html)}\n")
    return 0
