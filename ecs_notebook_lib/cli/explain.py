"""`ecs-notebook explain`: what a message means, what it speaks for, and what to check."""

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict

from ecs_notebook_lib.diagnosis.explaining import Explanation, explain
from ecs_notebook_lib.untrusted import visible

UNKNOWN = 4
_SHOWN, _AGAINST = 200, 8


def run(options: argparse.Namespace) -> int:
    """Print what the text means; exit code 4 if nothing in it is known."""
    text = _from_stdin() if options.text == ["-"] else " ".join(options.text)
    if not text.strip():
        options.parser.error("TEXT is empty: give a service event, a stopped reason, a log line or an exit code")
    explained = explain(text)
    if options.format == "json":
        from ecs_notebook_lib.cli.documents import print_json

        document = {"schema": "ecs-notebook/explanation/1", "messages": [asdict(row) for row in explained]}
        print_json(document)
    else:
        sys.stdout.write("\n".join(_words(row) for row in explained) or _unknown(text))
    return 0 if explained else UNKNOWN


def _from_stdin() -> str:
    """Return what was piped in; bytes that are no UTF-8 are written out, for logs hold anything."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="backslashreplace")
    return sys.stdin.read()


def _unknown(text: str) -> str:
    return (
        f"Not known: {visible(text.strip(), limit=_SHOWN)}. It speaks for no cause here; diagnose the service with "
        "ecs-notebook diagnose, and look the words up in AWS's troubleshooting pages.\n"
    )


def _words(row: Explanation) -> str:
    lines = [f"{row.kind.replace('_', ' ')} ({row.place.replace('_', ' ')}): {row.meaning}."]
    lines += [f"  {name}: {visible(value, limit=_SHOWN)}" for name, value in row.parts.items() if value]
    lines.append(f"  Source: {row.source}.")
    if not row.finding:
        return "\n".join([*lines, "  By itself it speaks for no cause of a failed deployment.", ""])
    lines.append("  By itself it speaks for:")
    for spoken in row.speaks_for:
        lines.append(f"    {spoken.probability:4.0%}  {spoken.cause}: {spoken.meaning}.")
        lines.append(f"          Told apart by: {spoken.told_apart}.")
    if row.speaks_against:
        lines.append(f"  It speaks against: {_listed(row.speaks_against)}.")
    lines.append("  To check:")
    lines += [f"    {name.replace('_', ' ')}: {command}" for name, command in row.checks]
    return "\n".join([*lines, ""])


def _listed(causes: Sequence[str]) -> str:
    more = len(causes) - _AGAINST
    return ", ".join(causes[:_AGAINST]) + (f", and {more} more" if more > 0 else "")
