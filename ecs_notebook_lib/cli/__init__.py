"""The `ecs-notebook` command: parsing here, each command in its own module, imported when it is called."""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from ecs_notebook_lib.errors import EcsNotebookError
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.version import __version__

_LONGEST = 4000
_FORMATS = ("text", "json", "markdown")
SOURCE_HELP = "live:CLUSTER/SERVICE, demo:NAME[:SEED], case:FILE, or the path of a snapshot"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (DESIGN 5.2): 0 done, 1 an error told in one line, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    _resolve_source(options)
    try:
        command: Callable[[argparse.Namespace], int] = import_module(f"{__name__}.{options.command}").run
        code = command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who reads has read enough, as `head` does; Python would complain of it once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EcsNotebookError as error:
        sys.stderr.write(f"ecs-notebook: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"ecs-notebook: {error.strerror or visible(error)}: {visible(error.filename or 'no file')}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("ecs-notebook: interrupted\n")
        return 130


def program() -> int:
    """Run the command that was typed, as the installed program does: the process ends after it."""
    code = main()
    gc.freeze()  # or Python would look through all that the process holds before it ends: a tenth of a short run
    return code


class _Parser(argparse.ArgumentParser):
    """Tells of wrong usage without obeying what was typed: argparse repeats it as it is."""

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong, and end."""
        super().error(visible(message, limit=_LONGEST))


def _resolve_source(options: argparse.Namespace) -> None:
    """Turn `--cluster C --service S` into a source; stop with usage help if there is none."""
    if not hasattr(options, "source") or vars(options).get("undo"):
        return
    if options.case:
        if options.source or options.cluster or options.service:
            options.parser.error("give either SOURCE, or --case")
        options.source = f"case:{options.case}"
    if options.cluster or options.service:
        if options.source or not (options.cluster and options.service):
            options.parser.error("give either SOURCE, or --cluster and --service together")
        options.source = f"live:{options.cluster}/{options.service}"
    if not options.source:
        options.parser.error(f"SOURCE is missing: {SOURCE_HELP}")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="ecs-notebook", description="Find out why an Amazon ECS deployment does not stabilize."
    )
    parser.add_argument("--version", action="version", version=f"ecs-notebook {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_collect(commands)
    _add_diagnose(commands)
    _add_report(commands)
    _add_lab(commands)
    _add_simulate(commands)
    _add_wait(commands)
    _add_record(commands)
    _add_treat(commands)
    _add_fleet(commands)
    explain = commands.add_parser("explain", help="say what a service event, stopped reason or exit code means")
    explain.add_argument("text", nargs="+", metavar="TEXT", help="the message, or - for standard input")
    explain.add_argument("--format", choices=("text", "json"), default="text")
    explain.set_defaults(parser=explain)
    _add_global(explain)
    evaluate = commands.add_parser("evaluate", help="measure the differential on labelled cases")
    evaluate.add_argument("cases", metavar="CASES.jsonl")
    evaluate.add_argument("--format", choices=("text", "json"), default="text")
    _add_global(evaluate)
    policy = commands.add_parser("policy", help="print the least IAM policy that live use needs")
    policy.add_argument("--record", action="store_true", help="with what `record` needs as well")
    policy.add_argument("--treat", action="store_true", help="with what `treat --apply` needs as well: it writes")
    _add_global(policy)
    return parser


def _add_source(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", nargs="?", default="", metavar="SOURCE", help=SOURCE_HELP)
    command.add_argument("--cluster", default="", help="with --service, in place of SOURCE")
    command.add_argument("--service", default="")
    command.add_argument("--case", default="", metavar="FILE", help="a case file, in place of SOURCE")
    command.add_argument("--window", default="", metavar="W", help="90m, 3h, 3w, an instant, or A/B (default 3w)")
    command.add_argument("--store", default="", metavar="STORE", help="join a store that `record` fills: DIR or s3://…")
    command.set_defaults(parser=command)
    _add_global(command)


def _add_global(command: argparse.ArgumentParser) -> None:
    group = _add_output(command)
    group.add_argument("--profile", default="", help="profile of the AWS configuration")
    group.add_argument("--region", default="")
    group.add_argument("--role-arn", default="", help="role to assume for reading")


def _add_output(command: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    group = command.add_argument_group("access and output")
    group.add_argument("--endpoint-url", default="", help="another endpoint than AWS's")
    group.add_argument("--quiet", action="store_true", help="no progress on stderr")
    group.add_argument("--no-color", action="store_true", default=bool(os.environ.get("NO_COLOR")))
    return group


def _add_collect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    collect = commands.add_parser("collect", help="read a service into a snapshot")
    _add_source(collect)
    collect.add_argument("--task-definition", default="", metavar="NEW", help="one that is to be judged later")
    collect.add_argument("--out", default="", metavar="FILE", help="where to write (default: named after the incident)")


def _add_diagnose(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    diagnose = commands.add_parser("diagnose", help="print the differential diagnosis and what to check next")
    _add_source(diagnose)
    diagnose.add_argument("--format", choices=_FORMATS, default="text")
    diagnose.add_argument(
        "--task-definition",
        default="",
        metavar="NEW",
        help="before deploying: would it come up? ARN, family:revision, or family for the latest",
    )


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser("report", help="write the incident report: HTML, notebooks, JSON, snapshot")
    _add_source(report)
    report.add_argument("--out", default="", metavar="DIR", help="folder of the report (default: reports/NAME)")
    report.add_argument(
        "--share",
        action="store_true",
        help="redact it for others: accounts, addresses, hosts, people, secrets (default: reports/NAME--shared)",
    )


def _add_lab(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    lab = commands.add_parser("lab", help="open JupyterLab on this incident, in a working copy of the notebooks")
    _add_source(lab)
    lab.add_argument("--out", default="", metavar="DIR", help="folder of the copy (default: reports/NAME/lab)")
    lab.add_argument("--port", type=int, default=0, metavar="N", help="port on this machine (default: a free one)")
    lab.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")


def _add_wait(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    wait = commands.add_parser("wait", help="in place of `aws ecs wait services-stable`: 0 stable, 255 otherwise")
    wait.add_argument("--cluster", default="default", help="name or ARN (default: default)")
    wait.add_argument("--services", nargs="+", required=True, metavar="S", help="names or ARNs, up to ten a call")
    wait.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds to wait (default 600)")
    wait.add_argument("--poll", type=float, default=15.0, metavar="S", help="seconds between looks (default 15)")
    one = wait.add_mutually_exclusive_group()
    one.add_argument("--deployment", default="", metavar="ID", help="ecs-svc/... (default: the newest that is seen)")
    one.add_argument("--task-definition", default="", metavar="TD", help="ARN, family:revision or family")
    wait.add_argument("--report", default="", metavar="DIR", help="write an incident report there if it fails")
    wait.add_argument(
        "--fail-fast",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="end when one of several services fails (default), or wait for the others",
    )
    wait.add_argument("--github-summary", action="store_true", help="append to $GITHUB_STEP_SUMMARY")
    wait.add_argument("--format", choices=("text", "json"), default="text")
    wait.set_defaults(parser=wait)
    _add_global(wait)


def _add_record(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = commands.add_parser("record", help="keep what AWS forgets: tasks, events, deployments, target health")
    record.add_argument("--cluster", default="", help="name or ARN")
    record.add_argument("--services", nargs="+", default=[], metavar="S", help="names or ARNs (default: all)")
    record.add_argument("--store", required=True, metavar="STORE", help="a folder, or s3://BUCKET/PREFIX")
    record.add_argument("--poll", type=float, default=30.0, metavar="S", help="seconds between looks (default 30)")
    record.add_argument("--once", action="store_true", help="look once, and end")
    record.add_argument(
        "--from-events",
        nargs="+",
        default=[],
        metavar="WHAT",
        help="keep events that AWS has kept, and end: files, folders, s3://BUCKET/PREFIX, log-group:NAME",
    )
    record.add_argument("--window", default="13w", metavar="W", help="of a log group's events (default 13w)")
    record.add_argument("--compact", action="store_true", help="make one file of each day that is over, and end")
    record.set_defaults(parser=record)
    _add_global(record)


def _add_treat(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    treat = commands.add_parser(
        "treat", help="show what to do about it; carry one thing out under guard, or take it back"
    )
    _add_source(treat)
    one = treat.add_mutually_exclusive_group()
    one.add_argument("--apply", default="", metavar="ACTION", help="carry this out, after the service's name is typed")
    one.add_argument("--undo", default="", metavar="JOURNAL", help="take back what a journal tells of")
    treat.add_argument(
        "--dry-run", action="store_true", help="with --apply: ask every guard, print the calls, make none"
    )
    treat.add_argument("--watch", action="store_true", help="follow it until it is stable, or shown to fail")
    treat.add_argument(
        "--allow",
        action="append",
        default=[],
        choices=("iam", "security-groups", "scale-to-zero", "deletion"),
        help="let it change this, too",
    )
    treat.add_argument("--confirm", default="", metavar="SERVICE", help="the service's name, in place of typing it")
    treat.add_argument(
        "--journal", default="reports/treatment", metavar="DIR", help="folder of journals (default reports/treatment)"
    )
    treat.add_argument(
        "--timeout", type=float, default=3600.0, metavar="S", help="with --watch: seconds (default 3600)"
    )
    treat.add_argument("--poll", type=float, default=15.0, metavar="S", help="seconds between looks (default 15)")
    treat.add_argument(
        "--report", default="", metavar="DIR", help="with --watch: write the report there, with the outcome"
    )
    treat.add_argument("--format", choices=("text", "json"), default="text")


def _add_fleet(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fleet = commands.add_parser("fleet", help="look at every service: what fails, whom it hurts, what has one cause")
    several: dict[str, Any] = {"action": "append", "default": []}
    fleet.add_argument(
        "--cluster", dest="clusters", metavar="C", help="name or ARN; repeat it (default: all)", **several
    )
    fleet.add_argument("--profile", dest="profiles", metavar="P", help="of the AWS configuration; repeat it", **several)
    fleet.add_argument("--region", dest="regions", metavar="R", help="repeat it (default: the profile's)", **several)
    fleet.add_argument("--role-arn", dest="role_arns", metavar="ARN", help="role to assume; repeat it", **several)
    fleet.add_argument(
        "--window", default="24h", metavar="W", help="since when a deployment counts that ECS gave up (default 24h)"
    )
    fleet.add_argument("--out", default="", metavar="DIR", help="folder of the page (default: reports/fleet--TIME)")
    fleet.add_argument("--resume", default="", metavar="DIR", help="go on with a run that was stopped, in its folder")
    fleet.add_argument(
        "--scheduler", default="", metavar="tcp://HOST:PORT", help="diagnose on a Dask cluster (default: threads here)"
    )
    fleet.add_argument("--format", choices=("text", "json"), default="text")
    fleet.set_defaults(parser=fleet)
    _add_output(fleet)


def _add_simulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    simulate = commands.add_parser("simulate", help="make or serve a simulated incident")
    simulate.add_argument("name", nargs="?", default="", metavar="[demo:]NAME[:SEED]")
    simulate.add_argument("--list", action="store_true", help="list the simulated incidents")
    simulate.add_argument("--serve", default="", metavar="HOST:PORT", help="answer AWS calls over HTTP until stopped")
    simulate.add_argument(
        "--speed", type=float, default=0.0, metavar="N", help="time passes N times as fast (default 0)"
    )
    simulate.add_argument(
        "--begun", action="store_true", help="serve it from the beginning of its last deployment, to be waited for"
    )
    simulate.add_argument("--refuse", action="append", default=[], metavar="SERVICE:OPERATION", help="refuse this call")
    simulate.add_argument("--out", default="", metavar="FILE", help="write a snapshot of it")
    simulate.set_defaults(parser=simulate)
    _add_global(simulate)
