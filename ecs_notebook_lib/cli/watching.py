"""`treat --watch`: follow the service until it is stable, or shown to fail, against what was foretold."""

import argparse
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ecs_notebook_lib.collect import Access, open_clients
from ecs_notebook_lib.collect.caller import Caller
from ecs_notebook_lib.errors import SourceError
from ecs_notebook_lib.source import LiveSource, parse_source
from ecs_notebook_lib.treatment.apply.journal import Heading, Journal, begin
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.wait import Result, Wanted, Watch, wait_for
from ecs_notebook_lib.wait.judging import STABLE
from ecs_notebook_lib.wait.telling import Teller
from ecs_notebook_lib.wait.waiting import Patience

if TYPE_CHECKING:
    from ecs_notebook_lib.incident import Incident

_NOT_STABLE = 3


def follow(incident: "Incident", options: argparse.Namespace, *, journal: Path | None) -> int:
    """Wait, tell how it went against the forecast, and add it to the journal and the report; 3 if it did not work."""
    source = parse_source(options.source)
    if not isinstance(source, LiveSource):
        raise SourceError("--watch follows a live service: use live:CLUSTER/SERVICE.")
    clients = open_clients(Access(options.profile, options.region, options.role_arn, options.endpoint_url))
    caller = Caller(clients)
    [service] = caller.call("ecs:DescribeServices", cluster=source.cluster, services=[source.service]).items("services")
    primary = [row["id"] for row in service.get("deployments") or () if row.get("status") == "PRIMARY"]
    watch = Watch(clients, source.cluster, [source.service])
    teller = Teller(timeout=options.timeout)

    def tell(result: Result) -> None:
        if not options.quiet:
            _write(teller.lines(result))

    began = caller.pages[-1].at
    patience = Patience(options.timeout, options.poll)
    [result] = wait_for(watch, Wanted(deployment=primary[0] if primary else ""), patience, tell=tell).values()
    seconds = (result.seen.at - began).total_seconds() if result.seen else 0.0
    told = words_of(incident, result, seconds)
    sys.stdout.write(visible(told) + "\n")
    _add(incident, options, result, seconds, told, journal)
    return 0 if result.verdict.outcome == STABLE else _NOT_STABLE


def words_of(incident: "Incident", result: Result, seconds: float) -> str:
    """Return how it went, against the forecast."""
    minutes = f"after {seconds / 60:.1f} min"
    if result.verdict.outcome != STABLE:
        return f"Not stable {minutes}: {result.verdict.reason}"
    told = incident.prognosis.to_json()
    low, high = told["p10"], told["p90"]
    if low is None or high is None:
        return f"Stable {minutes}. No time was foretold."
    where = "within" if low <= seconds <= high else "sooner than" if seconds < low else "later than"
    return f"Stable {minutes}, {where} the {low / 60:.1f} to {high / 60:.1f} min that were foretold with 80 %."


def _write(lines: Iterable[str]) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()


def _add(
    incident: "Incident",
    options: argparse.Namespace,
    result: Result,
    seconds: float,
    told: str,
    journal: Path | None,
) -> None:
    """Write the outcome into the journal, and the journal into the report."""
    at = result.seen.at if result.seen else incident.snapshot.as_of
    name = incident.snapshot.incident
    heading = Heading("watch", "", name.cluster, name.service, name.account, name.region, "")
    with Journal(journal) if journal else begin(Path(options.journal), heading, at) as written:
        forecast = incident.prognosis.to_json()
        outcome = result.verdict.outcome
        written.write("watched", at, outcome=outcome, seconds=seconds, statement=told, forecast=forecast)
        path = written.path
    if find_spec("papermill") is not None:
        from ecs_notebook_lib.report import write_report

        report = write_report(incident, folder=options.report, journal=path)
        sys.stdout.write(f"Report: {report.html}\n")
