"""`ecs-notebook wait`: in place of `aws ecs wait services-stable`. Exit codes as there: 0 stable, 255 otherwise."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.cli.opening import progress_of
from ecs_notebook_lib.collect import Access, open_clients
from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.untrusted import plain, visible
from ecs_notebook_lib.wait import Result, Verdict, Wanted, Watch, wait_for
from ecs_notebook_lib.wait.judging import FAILED, STABLE
from ecs_notebook_lib.wait.telling import Teller
from ecs_notebook_lib.wait.waiting import Patience, any_failed

if TYPE_CHECKING:
    from ecs_notebook_lib.incident import Incident
    from ecs_notebook_lib.snapshot import Snapshot

SCHEMA = "ecs-notebook/wait/1"
NOT_STABLE, INTERRUPTED = 255, 130
_NOT_THERE = {"not_found", "refused"}
"""Verdicts after which AWS has nothing to tell about the service."""


def run(options: argparse.Namespace) -> int:
    """Wait, and say why it was in vain; 255 stands for every way of not being stable, as the AWS CLI has it."""
    try:
        return _Waiting(options).run()
    except EcsNotebookError as error:
        sys.stderr.write(f"ecs-notebook: {error}\n")
        return NOT_STABLE


class _Waiting:
    """One run of the command: what was asked for, and how it is told."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        access = Access(options.profile, options.region, options.role_arn, options.endpoint_url)
        self._watch = Watch(open_clients(access), options.cluster, list(dict.fromkeys(options.services)))
        self._progress = progress_of(options)
        self._tellers = {name: Teller(timeout=options.timeout) for name in self._watch.services}
        self._write: Callable[[Iterable[str]], None] = _plain_lines
        self._show: Callable[[Result, str], None] = lambda _result, _counts: None

    def run(self) -> int:
        options = self._options
        try:
            rows = self._wait(Wanted(options.deployment, options.task_definition))
            incidents = dict(self._incidents(rows))
            self._answer(rows, incidents)
            if options.github_summary:
                _summarise(rows, incidents)
        except KeyboardInterrupt:
            return self._interrupted()
        return NOT_STABLE if any_failed(rows) else 0

    def _wait(self, wanted: Wanted) -> list[Result]:
        patience = Patience(self._options.timeout, self._options.poll, self._options.fail_fast)
        with ExitStack() as stack:
            if sys.stderr.isatty() and not self._options.quiet:
                from ecs_notebook_lib.cli.standing import Standing

                standing = stack.enter_context(Standing(color=not self._options.no_color))
                self._write, self._show = standing.write, standing.show
            return list(wait_for(self._watch, wanted, patience, tell=self._tell).values())

    def _tell(self, result: Result) -> None:
        if not self._options.quiet:
            teller = self._tellers[result.name]
            self._write(teller.lines(result))
            self._show(result, teller.counts)

    def _interrupted(self) -> int:
        """Keep what was seen so far: Ctrl-C must not lose evidence."""
        folder = Path(self._options.report or ".")
        for name in self._watch.services:
            snapshot = self._watch.kept(name)
            if snapshot is not None:
                sys.stderr.write(f"ecs-notebook: interrupted; what was seen is in {_save(snapshot, folder)}\n")
        return INTERRUPTED

    def _incidents(self, rows: Iterable[Result]) -> Iterator[tuple[str, "Incident"]]:
        """Yield the incident of each service that failed: pandas is imported here, and not before."""
        failed = [row for row in rows if row.verdict.outcome == FAILED and row.verdict.code not in _NOT_THERE]
        for row in failed:
            from ecs_notebook_lib.incident import Incident

            try:
                yield row.name, Incident(self._watch.snapshot(row.name, self._progress))
            except EcsNotebookError as error:
                kept = self._watch.kept(row.name)
                sys.stderr.write(f"ecs-notebook: {error}\n")
                if kept is not None:
                    yield row.name, Incident(kept)

    def _answer(self, rows: list[Result], incidents: Mapping[str, "Incident"]) -> None:
        reports = {name: self._report(incident, len(incidents)) for name, incident in incidents.items()}
        if self._options.format == "json":
            from ecs_notebook_lib.cli.documents import print_json

            document = {"schema": SCHEMA, "stable": not any_failed(rows), "services": []}
            document["services"] = [_row(row, incidents.get(row.name), reports.get(row.name, "")) for row in rows]
            print_json(document)
            return
        for row in rows:
            sys.stdout.write(visible(f"{row.name}: {row.verdict.outcome}: {row.verdict.reason}") + "\n")
            if row.name in incidents:
                from ecs_notebook_lib.cli.text import print_diagnosis

                sys.stdout.write("\n")
                sys.stdout.flush()
                print_diagnosis(incidents[row.name], color=not self._options.no_color)
                sys.stdout.write("\n")
            sys.stdout.writelines(f"{line}\n" for line in _after(row, self._options, reports.get(row.name, "")))

    def _report(self, incident: "Incident", count: int) -> str:
        """Write the report if one is wanted; return its path, or the snapshot's where notebooks are not installed."""
        if not self._options.report:
            return ""
        from importlib.util import find_spec

        from ecs_notebook_lib.report.naming import incident_name

        folder = Path(self._options.report)
        if count > 1:
            folder /= incident_name(incident.snapshot)
        if find_spec("papermill") is None:
            return str(_save(incident.snapshot, folder))
        from ecs_notebook_lib.report import write_report

        return str(write_report(incident, folder=str(folder), progress=self._progress).html)


def _plain_lines(lines: Iterable[str]) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()


def _save(snapshot: "Snapshot", folder: Path) -> Path:
    from ecs_notebook_lib.report.naming import incident_name
    from ecs_notebook_lib.snapshot import save_snapshot

    return save_snapshot(snapshot, folder / f"{incident_name(snapshot)}.zip")


def _after(row: Result, options: argparse.Namespace, report: str) -> Iterator[str]:
    """Yield what to know next: where the report is, and that ECS goes on although the waiting is over."""
    if report:
        yield f"Report: {report}"
    if row.verdict.outcome == FAILED and _still_runs(row):
        yield (
            "The deployment is still running in ECS, and the next one will overlap it. To stop it, and go back to the "
            "last good revision:"
        )
        yield f"  {visible(stop_command(row, options.cluster))}"


def _still_runs(row: Result) -> bool:
    own = row.seen.deployment(row.followed.deployment) if row.seen and row.followed else None
    return (
        own is not None and own.get("status") == "PRIMARY" and own.get("rolloutState", "IN_PROGRESS") == "IN_PROGRESS"
    )


def stop_command(row: Result, cluster: str) -> str:
    """Return the command that ends the rollout: ECS stops only the current service deployment, as a rollback."""
    arn = row.followed.service_deployment if row.followed else ""
    if arn:
        return f"aws ecs stop-service-deployment --service-deployment-arn {shlex.quote(arn)} --stop-type ROLLBACK"
    service = f"--cluster {shlex.quote(cluster)} --service {shlex.quote(row.name)}"
    return f"aws ecs update-service {service} --task-definition THE_LAST_GOOD_ONE"


def _row(row: Result, incident: "Incident | None", report: str) -> dict[str, Any]:
    verdict, followed = row.verdict, row.followed
    return {
        "service": row.name,
        "outcome": verdict.outcome,
        "code": verdict.code,
        "reason": verdict.reason,
        "deployment": followed.deployment if followed else None,
        "task_definition": followed.task_definition if followed else None,
        "elapsed_seconds": row.elapsed,
        "minimum_seconds": row.shortest,
        "still_running": verdict.outcome == FAILED and _still_runs(row),
        "report": report or None,
        "diagnosis": incident.diagnosis.to_json() if incident else None,
    }


def _summarise(rows: Iterable[Result], incidents: Mapping[str, "Incident"]) -> None:
    """Append to the summary of a GitHub Actions step, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        sys.stderr.write("ecs-notebook: --github-summary: GITHUB_STEP_SUMMARY is not set, so nothing was written\n")
        return
    with Path(path).open("a", encoding="utf-8") as summary:
        for row in rows:
            summary.write(_headline(row.name, row.verdict))
            if row.name in incidents:
                from ecs_notebook_lib.report.markdown import markdown_of

                summary.write(markdown_of(incidents[row.name]) + "\n")


def _headline(name: str, verdict: Verdict) -> str:
    mark = "✅" if verdict.outcome == STABLE else "❌"
    return f"{mark} {plain(f'{name}: {verdict.reason}')}\n\n"
